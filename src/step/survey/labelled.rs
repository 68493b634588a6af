//! What the labels lead to, read under the lock on the pair of users.
//!
//! Since the step began, another rotation of the pair may have come to its end, and then the twin
//! is somebody's current user. Reading by label shows that: AWSPENDING would lead elsewhere, for it
//! was on the other rotation's version, and AWSPREVIOUS follows every move of AWSCURRENT.

use super::{Mode, stored_seconds};
use crate::error::{Error, ErrorType};
use crate::secret::DatabaseSecret;
use crate::step::Rotation;
use crate::store::{StagingLabel, SecretValue, Selector};

/// The values that a survey needs beside the current one.
pub(super) struct Labelled {
    /// The pending value; none in a preflight.
    pub(super) pending: Option<Pending>,
    /// The value of AWSPREVIOUS, if there is one.
    pub(super) previous: Option<SecretValue>,
}

/// The pending document, and when it was stored, in seconds since the epoch.
pub struct Pending {
    /// The document.
    pub document: DatabaseSecret,
    /// When it was stored.
    pub created: i64,
}

/// Reads them, and refuses if a label has moved since the step began.
pub(super) async fn read(
    rotation: &Rotation<'_>,
    current: &DatabaseSecret,
    mode: Mode,
) -> Result<Labelled, Error> {
    let previous = value(rotation, StagingLabel::Previous);
    if mode == Mode::DryRun {
        return Ok(Labelled { pending: None, previous: previous.await? });
    }
    let (pending, previous) = tokio::try_join!(value(rotation, StagingLabel::Pending), previous)?;
    let version = |value: &Option<SecretValue>| value.as_ref().map(|value| value.version.clone());
    let same_previous =
        version(&previous).as_ref() == rotation.description.version(StagingLabel::Previous);
    let mut pending = pending.filter(|pending| pending.version == rotation.version);
    if pending.is_none() || !same_previous {
        still_pending(rotation).await?;
        let selector = Selector::Version(&rotation.version);
        let (store, deadline) = (rotation.store, rotation.deadline);
        pending = store.value_when_visible(&rotation.secret, selector, deadline).await?;
    }
    let Some(pending) = pending else {
        return Err(ErrorType::PendingValueMissing.because(format!(
            "version {} has no value yet; createSecret must come first, or its value is not visible \
             yet; the next try will find it",
            rotation.version
        )));
    };
    let created = stored_seconds(&pending);
    let document = DatabaseSecret::parse(&rotation.secret, pending.document)?;
    rotation.check_pending(current, &document)?;
    Ok(Labelled { pending: Some(Pending { document, created }), previous })
}

/// The value with a label. The secret was described a moment ago, so if something is not found it is
/// the value.
async fn value(rotation: &Rotation<'_>, label: StagingLabel) -> Result<Option<SecretValue>, Error> {
    if rotation.description.version(label).is_none() {
        return Ok(None);
    }
    let selector = Selector::Labelled(label);
    let (store, deadline) = (rotation.store, rotation.deadline);
    match store.value(&rotation.secret, selector, deadline).await {
        Err(error) if error.error_type() == ErrorType::SecretNotFound => Ok(None),
        value => value,
    }
}

/// A value that was not the expected one may be a moment old; the labels themselves decide.
async fn still_pending(rotation: &Rotation<'_>) -> Result<(), Error> {
    let (store, deadline) = (rotation.store, rotation.deadline);
    let now = store.describe(&rotation.secret, deadline).await?;
    let unchanged = |label| now.version(label) == rotation.description.version(label);
    if unchanged(StagingLabel::Pending) && unchanged(StagingLabel::Current) {
        return Ok(());
    }
    Err(ErrorType::RotationSuperseded.because(format!(
        "AWSPENDING or AWSCURRENT moved since this step of version {} began, so nothing was written; \
         if the version is still AWSPENDING, the next try goes on from here",
        rotation.version
    )))
}
