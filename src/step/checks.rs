//! What must be known before the first write: reads, proofs, refusals, and the plan. Nothing is written
//! here, so a refusal leaves everything as it was.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use account_mirror::proxies;
use account_mirror::setting::{Setting, Value};
use account_mirror::sql::quote_account;
use tokio::time::Instant;

use crate::aws::SecretValue;
use crate::database::session::{Session, lock_pair};
use crate::error::Error;
use crate::secret::UserSecret;
use crate::step::host_in_use::HostInUse;
use crate::step::lease;
use crate::step::pair::{Pair, is_stored_otherwise};
use crate::step::proofs::Proofs;
use crate::step::superuser::Superuser;
use crate::step::turn::Turn;

mod cipher;
mod current_password;
mod database_name;
mod defined_objects;
mod engine;
mod locked;
mod other_versions;
mod ownership;
mod password_policy;
mod plugins;
mod refusals;
mod report;
mod rsa;
mod server_in_use;
mod versions;

pub(super) use refusals::{same_server, usable};
pub(super) use report::Report;

use versions::LabeledValues;

/// What one pool with a replaced password tries within ten seconds (docs/clients.md).
const STALE_POOL_LOGINS: u32 = 10;

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
    /// When AWSPENDING was seen on the version of the rotation.
    pub(super) seen_pending: Instant,
}

/// Checks a rotation, under the lock on the pair of users.
pub(super) async fn run<'s>(
    superuser: &Superuser<'_>,
    session: &'s mut Session,
    report: &mut Report,
) -> Result<Checked<'s>, Error> {
    let turn = superuser.turn;
    refusals::writable(superuser, session, report)?;
    let lock = lock_pair(session, &turn.current.username, superuser.arn()).await?;
    lease::begin(session, lock, report).await?;
    let LabeledValues { pending, previous } = versions::read(turn).await?;
    let seen_pending = Instant::now();
    let (pair, placed) = check(superuser, session, (Some(&pending), previous), report).await?;
    Ok(Checked { pair, pending, placed, seen_pending })
}

/// Checks what a rotation would do now, without a pending version.
pub(super) async fn dry_run<'s>(
    superuser: &Superuser<'_>,
    session: &'s mut Session,
    report: &mut Report,
) -> Result<Pair<'s>, Error> {
    refusals::writable(superuser, session, report)?;
    let values = (None, versions::previous(superuser.turn).await?);
    let (pair, _) = check(superuser, session, values, report).await?;
    Ok(pair)
}

async fn check<'s>(
    superuser: &Superuser<'_>,
    session: &'s mut Session,
    (pending, previous): (Option<&UserSecret>, Option<SecretValue>),
    report: &mut Report,
) -> Result<(Pair<'s>, BTreeSet<String>), Error> {
    let turn = superuser.turn;
    let pair = Pair::read(turn, session).await?;
    let proofs = Proofs::until(turn.rotation.deadline);
    let mut checks = Checks { turn, superuser, pair, pending, previous, proofs, report };
    let placed = checks.run().await?;
    Ok((checks.pair, placed))
}

/// What the checks know. Each check is a method.
struct Checks<'a, 's> {
    turn: &'a Turn<'a>,
    superuser: &'a Superuser<'a>,
    pair: Pair<'s>,
    /// The pending document, unless this is a preflight.
    pending: Option<&'a UserSecret>,
    /// The value of AWSPREVIOUS, if there is one.
    previous: Option<SecretValue>,
    proofs: Proofs,
    report: &'a mut Report,
}

impl Checks<'_, '_> {
    /// Runs them all. Returns the hosts at which the pending password is in place already.
    async fn run(&mut self) -> Result<BTreeSet<String>, Error> {
        self.engine()?;
        plugins::mirrorable(self.pair.session.family, &self.pair.source)?;
        self.pair.check_roles()?;
        self.pair.check_memory().await?;
        self.pair.settle().await?;
        if self.previous.is_some() {
            warn_of_short_interval(self.turn.stored, self.report);
        }

        let host = HostInUse::of(self.superuser, &self.pair)?;
        plugins::loaded(&self.pair, host.known())?;
        self.current_password(host.known()).await?;
        let room = rsa::room(&mut self.pair, &self.turn.server.tls).await?;
        self.server_in_use(&host).await?;
        self.pair.check_hosts()?;
        self.pair.check_proxies()?;
        let placed = self.ownership().await?;
        self.pair.plan_absent().await?;
        if self.pending.is_none() {
            self.report.plan = self.pair.statements();
        }
        self.report.warnings.extend(self.pair.exemptions.iter().cloned());
        self.feasible().await?;
        self.acceptable(room)?;
        self.warn();
        Ok(placed)
    }

