//! Finding the superuser: its secret, its server, and a session.

use std::time::Duration;

use super::checks::right_account;
use crate::database::Session;
use crate::database::login::{Server, Whose};
use crate::error::{Error, ErrorType};
use crate::event::SecretId;
use crate::rds::{self, Address, Relation};
use crate::secret::DatabaseSecret;
use crate::step::{Rotation, login};
use crate::store::{Label, SecretValue, Selector};

/// The pauses after which a refused superuser's secret is read again: it may have been rotated.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// The id and value of the secret that holds the superuser.
pub(super) async fn value(
    rotation: &Rotation<'_>,
    current: &DatabaseSecret,
) -> Result<(SecretId, SecretValue), Error> {
    let named = current.superuser_secret().map(SecretId::new);
    let id = named
        .or_else(|| rotation.config.superuser_secret.clone())
        .ok_or_else(|| {
            ErrorType::SuperuserSecretUnknown.because(format!(
            "secret {} has no \"masterarn\", and SUPERUSER_SECRET_ARN is not set; put the ARN of \
             the superuser's secret into one of them",
            rotation.secret
        ))
        })?;
    let selector = Selector::Labelled(Label::Current);
    let value = rotation
        .store
        .value(&id, selector, rotation.deadline)
        .await?;
    value.map(|value| (id.clone(), value)).ok_or_else(|| {
        ErrorType::SecretInvalid.because(format!(
            "superuser secret {id} has no value that is AWSCURRENT"
        ))
    })
}

pub(super) fn document(id: &SecretId, value: &SecretValue) -> Result<DatabaseSecret, Error> {
    DatabaseSecret::parse_superuser(id, value.document.clone())
}

/// Where the superuser logs in, and what the RDS API says of that server and the user's.
pub(super) async fn server(
    rotation: &Rotation<'_>,
    current: &DatabaseSecret,
    document: &DatabaseSecret,
    id: &SecretId,
) -> Result<(Server, Result<Relation, Error>), Error> {
    let (store, deadline) = (rotation.store, rotation.deadline);
    let address = match Address::of(document) {
        Some(address) => address,
        None => {
            let description = store.describe(id, deadline).await?;
            rds::writer(store, &description, deadline).await?.address
        }
    };
    let relation = match Address::of(current) {
        Some(user) => rds::relation(store, &user, &address, deadline).await,
        None => Ok(Relation::Unknown),
    };
    let server = Server {
        host: address.host,
        port: address.port,
        tls: rotation.tls(document),
    };
    Ok((server, relation))
}

/// Logs in as the superuser. After a refusal its secret is read again for some seconds, because it
/// may be rotated just now; a login is tried again only with another version's password.
pub(super) async fn open(
    rotation: &Rotation<'_>,
    id: &SecretId,
    mut value: SecretValue,
    mut document: DatabaseSecret,
    server: &Server,
) -> Result<Session, Error> {
    let mut pauses = PAUSES.iter();
    loop {
        let refused = match login(Whose::Superuser, &document, server)
            .open(rotation.deadline)
            .await
        {
            Ok(session) => {
                right_account(&session, document.username())?;
                return Ok(session);
            }
            Err(refusal) => refusal.error,
        };
        if refused.error_type() != ErrorType::SuperuserLoginRefused {
            return Err(refused);
        }
        loop {
            let Some(pause) = pauses.next() else {
                return Err(refused);
            };
            rotation
                .deadline
                .run("the superuser's secret", tokio::time::sleep(*pause))
                .await?;
            let selector = Selector::Labelled(Label::Current);
            let read = rotation
                .store
                .value(id, selector, rotation.deadline)
                .await?;
            if let Some(newer) = read.filter(|newer| newer.version != value.version) {
                document = self::document(id, &newer)?;
                value = newer;
                break;
            }
        }
    }
}
