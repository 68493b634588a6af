//! `createSecret`: stores the twin's new login as AWSPENDING.

use account_mirror::username::Username;

use crate::aws::PutOutcome;
use crate::error::{Error, ErrorType, refuse};
use crate::secret::UserSecret;
use crate::step::{Rotation, Summary};

/// Stores the current document with the twin's name and a new password, or keeps the one that an
/// earlier try stored.
pub async fn run(rotation: &Rotation<'_>) -> Result<Summary, Error> {
    let Rotation { config, aws, secret, version, .. } = rotation;
    let current = rotation.current().await?;
    rotation.refuse_proxy(&current)?;
    let twin = rotation.twin_of(&current)?;

    let document = current.with_login(&twin, &config.passwords.generate());
    let token = rotation.rotation_token.as_ref();
    let put = aws.put_pending(secret, version, &document, token);
    let what = match put.await? {
        PutOutcome::Stored => {
            format!("a new password for \"{twin}\" was stored as version {version}")
        }
        PutOutcome::AlreadyExists => {
            check_kept_value(rotation, &current, &twin).await?;
            format!("version {version} had its value, with \"{twin}\", already, which was kept")
        }
    };
    Ok(Summary { what, ..Summary::default() })
}

/// An earlier try stored a value. Its password may be set on the server already, so it is the only
/// one that this rotation may use: if it is not what would be stored today, the rotation cannot
/// go on.
async fn check_kept_value(
    rotation: &Rotation<'_>,
    current: &UserSecret,
    twin: &Username,
) -> Result<(), Error> {
    let (secret, version) = (&rotation.secret, &rotation.version);
    let Some(kept) = rotation.pending_value().await? else {
        refuse!(
            PendingValueMissing,
            "the value of version {version} was not read: it exists and is not visible yet; wait"
        );
    };
    let stale = |found: String| {
        let region = secret.region().unwrap_or("REGION");
        ErrorType::StalePending.because(format!(
            "version {version} was kept from an earlier try, and no longer fits the current one: \
             {found}; remove its label and rotate again: aws secretsmanager update-secret-version-stage \
             --region {region} --secret-id {secret} --version-stage AWSPENDING \
             --remove-from-version-id {version}"
        ))
    };

    let kept = UserSecret::parse(secret, kept.document).map_err(|e| stale(e.to_string()))?;
    if kept.username != *twin {
        let found = kept.username;
        return Err(stale(format!("it is for \"{found}\", not for \"{twin}\"")));
    }
    match current.first_difference(&kept) {
        Some(difference) => Err(stale(difference)),
        None => Ok(()),
    }
}
