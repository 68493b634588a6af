//! The logins of other versions of the secret, which may prove whose an account is.

use std::collections::VecDeque;

use account_mirror::user::Account;
use account_mirror::username::Username;

use super::Checks;
use crate::aws::{Selector, StagingLabel};
use crate::error::{Error, ErrorType};
use crate::event::VersionId;
use crate::secret::{Document, UserSecret};

/// How many versions without a label of AWS may prove something.
const MOST_FOUND: usize = 10;
/// How many versions are listed: as many as a secret keeps beyond its last day.
const MOST_KEPT: usize = 100;

/// The versions whose passwords log in to some accounts of a user.
pub(super) struct Search<'a> {
    user: &'a Username,
    accounts: &'a [&'a Account],
    /// How many of the accounts are to be found.
    wanted: usize,
    /// For each account the first version that logs in to it.
    pub(super) found: Vec<Option<VersionId>>,
    /// How many versions that were read are of the user.
    tried: usize,
    /// How many could not be read.
    unreadable: usize,
    /// Why versions without a label were not listed.
    unlisted: Option<Error>,
}

impl Search<'_> {
    fn is_done(&self) -> bool {
        self.found.iter().flatten().count() >= self.wanted
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
}

impl Checks<'_, '_> {
    /// Looks in the other versions than the current one for passwords that log in to accounts of a
    /// user, in likely ones first, until `wanted` of the accounts have one. Each version is read when
    /// it is needed.
    ///
    /// # Errors
    ///
    /// Of the calls to AWS, except those that only show that a version cannot be read.
    pub(super) async fn search<'u>(
        &self,
        user: &'u Username,
        accounts: &'u [&'u Account],
        wanted: usize,
    ) -> Result<Search<'u>, Error> {
        let mut search = Search {
            user,
            accounts,
            wanted,
            found: vec![None; accounts.len()],
            tried: 0,
            unreadable: 0,
            unlisted: None,
        };
        if let Some(previous) = &self.previous {
            self.look_at(&previous.version, &previous.document, &mut search)?;
        }
        if let Some(pending) = self.pending {
            self.try_login(&self.turn.rotation.version, pending, &mut search)?;
        }
        if search.is_done() {
            return Ok(search);
        }
        search.tried = 0;
        let mut unread = self.list(&mut search).await?;
        while !search.is_done()
            && search.tried < MOST_FOUND
            && let Some(version) = unread.pop_front()
        {
            match self.turn.rotation.value(Selector::Version(&version)).await {
                Ok(Some(value)) => self.look_at(&version, &value.document, &mut search)?,
                Ok(None) => search.unreadable += 1,
                Err(error) if is_of_the_version(&error) => search.unreadable += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(search)
    }

    fn look_at(
        &self,
        version: &VersionId,
        document: &Document,
        search: &mut Search<'_>,
    ) -> Result<(), Error> {
        match UserSecret::parse(&self.turn.rotation.secret, document.clone()) {
            Ok(document) => self.try_login(version, &document, search),
            Err(_) => {
                search.unreadable += 1;
                Ok(())
            }
        }
    }

    fn try_login(
        &self,
        version: &VersionId,
        document: &UserSecret,
        search: &mut Search<'_>,
    ) -> Result<(), Error> {
        if document.username != *search.user || search.is_done() {
            return Ok(());
        }
        search.tried += 1;
        for (account, found) in search.accounts.iter().zip(&mut search.found) {
            if found.is_none() && self.proofs.any_matches(account, &document.password)? {
                *found = Some(version.clone());
            }
        }
        Ok(())
    }

    /// How to prove that an account is this secret's.
    pub(super) fn handover(&self) -> String {
        let secret = &self.turn.rotation.secret;
        let region = secret.region().unwrap_or("REGION");
        format!(
            "store its login (aws secretsmanager put-secret-value --region {region} --secret-id \
             {secret} --version-stages HANDOVER --secret-string …)"
        )
    }

    /// The versions to read: those with a label that somebody gave them, then the newest others.
    async fn list(&self, search: &mut Search<'_>) -> Result<VecDeque<VersionId>, Error> {
        let rotation = self.turn.rotation;
        let is_known = |version: &VersionId| {
            let mut labels = StagingLabel::ALL.into_iter();
            *version == rotation.version
                || labels.any(|label| rotation.description.has_label(version, label))
        };
        let labeled = rotation.description.versions.keys();
        let mut versions: VecDeque<_> =
            labeled.filter(|version| !is_known(version)).cloned().collect();
        match rotation.aws.version_ids(&rotation.secret, MOST_KEPT).await {
            Ok(listed) => {
                let others: Vec<_> = listed
                    .into_iter()
                    .filter(|version| !is_known(version) && !versions.contains(version))
                    .collect();
                versions.extend(others);
            }
            Err(error) if error.error_type() == ErrorType::AccessDenied => {
                search.unlisted = Some(error);
            }
            Err(error) => return Err(error),
        }
        Ok(versions)
    }
}

/// Whether an error concerns one version, so that the others may still be read.
fn is_of_the_version(error: &Error) -> bool {
    matches!(
        error.error_type(),
        ErrorType::AccessDenied
            | ErrorType::KmsDenied
            | ErrorType::SecretInvalid
            | ErrorType::SecretNotFound
    )
}
