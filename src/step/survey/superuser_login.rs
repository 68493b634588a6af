//! Finding the superuser, its secret and its server, and logging in as it.

use std::net::IpAddr;
use std::time::Duration;

use super::checks::right_account;
use crate::database::Session;
use crate::database::login::{Server, LoginRole};
use crate::database::server::{StatementLimit, Variables, prepare};
use crate::error::{Error, ErrorType};
use crate::event::SecretId;
use crate::rds::{self, Address, Relation};
use crate::secret::DatabaseSecret;
use crate::step::{Rotation, login};
use crate::store::{StagingLabel, SecretValue, Selector};

/// The pauses after which a refused superuser's secret is read again: it may have been rotated.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// A superuser, found and not logged in yet.
pub struct SuperuserLogin {
    id: SecretId,
    value: SecretValue,
    /// Its document.
    pub document: DatabaseSecret,
    /// The server where accounts are changed.
    pub server: Server,
    address: Address,
}

impl SuperuserLogin {
    /// Reads the superuser's secret, and asks RDS for the address if the secret has none.
    ///
    /// # Errors
    ///
    /// `SuperuserSecretUnknown`, `SecretInvalid`, and errors of the calls to AWS.
    pub async fn find(rotation: &Rotation<'_>, current: &DatabaseSecret) -> Result<Self, Error> {
        let (store, deadline) = (rotation.store, rotation.deadline);
        let id = secret_id(rotation, current)?;
        let value = read_value(rotation, &id).await?;
        let document = DatabaseSecret::parse_superuser(&id, value.document.clone())?;
        let address = match Address::of(&document) {
            Some(address) => address,
            None => {
                let description = store.describe(&id, deadline).await?;
                rds::writer(store, &description, deadline).await?.address
            }
        };
        let server =
            Server { host: address.host.clone(), port: address.port, tls: rotation.tls(&document) };
        Ok(Self { id, value, document, server, address })
    }

    /// What RDS says of this server and the user's. It is asked only where the servers themselves
    /// leave it open.
    ///
    /// # Errors
    ///
    /// Of the calls to RDS.
    pub async fn relation(
        &self,
        rotation: &Rotation<'_>,
        current: &DatabaseSecret,
    ) -> Result<Relation, Error> {
        match Address::of(current) {
            Some(user) => {
                rds::relation(rotation.store, &user, &self.address, rotation.deadline).await
            }
            None => Ok(Relation::Unknown),
        }
    }

    /// Logs in where accounts are changed and prepares the session. A server that is read-only
    /// after a failover has handed its name to another one: the name is resolved once more.
    ///
    /// # Errors
    ///
    /// Of the login, and of preparing the session. Whether the server is read-only is for the
    /// caller to judge.
    pub async fn open_writer(
        &mut self,
        rotation: &Rotation<'_>,
    ) -> Result<(Session, StatementLimit, Variables), Error> {
        let deadline = rotation.deadline;
        let mut again = true;
        loop {
            let mut session = self.open(rotation).await?;
            let limit = prepare(&mut session, deadline).await?;
            let variables = Variables::read(&mut session, deadline).await?;
            if variables.read_only().is_none() || !again {
                return Ok((session, limit, variables));
            }
            session.close(deadline).await;
            again = false;
        }
    }

    /// Logs in at the superuser's server.
    ///
    /// # Errors
    ///
    /// `SuperuserLoginRefused`, and the other errors of a login.
    pub async fn open(&mut self, rotation: &Rotation<'_>) -> Result<Session, Error> {
        let addresses = self.server.addresses(rotation.deadline).await?;
        let server = self.server.clone();
        self.open_at(rotation, &server, &addresses).await
    }

    /// Logs in at one of these addresses of a server. After a refusal the secret is read again for
    /// some seconds, because it may be rotated just now; a login is tried again only with another
    /// version's password.
    ///
    /// # Errors
    ///
    /// `SuperuserLoginRefused`, and the other errors of a login.
    pub async fn open_at(
        &mut self,
        rotation: &Rotation<'_>,
        server: &Server,
        addresses: &[IpAddr],
    ) -> Result<Session, Error> {
        let mut pauses = PAUSES.iter();
        loop {
            let login = login(LoginRole::Superuser, &self.document, server);
            let refused = match login.open_at(addresses, rotation.deadline).await {
                Ok(session) => {
                    right_account(&session, self.document.username())?;
                    return Ok(session);
                }
                Err(refusal) => refusal.error,
            };
            if refused.error_type() != ErrorType::SuperuserLoginRefused
                || !self.await_newer_version(rotation, &mut pauses).await?
            {
                return Err(refused);
            }
        }
    }

    /// Reads the secret until it has another version; false if the pauses end before.
    async fn await_newer_version(
        &mut self,
        rotation: &Rotation<'_>,
        pauses: &mut impl Iterator<Item = &Duration>,
    ) -> Result<bool, Error> {
        for pause in pauses {
            let sleep = tokio::time::sleep(*pause);
            rotation.deadline.run("the superuser's secret", sleep).await?;
            let newer = read_value(rotation, &self.id).await?;
            if newer.version != self.value.version {
                self.document = DatabaseSecret::parse_superuser(&self.id, newer.document.clone())?;
                self.value = newer;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn secret_id(rotation: &Rotation<'_>, current: &DatabaseSecret) -> Result<SecretId, Error> {
    let named = current.superuser_secret().map(SecretId::new);
    named.or_else(|| rotation.config.superuser_secret.clone()).ok_or_else(|| {
        ErrorType::SuperuserSecretUnknown.because(format!(
            "secret {} has no \"masterarn\", and SUPERUSER_SECRET_ARN is not set; put the ARN \
                 of the superuser's secret into one of them",
            rotation.secret
        ))
    })
}

async fn read_value(rotation: &Rotation<'_>, id: &SecretId) -> Result<SecretValue, Error> {
    let selector = Selector::Labelled(StagingLabel::Current);
    let value = rotation.store.value(id, selector, rotation.deadline).await?;
    value.ok_or_else(|| {
        ErrorType::SecretInvalid
            .because(format!("superuser secret {id} has no value that is AWSCURRENT"))
    })
}
