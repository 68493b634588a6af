//! `rotate`: starts a rotation, follows it, and shows which logins are valid afterwards. After a leak
//! it rotates until the login that was current is valid no longer.

use anstream::println;
use rotation::aws::StagingLabel;
use rotation::error::{Error, ErrorType};
use rotation::event::SecretId;
use rotation::step::Current;
use rotation::step::survey::{Surveying, Validity};
use serde::Serialize;

use crate::account::Account;
use crate::arguments::{Output, Rotate};
use crate::command::rotate::follow::{Ended, follow};
use crate::screen::{self, ALARM, NOTICE, WELL, heading, item};
use crate::surveyor::Surveyor;

mod follow;

/// After so many rotations a login is replaced, with `RETAIN_PREVIOUS_PASSWORD` too.
const MOST: usize = 4;

/// What was done, and what is valid now.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rotated {
    secret: String,
    rotations: Vec<Ended>,
    logins: Vec<Login>,
    /// Of both users, with `--until-replaced`: their passwords are not asked for again.
    sessions: Vec<Open>,
    /// With `--until-replaced`: whether the login that was current at the beginning is refused now.
    replaced: Option<bool>,
}

/// A login, and whether it is valid now.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    what: &'static str,
    user: String,
    valid: bool,
    /// Whether it is valid as the second password of the user.
    retained: bool,
    /// Whether it is the user's, which is locked, or whose password has expired.
    locked: bool,
}

/// A session that is open.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Open {
    id: String,
    user: String,
    client: String,
}

/// Starts and follows rotations.
pub(crate) async fn run(
    account: &Account,
    arguments: &Rotate,
    output: Output,
) -> Result<Rotated, Error> {
    let secret = account.describe(&SecretId::new(&arguments.secret)).await?;
    let id = secret.arn().clone();
    let first = account.current(&id).await?;
    let question = if arguments.until_replaced {
        format!(
            "Rotate {} until the password of \"{}\" that is current now is valid no longer? Clients that do \
             not read the secret in between are locked out.",
            secret.name, first.username
        )
    } else {
        format!("Rotate {} now?", secret.name)
    };
    if !arguments.yes && !screen::confirm(&question) {
        return Err(ErrorType::EventInvalid.because(
            "nothing was changed: the question was not answered with yes; answer it, or give --yes",
        ));
    }
    let mut result = Rotated { secret: id.to_string(), ..Rotated::default() };
    loop {
        result.rotations.push(follow(account, &id, arguments.timeout, output).await?);
        let surveyor_secret = account.describe(&id).await?;
        let surveyor = Surveyor::of(account, &surveyor_secret, &arguments.settings).await?;
        let rotation = surveyor.rotation()?;
        let now = account.current(&id).await?;
        let mut surveying = Surveying::open(&rotation, &now).await?;
        let left = look(&mut surveying, &rotation, (&first, &now), arguments, &mut result).await;
        surveying.close().await;
        if !arguments.until_replaced
            || left? == Validity::Replaced
            || result.rotations.len() == MOST
        {
            break;
        }
    }
    Ok(result)
}

/// Finds which logins are valid now. Gives how the first login stands.
async fn look(
    surveying: &mut Surveying,
    rotation: &rotation::step::Rotation<'_>,
    (first, now): (&Current, &Current),
    arguments: &Rotate,
    result: &mut Rotated,
) -> Result<Validity, Error> {
    let mut survey = surveying.survey(rotation, now).await?;
    let mut left = survey.validity(rotation, first)?;
    if left == Validity::Retained && arguments.discard_old_password {
        surveying.discard_old_password(&survey, &first.username).await?;
        survey = surveying.survey(rotation, now).await?;
        left = survey.validity(rotation, first)?;
    }
    let login = |what, user: String, validity: Validity| Login {
        what,
        user,
        valid: validity.logs_in(),
        retained: validity == Validity::Retained,
        locked: matches!(validity, Validity::Locked | Validity::Expired),
    };
    let description = &rotation.description;
    result.logins = [StagingLabel::Current, StagingLabel::Previous]
        .into_iter()
        .filter_map(|label| Some((label, survey.login(description.version(label)?)?)))
        .map(|(label, found)| login(label.as_str(), found.user.to_string(), found.validity))
        .collect();
    result.logins.push(login("before this command", first.username.to_string(), left));
    if arguments.until_replaced {
        result.replaced = Some(left == Validity::Replaced);
        let sessions = surveying.sessions(&survey).await?.into_iter();
        result.sessions = sessions
            .map(|session| Open {
                id: session.connection.id,
                user: session.user.to_string(),
                client: session.connection.client,
            })
            .collect();
    }
    Ok(left)
}

impl screen::Result for Rotated {
    fn print(&self) {
        heading("Valid logins, by the hashes that the server stores");
        for Login { what, user, valid, retained, locked } in &self.logins {
            let (style, is) = match (valid, retained, locked) {
                (true, false, _) => (WELL, "valid"),
                (true, true, _) => (NOTICE, "valid, as the user's second password"),
                (false, _, true) => (ALARM, "locked or expired, with this password"),
                (false, _, false) => (ALARM, "replaced"),
            };
            item(style, "", &format!("{what:<20} {user:<32} {is}"));
        }
        match self.replaced {
            None => {}
            Some(true) => {
                println!("\nThe login that was current before this command is valid no longer.");
                self.print_sessions();
            }
            Some(false) => println!(
                "\nThe login that was current before this command is still valid. If it is the user's \
                 second password, run the command again with --discard-old-password."
            ),
        }
    }
}

impl Rotated {
    /// 1 if a login that was to be replaced is still valid: whatever waits for that must not go on.
    pub(crate) fn status(&self) -> u8 {
        u8::from(self.replaced == Some(false))
    }

    fn print_sessions(&self) {
        if self.sessions.is_empty() {
            println!("No session of the two users is open, as far as the superuser may see.");
            return;
        }
        heading("Open sessions, which a new password does not end");
        for Open { id, user, client } in &self.sessions {
            item(NOTICE, "", &format!("KILL {id};  -- {user} from {client}"));
        }
    }
}
