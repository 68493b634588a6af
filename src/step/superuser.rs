//! The superuser: its secret, its server, and its logins.

use std::net::IpAddr;
use std::time::Duration;

use account_mirror::powers::SUPERUSER;

use crate::aws::rds::{self, Relation};
use crate::aws::{SecretValue, Selector, StagingLabel};
use crate::database::session::{Credentials, LoginRole, Server, Session};
use crate::error::{Error, ErrorType, refuse};
use crate::event::SecretId;
use crate::secret::{Address, SuperuserSecret};
use crate::step::turn::Turn;
use crate::step::user_login::right_account;

/// The pauses after which the secret of a refused superuser is read again: it may be rotating.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// A superuser whose secret and server are known.
pub(super) struct Superuser<'a> {
    /// The turn for which it is needed.
    pub(super) turn: &'a Turn<'a>,
    id: SecretId,
    value: SecretValue,
    /// Its document.
    pub(super) document: SuperuserSecret,
    /// The server where accounts are changed.
    pub(super) server: Server,
    address: Address,
}

impl<'a> Superuser<'a> {
    /// Does work in a session where accounts are changed, and closes the session whatever the result:
    /// a frozen sandbox would keep the lock until the server ends the session.
    ///
    /// # Errors
    ///
    /// Those of [`Superuser::find`], of the login, and of the work.
    pub(super) async fn at_writer<T>(
        turn: &'a Turn<'a>,
        work: impl AsyncFnOnce(&mut Self, &mut Session) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut superuser = Self::find(turn).await?;
        let mut session = superuser.open_writer().await?;
        let result = work(&mut superuser, &mut session).await;
        session.close().await;
        result.map_err(|error| superuser.named_in(error))
    }

    /// An error that speaks of the superuser says which secret has the name, since no text has it.
    fn named_in(&self, error: Error) -> Error {
        if error.to_string().contains(SUPERUSER) { self.with_secret(error) } else { error }
    }

    fn with_secret(&self, error: Error) -> Error {
        let arn = self.arn();
        if error.to_string().contains(arn.as_str()) {
            return error;
        }
        error.note(format!("the superuser's login is in secret {arn}"))
    }

    /// Reads the superuser's secret, and asks RDS for the address if the secret has none.
    ///
    /// # Errors
    ///
    /// `SuperuserSecretUnknown`, `SecretInvalid`, and errors of the calls to AWS.
    pub(super) async fn find(turn: &'a Turn<'a>) -> Result<Self, Error> {
        let rotation = turn.rotation;
        let id = secret_id(turn)?;
        let value = read_value(turn, &id).await?;
        let document = SuperuserSecret::parse(&id, &value.document)?;
        is_neither(&document, &value.secret, turn)?;
        let (address, hidden_in) = match document.address.clone() {
            Some(address) => {
                // What the user's secret says may be told, and what RDS does.
                let is_known = address.endpoint == turn.current.address.endpoint;
                (address, (!is_known).then(|| value.secret.clone()))
            }
            None => (rds::writer(rotation.aws, &rotation.aws.describe(&id).await?).await?, None),
        };
        let (endpoint, tls) = (address.endpoint.clone(), rotation.tls(&document.tls));
        let server = Server { endpoint, tls, hidden_in };
        Ok(Self { turn, id, value, document, server, address })
    }

    /// The ARN of the superuser's secret, whatever the user's secret calls it.
    pub(super) fn arn(&self) -> &SecretId {
        &self.value.secret
    }

    /// Whether a secret names this server: by the same name and port, and demanding the same of
    /// connections.
    pub(super) fn is_at(&self, server: &Server) -> bool {
        self.server.endpoint.is_same_as(&server.endpoint) && self.server.tls == server.tls
    }

    /// How RDS relates this server to the user's. RDS is asked only where the servers themselves do not
    /// decide it.
    pub(super) async fn relation(&self) -> Result<Relation, Error> {
        let (aws, user) = (self.turn.rotation.aws, &self.turn.current.address);
        rds::relation(aws, user, &self.address, self.arn()).await
    }

