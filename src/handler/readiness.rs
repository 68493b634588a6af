//! Whether a step may begin, according to the secret's description.

use std::time::Duration;

use aws_sdk_secretsmanager::types::StatusType;

use crate::aws::{Description, Replica, StagingLabel, VISIBILITY_PAUSES};
use crate::config::Config;
use crate::error::{Error, ErrorType};
use crate::event::{RotationEvent, Step};

#[cfg(test)]
mod tests;

/// How long replica regions may take to receive a version.
const REPLICATION: Duration = Duration::from_secs(20);

/// What the step has to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// The version is pending: run the step.
    Pending {
        /// What the operator should know.
        warnings: Vec<String>,
    },
    /// The rotation has succeeded already: nothing.
    AlreadyCurrent,
}

/// Why a step may not begin, and for how long waiting may change that.
#[derive(Debug)]
pub(super) struct NotReady {
    pub(super) error: Error,
    pub(super) patience: Duration,
}

/// Decides whether the step of the event may begin.
pub(super) fn readiness(
    config: &Config,
    event: &RotationEvent,
    description: &Description,
) -> Result<Readiness, NotReady> {
    let mut warnings = rotation_is_on(event, description)?;
    if description.has_label(&event.version, StagingLabel::Current) {
        return Ok(Readiness::AlreadyCurrent);
    }
    version_is_pending(event, description)?;
    warnings.extend(replicas_are_ready(config, event.step, description)?);
    Ok(Readiness::Pending { warnings })
}

/// A preflight, which is a `testSecret`, may come before rotation is turned on. The step itself
/// refuses a pending value that is not that of a preflight.
fn rotation_is_on(
    event: &RotationEvent,
    description: &Description,
) -> Result<Vec<String>, NotReady> {
    match (description.rotation_enabled, event.step) {
        (None | Some(true), _) => Ok(Vec::new()),
        (Some(false), Step::TestSecret) => Ok(vec!["rotation is turned off".to_owned()]),
        (Some(false), _) => Err(refuse(
            Duration::ZERO,
            ErrorType::RotationDisabled,
            "the step was not begun: rotation is turned off for the secret; turn it on with aws \
             secretsmanager rotate-secret",
        )),
    }
}

fn version_is_pending(event: &RotationEvent, description: &Description) -> Result<(), NotReady> {
    let version = &event.version;
    let Some(labels) = description.labels(version) else {
        return Err(refuse(
            VISIBILITY_PAUSES.iter().sum(),
            ErrorType::VersionUnknown,
            format!(
                "the step was not begun: no version {version} of the secret has a staging label, if \
                 it exists at all; start rotations with aws secretsmanager rotate-secret, not by \
                 invoking this function"
            ),
        ));
    };
    if description.has_label(version, StagingLabel::Pending) {
        return Ok(());
    }
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    let found = match labels.join(", ") {
        none if none.is_empty() => "none".to_owned(),
        labels => labels,
    };
    let holder = match description.version(StagingLabel::Pending) {
        Some(holder) => format!("AWSPENDING is on version {holder}"),
        None => "no version has AWSPENDING".to_owned(),
    };
    Err(refuse(
        VISIBILITY_PAUSES.iter().sum(),
        ErrorType::VersionNotPending,
        format!(
            "the step was not begun: version {version} is not labeled AWSPENDING (its labels: \
             {found}; {holder}); start rotations with aws secretsmanager rotate-secret, not by invoking this \
             function"
        ),
    ))
}

/// Clients in a region that no longer receives versions would be locked out two rotations later, when
/// the password that they still have is replaced. And a change of labels before the previous one has
/// reached a region can leave its replication stuck; so the steps that change labels wait.
fn replicas_are_ready(
    config: &Config,
    step: Step,
    description: &Description,
) -> Result<Vec<String>, NotReady> {
    let changes_labels = matches!(step, Step::CreateSecret | Step::FinishSecret);
    let mut warnings = Vec::new();
    for replica in &description.replicas {
        let place = &replica.place;
        match fate(replica) {
            Fate::Arrives => {}
            Fate::OnItsWay if !changes_labels || config.ignore_replica_status => {}
            Fate::Lost(found) if config.ignore_replica_status => warnings.push(format!(
                "replication of the secret to {place} {found}; IGNORE_REPLICA_STATUS ignores it"
            )),
            Fate::Unknown(found) if !changes_labels || config.ignore_replica_status => {
                warnings.push(format!("replication of the secret to {place} {found}"));
            }
            Fate::OnItsWay => {
                let found = "is still in progress; wait until describe-secret shows it InSync";
                return Err(incomplete(REPLICATION, place, found));
            }
            Fate::Lost(found) => {
                let found = format!(
                    "{found}, so that later rotations would lock out the clients there; repair or \
                     remove the replica, or set IGNORE_REPLICA_STATUS=true"
                );
                return Err(incomplete(Duration::ZERO, place, &found));
            }
            Fate::Unknown(found) => {
                let found = format!(
                    "{found}; look at describe-secret, and set IGNORE_REPLICA_STATUS=true if clients \
                     there get the versions"
                );
                return Err(incomplete(REPLICATION, place, &found));
            }
        }
    }
    Ok(warnings)
}

/// What a preflight says of the copies of a secret in other regions and accounts.
///
/// # Errors
///
/// `ReplicationIncomplete`.
pub fn replicas(config: &Config, description: &Description) -> Result<Vec<String>, Error> {
    replicas_are_ready(config, Step::TestSecret, description).map_err(|not_ready| not_ready.error)
}

fn incomplete(patience: Duration, place: &str, found: &str) -> NotReady {
    let text = format!("the step was not begun: replication of the secret to {place} {found}");
    refuse(patience, ErrorType::ReplicationIncomplete, text)
}

/// What becomes of the versions at a copy of the secret.
enum Fate {
    Arrives,
    OnItsWay,
    Lost(String),
    Unknown(String),
}

fn fate(replica: &Replica) -> Fate {
    match replica.status.as_ref().map(StatusType::as_str) {
        Some("InSync") => Fate::Arrives,
        // One that has not begun has not ended either.
        Some("InProgress" | "Pending") => Fate::OnItsWay,
        Some("Failed") => Fate::Lost(format!("fails (\"{}\")", replica.message)),
        Some("Detached") => {
            Fate::Lost(format!("has ended: it is Detached (\"{}\")", replica.message))
        }
        Some(other) => Fate::Unknown(format!(
            "has the status \"{other}\", which this version of the function does not know"
        )),
        None => Fate::Unknown("has no status".to_owned()),
    }
}

fn refuse(patience: Duration, error_type: ErrorType, text: impl std::fmt::Display) -> NotReady {
    NotReady { error: error_type.because(text), patience }
}
