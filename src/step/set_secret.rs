//! `setSecret`: makes the twin equal to the user in use and sets the pending password on it.

use account_mirror::sql::StatementBuilder;

use crate::database::apply::{Applier, Progress};
use crate::error::Error;
use crate::step::checks::{self, Pending, Report};
use crate::step::pair::Pair;
use crate::step::set_secret::verify::{ensure_no_changes_left, twin_missing, verify};
use crate::step::{Rotation, Summary};

mod verify;

/// How often the accounts are read and changed until nothing differs. One round does it, unless
/// the source is changed meanwhile.
const ROUNDS: usize = 3;

/// Checks, applies and verifies.
pub async fn run(rotation: &Rotation<'_>) -> Result<Summary, Error> {
    let current = rotation.current().await?;
    let mut report = Report::default();
    let (mut pair, pending) = checks::run(rotation, &current, &mut report).await?;
    let existed = pair.twin.is_some();

    let mut progress = Progress::default();
    let drift = apply(rotation, &mut pair, &pending, &mut progress).await?;
    let what = format!(
        "\"{}\" was made equal to \"{}\" and got the pending password{}",
        pair.twin_name,
        pair.source.name,
        if existed { "" } else { "; it was created" }
    );
    let orphans = pair.skipped.iter().map(|(host, target)| {
        format!(
            "'{}'@'{host}' holds privileges on {target}, which no longer exists; the twin does not \
             have them; revoke them from the user",
            pair.source.name
        )
    });
    report.warnings.extend(orphans);
    pair.superuser.close().await;
    Ok(Summary {
        what,
        statements: progress.statements,
        drift: if existed { drift } else { 0 },
        warnings: report.warnings,
        ..Summary::default()
    })
}

/// Carries the plan out until the accounts are equal, then sets the password, and then proves that
/// they are equal. Returns how many statements repaired the twin.
async fn apply(
    rotation: &Rotation<'_>,
    pair: &mut Pair,
    pending: &Pending,
    progress: &mut Progress,
) -> Result<usize, Error> {
    let Pending { document: pending, created } = pending;
    for _ in 0..ROUNDS {
        if pair.plan.is_empty() {
            break;
        }
        let plan = std::mem::take(&mut pair.plan);
        applier(pair, &pending.password, progress).carry_out(&plan).await?;
        pair.refresh().await?;
    }
    ensure_no_changes_left(pair)?;
    let drift = progress.statements.len();

    let source = pair.source.clone();
    let Some(twin) = pair.twin.clone() else {
        return Err(twin_missing(pair));
    };
    let retain = rotation.config.retain_previous_password.then_some(*created);
    applier(pair, &pending.password, progress).set_password(&source, &twin, retain).await?;
    verify(pair).await?;
    Ok(drift)
}

fn applier<'a>(
    pair: &'a mut Pair,
    password: &'a account_mirror::password::Password,
    progress: &'a mut Progress,
) -> Applier<'a> {
    Applier {
        builder: StatementBuilder {
            family: pair.superuser.family,
            plaintext: pair.sends_plaintext(),
            twin: &pair.twin_name,
            password,
        },
        session: &mut pair.superuser,
        skipped: &mut pair.skipped,
        progress,
    }
}
