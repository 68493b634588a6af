//! LoginRole twin is it? What other versions of the secret say.

use crate::database::account::User;
use crate::database::takeover;
use crate::error::{Error, ErrorType};
use crate::event::VersionId;
use crate::secret::DatabaseSecret;
use crate::step::Rotation;
use crate::step::survey::stored_seconds;
use crate::store::{StagingLabel, SecretValue, Selector};

/// How many older versions are read to find out whose twin it is.
const VERSIONS_READ: usize = 10;

/// Checks that an existing twin is this secret's, cheapest evidence first. Returns the evidence.
pub(super) async fn check(
    rotation: &Rotation<'_>,
    twin: &User,
    pending_created: i64,
    previous: Option<SecretValue>,
) -> Result<String, Error> {
    let name = &twin.user;
    if takeover::accounts_show_it(twin, pending_created) {
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
        let mut accounts = twin.hosts.values();
        accounts.all(|profile| profile.state.changed_since(created))
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
    let (store, secret) = (rotation.store, &rotation.secret);
    for version in versions {
        let selector = Selector::Version(version);
        let value = store.value(secret, selector, rotation.deadline).await?;
        let value = value.filter(|value| counts(stored_seconds(value)));
        if let Some(version) = value.and_then(|value| names(rotation, value, twin)) {
            return Ok(Some(version));
        }
    }
    Ok(None)
}

/// The version of a value, if the value names the twin.
fn names(rotation: &Rotation<'_>, value: SecretValue, twin: &User) -> Option<VersionId> {
    let document = DatabaseSecret::parse(&rotation.secret, value.document).ok()?;
    (*document.username() == twin.user).then_some(value.version)
}

async fn older_versions(rotation: &Rotation<'_>) -> Result<Vec<VersionId>, Error> {
    let versions =
        rotation.store.version_ids(&rotation.secret, VERSIONS_READ + 2, rotation.deadline).await?;
    let looked_at = |version: &VersionId| {
        *version != rotation.version
            && !rotation.description.has_label(version, StagingLabel::Current)
            && !rotation.description.has_label(version, StagingLabel::Previous)
    };
    Ok(versions.into_iter().filter(looked_at).take(VERSIONS_READ).collect())
}
