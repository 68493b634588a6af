//! What a step knows of a rotation before it asks the database.

use std::time::SystemTime;

use account_mirror::username::Username;

use crate::aws::StagingLabel;
use crate::database::session::Server;
use crate::endpoint::is_proxy;
use crate::error::{Error, refuse};
use crate::event::VersionId;
use crate::secret::UserSecret;
use crate::step::{Current, Proven, Rotation};

/// Whose turn it is: the user in use, and the twin that is to take its place.
pub(super) struct Turn<'a> {
    /// The invocation.
    pub(super) rotation: &'a Rotation<'a>,
    /// The document that is AWSCURRENT.
    pub(super) current: UserSecret,
    /// The version of it.
    pub(super) version: VersionId,
    /// When that was stored.
    pub(super) stored: SystemTime,
    /// The name of the other user.
    pub(super) twin: Username,
    /// The server that the current document names.
    pub(super) server: Server,
}

impl<'a> Turn<'a> {
    /// Reads the current document.
    pub(super) async fn read(rotation: &'a Rotation<'a>) -> Result<Self, Error> {
        Self::new(rotation, rotation.current().await?)
    }

    /// The turn that follows from a current document.
    pub(super) fn new(rotation: &'a Rotation<'a>, current: Current) -> Result<Self, Error> {
        let Current { document: current, version, stored } = current;
        let limit = rotation.config.username_limit(current.engine);
        let twin = current.username.twin(limit).map_err(|error| {
            let error = Error::from(error);
            match rotation.config.username_limit {
                None => error.note("the limit follows from \"engine\" in the secret"),
                Some(_) => error.note("the limit is USERNAME_CHARACTER_LIMIT"),
            }
        })?;
        let server = rotation.server(&current);
        Ok(Self { rotation, current, version, stored, twin, server })
    }

    /// The proof of the pending version, when it has been tested.
    pub(super) fn proven(&self) -> Proven {
        Proven {
            version: self.rotation.version.clone(),
            against: self.version.clone(),
            user: self.twin.clone(),
        }
    }

    /// The command that makes another version current, if one is.
    pub(super) fn command_to_make_current(&self, right: &VersionId) -> Option<String> {
        let Rotation { secret, description, .. } = self.rotation;
        let current = description.version(StagingLabel::Current)?;
        Some(secret.update_stage(&format!(
            "--version-stage AWSCURRENT --move-to-version-id {right} --remove-from-version-id {current}"
        )))
    }

    /// What a pending document has that is neither the current one's nor the twin's login.
    pub(super) fn mismatch(&self, pending: &UserSecret) -> Option<String> {
        if pending.username == self.twin {
            self.current.first_difference(pending)
        } else {
            Some(format!("it is for \"{}\", not for \"{}\"", pending.username, self.twin))
        }
    }

    /// Checks that a pending document is the current one with the twin's login, and nothing else.
    pub(super) fn check_pending(&self, pending: &UserSecret) -> Result<(), Error> {
        let Some(found) = self.mismatch(pending) else {
            return Ok(());
        };
        refuse!(
            PendingMismatch,
            "version {} was not used: it is not the current document with the login of the twin \
             ({found}); remove its label AWSPENDING and rotate again",
            self.rotation.version
        );
    }

    /// An RDS Proxy knows only logins that are AWSCURRENT.
    pub(super) fn refuse_proxy(&self) -> Result<(), Error> {
        let host = &self.server.endpoint.host;
        if !is_proxy(host) {
            return Ok(());
        }
        refuse!(
            ProxyHost,
            "a pending login cannot be tested at host \"{host}\" of secret {}: it is an RDS Proxy, which \
             accepts only logins that are AWSCURRENT; use the address of the database",
            self.rotation.secret
        );
    }
}
