//! The logins of other versions of the secret, which may prove whose an account is.

use std::collections::VecDeque;

use account_mirror::password::Password;
use account_mirror::user::Account;
use account_mirror::username::Username;

use crate::aws::{SecretValue, Selector, StagingLabel};
use crate::error::{Error, ErrorType};
use crate::event::VersionId;
use crate::secret::UserSecret;
use crate::step::Rotation;
use crate::step::proofs::Proofs;

/// How many versions without a label of AWS may prove something.
const MOST_FOUND: usize = 10;
/// How many versions are listed: as many as a secret keeps beyond its last day.
const MOST_KEPT: usize = 100;

/// The passwords of a user in other versions of the secret than the current one, likely ones first;
/// each version is read once, when it is needed.
pub(super) struct Candidates<'a> {
    rotation: &'a Rotation<'a>,
    user: &'a Username,
    found: Vec<(VersionId, Password)>,
    /// How many of those found were known at the beginning.
    known: usize,
    /// The versions that are still to be read; `None` until they are listed.
    unread: Option<VecDeque<VersionId>>,
    /// How many could not be read.
    unreadable: usize,
    /// Why versions without a label were not listed.
    unlisted: Option<Error>,
}

impl<'a> Candidates<'a> {
    /// The candidates for a user, with AWSPREVIOUS and the pending document, which are read already.
    pub(super) fn new(
        rotation: &'a Rotation<'a>,
        user: &'a Username,
        previous: Option<&SecretValue>,
        pending: Option<&UserSecret>,
    ) -> Self {
        let mut candidates = Self {
            rotation,
            user,
            found: Vec::new(),
            known: 0,
            unread: None,
            unreadable: 0,
            unlisted: None,
        };
        if let Some(previous) = previous {
            candidates.add(previous);
        }
        if let Some(pending) = pending.filter(|pending| pending.username == *user) {
            candidates.found.push((rotation.version.clone(), pending.password.clone()));
        }
        candidates.known = candidates.found.len();
        candidates
    }

    /// The first version whose password logs in to one of these accounts.
    ///
    /// # Errors
    ///
    /// Of the calls to AWS, except those that only show that a version cannot be read.
    pub(super) async fn version_of(
        &mut self,
        accounts: &[&Account],
        proofs: &mut Proofs,
    ) -> Result<Option<VersionId>, Error> {
        let mut number = 0;
        loop {
            let Some((version, password)) = self.found.get(number) else {
                if self.read_next().await? {
                    continue;
                }
                return Ok(None);
            };
            for account in accounts {
                if proofs.any_matches(account, password).await? {
                    return Ok(Some(version.clone()));
                }
            }
            number += 1;
        }
    }

    /// What could not be looked at, for the end of a sentence.
    pub(super) fn note(&self) -> String {
        let mut note = match self.unreadable {
            0 => String::new(),
            count => format!(" ({count} could not be read)"),
        };
        if let Some(error) = &self.unlisted {
            note += &format!(" (those without a label could not be listed: {error:?})");
        }
        note
    }

    /// Reads one more version; false if there is none.
    async fn read_next(&mut self) -> Result<bool, Error> {
        if self.unread.is_none() {
            self.unread = Some(self.list().await?);
        }
        let unread = self.unread.as_mut().filter(|_| self.found.len() < self.known + MOST_FOUND);
        let Some(version) = unread.and_then(VecDeque::pop_front) else {
            return Ok(false);
        };
        match self.rotation.value(Selector::Version(&version)).await {
            Ok(Some(value)) => self.add(&value),
            Ok(None) => self.unreadable += 1,
            Err(error) if is_of_the_version(&error) => self.unreadable += 1,
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// The versions to read: those with a label that somebody gave them, then the newest others.
    async fn list(&mut self) -> Result<VecDeque<VersionId>, Error> {
        let description = &self.rotation.description;
        let is_known = |version: &VersionId| {
            let mut labels = StagingLabel::ALL.into_iter();
            *version == self.rotation.version
                || labels.any(|label| description.has_label(version, label))
        };
        let labeled = description.versions.keys();
        let mut versions: VecDeque<_> =
            labeled.filter(|version| !is_known(version)).cloned().collect();
        match self.rotation.aws.version_ids(&self.rotation.secret, MOST_KEPT).await {
            Ok(listed) => {
                let others: Vec<_> = listed
                    .into_iter()
                    .filter(|version| !is_known(version) && !versions.contains(version))
                    .collect();
                versions.extend(others);
            }
            Err(error) if error.error_type() == ErrorType::AccessDenied => {
                self.unlisted = Some(error);
            }
            Err(error) => return Err(error),
        }
        Ok(versions)
    }

    fn add(&mut self, value: &SecretValue) {
        match UserSecret::parse(&self.rotation.secret, value.document.clone()) {
            Ok(document) if document.username == *self.user => {
                self.found.push((value.version.clone(), document.password));
            }
            Ok(_) => {}
            Err(_) => self.unreadable += 1,
        }
    }
}

/// Whether an error says of the version alone that it cannot be read.
fn is_of_the_version(error: &Error) -> bool {
    matches!(
        error.error_type(),
        ErrorType::AccessDenied
            | ErrorType::KmsDenied
            | ErrorType::SecretInvalid
            | ErrorType::SecretNotFound
    )
}
