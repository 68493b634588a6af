//! `status`: where the rotations of secrets stand, a row each. A secret that cannot be looked at is a
//! row, not the end.

use std::collections::BTreeSet;
use std::time::Duration;

use anstream::println;
use futures_util::StreamExt;
use futures_util::stream;
use indicatif::{ProgressBar, ProgressStyle};
use rotation::aws::StagingLabel;
use rotation::error::{Error, ErrorType};
use rotation::event::SecretId;
use rotation::step::Current;
use rotation::step::survey::{Survey, Validity};
use serde::Serialize;

use crate::account::Account;
use crate::arguments::{Output, Status};
use crate::screen::{self, ALARM, Described, NOTICE, item, table};
use crate::secret::{Secret, distance, minute};

mod servers;

/// How many secrets are read from AWS at once, and how many servers are looked at.
const AT_ONCE: usize = 8;

/// The rows.
#[derive(Debug, Serialize)]
pub(crate) struct Statuses {
    secrets: Vec<Row>,
}

/// What is known of one secret.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    secret: String,
    name: String,
    rotation_enabled: bool,
    /// The user in use.
    user: Option<String>,
    /// When its version was stored.
    since: Option<String>,
    /// When the next rotation is due.
    next: Option<String>,
    overdue: bool,
    /// The version of a rotation that has begun and not ended.
    unfinished: Option<String>,
    /// What is known from the server; nothing with `--no-database`.
    server: Option<OnServer>,
    error: Option<Described>,
    /// `since` and `next` for people.
    #[serde(skip)]
    shown: [String; 2],
}

/// What the server says of the two users.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OnServer {
    /// Whether the password of AWSCURRENT is valid.
    current_valid: bool,
    /// Whether that of AWSPREVIOUS is, if there is one.
    previous_valid: Option<bool>,
    /// Whether that of the version of an unfinished rotation is set.
    unfinished_valid: Option<bool>,
    /// How many statements would make the twin equal.
    drift: usize,
    twin_exists: bool,
    /// Accounts of the two users that cannot be used as they are.
    unusable: Vec<String>,
    /// What each of these logins is, for people.
    #[serde(skip)]
    validity: [Option<Validity>; 3],
}

/// A secret that was read, and its current document.
struct Subject {
    row: Row,
    secret: Secret,
    current: Current,
}

/// Reads the secrets, then looks at their users, server by server.
pub(crate) async fn run(
    account: &Account,
    arguments: &Status,
    output: Output,
) -> Result<Statuses, Error> {
    let ids = match arguments.secrets.as_slice() {
        [] => rotated_by_one_function(account, arguments).await?,
        named => named.iter().map(SecretId::new).collect(),
    };
    let bar = progress(ids.len(), output);
    let read = stream::iter(ids).map(|id| read(account, id)).buffered(AT_ONCE);
    let read: Vec<_> = read.collect().await;

    let mut rows: Vec<Option<Row>> = Vec::new();
    let mut subjects = Vec::new();
    for (at, subject) in read.into_iter().enumerate() {
        match subject {
            Ok(subject) if !arguments.no_database => {
                subjects.push((at, subject));
                rows.push(None);
            }
            Ok(subject) => rows.push(Some(subject.row)),
            Err(row) => rows.push(Some(*row)),
        }
    }
    bar.inc(rows.iter().flatten().count() as u64);
    for (at, row) in servers::look(account, &arguments.settings, subjects, &bar).await {
        rows[at] = Some(row);
    }
    bar.finish_and_clear();
    Ok(Statuses { secrets: rows.into_iter().flatten().collect() })
}

/// The secrets that have the tags and that one function rotates.
async fn rotated_by_one_function(
    account: &Account,
    arguments: &Status,
) -> Result<Vec<SecretId>, Error> {
    let mut found = account.rotated(&arguments.tag).await?;
    if let Some(wanted) = &arguments.function {
        found.retain(|entry| {
            let arn = entry.rotation_lambda_arn().unwrap_or_default();
            arn == wanted || arn.split(':').nth(6) == Some(wanted)
        });
    }
    let functions: BTreeSet<_> = found.iter().filter_map(|it| it.rotation_lambda_arn()).collect();
    if functions.len() > 1 {
        let functions = functions.into_iter().collect::<Vec<_>>().join(", ");
        return Err(ErrorType::EventInvalid.because(format!(
            "the secrets were not looked at: several functions rotate them ({functions}); name one with \
             --function"
        )));
    }
    Ok(found.iter().filter_map(|entry| entry.arn()).map(SecretId::new).collect())
}

