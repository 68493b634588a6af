//! `finishSecret`: makes the proven login the current one.

use account_mirror::username::Username;

use crate::aws::{MoveOutcome, StagingLabel, VISIBILITY_PAUSES};
use crate::error::{Error, refuse};
use crate::event::VersionId;
use crate::secret::UserSecret;
use crate::step::{Rotation, Summary};

/// Moves AWSCURRENT to the version of the rotation, if it has a value: one without would lock every
/// client out. `tested` is the user of the value, if this sandbox has tested the version.
///
/// AWSPREVIOUS follows by itself. AWSPENDING is left where it is: Secrets Manager removes it, and a
/// rotation whose function does that can be reported as failed.
pub async fn run(rotation: &Rotation<'_>, tested: Option<Username>) -> Result<Summary, Error> {
    let Rotation { aws, secret, version, description, .. } = rotation;
    let Some(from) = description.version(StagingLabel::Current) else {
        refuse!(
            SecretInvalid,
            "version {version} was not made current: no version of secret {secret} has AWSCURRENT; give that label \
             back to the version that had it"
        );
    };
    let user = match tested {
        Some(user) => user,
        None => pending_user(rotation).await?,
    };
    let moved = aws.move_current(secret, version, from).await?;
    if moved == MoveOutcome::Refused {
        confirm_moved(rotation, from).await?;
    }
    Ok(Summary {
        what: format!("\"{user}\" is current now: version {version} in the place of {from}"),
        user: Some(user),
        ..Summary::default()
    })
}

async fn pending_user(rotation: &Rotation<'_>) -> Result<Username, Error> {
    let Some(value) = rotation.pending_value().await? else {
        refuse!(
            PendingValueMissing,
            "version {} was not made current: it has no value; start rotations with aws \
             secretsmanager rotate-secret, not by invoking this function",
            rotation.version
        );
    };
    Ok(UserSecret::parse(&rotation.secret, value.document)?.username)
}

/// The label was not where it had been. If the answer to an earlier attempt was lost, it is where
/// it should be; what the description says may be a moment old.
async fn confirm_moved(rotation: &Rotation<'_>, from: &VersionId) -> Result<(), Error> {
    let version = &rotation.version;
    let other_than_from = async || {
        let description = rotation.aws.describe(&rotation.secret).await?;
        let current = description.version(StagingLabel::Current);
        Ok::<_, Error>(current.filter(|current| *current != from).cloned())
    };
    match rotation.deadline.retry(VISIBILITY_PAUSES, Option::is_some, other_than_from).await? {
        Some(current) if current == *version => Ok(()),
        Some(current) => refuse!(
            RotationSuperseded,
            "version {version} was not made current: {current} became current while this rotation ran; \
             find out what stored it, then rotate again"
        ),
        None => refuse!(
            AwsCallFailed,
            "version {version} was not made current: Secrets Manager refused to move AWSCURRENT from \
             version {from}; find out with describe-secret where the label is"
        ),
    }
}
