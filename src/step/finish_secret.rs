//! `finishSecret`: makes the proven login the current one.

use std::time::Duration;

use crate::aws::{MoveOutcome, StagingLabel, VISIBILITY_PAUSES};
use crate::error::{Error, refuse};
use crate::event::VersionId;
use crate::step::{Proven, Rotation, Summary, lease, test_secret};

/// What is left of the time for the call that moves the label, when the login is proven here.
const RESERVE: Duration = Duration::from_secs(10);

/// Moves AWSCURRENT to the version of the rotation, over a proof alone: that of this sandbox's
/// `testSecret` a moment ago, or one that is made now. The label is taken from the version that was
/// current in that proof, so that Secrets Manager refuses where another one has become current since.
///
/// AWSPREVIOUS follows by itself. AWSPENDING is left where it is: Secrets Manager removes it, and a
/// rotation whose function does that can be reported as failed.
pub async fn run(rotation: &Rotation<'_>, proven: Option<Proven>) -> Result<Summary, Error> {
    let Rotation { aws, secret, version, .. } = rotation;
    let (Proven { user, against: from, .. }, warnings) = match proven {
        Some(proven) => (proven, Vec::new()),
        None => match test_secret::prove_now(&rotation.leaving(RESERVE)).await {
            Ok(proven) => {
                // It took a while, in which another rotation may have begun to change the twin.
                lease::still_pending(rotation).await?;
                proven
            }
            Err(error) => return already_current(rotation, error).await,
        },
    };
    let moved = aws.move_current(secret, version, &from).await?;
    if moved == MoveOutcome::Refused {
        confirm_moved(rotation, &from).await?;
    }
    Ok(Summary {
        what: format!("\"{user}\" is current now: version {version} in the place of {from}"),
        warnings,
        user: Some(user),
        ..Summary::default()
    })
}

/// The description may be a moment old: the value of AWSCURRENT shows whether the rotation has ended
/// already.
async fn already_current(rotation: &Rotation<'_>, error: Error) -> Result<Summary, Error> {
    match rotation.current_value().await {
        Ok(current) if current.version == rotation.version => Ok(Summary {
            what: format!("nothing to do: version {} is current already", rotation.version),
            ..Summary::default()
        }),
        _ => Err(error),
    }
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
