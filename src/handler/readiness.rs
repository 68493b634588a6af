//! Whether a step may begin, judged by the secret's description alone.

use std::time::Duration;

use aws_sdk_secretsmanager::types::StatusType;

use crate::aws::{Description, StagingLabel};
use crate::config::Config;
use crate::error::{Error, ErrorType};
use crate::event::{RotationEvent, Step};

#[cfg(test)]
mod tests;

/// How long a label that was written a moment ago may take to be seen: Secrets Manager is
/// eventually consistent, and the steps follow each other within milliseconds.
const VISIBILITY: Duration = Duration::from_secs(2);

/// How long replica regions may take to receive a version.
const REPLICATION: Duration = Duration::from_secs(20);

/// What is to be done for a secret that is not refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// The version is what the rotation makes.
    Pending {
        /// What the owner should know.
        warnings: Vec<String>,
    },
    /// The rotation has ended well already.
    AlreadyCurrent,
}

/// Why a step may not begin, and how long it is worth waiting that this changes.
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
    warnings.extend(replicas_are_ready(config, event, description)?);
    Ok(Readiness::Pending { warnings })
}

/// A `testSecret` may come before rotation is turned on: it is how Secrets Manager tries a
/// rotation out, and changes nothing. The step itself refuses a pending value that is no trial.
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
            "rotation is turned off; turn it on with aws secretsmanager rotate-secret",
        )),
    }
}

fn version_is_pending(event: &RotationEvent, description: &Description) -> Result<(), NotReady> {
    let version = &event.version;
    let Some(labels) = description.labels(version) else {
        return Err(refuse(
            VISIBILITY,
            ErrorType::VersionUnknown,
            format!(
                "the secret has no version {version}; start rotations from Secrets Manager, not \
                 by invoking this function"
            ),
        ));
    };
    if description.has_label(version, StagingLabel::Pending) {
        return Ok(());
    }
    let labels: Vec<_> = labels.iter().map(String::as_str).collect();
    let found = match labels.join(", ") {
        none if none.is_empty() => "no label".to_owned(),
        labels => labels,
    };
    let holder = match description.version(StagingLabel::Pending) {
        Some(holder) => format!("version {holder} is"),
        None => "no version is".to_owned(),
    };
    Err(refuse(
        VISIBILITY,
        ErrorType::VersionNotPending,
        format!(
            "version {version} is not labelled AWSPENDING (found: {found}; {holder}); start \
             rotations from Secrets Manager, not by invoking this function"
        ),
    ))
}

/// A region that no longer receives versions would lock its clients out two rotations later, when
/// the password that they still have is replaced. And a second change of labels, before the first
/// has reached a region, can leave it stuck; so the steps that change some wait.
fn replicas_are_ready(
    config: &Config,
    event: &RotationEvent,
    description: &Description,
) -> Result<Vec<String>, NotReady> {
    let changes_labels = matches!(event.step, Step::CreateSecret | Step::FinishSecret);
    let mut warnings = Vec::new();
    for replica in &description.replicas {
        let region = &replica.region;
        match replica.status {
            Some(StatusType::Failed) if config.ignore_replica_status => {
                warnings.push(format!("replication to {region} fails, which is ignored"));
            }
            Some(StatusType::Failed) => {
                return Err(refuse(
                    Duration::ZERO,
                    ErrorType::ReplicationIncomplete,
                    format!(
                        "replication of the secret to {region} fails (\"{}\"), and its clients \
                         there would be locked out by the next rotations; repair or remove the \
                         replica, or set IGNORE_REPLICA_STATUS=true",
                        replica.message
                    ),
                ));
            }
            Some(StatusType::InProgress) if changes_labels && !config.ignore_replica_status => {
                return Err(refuse(
                    REPLICATION,
                    ErrorType::ReplicationIncomplete,
                    format!(
                        "replication of the secret to {region} is still in progress; the next try \
                         goes on from here"
                    ),
                ));
            }
            _ => {}
        }
    }
    Ok(warnings)
}

fn refuse(patience: Duration, error_type: ErrorType, text: impl std::fmt::Display) -> NotReady {
    NotReady { error: error_type.because(text), patience }
}
