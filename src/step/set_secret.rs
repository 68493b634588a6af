//! `setSecret`: makes the twin equal to the user in use and sets the pending password on it.

use std::collections::BTreeSet;

use crate::database::account::GrantTarget;
use crate::database::apply::{Applier, Record};
use crate::database::statement::StatementBuilder;
use crate::database::witness;
use crate::error::{Error, ErrorType};
use crate::secret::DatabaseSecret;
use crate::step::survey::{Report, Pending, Mode, Survey, survey};
use crate::step::{Rotation, Summary};
use crate::username::Username;

/// How often the accounts are read and changed until nothing differs. One round does it, unless
/// the source is changed meanwhile.
const ROUNDS: usize = 3;
/// How many differences an error names.
const NAMED: usize = 5;

/// Surveys, applies and verifies.
pub async fn run(rotation: &Rotation<'_>) -> Result<Summary, Error> {
    let current = rotation.current().await?;
    let mut report = Report::default();
    let mut survey = survey(rotation, &current, Mode::Rotation, &mut report).await?;
    let Some(pending) = survey.pending.take() else {
        return Err(ErrorType::PendingValueMissing.because("the pending value was not read"));
    };
    let existed = survey.twin.is_some();

    let mut record = Record::default();
    let drift = apply(rotation, &mut survey, &pending, &mut record).await?;
    let what = format!(
        "\"{}\" was made equal to \"{}\" and got the pending password{}",
        survey.twin_name,
        survey.source.user,
        if existed { "" } else { "; it was created" }
    );
    let orphans = record.skipped.iter().map(|(host, object)| {
        format!(
            "'{}'@'{host}' holds privileges on {object}, which no longer exists; the twin does not \
             have them; revoke them from the user",
            survey.source.user
        )
    });
    report.warnings.extend(orphans);
    survey.superuser.close(rotation.deadline).await;
    Ok(Summary {
        what,
        statements: record.statements,
        drift: if existed { drift } else { 0 },
        warnings: report.warnings,
        ..Summary::default()
    })
}

/// Carries the plan out until the accounts are equal, then sets the password, and then proves that
/// they are equal. Returns how many statements repaired the twin.
async fn apply(
    rotation: &Rotation<'_>,
    survey: &mut Survey,
    pending: &Pending,
    record: &mut Record,
) -> Result<usize, Error> {
    let Pending { document: pending, created } = pending;
    let name = survey.twin_name.clone();
    for _ in 0..ROUNDS {
        if survey.plan.is_empty() {
            break;
        }
        let plan = std::mem::take(&mut survey.plan);
        applier(rotation, survey, &name, pending, record).carry_out(&plan).await?;
        survey.refresh(rotation).await?;
        exclude(survey, &record.skipped);
    }
    ensure_no_changes_left(survey, pending)?;
    let drift = record.statements.len();

    let source = survey.source.clone();
    let Some(twin) = survey.twin.clone() else {
        return Err(twin_missing(survey));
    };
    let retain = rotation.config.retain_previous_password.then_some(*created);
    applier(rotation, survey, &name, pending, record).set_password(&source, &twin, retain).await?;
    verify(rotation, survey, pending, &record.skipped).await?;
    Ok(drift)
}

fn applier<'a>(
    rotation: &Rotation<'_>,
    survey: &'a mut Survey,
    twin: &'a Username,
    pending: &'a DatabaseSecret,
    record: &'a mut Record,
) -> Applier<'a> {
    Applier {
        builder: StatementBuilder {
            family: survey.superuser.family,
            twin,
            password: pending.password(),
            plaintext: survey.sends_plaintext(),
        },
        session: &mut survey.superuser,
        limit: survey.limit,
        deadline: rotation.deadline,
        record,
    }
}

/// What could not be granted because its object is gone is not part of the comparison.
fn exclude(survey: &mut Survey, skipped: &BTreeSet<(String, GrantTarget)>) {
    for (host, object) in skipped {
        for account in std::iter::once(&mut survey.source).chain(&mut survey.twin) {
            if let Some(profile) = account.hosts.get_mut(host) {
                profile.grants.remove(object);
            }
        }
    }
    survey.replan();
}

fn ensure_no_changes_left(survey: &Survey, pending: &DatabaseSecret) -> Result<(), Error> {
    if survey.plan.is_empty() {
        return Ok(());
    }
    let builder = StatementBuilder {
        family: survey.superuser.family,
        twin: &survey.twin_name,
        password: pending.password(),
        plaintext: false,
    };
    let missing = survey.plan.iter().map(|change| builder.statement(change).to_string());
    Err(incomplete(survey, "still to do", missing.collect()))
}

fn incomplete(survey: &Survey, how: &str, mut differences: Vec<String>) -> Error {
    let more = differences.len().saturating_sub(NAMED);
    differences.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    ErrorType::MirrorIncomplete.because(format!(
        "\"{}\" did not become equal to \"{}\"; {how}: {}{more}. It was not promoted; if somebody \
         changed the user meanwhile, the next try repairs it; if it happens again, the server does \
         something that this function does not expect",
        survey.twin_name,
        survey.source.user,
        differences.join("; ")
    ))
}

fn twin_missing(survey: &Survey) -> Error {
    incomplete(survey, "found", vec!["the twin does not exist any more".to_owned()])
}

/// Reads both accounts once more and compares them at every host: the grant tables, the
/// authentication, the lock, and what the server itself says of them.
async fn verify(
    rotation: &Rotation<'_>,
    survey: &mut Survey,
    pending: &DatabaseSecret,
    skipped: &BTreeSet<(String, GrantTarget)>,
) -> Result<(), Error> {
    survey.refresh(rotation).await?;
    exclude(survey, skipped);
    ensure_no_changes_left(survey, pending)?;
    let Some(twin) = survey.twin.clone() else {
        return Err(twin_missing(survey));
    };
    for (host, source) in survey.source.hosts.clone() {
        let same = twin.hosts.get(&host).is_some_and(|twin| {
            twin.authentication == source.authentication && twin.state.locked == source.state.locked
        });
        if !same {
            let found = format!("another plugin or lock state at host '{host}'");
            return Err(incomplete(survey, "found", vec![found]));
        }
        let mut witnesses = Vec::new();
        for user in [survey.source.user.as_str(), twin.user.as_str()] {
            let session = &mut survey.superuser;
            witnesses.push(witness::grants_for(session, user, &host, rotation.deadline).await?);
        }
        let mandatory = survey.variables.mandatory_roles();
        let differences: Vec<_> = witnesses[0]
            .symmetric_difference(&witnesses[1])
            .filter(|clause| !mandatory.iter().any(|role| clause.grants_role(role)))
            .filter(|clause| {
                let about = |(at, object): &(String, GrantTarget)| *at == host && clause.is_on(object);
                !skipped.iter().any(about)
            })
            .map(ToString::to_string)
            .collect();
        if !differences.is_empty() {
            let how = "the server says of only one of them";
            return Err(incomplete(survey, how, differences));
        }
    }
    Ok(())
}
