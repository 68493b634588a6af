//! `testSecret`: proves that the pending login works and sees itself as the current one does.
//!
//! With a pending value that is the current one, it is Secrets Manager's test of a rotation that is
//! not to happen now: a preflight, which changes nothing and shows what a rotation would do.

use std::collections::BTreeSet;

use account_mirror::show_grants::Clause;
use account_mirror::sql::quote_identifier;

use crate::database::read;
use crate::database::session::{LoginRole, Refusal, Session};
use crate::error::{Error, ErrorType};
use crate::secret::UserSecret;
use crate::step::checks::{self, Report, check_policy};
use crate::step::{Rotation, Summary, credentials, plaintext_warning};

mod replica;

/// How many differences an error names.
const NAMED: usize = 5;

/// Tests the pending version.
pub async fn run(rotation: &Rotation<'_>) -> Result<Summary, Error> {
    let (current, value) = tokio::try_join!(rotation.current(), rotation.pending_value())?;
    let Some(value) = value else {
        // An empty version must never pass: in a real rotation it would be promoted.
        let mut summary = preflight(rotation, &current).await?;
        let found = match &summary.refusal {
            None => "all checks passed, as the log shows".to_owned(),
            Some(refusal) => format!("a rotation would be refused: {refusal:?}"),
        };
        summary.refusal = Some(ErrorType::PendingValueMissing.because(format!(
            "version {} has no value, so there is nothing to test; in a rotation, the next try will \
             find it; in a test of the rotation's settings, {found}",
            rotation.version
        )));
        return Ok(summary);
    };
    let pending = UserSecret::parse(&rotation.secret, value.document)?;
    if pending.is_identical_to(&current) {
        return preflight(rotation, &current).await;
    }
    if rotation.description.rotation_enabled == Some(false) {
        return Err(ErrorType::RotationDisabled.because(
            "rotation is turned off, and this is not a test of its settings; turn it on with aws \
             secretsmanager rotate-secret",
        ));
    }
    rotation.check_pending(&current, &pending)?;
    compare(rotation, &current, &pending).await
}

/// Surveys, and shows the plan of the first real rotation.
async fn preflight(rotation: &Rotation<'_>, current: &UserSecret) -> Result<Summary, Error> {
    let mut report = Report::default();
    let checked = async {
        rotation.refuse_proxy(current)?;
        checks::dry_run(rotation, current, &mut report).await
    };
    let found = match checked.await {
        Ok(pair) => {
            let checked = check_policy(&pair, &rotation.config.passwords.generate());
            pair.superuser.close().await;
            checked.map(|()| (pair.twin_name, pair.source.name))
        }
        Err(refusal) => Err(refusal),
    };
    let what = match &found {
        Ok((twin, user)) => format!(
            "a rotation now would make \"{twin}\" equal to \"{user}\" with {} statements and then \
             set its password",
            report.plan.len()
        ),
        Err(_) => "a rotation now would be refused".to_owned(),
    };
    Ok(Summary {
        what: format!("the settings were tested and nothing was changed: {what}"),
        statements: report.plan,
        findings: report.passed,
        warnings: report.warnings,
        refusal: found.err(),
        preflight: true,
        ..Summary::default()
    })
}