/// Describes a secret and reads its current value, or gives the row that says why not.
async fn read(account: &Account, id: SecretId) -> Result<Subject, Box<Row>> {
    let mut row = Row { secret: id.to_string(), name: id.to_string(), ..Row::default() };
    let failed = |mut row: Row, error: &Error| {
        row.error = Some(Described::from(error));
        Err(Box::new(row))
    };
    let secret = match account.describe(&id).await {
        Ok(secret) => secret,
        Err(error) => return failed(row, &error),
    };
    row.secret = secret.arn().to_string();
    row.name.clone_from(&secret.name);
    row.rotation_enabled = secret.description.rotation_enabled == Some(true);
    row.overdue = secret.is_overdue();
    row.unfinished = secret.unfinished().map(ToString::to_string);
    if let Some(next) = &secret.next {
        row.next = Some(minute(next));
        row.shown[1] = distance(next);
    }
    let current = account.current(secret.arn()).await;
    if let Some(stored) = current.as_ref().ok().map(|current| current.stored) {
        let stored = stored.into();
        row.since = Some(minute(&stored));
        row.shown[0] = distance(&stored);
    }
    match current {
        Ok(current) => {
            row.user = Some(current.username.to_string());
            Ok(Subject { row, secret, current })
        }
        Err(error) => failed(row, &error),
    }
}

impl OnServer {
    fn new(survey: &Survey, secret: &Secret) -> Self {
        let validity = [
            secret.version(StagingLabel::Current),
            secret.version(StagingLabel::Previous),
            secret.unfinished(),
        ]
        .map(|version| survey.login(version?).map(|login| login.validity));
        let [current, previous, unfinished] = validity.map(|found| found.map(Validity::logs_in));
        Self {
            current_valid: current.unwrap_or_default(),
            previous_valid: previous,
            unfinished_valid: unfinished,
            validity,
            drift: survey.plan.len(),
            twin_exists: survey.twin_exists,
            unusable: survey.unusable.clone(),
        }
    }
}

fn progress(secrets: usize, output: Output) -> ProgressBar {
    if output == Output::Json || secrets < 2 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(secrets as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} secrets") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

impl screen::Result for Statuses {
    fn print(&self) {
        let columns = ["secret", "user in use", "since", "next", "previous", "twin", "state"];
        table(&columns, self.secrets.iter().map(Row::cells).collect());
        for row in &self.secrets {
            for (style, note) in row.notes() {
                item(style, "- ", &format!("{}: {note}", row.name));
            }
        }
        let bad = self.secrets.iter().filter(|row| !row.notes().is_empty()).count();
        println!("\n{} secret(s), {bad} to look at", self.secrets.len());
    }
}

impl Row {
    fn cells(&self) -> Vec<String> {
        let [since, next] = self.shown.clone();
        let server = self.server.as_ref();
        let previous = match server.and_then(|server| server.validity[1]) {
            None => "",
            Some(Validity::Locked) => "locked",
            Some(Validity::Expired) => "expired",
            Some(previous) if previous.logs_in() => "valid",
            Some(_) => "replaced",
        };
        vec![
            self.name.clone(),
            self.user.clone().unwrap_or_default(),
            since,
            // Of a secret that was not read nothing is known.
            if self.rotation_enabled || self.user.is_none() { next } else { "off".to_owned() },
            previous.to_owned(),
            match server {
                None => String::new(),
                Some(server) if !server.twin_exists => "none yet".to_owned(),
                Some(server) if server.drift == 0 => "equal".to_owned(),
                Some(server) => format!("drift {}", server.drift),
            },
            self.state().to_owned(),
        ]
    }

    fn state(&self) -> &'static str {
        match self {
            Self { error: Some(_), .. } => "FAILED",
            Self { server: Some(OnServer { current_valid: false, .. }), .. } => "LOCKED OUT",
            Self { unfinished: Some(_), .. } => "STUCK",
            Self { overdue: true, .. } => "OVERDUE",
            Self { server: Some(OnServer { unusable, .. }), .. } if !unusable.is_empty() => "LOOK",
            _ => "ok",
        }
    }

    /// What somebody should look at.
    fn notes(&self) -> Vec<(anstyle::Style, String)> {
        let mut notes = Vec::new();
        if let Some(error) = &self.error {
            notes.push((ALARM, error.to_string()));
        }
        if let Some(OnServer { current_valid: false, validity: [current, ..], .. }) = &self.server {
            let found = match current {
                Some(Validity::Locked) => "the user of AWSCURRENT is locked",
                Some(Validity::Expired) => "the password of AWSCURRENT has expired",
                _ => "the password of AWSCURRENT is not the server's",
            };
            notes.push((ALARM, format!("{found}: applications are refused now")));
        }
        if let Some(version) = &self.unfinished {
            let set = self.server.as_ref().and_then(|server| server.validity[2]);
            let at = match set {
                None => "",
                Some(Validity::Locked) => "; its password is set, and its user is locked",
                Some(Validity::Expired) => "; its password was set, and has expired",
                Some(set) if set.logs_in() => {
                    "; its password is set, so testSecret or finishSecret failed"
                }
                Some(_) => "; its password is not set, so createSecret or setSecret failed",
            };
            notes.push((NOTICE, format!("the rotation to version {version} has not ended{at}")));
        }
        if self.overdue {
            notes.push((NOTICE, format!("the rotation was due {}", self.shown[1])));
        }
        let unusable = self.server.iter().flat_map(|server| &server.unusable);
        notes.extend(unusable.map(|account| (NOTICE, account.clone())));
        notes
    }
}
