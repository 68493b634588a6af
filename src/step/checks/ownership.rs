//! Ownership of the twin: what other versions of the secret say.

use account_mirror::user::{State, User};

use super::versions::stored_seconds;
use crate::aws::{SecretValue, Selector, StagingLabel};
use crate::error::{Error, ErrorType};
use crate::event::VersionId;
use crate::secret::UserSecret;
use crate::step::Rotation;

/// How many older versions are read to find out whose twin it is.
const VERSIONS_READ: usize = 10;

/// Checks that an existing twin is this secret's, cheapest evidence first. Returns the evidence.
pub(super) async fn check(
    rotation: &Rotation<'_>,
    twin: &User,
    pending_created: i64,
    previous: Option<SecretValue>,
) -> Result<String, Error> {
    let name = &twin.name;
    if owned_by_state(twin, pending_created) {
        return Ok(format!(
            "the account \"{name}\" is locked or was made by an earlier try of this rotation"
        ));
    }
    if let Some(version) = previous.and_then(|previous| names(rotation, previous, twin)) {
        return Ok(format!("the account \"{name}\" is that of version {version}"));
    }
    let (older, note) = match older_versions(rotation).await {
        Ok(older) => (older, String::new()),
        Err(error) => (Vec::new(), format!("; older versions could not be looked at: {error}")),
    };
    // Not every older version was current once: a rotation that was refused has left one that names
    // a stranger. The password of an account that is ours was set after its version was stored.
    let set_since = |created| {
        let mut accounts = twin.accounts.values();
        accounts.all(|account| account.state.changed_since(created))
    };
    if let Some(version) = naming(rotation, &older, twin, set_since).await? {
        return Ok(format!("the account \"{name}\" is that of version {version}"));
    }
    Err(ErrorType::TwinNotOurs.because(format!(
        "an account \"{name}\" exists already, and nothing shows that it is this secret's: no \
         version of the secret that its password could be from names it, it is not locked, and its \
         password is older than this rotation. If it may be taken over, lock it (ALTER USER … ACCOUNT LOCK) and rotate again; \
         if it is nobody's, drop it; if somebody uses it, rename the user of this secret{note}"
    )))
}

/// The first of these versions whose value names the twin, and was stored at a time that counts.
async fn naming(
    rotation: &Rotation<'_>,
    versions: &[VersionId],
    twin: &User,
    counts: impl Fn(i64) -> bool,
) -> Result<Option<VersionId>, Error> {
    for version in versions {
        let value = rotation.value(Selector::Version(version)).await?;
        let value = value.filter(|value| counts(stored_seconds(value)));
        if let Some(version) = value.and_then(|value| names(rotation, value, twin)) {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

/// The version of a value, if the value names the twin.
fn names(rotation: &Rotation<'_>, value: SecretValue, twin: &User) -> Option<VersionId> {
    let document = UserSecret::parse(&rotation.secret, value.document).ok()?;
    (document.username == twin.name).then_some(value.version)
}

async fn older_versions(rotation: &Rotation<'_>) -> Result<Vec<VersionId>, Error> {
    let versions = rotation.aws.version_ids(&rotation.secret, VERSIONS_READ + 2).await?;
    let looked_at = |version: &VersionId| {
        *version != rotation.version
            && !rotation.description.has_label(version, StagingLabel::Current)
            && !rotation.description.has_label(version, StagingLabel::Previous)
    };
    Ok(versions.into_iter().filter(looked_at).take(VERSIONS_READ).collect())
}

/// Whether the accounts themselves show that the twin is this secret's: each of them either got its
/// password after the pending version was created, by an earlier try of this rotation, or is
/// locked, as half-made twins are and as an operator hands one over.
fn owned_by_state(twin: &User, pending_created: i64) -> bool {
    twin.accounts.values().all(|account| {
        account.state.changed_since(pending_created) || is_handed_over(&account.state)
    })
}

fn is_handed_over(state: &State) -> bool {
    state.locked && !state.role
}
