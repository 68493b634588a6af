//! What the four steps of a rotation share.

use std::net::IpAddr;

use account_mirror::username::Username;

use crate::aws::{Aws, Description, SecretValue, Selector, StagingLabel};
use crate::config::Config;
use crate::database::session::Server;
use crate::deadline::Deadline;
use crate::error::{Error, refuse};
use crate::event::{RotationToken, SecretId, VersionId};
use crate::secret::{TlsKeys, UserSecret};
use crate::tls::TlsMode;

mod checks;
pub mod create_secret;
pub mod finish_secret;
mod host_in_use;
mod lease;
mod pair;
mod proofs;
pub mod set_secret;
mod superuser;
pub mod survey;
pub mod test_secret;
mod turn;
mod user_login;

/// One invocation whose version has AWSPENDING.
pub struct Rotation<'a> {
    /// The function's settings.
    pub config: &'a Config,
    /// The calls to AWS.
    pub aws: Aws<'a>,
    /// The ARN of the secret that is rotated.
    pub secret: SecretId,
    /// The version that the rotation makes.
    pub version: VersionId,
    /// The token that `PutSecretValue` must send with the new value.
    pub rotation_token: Option<RotationToken>,
    /// The secret's labels and tags at the start of the invocation.
    pub description: Description,
    /// The invocation's end.
    pub deadline: Deadline,
    /// From where the user's logins are judged.
    pub viewpoint: Viewpoint,
}

/// From where the user's logins are judged: which of its accounts a login ends in depends on the
/// client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewpoint {
    /// From here, with a login as the user where nothing else shows it.
    Here,
    /// From another client, without a login.
    Client(IpAddr),
    /// From anywhere, without a login: every account of the user is judged.
    Anywhere,
}

/// What a step did, for the log.
#[derive(Debug, Default)]
pub struct Summary {
    /// What was done, in the past tense.
    pub what: String,
    /// The account statements that were carried out, or in a preflight would be, without passwords.
    pub statements: Vec<String>,
    /// How many of them repaired a twin that had drifted from its source.
    pub drift: usize,
    /// How many of those that a preflight planned would repair such a twin.
    pub planned_drift: usize,
    /// The checks that passed, in a preflight.
    pub findings: Vec<String>,
    /// What the operator should know although nothing failed.
    pub warnings: Vec<String>,
    /// Why the step fails, where what it found is logged all the same.
    pub refusal: Option<Error>,
    /// Whether this was a test of the configuration, so that the statements were only planned.
    pub preflight: bool,
    /// The user whose login was proven, or became current.
    pub user: Option<Username>,
}

impl Summary {
    /// The summary itself, or why the step fails.
    pub fn verdict(self) -> Result<Self, Error> {
        match self.refusal {
            Some(refusal) => Err(refusal),
            None => Ok(self),
        }
    }
}

impl<'a> Rotation<'a> {
    /// The rotation that has begun, or without one that which would begin now, as somebody sees it who
    /// takes no part in it.
    ///
    /// # Errors
    ///
    /// `SecretInvalid` if no version is current.
    pub fn now(config: &'a Config, aws: Aws<'a>, description: Description) -> Result<Self, Error> {
        let labels = [StagingLabel::Pending, StagingLabel::Current];
        let Some(version) = labels.into_iter().find_map(|label| description.version(label)) else {
            refuse!(
                SecretInvalid,
                "secret {} was not looked at: no version of it has AWSCURRENT; store the user's login in it",
                description.arn
            );
        };
        Ok(Self {
            config,
            aws,
            secret: description.arn.clone(),
            version: version.clone(),
            rotation_token: None,
            deadline: aws.deadline,
            viewpoint: Viewpoint::Anywhere,
            description,
        })
    }
}

impl Rotation<'_> {
    /// A value of the secret.
    pub(crate) async fn value(&self, selector: Selector<'_>) -> Result<Option<SecretValue>, Error> {
        self.aws.value(&self.secret, selector).await
    }

    /// The value of the version that the rotation makes, which may have been stored a moment ago.
    pub(crate) async fn pending_value(&self) -> Result<Option<SecretValue>, Error> {
        self.aws.value_when_visible(&self.secret, Selector::Version(&self.version)).await
    }

    /// The document that is AWSCURRENT.
    pub(crate) async fn current(&self) -> Result<UserSecret, Error> {
        let Some(current) = self.value(Selector::Labeled(StagingLabel::Current)).await? else {
            refuse!(
                SecretInvalid,
                "secret {} was not read: no version of it has AWSCURRENT; store the user's login in it",
                self.secret
            );
        };
        let mut document = UserSecret::parse(&self.secret, current.document)?;
        document.stored = Some(current.created);
        Ok(document)
    }

    /// The server that a user's document names.
    pub(crate) fn server(&self, document: &UserSecret) -> Server {
        Server { endpoint: document.address.endpoint.clone(), tls: self.tls(&document.tls) }
    }

    /// What a document demands of its connections. Each login obeys its own document.
    pub(crate) fn tls(&self, keys: &TlsKeys) -> TlsMode {
        if keys.ssl {
            TlsMode::Verified {
                server_name: keys.server_name.clone(),
                ca_file: self.config.tls_ca_file.clone(),
            }
        } else {
            TlsMode::Plaintext
        }
    }
}
