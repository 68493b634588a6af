//! Whose twin is it? What other versions of the secret say.

use super::checks::no_role;
use crate::database::account::Account;
use crate::database::takeover;
use crate::error::{Error, ErrorType};
use crate::event::VersionId;
use crate::secret::DatabaseSecret;
use crate::step::Rotation;
use crate::store::{Label, Selector};

/// How many older versions are read to find out whose twin it is.
const VERSIONS_READ: usize = 10;

/// Checks that an existing twin is this secret's, cheapest evidence first.
pub(super) async fn check(
    rotation: &Rotation<'_>,
    twin: &Account,
    pending_created: i64,
    warnings: &mut Vec<String>,
) -> Result<(), Error> {
    no_role(twin)?;
    if takeover::accounts_show_it(twin, pending_created) {
        return Ok(());
    }
    let previous = rotation.description.version(Label::Previous);
    let mut candidates: Vec<_> = previous.cloned().into_iter().collect();
    for looked_up in [false, true] {
        if looked_up {
            candidates = match older_versions(rotation).await {
                Ok(versions) => versions,
                Err(error) => {
                    warnings.push(error.to_string());
                    Vec::new()
                }
            };
        }
        for version in &candidates {
            let selector = Selector::Version(version);
            let value = rotation
                .store
                .value(&rotation.secret, selector, rotation.deadline)
                .await?;
            let named = value
                .and_then(|value| DatabaseSecret::parse(&rotation.secret, value.document).ok());
            if named.is_some_and(|document| *document.username() == twin.user) {
                return Ok(());
            }
        }
    }
    let note = warnings
        .last()
        .map(|warning| format!(" ({warning})"))
        .unwrap_or_default();
    Err(ErrorType::TwinNotOurs.because(format!(
        "an account \"{}\" exists already, and nothing shows that it is this secret's: no version \
         of the secret names it, it is not locked, and its password is older than this rotation. If \
         it may be taken over, lock it (ALTER USER … ACCOUNT LOCK) and rotate again; if it is \
         nobody's, drop it; if somebody uses it, rename the user of this secret{note}",
        twin.user
    )))
}

async fn older_versions(rotation: &Rotation<'_>) -> Result<Vec<VersionId>, Error> {
    let versions = rotation
        .store
        .version_ids(&rotation.secret, VERSIONS_READ + 2, rotation.deadline)
        .await?;
    let looked_at = |version: &VersionId| {
        *version != rotation.version
            && !rotation.description.has_label(version, Label::Current)
            && !rotation.description.has_label(version, Label::Previous)
    };
    Ok(versions
        .into_iter()
        .filter(looked_at)
        .take(VERSIONS_READ)
        .collect())
}
