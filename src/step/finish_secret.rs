//! `finishSecret`: makes the proven login the current one.

use tokio::time::sleep;

use crate::error::{Error, ErrorType};
use crate::step::{Rotation, Summary};
use crate::store::{StagingLabel, Move, VISIBILITY_PAUSES};

/// Moves AWSCURRENT to the version of the rotation.
///
/// AWSPREVIOUS follows by itself. AWSPENDING is left alone: Secrets Manager takes it away, and a
/// function that does can look as if its rotation had failed.
pub async fn run(rotation: &Rotation<'_>) -> Result<Summary, Error> {
    let Rotation { store, secret, version, description, deadline, .. } = rotation;
    let Some(from) = description.version(StagingLabel::Current) else {
        return Err(ErrorType::SecretInvalid
            .because(format!("secret {secret} has no version that is AWSCURRENT")));
    };
    let moved = store.move_current(secret, version, from, *deadline).await?;
    if moved == MoveOutcome::Refused {
        confirm_moved(rotation, from.as_str()).await?;
    }
    Ok(Summary {
        what: format!("version {version} became current in the place of {from}"),
        ..Summary::default()
    })
}

/// The label was not where it had been. If the answer to an earlier attempt was lost, it is where
/// it should be; what the description says may be a moment old.
async fn confirm_moved(rotation: &Rotation<'_>, from: &str) -> Result<(), Error> {
    let (version, deadline) = (&rotation.version, rotation.deadline);
    for pause in VISIBILITY_PAUSES {
        let description = rotation.store.describe(&rotation.secret, deadline).await?;
        match description.version(StagingLabel::Current) {
            Some(current) if current == version => return Ok(()),
            Some(current) if current.as_str() != from => {
                return Err(ErrorType::RotationSuperseded.because(format!(
                    "version {current} became current while this rotation ran, so {version} was \
                     not made current; look who stored it, then rotate again"
                )));
            }
            _ => deadline.run("a label that was moved", sleep(pause)).await?,
        }
    }
    Err(ErrorType::AwsCallFailed.because(format!(
        "Secrets Manager refused to move AWSCURRENT from version {from} to {version}; the next try \
         goes on from here"
    )))
}
