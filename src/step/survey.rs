//! Everything that must be known before the first write: all logins, all reads, all checks, and the
//! plan. It writes nothing, so a refusal here leaves everything as it was.

use std::time::UNIX_EPOCH;

use crate::database::account::{User, GrantTarget, Setting, Value};
use crate::database::login::LoginRole;
use crate::database::mirror::{self, Change};
use crate::database::reader::{self, Accounts};
use crate::database::server::{StatementLimit, Variables, lock_pair};
use crate::database::statement::StatementBuilder;
use crate::database::superuser::{self, Superuser};
use crate::database::{Family, Session, policy};
use crate::error::{Error, ErrorType};
use crate::password::Password;
use crate::secret::DatabaseSecret;
use crate::step::{Rotation, plaintext_warning};
use crate::store::SecretValue;
use crate::username::Username;

mod checks;
mod labelled;
mod logins;
mod ownership;
mod superuser_login;

use labelled::Labelled;
use logins::{Logins, Place, as_the_user, log_in};

pub use checks::{refuse_proxy, right_account, use_database};
pub use labelled::Pending;
pub use superuser_login::SuperuserLogin;

/// What a survey is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The plan is to be carried out, under the lock on the pair of users.
    Rotation,
    /// The plan is to be shown.
    Preflight,
}

/// What was found. It holds the superuser's session, for a rotation with the lock on the pair.
pub struct Survey {
    /// The superuser's session.
    pub superuser: Session,
    /// How long a statement may take in it.
    pub limit: StatementLimit,
    /// The server's variables.
    pub variables: Variables,
    /// The current user's accounts.
    pub source: User,
    /// The twin's accounts, if there are any.
    pub twin: Option<User>,
    /// The twin's name.
    pub twin_name: Username,
    /// The pending document; none in a preflight.
    pub pending: Option<Pending>,
    /// What must be changed.
    pub plan: Vec<Change>,
}

/// What a survey found, also one that ended in a refusal.
#[derive(Debug, Default)]
pub struct Report {
    /// What was checked and is in order.
    pub findings: Vec<String>,
    /// What the operator should know although nothing failed.
    pub warnings: Vec<String>,
    /// The statements of the plan, without passwords.
    pub plan: Vec<String>,
}

impl Report {
    fn find(&mut self, finding: impl Into<String>) {
        self.findings.push(finding.into());
    }

    fn warn(&mut self, warning: Option<String>) {
        self.warnings.extend(warning);
    }
}

impl Survey {
    /// Reads both accounts again, as far as they are compared.
    ///
    /// # Errors
    ///
    /// `UserMissing` if the user twin_missing; errors of reading.
    pub async fn refresh(&mut self, rotation: &Rotation<'_>) -> Result<(), Error> {
        let users = [self.source.user.as_str(), self.twin_name.as_str()];
        let accounts = reader::read(&mut self.superuser, &users, rotation.deadline).await?;
        self.source = source_of(&accounts, &self.source.user)?;
        self.twin = accounts.of(&self.twin_name);
        self.leave_out_mandatory_roles();
        self.replan();
        Ok(())
    }

    /// Plans for the accounts as they are known now.
    pub fn replan(&mut self) {
        let family = self.superuser.family;
        self.plan = mirror::plan(family, &self.source, self.twin.as_ref());
    }

    /// Mandatory roles belong to every account, granted or not, and cannot be revoked.
    fn leave_out_mandatory_roles(&mut self) {
        let mandatory = self.variables.mandatory_roles();
        let profiles = self.source.hosts.values_mut();
        for profile in profiles.chain(self.twin.iter_mut().flat_map(|twin| twin.hosts.values_mut()))
        {
            profile.grants.retain(
                |object, _| !matches!(object, GrantTarget::Role(role) if mandatory.contains(role)),
            );
        }
    }
}

