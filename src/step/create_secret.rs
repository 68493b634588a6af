//! `createSecret`: stores the twin's new login as AWSPENDING.

use crate::aws::PutOutcome;
use crate::error::{Error, refuse};
use crate::secret::UserSecret;
use crate::step::turn::Turn;
use crate::step::{Rotation, Summary};

/// Stores the current document with the twin's name and a new password, or keeps the one that an
/// earlier try stored.
pub async fn run(rotation: &Rotation<'_>) -> Result<Summary, Error> {
    let Rotation { config, aws, secret, version, .. } = rotation;
    let turn = Turn::read(rotation).await?;
    turn.refuse_proxy()?;

    let twin = &turn.twin;
    let document = turn.current.with_login(twin, &config.passwords.generate());
    let token = rotation.rotation_token.as_ref();
    let put = aws.put_pending(secret, version, &document, token);
    let what = match put.await? {
        PutOutcome::Stored => {
            format!("a new password for \"{twin}\" was stored as version {version}")
        }
        PutOutcome::AlreadyExists => {
            check_kept_value(&turn).await?;
            format!("version {version} already had a value, for \"{twin}\", which was kept")
        }
    };
    Ok(Summary { what, ..Summary::default() })
}

/// An earlier try stored a value. Its password may be set on the server already, so it is the only
/// one that this rotation may use: if it is not what would be stored today, the rotation cannot
/// go on.
async fn check_kept_value(turn: &Turn<'_>) -> Result<(), Error> {
    let Rotation { secret, version, .. } = turn.rotation;
    let Some(kept) = turn.rotation.pending_value().await? else {
        refuse!(
            PendingValueMissing,
            "the value of version {version} was not read: it exists and is not visible yet; wait"
        );
    };
    let found = match UserSecret::parse(secret, kept.document) {
        Ok(kept) => turn.mismatch(&kept),
        Err(error) => Some(format!("{error:?}")),
    };
    let Some(found) = found else {
        return Ok(());
    };
    refuse!(
        StalePending,
        "version {version} was kept from an earlier try, and no longer fits the current one: {found}; \
         remove its label and rotate again: {}",
        secret.update_stage(&format!(
            "--version-stage AWSPENDING --remove-from-version-id {version}"
        ))
    );
}
