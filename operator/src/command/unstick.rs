//! `unstick`: takes AWSPENDING away from the version of a rotation that failed, so that the next one
//! begins anew.

use anstream::println;
use rotation::aws::StagingLabel;
use rotation::error::{Error, ErrorType};
use rotation::event::{SecretId, VersionId};
use rotation::step::survey::{Survey, Validity};
use serde::Serialize;

use crate::account::Account;
use crate::arguments::{Labels, Output};
use crate::screen::{self, NOTICE, heading, item};
use crate::surveyor::Surveyor;

/// What was found, and done.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Unstuck {
    secret: String,
    version: String,
    /// What the rotation has changed so far.
    found: Vec<String>,
    call: String,
    done: bool,
}

/// Shows what the rotation has changed, asks, and removes the label.
pub(crate) async fn run(
    account: &Account,
    arguments: &Labels,
    output: Output,
) -> Result<Unstuck, Error> {
    let secret = account.describe(&SecretId::new(&arguments.secret)).await?;
    let id = secret.arn();
    let Some(version) = secret.unfinished() else {
        return Err(ErrorType::VersionNotPending.because(format!(
            "nothing was changed: no rotation of secret {id} is in the way, since no version has \
             AWSPENDING and not AWSCURRENT"
        )));
    };
    // What the rotation did is told where it can be; the label can go in any case.
    let found = match Surveyor::of(account, &secret, &arguments.settings).await {
        Ok(surveyor) => surveyor.survey().await.map(|survey| changed(&survey, version)),
        Err(error) => Err(error),
    };
    let mut unstuck = Unstuck {
        secret: id.to_string(),
        call: id.update_stage(&format!(
            "--version-stage AWSPENDING --remove-from-version-id {version}"
        )),
        version: version.to_string(),
        found: found.unwrap_or_else(|error| {
            vec![format!("what it has changed on the server could not be found out: {error:?}")]
        }),
        done: false,
    };
    if output == Output::Text {
        unstuck.tell();
    }
    if arguments.yes || screen::confirm("Remove the label?") {
        account.remove_label(id, StagingLabel::Pending.as_str(), version).await?;
        unstuck.done = true;
    }
    Ok(unstuck)
}

/// What a rotation has changed: each step leaves something that can be seen.
fn changed(survey: &Survey, version: &VersionId) -> Vec<String> {
    let Some(login) = survey.login(version) else {
        return vec!["createSecret stored nothing: the version has no value".to_owned()];
    };
    let user = &login.user;
    let mut changed = vec![format!("createSecret stored a new password for \"{user}\"")];
    changed.push(match login.validity {
        Validity::Valid => {
            format!("setSecret has set it on the server: \"{user}\" logs in with it")
        }
        Validity::Retained => format!("the server keeps it as the second password of \"{user}\""),
        Validity::Locked => format!("it is set on the server, where \"{user}\" is locked"),
        Validity::Expired => "it was set on the server, and has expired there".to_owned(),
        Validity::Replaced => {
            format!("it is not set on the server: \"{user}\" has another password")
        }
        Validity::Missing => format!("\"{user}\" does not exist on the server"),
    });
    if login.validity != Validity::Missing {
        changed.push(match survey.plan.len() {
            0 => "both users are equal".to_owned(),
            1 => "both users differ: one statement is missing to make them equal".to_owned(),
            count => {
                format!("both users differ: {count} statements are missing to make them equal")
            }
        });
    }
    changed
}

impl Unstuck {
    /// 1 if the answer was no: whatever waits for the label must not go on.
    pub(crate) fn status(&self) -> u8 {
        u8::from(!self.done)
    }

    fn tell(&self) {
        heading(&format!("The rotation to version {} of {}", self.version, self.secret));
        for found in &self.found {
            item(NOTICE, "- ", found);
        }
        item(
            screen::WELL,
            "- ",
            "the user in use was not changed, and the next rotation corrects the other one",
        );
        println!("\n{}\n", self.call);
    }
}

impl screen::Result for Unstuck {
    fn print(&self) {
        if self.done {
            println!("Done. Start the next rotation with mysql-rotation rotate {}", self.secret);
        } else {
            println!("Nothing was changed.");
        }
    }
}