/// Logs in as both users at the same address and compares what each sees of itself. If that is a
/// replica, the pending login is made only after the twin was seen to have arrived there.
async fn compare(
    rotation: &Rotation<'_>,
    current: &UserSecret,
    pending: &UserSecret,
) -> Result<Summary, Error> {
    let deadline = rotation.deadline;
    let server = rotation.server(current);
    let mut warnings: Vec<_> = plaintext_warning(LoginRole::Pending, &server).into_iter().collect();
    let addresses = server.addresses(deadline).await?;
    let as_current = credentials(LoginRole::Current, current, &server);
    let as_pending = credentials(LoginRole::Pending, pending, &server);

    let mut current_session = accepted(as_current.open_at(&addresses, deadline).await)?;
    let addresses = match &mut current_session {
        Some(session) => {
            let address = session.address;
            if session.variables.read_only().is_some() {
                replica::wait(rotation, current, &pending.username, address).await?;
            }
            vec![address]
        }
        None => addresses,
    };
    let pending_session = accepted(as_pending.open_at(&addresses, deadline).await)?;
    for (session, document) in [(&current_session, current), (&pending_session, pending)] {
        if session.is_none() {
            warnings.push(busy(document));
        }
    }

    let mut sessions = Vec::new();
    for (session, document) in [(current_session, current), (pending_session, pending)] {
        if let Some(mut session) = session {
            checks::right_account(&session, &document.username)?;
            checks::use_database(&mut session, document).await?;
            sessions.push(session);
        }
    }
    if let [current_session, pending_session] = sessions.as_mut_slice() {
        same_host(current_session, pending_session)?;
        same_view(current_session, pending_session).await?;
    }
    for session in sessions {
        session.close().await;
    }
    Ok(Summary {
        what: format!(
            "\"{}\" logged in with the pending password; its grants and settings equal those of \"{}\"",
            &pending.username, current.username
        ),
        warnings,
        user: Some(pending.username.clone()),
        ..Summary::default()
    })
}

/// The session, or none where the server took the password and had no room.
fn accepted(login: Result<Session, Refusal>) -> Result<Option<Session>, Error> {
    match login {
        Ok(session) => Ok(Some(session)),
        Err(refusal) if refusal.proves_password() => Ok(None),
        Err(refusal) => Err(refusal.error),
    }
}

fn busy(document: &UserSecret) -> String {
    format!(
        "the server accepted the password of \"{}\" but has no room for its login, so what the two \
         users see of themselves was not compared again after setSecret",
        &document.username
    )
}

fn same_host(current: &Session, pending: &Session) -> Result<(), Error> {
    if current.account_host == pending.account_host {
        return Ok(());
    }
    Err(ErrorType::WrongAccount.because(format!(
        "the server logged \"{}\" in at host '{}' but \"{}\" at host '{}'; accounts of one of them \
         are missing, or FLUSH PRIVILEGES is due",
        current.account_user, current.account_host, pending.account_user, pending.account_host
    )))
}

async fn same_view(current: &mut Session, pending: &mut Session) -> Result<(), Error> {
    let ours = read::own_grants(current).await?;
    let theirs = read::own_grants(pending).await?;
    let mut differences: Vec<String> = theirs.difference(&ours).map(ToString::to_string).collect();
    let missing: BTreeSet<&Clause> = ours.difference(&theirs).collect();
    for clause in missing {
        if !is_orphan(current, clause).await {
            differences.push(clause.to_string());
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    let count = differences.len();
    differences.truncate(NAMED);
    Err(ErrorType::TwinDiffers.because(format!(
        "\"{}\" and \"{}\" differ in {count} clauses of SHOW GRANTS and SHOW CREATE USER: {}; the twin was not \
         promoted; if somebody changed one of them after setSecret, the next try repairs it",
        current.account_user,
        pending.account_user,
        differences.join("; ")
    )))
}

/// Whether a privilege that only the current user has is on something that does not exist any more,
/// so that it could not be granted to the twin. The server's error decides; for a column, the list
/// of those that the user may see, which has each that it holds something on.
async fn is_orphan(session: &mut Session, clause: &Clause) -> bool {
    let sql = if let Some((kind, schema, name)) = clause.routine() {
        let place = format!("{}.{}", quote_identifier(schema), quote_identifier(name));
        format!("SHOW CREATE {kind} {place}")
    } else if let Some((schema, name)) = clause.table() {
        format!("SHOW COLUMNS FROM {}.{}", quote_identifier(schema), quote_identifier(name))
    } else {
        return false;
    };
    match session.rows(&sql).await {
        Ok(columns) => clause.column().is_some_and(|column| {
            let is_it = |name: &str| name.to_lowercase() == column.to_lowercase();
            !columns.iter().any(|row| is_it(row.text_or_empty("Field")))
        }),
        Err(failure) => matches!(failure.code(), Some(1146 | 1305 | 1356)),
    }
}
