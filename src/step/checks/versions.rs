//! Reads both values by staging label under the lock; if a label moved, another rotation finished, so
//! the step is refused: the twin may be somebody's current user by now.
//!
//! AWSPENDING would lead elsewhere then, for it was on the other rotation's version, and AWSPREVIOUS
//! follows every move of AWSCURRENT.

use crate::aws::{SecretValue, Selector, StagingLabel};
use crate::error::{Error, ErrorType, refuse};
use crate::secret::UserSecret;
use crate::step::Rotation;
use crate::step::turn::Turn;

/// The values that the checks need besides the current one.
pub(super) struct LabeledValues {
    pub(super) pending: UserSecret,
    /// The value of AWSPREVIOUS, if there is one.
    pub(super) previous: Option<SecretValue>,
}

/// Reads them, and refuses if a label has moved since the step began.
pub(super) async fn read(turn: &Turn<'_>) -> Result<LabeledValues, Error> {
    let rotation = turn.rotation;
    let described = rotation.description.version(StagingLabel::Previous);
    // Without AWSPREVIOUS nothing follows a move of AWSCURRENT, which is looked at itself.
    let is_current = async {
        match described {
            Some(_) => Ok(true),
            None => Ok(rotation.current_value().await?.version == turn.version),
        }
    };
    let pending = value(rotation, StagingLabel::Pending);
    let (pending, previous, is_current) = tokio::try_join!(pending, previous(turn), is_current)?;
    let version = |value: &Option<SecretValue>| value.as_ref().map(|value| value.version.clone());
    let same_previous = version(&previous).as_ref() == described;
    let mut pending = pending.filter(|pending| pending.version == rotation.version);
    if pending.is_none() || !same_previous || !is_current {
        still_pending(turn).await?;
        pending = rotation.pending_value().await?;
    }
    let Some(pending) = pending else {
        refuse!(
            PendingValueMissing,
            "the value of version {} was not read: createSecret did not store one, or it is not \
             visible yet; wait",
            rotation.version
        );
    };
    let pending = UserSecret::parse(&rotation.secret, pending.document)?;
    turn.check_pending(&pending)?;
    Ok(LabeledValues { pending, previous })
}

/// The value of AWSPREVIOUS, if there is one.
pub(super) async fn previous(turn: &Turn<'_>) -> Result<Option<SecretValue>, Error> {
    value(turn.rotation, StagingLabel::Previous).await
}

/// The value with a label. The secret was described a moment ago, so if something is not found it is
/// the value.
async fn value(rotation: &Rotation<'_>, label: StagingLabel) -> Result<Option<SecretValue>, Error> {
    if rotation.description.version(label).is_none() {
        return Ok(None);
    }
    match rotation.value(Selector::Labeled(label)).await {
        Err(error) if error.error_type() == ErrorType::SecretNotFound => Ok(None),
        value => value,
    }
}

/// A value that was not the expected one may be a moment old; the labels themselves decide.
async fn still_pending(turn: &Turn<'_>) -> Result<(), Error> {
    let rotation = turn.rotation;
    let now = rotation.aws.describe(&rotation.secret).await?;
    // Another version may have AWSPENDING as well; this one is judged by its own labels.
    let is_pending = now.has_label(&rotation.version, StagingLabel::Pending);
    if is_pending && now.version(StagingLabel::Current) == Some(&turn.version) {
        return Ok(());
    }
    refuse!(
        RotationSuperseded,
        "nothing was written for version {}: AWSPENDING or AWSCURRENT moved since this step began; \
         find out what moved it, and rotate again",
        rotation.version
    );
}
