//! `rollback`: makes AWSPREVIOUS current again, if its password is still valid.

use anstream::println;
use rotation::aws::{MoveOutcome, StagingLabel};
use rotation::error::{Error, ErrorType};
use rotation::event::{SecretId, VersionId};
use rotation::step::survey::{Survey, Validity};
use serde::Serialize;

use crate::account::{Account, deadline};
use crate::arguments::{Labels, Output};
use crate::screen::{self, ALARM, NOTICE, WELL, heading, item};
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
    /// How many statements would make the two users equal: what they are granted differs before.
    drift: usize,
    done: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    user: String,
    version: String,
}

impl Place {
    fn of(survey: &Survey, version: &VersionId) -> Self {
        let user = survey.login(version).map(|login| login.user.to_string());
        Self { user: user.unwrap_or_default(), version: version.to_string() }
    }
}

/// Proves AWSPREVIOUS on the server, asks, and moves the label.
pub(crate) async fn run(
    account: &Account,
    arguments: &Labels,
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
    let survey = survey(&surveyor).await?;
    let document = account.labeled(id, StagingLabel::Previous).await?;
    lets_in(&survey, previous, &survey.refused_at(&surveyor.rotation()?, &document)?)?;
    // Where Secrets Manager has left AWSPENDING on the version that is current, it would be in the way of
    // the next rotation.
    let is_pending = secret.description.has_label(current, StagingLabel::Pending);
    let [from, to] = [current, previous].map(|version| Place::of(&survey, version));
    let mut result = RolledBack {
        secret: id.to_string(),
        from,
        to,
        calls: calls(id, previous, current, is_pending),
        drift: survey.plan.len(),
        done: false,
    };
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

/// The calls to Secrets Manager, as a person would type them.
fn calls(
    id: &SecretId,
    previous: &VersionId,
    current: &VersionId,
    is_pending: bool,
) -> Vec<String> {
    let moved = format!(
        "--version-stage AWSCURRENT --move-to-version-id {previous} --remove-from-version-id {current}"
    );
    let mut calls = vec![id.update_stage(&moved)];
    if is_pending {
        let removed = format!("--version-stage AWSPENDING --remove-from-version-id {current}");
        calls.push(id.update_stage(&removed));
    }
    calls
}

/// Looks at the users. Where the one in use was dropped, the other one is needed most.
async fn survey(surveyor: &Surveyor<'_>) -> Result<Survey, Error> {
    match surveyor.survey().await {
        Err(error) if error.error_type() == ErrorType::UserMissing => {
            surveyor.survey_from(StagingLabel::Previous).await
        }
        survey => survey,
    }
}

/// Refuses a login that would lock clients out: all of them, or those at these hosts.
fn lets_in(survey: &Survey, previous: &VersionId, refused_at: &[String]) -> Result<(), Error> {
    match survey.login(previous).map(|login| login.validity) {
        Some(state @ (Validity::Locked | Validity::Expired)) => {
            let state =
                if state == Validity::Locked { "is locked" } else { "has an expired password" };
            return Err(ErrorType::AccountUnusable.because(format!(
                "nothing was changed: the user of version {previous}, AWSPREVIOUS, {state}, so it would lock \
                 every client out; make it usable, or rotate instead"
            )));
        }
        Some(found) if found.logs_in() => {}
        _ => {
            return Err(ErrorType::SecretInvalid.because(format!(
                "nothing was changed: the password of version {previous}, AWSPREVIOUS, is not what the \
                 server stores, so it would lock every client out; rotate instead"
            )));
        }
    }
    if !refused_at.is_empty() {
        return Err(ErrorType::HostPasswordsDiffer.because(format!(
            "nothing was changed: the login of version {previous}, AWSPREVIOUS, is refused for clients \
             whose account is that at {}; give it this password there, or rotate instead",
            refused_at.join(", ")
        )));
    }
    Ok(())
}

impl RolledBack {
    /// 1 if the answer was no: whatever waits for the label must not go on.
    pub(crate) fn status(&self) -> u8 {
        u8::from(!self.done)
    }

    fn tell(&self) {
        let Self { from, to, .. } = self;
        heading(&self.secret);
        item(NOTICE, "now     ", &format!("\"{}\", version {}", from.user, from.version));
        item(WELL, "then    ", &format!("\"{}\", version {}", to.user, to.version));
        item(WELL, "proof   ", "the server stores the hash of that version's password");
        if self.drift > 0 {
            let differ = format!(
                "the two users differ by {} statement(s), so clients may miss a privilege; \
                 mysql-rotation check shows them",
                self.drift
            );
            item(ALARM, "drift   ", &differ);
        }
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
