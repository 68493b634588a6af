//! Everything that must be known before the first write: all reads, all proofs, all refusals, and the
//! plan. It writes nothing, so a refusal here leaves everything as it was.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use account_mirror::powers::Powers;
use account_mirror::setting::{Setting, Value};

use crate::aws::SecretValue;
use crate::database::read::{self, Facts};
use crate::database::session::{Session, lock_pair};
use crate::error::Error;
use crate::secret::UserSecret;
use crate::step::Rotation;
use crate::step::pair::Pair;
use crate::step::proofs::Proofs;
use crate::step::superuser::Superuser;

mod candidates;
mod current_password;
mod database_name;
mod defined_objects;
mod host_in_use;
mod ownership;
mod password_policy;
mod refusals;
mod report;
mod rsa;
mod versions;

pub(super) use host_in_use::HostInUse;
pub(super) use refusals::{memory_is_tables, same_server};
pub(super) use report::Report;

use candidates::Candidates;
use password_policy::check_policy;
use versions::LabeledValues;

/// Two rotations within this time lock out clients that cache a secret for as long.
const SOON: Duration = Duration::from_secs(3600);

/// What the checks found, for the changes that follow.
pub(super) struct Checked<'s> {
    /// The two users, with the plan.
    pub(super) pair: Pair<'s>,
    /// The pending document.
    pub(super) pending: UserSecret,
    /// The hosts at which the twin has the pending password already.
    pub(super) placed: BTreeSet<String>,
}

/// Checks a rotation, under the lock on the pair of users.
pub(super) async fn run<'s>(
    rotation: &Rotation<'_>,
    current: &UserSecret,
    superuser: &Superuser,
    session: &'s mut Session,
    report: &mut Report,
) -> Result<Checked<'s>, Error> {
    refusals::writable(superuser, session, report)?;
    lock_pair(session, &current.username, superuser.arn()).await?;
    let LabeledValues { pending, previous } = versions::read(rotation, current).await?;
    let values = (Some(&pending), previous);
    let (pair, placed) = check(rotation, current, superuser, session, values, report).await?;
    Ok(Checked { pair, pending, placed })
}

/// Checks what a rotation would do now, without a pending version.
pub(super) async fn dry_run<'s>(
    rotation: &Rotation<'_>,
    current: &UserSecret,
    superuser: &Superuser,
    session: &'s mut Session,
    report: &mut Report,
) -> Result<Pair<'s>, Error> {
    refusals::writable(superuser, session, report)?;
    let values = (None, versions::previous(rotation).await?);
    let (pair, _) = check(rotation, current, superuser, session, values, report).await?;
    Ok(pair)
}

async fn check<'s>(
    rotation: &Rotation<'_>,
    current: &UserSecret,
    superuser: &Superuser,
    session: &'s mut Session,
    (pending, previous): (Option<&UserSecret>, Option<SecretValue>),
    report: &mut Report,
) -> Result<(Pair<'s>, BTreeSet<String>), Error> {
    let twin_name = rotation.twin_of(current)?;
    let users = [current.username.as_str(), twin_name.as_str()];
    let Facts { mut accounts, roles, shown } = read::facts(session, users).await?;
    let account = (session.account_user.as_str(), session.account_host.as_str());
    let powers = Powers::new(session.family, account, &roles, &accounts);
    let mut pair = Pair::new(session, &mut accounts, &current.username, twin_name)?;
    refusals::mirrorable(&pair.source)?;
    for user in std::iter::once(&pair.source).chain(&pair.twin) {
        refusals::refuse_role(user)?;
        memory_is_tables(user, &shown)?;
    }
    if previous.is_some() {
        warn_of_short_interval(current, report);
    }

    let mut proofs = Proofs::until(rotation.deadline);
    let candidates = |user| Candidates::new(rotation, user, previous.as_ref(), pending);
    let host = HostInUse::of(rotation, current, superuser, &pair, &accounts)?;
    current_password::prove(
        rotation,
        &current.password,
        &pair.source,
        host.known(),
        candidates(&current.username),
        &mut proofs,
        report,
    )
    .await?;
    host.confirm(rotation, current, superuser, &mut pair, &powers, report).await?;

    if let Some(twin) = &pair.twin {
        refusals::twin_hosts(&pair.source, twin)?;
    }
    let of_twin = candidates(&pair.twin_name);
    let placed = ownership::check(rotation, &pair, pending, of_twin, &mut proofs, report).await?;
    report.plan = pair.statements();
    report.warnings.extend(pair.exemptions.iter().cloned());
    feasible(rotation, &mut pair, &powers, report).await?;
    acceptable(rotation, &mut pair, current, pending).await?;
    warn(rotation, &pair, report);
    Ok((pair, placed))
}

/// Checks that the plan can be carried out.
async fn feasible(
    rotation: &Rotation<'_>,
    pair: &mut Pair<'_>,
    powers: &Powers,
    report: &mut Report,
) -> Result<(), Error> {
    powers.permits(&pair.source, pair.twin.as_ref(), &pair.plan)?;
    defined_objects::check(pair, powers).await?;
    report.pass("the superuser may grant all that the twin needs");
    refusals::retain(rotation, pair)
}

/// Checks the pending password, or without one such a password as createSecret would store.
async fn acceptable(
    rotation: &Rotation<'_>,
    pair: &mut Pair<'_>,
    current: &UserSecret,
    pending: Option<&UserSecret>,
) -> Result<(), Error> {
    let password = match pending {
        Some(pending) => pending.password.clone(),
        None => rotation.config.passwords.generate(),
    };
    check_policy(pair, &password)?;
    rsa::check(pair, &rotation.tls(&current.tls), &password).await
}

fn warn(rotation: &Rotation<'_>, pair: &Pair<'_>, report: &mut Report) {
    if pair.sends_plaintext() {
        report.warn(
            "the server's strict_password_validation takes no hashes, so the new password stands \
             in a statement that the server may log",
        );
    }
    // A client that still uses the replaced password can block the account after its promotion.
    let limited = pair.source.accounts.values().any(|account| {
        matches!(account.settings.get(&Setting::FailedLogins), Some(Value::Number(n)) if *n > 0)
    });
    if limited && !rotation.config.retain_previous_password {
        report.warn(format!(
            "\"{}\" has FAILED_LOGIN_ATTEMPTS: a client that keeps using the twin's replaced \
             password can block it after its promotion; RETAIN_PREVIOUS_PASSWORD=true avoids that",
            pair.source.name
        ));
    }
}

/// The twin's present password is the one that was current before the last rotation.
fn warn_of_short_interval(current: &UserSecret, report: &mut Report) {
    let age = current.stored.and_then(|stored| SystemTime::now().duration_since(stored).ok());
    if let Some(minutes) = age.filter(|age| *age < SOON).map(|age| age.as_secs() / 60) {
        report.warn(format!(
            "AWSCURRENT was stored {minutes} minutes ago: a client that has cached the value from \
             before, AWSPREVIOUS, is locked out until it reads the secret again"
        ));
    }
}
