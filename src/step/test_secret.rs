//! `testSecret`: proves that the pending login works, and that both users are equal.
//!
//! With a pending value that is the current one, it is Secrets Manager's test of a rotation that is
//! not to happen now: a preflight, which changes nothing and shows what a rotation would do.

use account_mirror::show_grants::Shown;
use account_mirror::username::Username;

use crate::database::read;
use crate::database::session::{LoginRole, Session};
use crate::error::{Error, ErrorType, refuse};
use crate::event::Step;
use crate::secret::UserSecret;
use crate::step::checks::{self, Report};
use crate::step::host_in_use::HostInUse;
use crate::step::pair::Pair;
use crate::step::superuser::Superuser;
use crate::step::turn::Turn;
use crate::step::user_login::{
    credentials, log_in, plaintext_warning, right_account, use_database,
};
use crate::step::{Current, Proven, Rotation, Summary};

mod members;
mod replica;

/// Tests the pending version.
pub async fn run(rotation: &Rotation<'_>) -> Result<Summary, Error> {
    let (current, value) = tokio::try_join!(rotation.current(), rotation.pending_value())?;
    let Some(value) = value else {
        // A version without a value must never pass: in a rotation it would become current.
        let mut summary = preflight(rotation, current).await?;
        let found = match &summary.refusal {
            None => "all checks passed, as the log shows".to_owned(),
            Some(refusal) => format!("a rotation would be refused: {refusal:?}"),
        };
        summary.refusal = Some(ErrorType::PendingValueMissing.because(format!(
            "version {} was not tested: it has no value; in a rotation, wait until it is visible; in a \
             test of the configuration, {found}",
            rotation.version
        )));
        return Ok(summary);
    };
    let pending = UserSecret::parse(&rotation.secret, value.document)?;
    if pending.is_identical_to(&current.document) {
        return preflight(rotation, current).await;
    }
    if rotation.description.rotation_enabled == Some(false) {
        return Err(ErrorType::RotationDisabled.because(
            "the login was not tested: rotation is turned off, and this is not a test of the \
             configuration; turn it on with aws secretsmanager rotate-secret",
        ));
    }
    let turn = Turn::new(rotation, current)?;
    turn.check_pending(&pending)?;
    prove(&turn, &pending).await
}

/// Proves the pending version for `finishSecret`, which has no proof of this sandbox's `testSecret`. A
/// copy of the current value, which makes a test of the configuration, is not proven by one.
pub(super) async fn prove_now(rotation: &Rotation<'_>) -> Result<(Proven, Vec<String>), Error> {
    let (current, value) = tokio::try_join!(rotation.current(), rotation.pending_value())?;
    let Some(value) = value else {
        refuse!(
            PendingValueMissing,
            "version {} was not made current: it has no value; start rotations with aws \
             secretsmanager rotate-secret, not by invoking this function",
            rotation.version
        );
    };
    let pending = UserSecret::parse(&rotation.secret, value.document)?;
    let turn = Turn::new(rotation, current)?;
    turn.check_pending(&pending)?;
    let summary = prove(&turn, &pending).await?;
    Ok((turn.proven(), summary.warnings))
}

/// Runs the checks, and shows the plan of the first real rotation.
///
/// # Errors
///
/// None of the checks: those are the summary's refusal.
pub async fn preflight(rotation: &Rotation<'_>, current: Current) -> Result<Summary, Error> {
    let mut report = Report::default();
    let found = dry_run(rotation, current, &mut report).await;
    let what = match &found {
        Ok(planned) => format!(
            "a rotation now would make \"{}\" equal to \"{}\" with {} and then set its password",
            planned.twin,
            planned.user,
            statements(report.plan.len())
        ),
        Err(_) => "a rotation now would be refused".to_owned(),
    };
    let planned_drift = match &found {
        Ok(planned) if planned.twin_exists => report.plan.len(),
        _ => 0,
    };
    Ok(Summary {
        what: format!("the settings were tested and nothing was changed: {what}"),
        planned_drift,
        statements: report.plan,
        findings: report.passed,
        warnings: report.warnings,
        refusal: found.err(),
        preflight: true,
        ..Summary::default()
    })
}

fn statements(count: usize) -> String {
    match count {
        0 => "no statement".to_owned(),
        1 => "1 statement".to_owned(),
        _ => format!("{count} statements"),
    }
}

/// What a rotation would do.
struct Planned {
    twin: Username,
    user: Username,
    twin_exists: bool,
}

/// What a rotation would do, if it would not be refused.
async fn dry_run(
    rotation: &Rotation<'_>,
    current: Current,
    report: &mut Report,
) -> Result<Planned, Error> {
    let turn = Turn::new(rotation, current)?;
    turn.refuse_proxy()?;
    Superuser::at_writer(&turn, async |superuser, session| {
        let pair = checks::dry_run(superuser, session, report).await?;
        Ok(Planned {
            twin: pair.twin_name.clone(),
            user: pair.source.name.clone(),
            twin_exists: pair.twin.is_some(),
        })
    })
    .await
}

