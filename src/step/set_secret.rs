//! `setSecret`: makes the twin equal to the user in use and sets the pending password on it.

use account_mirror::password::Password;
use account_mirror::sql::StatementBuilder;
use account_mirror::user::User;

use crate::database::apply::{Applier, Progress};
use crate::database::session::Session;
use crate::error::Error;
use crate::event::Step;
use crate::step::checks::{self, Checked, Report};
use crate::step::lease;
use crate::step::pair::Pair;
use crate::step::superuser::Superuser;
use crate::step::turn::Turn;
use crate::step::{Rotation, Summary};

/// How often the accounts are read and changed until they are equal. One round is enough, unless the
/// source is changed meanwhile.
const ROUNDS: usize = 3;

/// Checks, applies and verifies.
pub async fn run(rotation: &Rotation<'_>) -> Result<Summary, Error> {
    let turn = Turn::read(rotation).await?;
    Superuser::at_writer(&turn, async |superuser, session| change_twin(superuser, session).await)
        .await
}

async fn change_twin(superuser: &Superuser<'_>, session: &mut Session) -> Result<Summary, Error> {
    let mut report = Report::default();
    let mut checked = checks::run(superuser, session, &mut report).await?;
    let existed = checked.pair.twin.is_some();
    let mut progress = Progress::default();
    let rotation = superuser.turn.rotation;
    lease::wait_for_others(checked.pair.session, rotation, checked.seen_pending).await?;
    let drift = apply(rotation, &mut checked, &mut progress).await?;
    let pair = &checked.pair;
    let what = format!(
        "\"{}\" was made equal to \"{}\" and got the pending password{}",
        pair.twin_name,
        pair.source.name,
        if existed { "" } else { "; it was created" }
    );
    report.warnings.extend(pair.warnings_of_skipped());
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
    Checked { pair, pending, placed, .. }: &mut Checked<'_>,
    progress: &mut Progress,
) -> Result<usize, Error> {
    for _ in 0..ROUNDS {
        if pair.plan.is_empty() && pair.on_absent.is_empty() {
            break;
        }
        let plan = std::mem::take(&mut pair.plan);
        applier(rotation, pair, &pending.password, progress).0.carry_out(&plan).await?;
        drop(plan);
        grant_on_absent(rotation, pair, &pending.password, progress).await?;
        pair.refresh().await?;
        pair.settle().await?;
        pair.plan_absent().await?;
    }
    pair.equal(pair.statements(), Step::SetSecret)?;
    let drift = progress.statements.len();

    let (applier, source, Some(twin)) = applier(rotation, pair, &pending.password, progress) else {
        let found = vec!["the twin does not exist any more".to_owned()];
        return Err(pair.unequal(found, Step::SetSecret));
    };
    let retain = rotation.config.retain_previous_password;
    applier.set_password(source, twin, placed, retain).await?;
    let shown = pair.refresh_and_show().await?;
    pair.verify(&shown, &pending.password, Step::SetSecret).await?;
    Ok(drift)
}

/// Makes the grants on tables that are absent now. A twin that is in use does not get them: a lock does
/// not end a session. If one of the statements fails, the twin stays locked, and the next try revokes what
/// it has too much.
async fn grant_on_absent(
    rotation: &Rotation<'_>,
    pair: &mut Pair<'_>,
    password: &Password,
    progress: &mut Progress,
) -> Result<(), Error> {
    let [lock, grant, unlock] = pair.for_a_moment();
    if grant.is_empty() {
        return Ok(());
    }
    applier(rotation, pair, password, progress).0.carry_out(&lock).await?;
    if pair.twin.is_some() && pair.twin_is_in_use().await? {
        pair.skip_on_absent();
    } else {
        applier(rotation, pair, password, progress).0.carry_out(&grant).await?;
    }
    applier(rotation, pair, password, progress).0.carry_out(&unlock).await
}

/// What changes the twin, with the source and the twin.
fn applier<'a>(
    rotation: &'a Rotation<'_>,
    pair: &'a mut Pair<'_>,
    password: &'a Password,
    progress: &'a mut Progress,
) -> (Applier<'a, impl AsyncFn() -> Result<(), Error>>, &'a User, Option<&'a User>) {
    let applier = Applier {
        builder: StatementBuilder {
            family: pair.session.family,
            plaintext: pair.sends_plaintext(),
            twin: &pair.twin_name,
            password,
            salt: rand::random(),
        },
        session: pair.session,
        still_pending: async || lease::still_pending(rotation).await,
        skipped: &mut pair.skipped,
        progress,
    };
    (applier, &pair.source, pair.twin.as_ref())
}