    /// Logs in where accounts are changed. A server that is read-only after a failover has handed its
    /// name to another one: the name is resolved once more. The caller judges a server that still is.
    async fn open_writer(&mut self) -> Result<Session, Error> {
        let session = self.open().await?;
        if session.variables.read_only().is_none() {
            return Ok(session);
        }
        session.close().await;
        self.open().await
    }

    /// Logs in at the superuser's server.
    pub(super) async fn open(&mut self) -> Result<Session, Error> {
        let addresses = self.server.addresses(self.turn.rotation.deadline).await?;
        let server = self.server.clone();
        self.open_at(&server, &addresses).await
    }

    /// Logs in at one of these addresses of a server. After a refusal the secret is read again for
    /// some seconds, because it may be rotated just now; a login is tried again only with another
    /// version's password.
    pub(super) async fn open_at(
        &mut self,
        server: &Server,
        addresses: &[IpAddr],
    ) -> Result<Session, Error> {
        loop {
            let credentials = Credentials {
                role: LoginRole::Superuser,
                server,
                user: &self.document.username,
                password: &self.document.password,
            };
            let refused = match credentials.open_at(addresses, self.turn.rotation.deadline).await {
                Ok(session) => {
                    right_account(&session, LoginRole::Superuser, &self.document.username)
                        .map_err(|error| self.named_in(error))?;
                    return Ok(session);
                }
                Err(refusal) => refusal.error,
            };
            if refused.error_type() != ErrorType::SuperuserLoginRefused
                || !self.await_newer_version().await?
            {
                let refused = match self.document.invisible() {
                    Some(invisible) => refused.note(invisible),
                    None => refused,
                };
                return Err(self.with_secret(refused));
            }
        }
    }

    /// Reads the secret until it has another version; false if the pauses end before.
    async fn await_newer_version(&mut self) -> Result<bool, Error> {
        let newer = async || {
            let value = read_value(self.turn, &self.id).await?;
            Ok::<_, Error>((value.version != self.value.version).then_some(value))
        };
        let Some(newer) = self.turn.rotation.deadline.retry(PAUSES, Option::is_some, newer).await?
        else {
            return Ok(false);
        };
        self.document = SuperuserSecret::parse(&self.id, &newer.document)?;
        self.value = newer;
        Ok(true)
    }
}

fn secret_id(turn: &Turn<'_>) -> Result<SecretId, Error> {
    let named = turn.current.superuser_secret.as_ref();
    let Some(id) = named.or(turn.rotation.config.superuser_secret.as_ref()) else {
        refuse!(
            SuperuserSecretUnknown,
            "no superuser is known for secret {}: it has no \"masterarn\", and SUPERUSER_SECRET_ARN is \
             not set; put the ARN of the superuser's secret into one of them",
            turn.rotation.secret
        );
    };
    Ok(id.clone())
}

async fn read_value(turn: &Turn<'_>, id: &SecretId) -> Result<SecretValue, Error> {
    let current = Selector::Labeled(StagingLabel::Current);
    let Some(value) = turn.rotation.aws.value(id, current).await? else {
        refuse!(
            SecretInvalid,
            "superuser secret {id} was not read: no version of it has AWSCURRENT; store the superuser's login in it"
        );
    };
    Ok(value)
}

/// The superuser must not be one of the two users.
fn is_neither(
    superuser: &SuperuserSecret,
    secret: &SecretId,
    turn: &Turn<'_>,
) -> Result<(), Error> {
    let (name, user, twin) = (&superuser.username, &turn.current.username, &turn.twin);
    if name != user && name != twin {
        return Ok(());
    }
    refuse!(
        SuperuserIsRotated,
        "nothing was changed: the superuser of secret {} is one of the two users \"{user}\" and \
         \"{twin}\" of the rotation; use another superuser, or the single-user strategy for this secret",
        secret
    );
}