/// Proves the pending version: first with the superuser, at the writer, and then by a login where the
/// secret says.
async fn prove(turn: &Turn<'_>, pending: &UserSecret) -> Result<Summary, Error> {
    let (warnings, one_writer) = Superuser::at_writer(turn, async |superuser, session| {
        let one_writer = session.variables.several_writers().is_none();
        Ok((prove_at(superuser, pending, session).await?, one_writer))
    })
    .await?;
    Ok(Summary {
        what: format!(
            "\"{}\" logged in with the pending password; its grants and settings equal those of \
             \"{}\"",
            pending.username, turn.current.username
        ),
        warnings,
        user: Some(pending.username.clone()),
        // Where several servers take writes, `finishSecret` relies on nothing that was seen before.
        proven: one_writer.then(|| turn.proven()),
        ..Summary::default()
    })
}

async fn prove_at(
    superuser: &mut Superuser<'_>,
    pending: &UserSecret,
    session: &mut Session,
) -> Result<Vec<String>, Error> {
    let turn = superuser.turn;
    let mut pair = Pair::read(turn, session).await?;
    pair.check_memory().await?;
    pair.skip_absent().await?;
    let shown = pair.show().await?;
    pair.verify(&shown, &pending.password, Step::TestSecret).await?;
    let host = HostInUse::of(superuser, &pair)?;

    let deadline = turn.rotation.deadline;
    let server = turn.rotation.server(pending);
    let mut warnings = members::wait(superuser, pair.session).await?;
    warnings.extend(plaintext_warning(LoginRole::Pending, &server));
    if matches!(host, HostInUse::OtherServer) {
        warnings.extend(at_other_server(superuser, &pair, pending).await?);
        return Ok(warnings);
    }
    let login = credentials(LoginRole::Pending, pending, &server);
    let mut as_pending = match log_in(login, &[pair.session.address], deadline, &pair.source).await
    {
        Ok(session) => session,
        // It is the superuser's own server, which checks the password before its limits.
        Err(refusal) if refusal.proves_password() => {
            warnings.push(format!(
                "the server accepted the password of \"{}\", and then refused the login for a limit on connections",
                pending.username
            ));
            return Ok(warnings);
        }
        Err(refusal) => return Err(refusal.error),
    };
    let host = host.known().map_or_else(|| as_pending.account_host.clone(), str::to_owned);
    let ours = shown.source_at(&host);
    let compared = compare(&pair, pending, &host, ours, &mut as_pending).await;
    as_pending.close().await;
    warnings.extend(compared?);
    Ok(warnings)
}

/// Where the secret names another server than the superuser's: a replica or reader, or the same one by
/// another name. Logs in as both users at the same address and compares what each is shown of
/// itself. At a replica the pending login is made only after the twin was seen to have arrived there.
async fn at_other_server(
    superuser: &Superuser<'_>,
    pair: &Pair<'_>,
    pending: &UserSecret,
) -> Result<Option<String>, Error> {
    let turn = superuser.turn;
    let (current, server, deadline) = (&turn.current, &turn.server, turn.rotation.deadline);
    let addresses = server.addresses(deadline).await?;
    let login = credentials(LoginRole::Current, current, server);
    let mut as_current = log_in(login, &addresses, deadline, &pair.source).await?;
    if as_current.variables.read_only().is_some() {
        replica::wait(turn, pair.session, &as_current).await?;
    } else if !pair.session.is_same_server(&as_current) {
        let relation = superuser.relation().await;
        checks::same_server(server, &superuser.server, relation)?;
    }
    right_account(&as_current, LoginRole::Current, &current.username)?;
    let login = credentials(LoginRole::Pending, pending, server);
    let mut as_pending = log_in(login, &[as_current.address], deadline, &pair.source).await?;
    let ours = read::own_grants(&mut as_current).await?;
    let host = as_current.account_host.clone();
    let compared = compare(pair, pending, &host, Some(&ours), &mut as_pending).await;
    as_pending.close().await;
    as_current.close().await;
    compared
}

/// The pending session must be at the host where the current user's is, be able to use the secret's
/// database, and be shown of itself what is shown of the current user.
async fn compare(
    pair: &Pair<'_>,
    pending: &UserSecret,
    host: &str,
    ours: Option<&Shown>,
    session: &mut Session,
) -> Result<Option<String>, Error> {
    right_account(session, LoginRole::Pending, &pending.username)?;
    let Some(ours) = ours.filter(|_| session.account_host == host) else {
        refuse!(
            WrongAccount,
            "the twin was not made current: the login of \"{}\" ended at host '{}', those of \"{}\" end \
             at '{host}'; create the missing account, or run FLUSH PRIVILEGES",
            pending.username,
            session.account_host,
            pair.source.name
        );
    };
    // The twin is what the user in use is, which then cannot use it either.
    let unusable = match use_database(session, pending).await {
        Err(error) if error.error_type() == ErrorType::DatabaseNameUnusable => Some(error),
        other => other.map(|()| None)?,
    };
    let theirs = read::own_grants(session).await?;
    let only_one = pair.shown_differences(host, ours, &theirs);
    pair.equal(only_one.map(|clause| clause.to_string()).collect(), Step::TestSecret)?;
    Ok(unusable.map(|error| format!("{error:?}")))
}
