//! What the four steps of a rotation share.

use crate::config::Config;
use crate::database::login::{Credentials, Server, LoginRole};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorType};
use crate::event::{RotationToken, SecretId, VersionId};
use crate::secret::DatabaseSecret;
use crate::store::{Description, StagingLabel, SecretStore, Selector};
use crate::tls::TlsMode;
use crate::username::Username;

pub mod create_secret;
pub mod finish_secret;
pub mod set_secret;
pub mod survey;
pub mod test_secret;

/// One invocation, after its version was found to be AWSPENDING.
pub struct Rotation<'a> {
    /// The function's settings.
    pub config: &'a Config,
    /// Secrets Manager.
    pub store: &'a SecretStore,
    /// The ARN of the secret that is rotated.
    pub secret: SecretId,
    /// The version that the rotation makes.
    pub version: VersionId,
    /// The token that must go with the new value.
    pub rotation_token: Option<RotationToken>,
    /// The secret's labels and tags at the start of the invocation.
    pub description: Description,
    /// The invocation's end.
    pub deadline: Deadline,
}

/// What a step did, for the log.
#[derive(Debug, Default)]
pub struct Summary {
    /// The fact, in the past tense.
    pub what: String,
    /// The account statements that were carried out, or in a preflight would be, without passwords.
    pub statements: Vec<String>,
    /// How many of them repaired a twin that had drifted from its source.
    pub drift: usize,
    /// What was checked and found in order, in a preflight.
    pub findings: Vec<String>,
    /// What the operator should know although nothing failed.
    pub warnings: Vec<String>,
    /// Why the step fails although what it found is worth logging.
    pub refusal: Option<Error>,
}

impl Summary {
    /// The summary itself, or why the step fails.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn verdict(self) -> Result<Self, Error> {
        match self.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(self),
        }
    }
}

impl Rotation<'_> {
    /// The document that is AWSCURRENT.
    ///
    /// # Errors
    ///
    /// `SecretInvalid` if there is none, or it is unusable.
    pub async fn current(&self) -> Result<DatabaseSecret, Error> {
        let current = Selector::Labelled(StagingLabel::Current);
        match self.store.value(&self.secret, current, self.deadline).await? {
            Some(current) => DatabaseSecret::parse(&self.secret, current.document),
            None => Err(ErrorType::SecretInvalid.because(format!(
                "secret {} has no value that is AWSCURRENT; store the user's login in it first",
                self.secret
            ))),
        }
    }

    /// The name of the other user.
    ///
    /// # Errors
    ///
    /// `TwinNameImpossible`.
    pub fn twin_of(&self, current: &DatabaseSecret) -> Result<Username, Error> {
        current.username().twin(self.config.username_limit(current.engine()))
    }

    /// Checks that a pending document is the current one with the twin's login, and nothing else.
    ///
    /// # Errors
    ///
    /// `PendingMismatch`.
    pub fn check_pending(
        &self,
        current: &DatabaseSecret,
        pending: &DatabaseSecret,
    ) -> Result<(), Error> {
        let twin = self.twin_of(current)?;
        let found = if *pending.username() == twin {
            current.first_difference(pending)
        } else {
            Some(format!("it is for \"{}\", not for \"{twin}\"", pending.username()))
        };
        found.map_or(Ok(()), |found| {
            Err(ErrorType::PendingMismatch.because(format!(
                "the pending version {} is not the current document with the login of its twin: \
                 {found}; remove its label AWSPENDING and rotate again",
                self.version
            )))
        })
    }

    /// The server that the current document names.
    pub fn server(&self, current: &DatabaseSecret) -> Server {
        Server {
            host: current.host().unwrap_or_default().to_owned(),
            port: current.port(),
            tls: self.tls(current),
        }
    }

    /// What a document demands of its connections. Each login obeys its own document.
    pub fn tls(&self, document: &DatabaseSecret) -> TlsMode {
        if document.ssl() {
            TlsMode::Verified {
                server_name: document.tls_server_name().map(str::to_owned),
                ca_file: self.config.tls_ca_file.clone(),
            }
        } else {
            TlsMode::Plaintext
        }
    }
}

/// The login of a document at a server.
pub fn login<'a>(role: LoginRole, document: &'a DatabaseSecret, server: &'a Server) -> Credentials<'a> {
    Credentials { role, server, user: document.username(), password: document.password() }
}

/// The warning that belongs to a login without encryption.
pub fn plaintext_warning(role: LoginRole, server: &Server) -> Option<String> {
    (server.tls == TlsMode::Plaintext).then(|| {
        format!("the login of {role} at {server} is not encrypted, because its secret has \"ssl\": false")
    })
}