    /// Checks that the plan can be carried out.
    async fn feasible(&mut self) -> Result<(), Error> {
        let Pair { source, twin, plan, on_absent, .. } = &self.pair;
        for changes in [plan, on_absent] {
            self.pair.powers.permits(source, twin.as_ref(), changes)?;
        }
        if let Some(policy) = self.pair.session.variables.value("authentication_policy") {
            self.pair.powers.permits_plugins(source, policy)?;
        }
        self.defined_objects().await?;
        self.report.pass("the superuser may grant all that the twin needs");
        refusals::retain(self.turn.rotation.config, &self.pair)
    }

    /// Checks the pending password, or without one such a password as createSecret would store.
    fn acceptable(&self, room: Option<usize>) -> Result<(), Error> {
        let password = match self.pending {
            Some(pending) => pending.password.clone(),
            None => self.turn.rotation.config.passwords.generate(),
        };
        password_policy::check(&self.pair, &password)?;
        rsa::check(room, &password)
    }

    fn warn(&mut self) {
        let Self { pair, report, .. } = self;
        let init_connect = pair.session.variables.value("init_connect").unwrap_or_default();
        if !init_connect.is_empty() && pair.powers.skips_init_connect() {
            report.warn(
                "the server has an init_connect, which runs in each session of the two users and not in \
                 the superuser's: one that fails is seen at the pending login only",
            );
        }
        if self.pending.is_none() {
            // A rotation says at its end what it has left out.
            report.warnings.extend(pair.warnings_of_skipped());
        }
        if pair.sends_plaintext() {
            report.warn(
                "the server's strict_password_validation takes no hashes, so the new password stands \
                 in a statement that the server may log",
            );
        }
        let (source, twin) = (&pair.source.name, &pair.twin_name);
        for proxy in proxies::only_of(&pair.proxies, source, twin) {
            let [by, on] = proxy.accounts();
            let on_twin = quote_account(twin.as_str(), &proxy.on.1);
            let option = if proxy.grantable { " WITH GRANT OPTION" } else { "" };
            report.warn(format!(
                "{by} may act as {on}, and not as the twin: when the users have changed places, a \
                 rotation is refused (TwinHasProxies); run GRANT PROXY ON {on_twin} TO {by}{option}, \
                 also before the twin exists"
            ));
        }
        self.warn_of_stale_pools();
        self.warn_of_other_format();
    }

    fn warn_of_stale_pools(&mut self) {
        let Self { pair, report, .. } = self;
        let limits = pair.source.accounts.values().filter_map(|account| {
            match account.settings.get(&Setting::FailedLogins) {
                // The clause names the number.
                Some(Value::Clause(clause)) => clause.rsplit(' ').next()?.parse::<u32>().ok(),
                _ => None,
            }
        });
        let limits = limits.filter(|limit| *limit > 0);
        // With a retained password only who misses more turns is refused: a few such logins do no harm.
        let retains = self.turn.rotation.config.retain_previous_password;
        if let Some(limit) = limits.min().filter(|limit| !retains || *limit <= STALE_POOL_LOGINS) {
            report.warn(format!(
                "\"{}\" has FAILED_LOGIN_ATTEMPTS {limit}: a client with a replaced password makes \
                 ten refused logins in as many seconds, and can block it for all; see that each \
                 client reads the secret again, or raise the limit",
                pair.source.name
            ));
        }
    }

    fn warn_of_other_format(&mut self) {
        let Pair { source, session, .. } = &self.pair;
        for (host, account) in &source.accounts {
            if is_stored_otherwise(account, &session.variables) {
                self.report.warn(format!(
                    "whoever logs in as '{}'@'{host}' can do nothing but set another password: its hash is not as \
                     caching_sha2_password_storage_format says, which the server enforces; the twin's will be, \
                     so rotate twice, and have clients read the secret again",
                    source.name
                ));
            }
        }
    }
}

/// The twin's present password is the one that was current before the last rotation.
fn warn_of_short_interval(stored: SystemTime, report: &mut Report) {
    let age = SystemTime::now().duration_since(stored).ok();
    if let Some(minutes) = age.filter(|age| *age < SOON).map(|age| age.as_secs() / 60) {
        report.warn(format!(
            "AWSCURRENT was stored {minutes} minutes ago: once a rotation sets the twin's password, a \
             client that has cached the value from before, AWSPREVIOUS, is refused until it reads the \
             secret again"
        ));
    }
}
