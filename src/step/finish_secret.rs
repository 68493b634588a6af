//! `finishSecret`: makes the proven login the current one.

use crate::aws::{MoveOutcome, StagingLabel, VISIBILITY_PAUSES};
use crate::error::{Error, refuse};
use crate::event::VersionId;
use crate::step::{Rotation, Summary};

/// Moves AWSCURRENT to the version of the rotation, if it has a value: one without would lock every
/// client out. Where this sandbox has `tested` the version, it has one, and a value never changes.
///
/// AWSPREVIOUS follows by itself. AWSPENDING is left alone: Secrets Manager takes it away, and a
/// function that does can look as if its rotation had failed.
pub async fn run(rotation: &Rotation<'_>, tested: bool) -> Result<Summary, Error> {
    let Rotation { aws, secret, version, description, .. } = rotation;
    let Some(from) = description.version(StagingLabel::Current) else {
        refuse!(SecretInvalid, "secret {secret} has no version that is AWSCURRENT");
    };
    if !tested && rotation.pending_value().await?.is_none() {
        refuse!(
            PendingValueMissing,
            "version {version} has no value, so it was not made current; start rotations from Secrets \
             Manager, not by invoking this function"
        );
    }
    let moved = aws.move_current(secret, version, from).await?;
    if moved == MoveOutcome::Refused {
        confirm_moved(rotation, from).await?;
    }
    Ok(Summary {
        what: format!("version {version} became current in the place of {from}"),
        ..Summary::default()
    })
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
    match rotation.deadline.retry(&VISIBILITY_PAUSES, other_than_from).await? {
        Some(current) if current == *version => Ok(()),
        Some(current) => refuse!(
            RotationSuperseded,
            "version {current} became current while this rotation ran, so {version} was not made \
             current; look who stored it, then rotate again"
        ),
        None => refuse!(
            AwsCallFailed,
            "Secrets Manager refused to move AWSCURRENT from version {from} to {version}; the next \
             try goes on from here"
        ),
    }
}