/// Makes the survey, and takes report of it.
///
/// # Errors
///
/// Every refusal of a rotation.
pub async fn survey(
    rotation: &Rotation<'_>,
    current: &DatabaseSecret,
    mode: Mode,
    report: &mut Report,
) -> Result<Survey, Error> {
    let twin_name = rotation.twin_of(current)?;
    let Logins { mut superuser, limit, variables, found, user } =
        log_in(rotation, current, &twin_name).await?;
    let server = &found.server;
    report.find(format!(
        "the superuser '{}'@'{}' logged in at {server}, which is {}",
        superuser.account_user, superuser.account_host, superuser.family
    ));
    report.warn(plaintext_warning(LoginRole::Superuser, server));
    checks::writable(server, &variables)?;
    report.find(format!("{server} accepts writes"));

    if mode == Mode::Rotation {
        lock_pair(&mut superuser, &twin_name, rotation.deadline).await?;
    }
    let (roles, Labelled { pending, previous }) = tokio::try_join!(
        superuser::role_names(&mut superuser, &variables, rotation.deadline),
        labelled::read(rotation, current, mode),
    )?;
    let own_name = superuser.account_user.clone();
    let mut names = vec![current.username().as_str(), twin_name.as_str(), &own_name];
    names.extend(roles.iter().map(|role| role.user.as_str()));
    let accounts = reader::read(&mut superuser, &names, rotation.deadline).await?;

    let place = Place { superuser: &found, variables: &variables };
    let host_in_use = as_the_user(rotation, current, user, &accounts, place, report).await?;
    let source = source_of(&accounts, current.username())?;
    checks::usable(&source, &host_in_use)?;
    let twin = accounts.of(&twin_name);
    if let Some(twin) = &twin {
        checks::refuse_role(twin)?;
        checks::twin_hosts(&source, twin)?;
        let created = pending.as_ref().map_or(i64::MAX, |pending| pending.created);
        report.find(ownership::check(rotation, twin, created, previous).await?);
    } else {
        report.find(format!("the twin \"{twin_name}\" does not exist yet"));
    }
    let mut survey =
        Survey { plan: Vec::new(), superuser, limit, variables, source, twin, twin_name, pending };
    let power = Superuser::of(&survey.superuser, &roles, &accounts);
    survey.make_plan(rotation, current, &power, report)?;
    Ok(survey)
}

fn source_of(accounts: &Accounts, user: &Username) -> Result<User, Error> {
    accounts.of(user).ok_or_else(|| {
        ErrorType::UserMissing.because(format!(
            "the user \"{user}\" does not exist on the server; create it, or correct the secret"
        ))
    })
}

/// A client that still uses the replaced password can block the account after its promotion.
fn warn_of_failed_logins(rotation: &Rotation<'_>, survey: &Survey, report: &mut Report) {
    let limited = survey.source.hosts.values().any(|profile| {
        matches!(profile.settings.get(&Setting::FailedLogins), Some(Value::Number(n)) if *n > 0)
    });
    if limited && !rotation.config.retain_previous_password {
        let warning = format!(
            "\"{}\" has FAILED_LOGIN_ATTEMPTS: a client that keeps using the twin's replaced \
             password can block it after its promotion; RETAIN_PREVIOUS_PASSWORD=true avoids that",
            survey.source.user
        );
        report.warn(Some(warning));
    }
}

impl Survey {
    /// Makes the plan, and checks that it can be carried out.
    fn make_plan(
        &mut self,
        rotation: &Rotation<'_>,
        current: &DatabaseSecret,
        superuser: &Superuser,
        report: &mut Report,
    ) -> Result<(), Error> {
        self.leave_out_mandatory_roles();
        self.replan();
        report.plan = self.statements(current);
        superuser.permits(&self.source, self.twin.as_ref(), &self.plan)?;
        report.find("the superuser may grant all that the twin needs");
        if let Some(pending) = &self.pending {
            self.check_policy(pending.document.password())?;
        }
        checks::retain(rotation, self)?;
        report.warn(self.sends_plaintext().then(|| {
            "the server's strict_password_validation takes no hashes, so the new password stands \
             in a statement that the server may log"
                .to_owned()
        }));
        warn_of_failed_logins(rotation, self, report);
        Ok(())
    }

    /// What the plan's statements show. The password of the document is not among it.
    fn statements(&self, document: &DatabaseSecret) -> Vec<String> {
        let builder = StatementBuilder {
            family: self.superuser.family,
            twin: &self.twin_name,
            password: document.password(),
            plaintext: false,
        };
        let statements = self.plan.iter().map(|change| builder.statement(change));
        statements.map(|statement| statement.to_string()).collect()
    }

    /// Checks a password against what the server shows of its policy.
    ///
    /// # Errors
    ///
    /// `PasswordPolicy`.
    pub fn check_policy(&self, password: &Password) -> Result<(), Error> {
        match policy::violation(&self.variables, &self.twin_name, password) {
            None => Ok(()),
            Some(rule) => Err(ErrorType::PasswordPolicy.because(format!(
                "the new password does not satisfy the server's password policy: {rule}; change the \
                 function's PASSWORD_… and EXCLUDE_… settings, remove the label AWSPENDING from the \
                 version if it has a value, and rotate again"
            ))),
        }
    }

    /// Whether MariaDB insists on checking passwords itself, so that it takes no hashes.
    pub fn sends_plaintext(&self) -> bool {
        let checks = [
            "simple_password_check_minimal_length",
            "cracklib_password_check_dictionary",
            "password_reuse_check_interval",
        ];
        let is_there = |name: &&str| self.variables.value(name).is_some();
        self.variables.is_on("strict_password_validation") && checks.iter().any(is_there)
    }
}

/// The time at which a value was stored, in seconds since the epoch.
pub fn stored_seconds(value: &SecretValue) -> i64 {
    let since = value.created.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Whether the family keeps a replaced password.
pub fn can_retain(family: Family) -> bool {
    matches!(family, Family::MySql(version) if version >= (8, 0, 14))
}
