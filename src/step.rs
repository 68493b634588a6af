//! What the four steps of a rotation share.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use account_mirror::username::Username;

use crate::aws::{Aws, Description, SecretValue, Selector, StagingLabel, VISIBILITY_PAUSES};
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
    /// What was read at the same time as the description.
    pub begun_with: Values,
}

/// The values of the secret with which a step begins.
#[derive(Clone, Default)]
pub struct Values {
    /// The one that is AWSCURRENT.
    pub current: Option<Current>,
    /// The one of the version that the rotation makes, unless it is not visible.
    pub pending: Option<SecretValue>,
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

/// The value that is AWSCURRENT.
#[derive(Clone)]
pub struct Current {
    /// The document.
    pub document: UserSecret,
    /// The version that came with it.
    pub version: VersionId,
    /// When it was stored.
    pub stored: SystemTime,
}

impl Current {
    /// The value that came as AWSCURRENT, which must be that of the version that the description names:
    /// between the two, somebody may move the label, forward or back. `rotated` is the version that the
    /// rotation makes.
    ///
    /// # Errors
    ///
    /// `RotationSuperseded` if it is another version's.
    pub fn of(
        description: &Description,
        rotated: &VersionId,
        value: SecretValue,
    ) -> Result<Self, Error> {
        let described = description.version(StagingLabel::Current);
        if Some(&value.version) != described {
            refuse!(
                RotationSuperseded,
                "nothing was done for version {rotated}: the value that is AWSCURRENT is that of version {}, \
                 and according to the description the label is on {}; find out what moved it, and rotate \
                 again",
                value.version,
                described.map_or("none", VersionId::as_str)
            );
        }
        let SecretValue { document, version, created, .. } = value;
        let document = UserSecret::parse(&description.arn, document)?;
        Ok(Self { document, version, stored: created })
    }
}

impl std::ops::Deref for Current {
    type Target = UserSecret;

    fn deref(&self) -> &UserSecret {
        &self.document
    }
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
    /// What `testSecret` has proven. A preflight proves nothing.
    pub proven: Option<Proven>,
}

/// A version that may become current: its login works, and its user is equal to the one in use.
#[derive(Clone, Debug)]
pub struct Proven {
    /// The version.
    pub version: VersionId,
    /// The version that was current then: the one that came with the value that it was compared with.
    pub against: VersionId,
    /// The user of the version.
    pub user: Username,
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
            begun_with: Values::default(),
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
        if let Some(pending) = &self.begun_with.pending {
            return Ok(Some(pending.clone()));
        }
        self.aws.value_when_visible(&self.secret, Selector::Version(&self.version)).await
    }

    /// The document that is AWSCURRENT, and was when the secret was described.
    pub(crate) async fn current(&self) -> Result<Current, Error> {
        if let Some(current) = &self.begun_with.current {
            return Ok(current.clone());
        }
        let described = self.description.version(StagingLabel::Current);
        let is_described = |current: &SecretValue| Some(&current.version) == described;
        let read = async || self.current_value().await;
        let current = self.deadline.retry(VISIBILITY_PAUSES, is_described, read).await?;
        Current::of(&self.description, &self.version, current)
    }

    /// The value that is AWSCURRENT, whatever the description says.
    pub(crate) async fn current_value(&self) -> Result<SecretValue, Error> {
        self.aws.current_value(&self.secret).await
    }

    /// The same invocation with less time, so that `reserve` is left for what comes after, or half of
    /// the time where that is less.
    pub(crate) fn leaving(&self, reserve: Duration) -> Self {
        let deadline = self.deadline.leaving(reserve);
        Self {
            aws: self.aws.until(deadline),
            deadline,
            config: self.config,
            secret: self.secret.clone(),
            version: self.version.clone(),
            rotation_token: None,
            description: self.description.clone(),
            viewpoint: self.viewpoint,
            begun_with: self.begun_with.clone(),
        }
    }

    /// The server that a user's document names.
    pub(crate) fn server(&self, document: &UserSecret) -> Server {
        let endpoint = document.address.endpoint.clone();
        Server { endpoint, tls: self.tls(&document.tls), hidden_in: None }
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
