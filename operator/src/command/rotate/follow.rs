//! One rotation, from `RotateSecret` until its version is current.

use std::time::{Duration, SystemTime};

use anstream::println;
use rotation::aws::StagingLabel;
use rotation::error::{Error, ErrorType};
use rotation::event::{SecretId, VersionId};
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::account::Account;
use crate::arguments::Output;
use crate::screen::{NOTICE, WELL, item};
use crate::secret::Secret;

/// How often the labels are read.
const PAUSE: Duration = Duration::from_secs(1);

/// A rotation that has ended well.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ended {
    version: String,
    seconds: u64,
}

/// Starts a rotation, or continues the one that has not ended, and waits until its version is current.
pub(super) async fn follow(
    account: &Account,
    id: &SecretId,
    timeout: Duration,
    output: Output,
) -> Result<Ended, Error> {
    let secret = account.describe(id).await?;
    let Some(function) = &secret.function else {
        return Err(ErrorType::RotationDisabled.because(format!(
            "nothing was changed: secret {id} has no rotation function; attach one with aws secretsmanager \
             rotate-secret --rotation-lambda-arn"
        )));
    };
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut log = Log {
        function,
        since: i64::try_from(since.as_millis()).unwrap_or(0),
        shown: 0,
        readable: true,
    };
    let started = Instant::now();
    // With a rotation that has not ended, the call continues that one, and is answered with an error.
    let version = match (account.rotate(id).await, secret.unfinished()) {
        (Ok(version), _) => version,
        (Err(_), Some(unfinished)) => unfinished.clone(),
        (Err(error), None) => return Err(error),
    };
    if output == Output::Text {
        println!("Version {version}");
    }
    loop {
        let secret = account.describe(id).await?;
        if output == Output::Text {
            log.show(account, &version).await;
        }
        if secret.description.has_label(&version, StagingLabel::Current) {
            let seconds = started.elapsed().as_secs();
            if output == Output::Text {
                item(WELL, "", &format!("current after {seconds} s"));
            }
            return Ok(Ended { version: version.to_string(), seconds });
        }
        check(&secret, &version, started.elapsed() > timeout)?;
        sleep(PAUSE).await;
    }
}

/// Whether it makes sense to go on waiting.
fn check(secret: &Secret, version: &VersionId, late: bool) -> Result<(), Error> {
    let id = secret.arn();
    if !secret.description.has_label(version, StagingLabel::Pending) {
        return Err(ErrorType::RotationSuperseded.because(format!(
            "the rotation was not followed to its end: version {version} of secret {id} has lost AWSPENDING \
             and is not current; find out what moved its labels, then rotate again"
        )));
    }
    if late {
        return Err(ErrorType::DeadlineExceeded.because(format!(
            "the rotation has not ended: version {version} of secret {id} still has AWSPENDING; the function's \
             log says why, and mysql-rotation status how far it came; Secrets Manager tries again by itself"
        )));
    }
    Ok(())
}

/// What the function says of the rotation meanwhile, where its log may be read.
struct Log<'a> {
    function: &'a str,
    since: i64,
    shown: usize,
    readable: bool,
}

impl Log<'_> {
    async fn show(&mut self, account: &Account, version: &VersionId) {
        if !self.readable {
            return;
        }
        match account.logged(self.function, version, self.since).await {
            Ok(lines) => {
                for line in lines.iter().skip(self.shown) {
                    if let Some((step, message)) = told(line) {
                        item(NOTICE, &format!("{step:<14}"), &message);
                    }
                }
                self.shown = lines.len();
            }
            Err(error) => {
                self.readable = false;
                let kind = error.error_type();
                item(
                    NOTICE,
                    "",
                    &format!("the function's log cannot be read ({kind}); only labels are shown"),
                );
            }
        }
    }
}

/// The step and the message of a line that a person would read.
fn told(line: &str) -> Option<(String, String)> {
    let line: Value = serde_json::from_str(line).ok()?;
    let text = |field: &str| line[field].as_str().map(str::to_owned);
    Some((text("step")?, text("message")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_metrics_is_not_shown() {
        assert_eq!(
            told(r#"{"step":"setSecret","message":"done"}"#),
            Some(("setSecret".to_owned(), "done".to_owned()))
        );
        assert_eq!(told(r#"{"step":"setSecret","_aws":{}}"#), None);
    }
}
