//! Everything that must be known before the first write: all logins, all reads, all checks, and the
//! plan. It writes nothing, so a refusal here leaves everything as it was.

use account_mirror::setting::{Setting, Value};
use account_mirror::superuser::Superuser as Powers;

use crate::aws::SecretValue;
use crate::database::read;
use crate::database::session::lock_pair;
use crate::error::Error;
use crate::secret::UserSecret;
use crate::step::Rotation;
use crate::step::pair::Pair;

mod logins;
mod ownership;
mod password_policy;
mod refusals;
mod report;
mod versions;

pub(super) use password_policy::check_policy;
pub(super) use refusals::{right_account, use_database};
pub(super) use report::Report;
pub(super) use versions::Pending;

use logins::{Logins, Place, as_the_user, log_in};
use versions::LabelledValues;

/// Checks a rotation under the lock on the pair of users. Returns the pair with its plan, and the
/// pending version.
///
/// # Errors
///
/// Every refusal of a rotation.
pub(super) async fn run(
    rotation: &Rotation<'_>,
    current: &UserSecret,
    report: &mut Report,
) -> Result<(Pair, Pending), Error> {
    let mut logins = log_in(rotation, current, report).await?;
    lock_pair(&mut logins.superuser, &logins.twin).await?;
    let LabelledValues { pending, previous } = versions::read(rotation, current).await?;
    let pair = check(rotation, current, logins, Some(&pending), previous, report).await?;
    Ok((pair, pending))
}

/// Checks what a rotation would do now, without a pending version.
///
/// # Errors
///
/// Every refusal of a rotation.
pub(super) async fn dry_run(
    rotation: &Rotation<'_>,
    current: &UserSecret,
    report: &mut Report,
) -> Result<Pair, Error> {
    let logins = log_in(rotation, current, report).await?;
    let previous = versions::previous(rotation).await?;
    check(rotation, current, logins, None, previous, report).await
}

async fn check(
    rotation: &Rotation<'_>,
    current: &UserSecret,
    logins: Logins,
    pending: Option<&Pending>,
    previous: Option<SecretValue>,
    report: &mut Report,
) -> Result<Pair, Error> {
    let Logins { mut superuser, variables, found, user, twin: twin_name } = logins;
    let roles = read::superuser_roles(&mut superuser, &variables).await?;
    let own_name = superuser.account_user.clone();
    let names = [current.username.as_str(), twin_name.as_str(), &own_name];
    let accounts = read::accounts(&mut superuser, &names, &roles).await?;

    let place = Place { superuser: &found, variables: &variables };
    let host_in_use = as_the_user(rotation, current, user, &accounts, place, report).await?;
    let powers = Powers::new(
        superuser.family,
        (&superuser.account_user, &superuser.account_host),
        &roles,
        &accounts,
    );
    let pair = Pair::new(superuser, variables, &accounts, &current.username, twin_name)?;
    refusals::usable(&pair.source, &host_in_use)?;
    if let Some(twin) = &pair.twin {
        refusals::refuse_role(twin)?;
        refusals::twin_hosts(&pair.source, twin)?;
        let created = pending.map_or(i64::MAX, |pending| pending.created);
        report.pass(ownership::check(rotation, twin, created, previous).await?);
    } else {
        report.pass(format!("the twin \"{}\" does not exist yet", pair.twin_name));
    }
    report.plan = pair.statements();
    powers.permits(&pair.source, pair.twin.as_ref(), &pair.plan)?;
    report.pass("the superuser may grant all that the twin needs");
    if let Some(pending) = pending {
        check_policy(&pair, &pending.document.password)?;
    }
    refusals::retain(rotation, &pair)?;
    if pair.sends_plaintext() {
        report.warn(
            "the server's strict_password_validation takes no hashes, so the new password stands \
             in a statement that the server may log",
        );
    }
    warn_of_failed_logins(rotation, &pair, report);
    Ok(pair)
}

/// A client that still uses the replaced password can block the account after its promotion.
fn warn_of_failed_logins(rotation: &Rotation<'_>, pair: &Pair, report: &mut Report) {
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
