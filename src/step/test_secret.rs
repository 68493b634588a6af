//! `testSecret`: proves that the pending login works and sees itself as the current one does.
//!
//! With a pending value that is the current one, it is Secrets Manager's test of a rotation that is
//! not to happen now: a preflight, which changes nothing and shows what a rotation would do.

use std::collections::BTreeSet;

use crate::database::Session;
use crate::database::login::Whose;
use crate::database::statement::{Dialect, quote_identifier};
use crate::database::witness::{self, Saying};
use crate::error::{Error, ErrorType};
use crate::secret::DatabaseSecret;
use crate::step::survey::{self, Subject, Survey, survey};
use crate::step::{Rotation, Summary, login, plaintext_warning};
use crate::store::Selector;

/// How many differences an error names.
const NAMED: usize = 5;

/// Tests the pending version.
pub async fn run(rotation: &Rotation<'_>) -> Result<Summary, Error> {
    let selector = Selector::Version(&rotation.version);
    let value = rotation
        .store
        .fresh_value(&rotation.secret, selector, rotation.deadline);
    let (current, value) = tokio::try_join!(rotation.current(), value)?;
    let Some(value) = value else {
        let findings = preflight(rotation, &current).await?;
        return Err(ErrorType::PendingValueMissing.because(format!(
            "version {} has no value, so there is nothing to test; if this is a test of the \
             rotation's settings, they passed: {}",
            rotation.version, findings.what
        )));
    };
    let pending = DatabaseSecret::parse(&rotation.secret, value.document)?;
    if pending.is_identical_to(&current) {
        return preflight(rotation, &current).await;
    }
    rotation.check_pending(&current, &pending)?;
    compare(rotation, &current, &pending).await
}

/// Surveys, and shows the plan of the first real rotation.
async fn preflight(rotation: &Rotation<'_>, current: &DatabaseSecret) -> Result<Summary, Error> {
    survey::refuse_proxy(&rotation.secret, current)?;
    let subject = Subject {
        current,
        pending: None,
    };
    let survey = survey(rotation, subject).await?;
    let statements = planned(&survey, current);
    let what = format!(
        "the settings were tested and nothing was changed: a rotation now would make \"{}\" equal \
         to \"{}\" with {} statements and then set its password",
        survey.twin_name,
        survey.source.user,
        statements.len()
    );
    survey.superuser.close(rotation.deadline).await;
    Ok(Summary {
        what,
        statements,
        drift: 0,
        warnings: survey.warnings,
    })
}

fn planned(survey: &Survey, current: &DatabaseSecret) -> Vec<String> {
    // Only what the statements show is used; the password in them is never sent.
    let dialect = Dialect {
        family: survey.superuser.family,
        twin: &survey.twin_name,
        password: current.password(),
        plaintext: false,
    };
    survey
        .plan
        .iter()
        .map(|change| dialect.statement(change).to_string())
        .collect()
}

/// Logs in as both users at the same address of the server and compares what each sees of itself.
async fn compare(
    rotation: &Rotation<'_>,
    current: &DatabaseSecret,
    pending: &DatabaseSecret,
) -> Result<Summary, Error> {
    let deadline = rotation.deadline;
    let server = rotation.server(current);
    let mut warnings: Vec<_> = plaintext_warning(Whose::Pending, &server)
        .into_iter()
        .collect();
    let addresses = server.addresses(deadline).await?;
    let as_current = login(Whose::Current, current, &server);
    let as_pending = login(Whose::Pending, pending, &server);

    let current_session = match as_current.open_at(&addresses, deadline).await {
        Ok(session) => Some(session),
        Err(refusal) if refusal.proves_password() => {
            warnings.push(busy(current));
            None
        }
        Err(refusal) => return Err(refusal.error),
    };
    let addresses = current_session
        .as_ref()
        .map_or(addresses, |session| vec![session.address]);
    let pending_session = match as_pending.open_at(&addresses, deadline).await {
        Ok(session) => Some(session),
        Err(refusal) if refusal.proves_password() => {
            warnings.push(busy(pending));
            None
        }
        Err(refusal) => return Err(refusal.error),
    };

    let mut sessions = Vec::new();
    for (session, document) in [(current_session, current), (pending_session, pending)] {
        if let Some(mut session) = session {
            survey::right_account(&session, document.username())?;
            survey::use_database(&mut session, document, deadline).await?;
            sessions.push(session);
        }
    }
    if let [current_session, pending_session] = sessions.as_mut_slice() {
        same_host(current_session, pending_session)?;
        same_view(rotation, current_session, pending_session).await?;
    }
    for session in sessions {
        session.close(deadline).await;
    }
    Ok(Summary {
        what: format!(
            "\"{}\" logged in with the pending password and sees itself as \"{}\" does",
            pending.username(),
            current.username()
        ),
        warnings,
        ..Summary::default()
    })
}

fn busy(document: &DatabaseSecret) -> String {
    format!(
        "the server accepted the password of \"{}\" but has no room for its login, so what the two \
         users see of themselves was not compared again after setSecret",
        document.username()
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

async fn same_view(
    rotation: &Rotation<'_>,
    current: &mut Session,
    pending: &mut Session,
) -> Result<(), Error> {
    let ours = witness::of_self(current, rotation.deadline).await?;
    let theirs = witness::of_self(pending, rotation.deadline).await?;
    let mut differences: Vec<String> = theirs.difference(&ours).map(ToString::to_string).collect();
    let missing: BTreeSet<&Saying> = ours.difference(&theirs).collect();
    for saying in missing {
        if !is_orphan(rotation, current, saying).await {
            differences.push(saying.to_string());
        }
    }
    if differences.is_empty() {
        return Ok(());
    }
    let count = differences.len();
    differences.truncate(NAMED);
    Err(ErrorType::TwinDiffers.because(format!(
        "\"{}\" and \"{}\" see different things of themselves ({count}): {}; the twin was not \
         promoted; if somebody changed one of them after setSecret, the next try repairs it",
        current.account_user,
        pending.account_user,
        differences.join("; ")
    )))
}

/// Whether a privilege that only the current user has is on something that does not exist any more,
/// so that it could not be granted to the twin. The server's error decides.
async fn is_orphan(rotation: &Rotation<'_>, session: &mut Session, saying: &Saying) -> bool {
    let sql = if let Some((kind, schema, name)) = saying.routine() {
        let place = format!("{}.{}", quote_identifier(schema), quote_identifier(name));
        format!("SHOW CREATE {kind} {place}")
    } else if let Some((schema, name)) = saying.table() {
        format!(
            "SHOW COLUMNS FROM {}.{}",
            quote_identifier(schema),
            quote_identifier(name)
        )
    } else {
        return false;
    };
    let answer = session.rows(&sql, (), rotation.deadline).await;
    matches!(answer, Err(failure) if matches!(failure.code(), Some(1146 | 1305)))
}
