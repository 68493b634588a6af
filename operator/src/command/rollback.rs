//! `rollback`: makes AWSPREVIOUS current again, if its password is still valid.

use anstream::println;
use rotation::aws::{MoveOutcome, StagingLabel};
use rotation::error::{Error, ErrorType};
use rotation::event::SecretId;
use serde::Serialize;

use crate::account::{Account, deadline};
use crate::arguments::{Output, Rollback};
use crate::screen::{self, NOTICE, WELL, heading, item};
use crate::surveyor::Surveyor;

/// What was found, and done.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RolledBack {
    secret: String,
    /// The user and the version that are current, or were.
    from: Place,
    /// Those of AWSPREVIOUS.
    to: Place,
    calls: Vec<String>,
    done: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    user: String,
    version: String,
}

/// Proves AWSPREVIOUS on the server, asks, and moves the label.
pub(crate) async fn run(
    account: &Account,
    arguments: &Rollback,
    output: Output,
) -> Result<RolledBack, Error> {
    let secret = account.describe(&SecretId::new(&arguments.secret)).await?;
    let id = secret.arn();
    let (Some(current), Some(previous)) =
        (secret.version(StagingLabel::Current), secret.version(StagingLabel::Previous))
    else {
        return Err(ErrorType::VersionUnknown.because(format!(
            "nothing was changed: no version of secret {id} has AWSPREVIOUS, so there is nothing to go \
             back to"
        )));
    };
    let surveyor = Surveyor::of(account, &secret, &arguments.settings).await?;
    let survey = surveyor.survey().await?;
    let place = |version: &_| Place {
        user: survey.login(version).map_or_else(String::new, |login| login.user.to_string()),
        version: version.to_string(),
    };
    let mut result = RolledBack {
        from: place(current),
        to: place(previous),
        calls: vec![format!(
            "aws secretsmanager update-secret-version-stage --secret-id {id} --version-stage AWSCURRENT \
             --move-to-version-id {previous} --remove-from-version-id {current}"
        )],
        secret: id.to_string(),
        done: false,
    };
    // Where Secrets Manager has left AWSPENDING on the version that is current, it would be in the way of
    // the next rotation.
    let is_pending = secret.description.has_label(current, StagingLabel::Pending);
    if is_pending {
        result.calls.push(format!(
            "aws secretsmanager update-secret-version-stage --secret-id {id} --version-stage AWSPENDING \
             --remove-from-version-id {current}"
        ));
    }
    if !survey.login(previous).is_some_and(|login| login.validity.logs_in()) {
        return Err(ErrorType::CurrentPasswordWrong.because(format!(
            "nothing was changed: the password of version {previous}, AWSPREVIOUS, is not what the server \
             stores of \"{}\", so it would lock every client out; rotate instead, or find the version \
             whose password is valid with mysql-rotation status",
            result.to.user
        )));
    }
    if output == Output::Text {
        result.tell();
    }
    if !arguments.yes && !screen::confirm("Move AWSCURRENT?") {
        return Ok(result);
    }
    let aws = account.clients.for_invocation(deadline());
    if aws.move_current(id, previous, current).await? == MoveOutcome::Refused {
        return Err(ErrorType::RotationSuperseded.because(format!(
            "nothing was changed: AWSCURRENT is not on version {current} any more; look at the secret again"
        )));
    }
    if is_pending {
        account.remove_label(id, StagingLabel::Pending.as_str(), current).await?;
    }
    result.done = true;
    Ok(result)
}

impl RolledBack {
    fn tell(&self) {
        let Self { from, to, .. } = self;
        heading(&self.secret);
        item(NOTICE, "now     ", &format!("\"{}\", version {}", from.user, from.version));
        item(WELL, "then    ", &format!("\"{}\", version {}", to.user, to.version));
        item(WELL, "proof   ", "the server stores the hash of that version's password");
        println!("\n{}\n", self.calls.join("\n"));
    }
}

impl screen::Result for RolledBack {
    fn print(&self) {
        if self.done {
            println!(
                "Done. Nothing was changed on the server, and the next rotation goes on from here."
            );
        } else {
            println!("Nothing was changed.");
        }
    }
}
