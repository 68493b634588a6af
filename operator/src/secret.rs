//! What Secrets Manager knows of a secret and its rotation.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::primitives::{DateTime, DateTimeFormat};
use rotation::aws::{Description, StagingLabel};
use rotation::event::{SecretId, VersionId};

/// A secret's description, with its schedule.
#[derive(Debug)]
pub(crate) struct Secret {
    /// What the function knows of it.
    pub(crate) description: Description,
    /// The name.
    pub(crate) name: String,
    /// The function that rotates it.
    pub(crate) function: Option<String>,
    /// Until when it is to be rotated next.
    pub(crate) next: Option<DateTime>,
}

impl Secret {
    pub(crate) fn new(description: Description, answer: DescribeSecretOutput) -> Self {
        Self {
            description,
            name: answer.name.unwrap_or_default(),
            function: answer.rotation_lambda_arn,
            next: answer.next_rotation_date,
        }
    }

    pub(crate) fn arn(&self) -> &SecretId {
        &self.description.arn
    }

    pub(crate) fn version(&self, label: StagingLabel) -> Option<&VersionId> {
        self.description.version(label)
    }

    /// The version of a rotation that has begun and not ended: AWSPENDING beside AWSCURRENT.
    pub(crate) fn unfinished(&self) -> Option<&VersionId> {
        let pending = self.version(StagingLabel::Pending)?;
        (Some(pending) != self.version(StagingLabel::Current)).then_some(pending)
    }

    /// Whether the next rotation should have ended before now.
    pub(crate) fn is_overdue(&self) -> bool {
        let on = self.description.rotation_enabled == Some(true);
        on && self.next.is_some_and(|next| next < DateTime::from(SystemTime::now()))
    }
}

/// A moment, to the minute, in UTC.
pub(crate) fn minute(moment: &DateTime) -> String {
    let text = moment.fmt(DateTimeFormat::DateTime).unwrap_or_default();
    text.get(..16).unwrap_or(&text).replacen('T', " ", 1)
}

/// How long ago a moment was, or how long it is until then, in its largest unit.
pub(crate) fn distance(moment: &DateTime) -> String {
    let (now, then) = (SystemTime::now(), SystemTime::try_from(*moment));
    let Ok(then) = then else {
        return String::new();
    };
    match now.duration_since(then) {
        Ok(passed) => format!("{} ago", length(passed)),
        Err(_) => format!("in {}", length(then.duration_since(now).unwrap_or_default())),
    }
}

fn length(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_told_in_its_largest_unit() {
        let told: Vec<_> = [0, 59, 60, 3_599, 3_600, 172_799, 172_800, 30 * 86_400]
            .map(Duration::from_secs)
            .map(length)
            .into();
        assert_eq!(told, ["0 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 d", "30 d"]);
    }

    #[test]
    fn a_moment_is_told_to_the_minute() {
        assert_eq!(minute(&DateTime::from_secs(0)), "1970-01-01 00:00");
    }
}
