//! Everything that must be known before the first write: all logins, all reads, all checks, and the
//! plan. It writes nothing, so a refusal here leaves everything as it was.

use std::time::UNIX_EPOCH;

use crate::database::account::{Account, Object, Setting, Value};
use crate::database::login::Whose;
use crate::database::mirror::{self, Change};
use crate::database::reader::{self, Accounts};
use crate::database::server::{self, StatementLimit, Variables};
use crate::database::superuser::{self, Superuser};
use crate::database::{Family, Session, policy};
use crate::error::{Error, ErrorType};
use crate::secret::DatabaseSecret;
use crate::step::{Rotation, login, plaintext_warning};
use crate::store::{Label, SecretValue};
use crate::username::Username;

mod checks;
mod ownership;
mod superuser_login;

pub use checks::{refuse_proxy, right_account, use_database};

/// What is surveyed.
pub struct Subject<'a> {
    /// The current document.
    pub current: &'a DatabaseSecret,
    /// The pending document, if there is one yet, and when it was stored.
    pub pending: Option<(&'a DatabaseSecret, i64)>,
}

/// What was found. It holds the superuser's session, with the lock on the pair if there is a
/// pending document.
pub struct Survey {
    /// The superuser's session.
    pub superuser: Session,
    /// How long a statement may take in it.
    pub limit: StatementLimit,
    /// The server's variables.
    pub variables: Variables,
    /// The current user's accounts.
    pub source: Account,
    /// The twin's accounts, if there are any.
    pub twin: Option<Account>,
    /// The twin's name.
    pub twin_name: Username,
    /// What must be changed.
    pub plan: Vec<Change>,
    /// What the operator should know.
    pub warnings: Vec<String>,
}

impl Survey {
    /// Reads both accounts again, as far as they are compared.
    ///
    /// # Errors
    ///
    /// `UserMissing` if the user vanished; errors of reading.
    pub async fn read_again(&mut self, rotation: &Rotation<'_>) -> Result<(), Error> {
        let users = [self.source.user.as_str(), self.twin_name.as_str()];
        let accounts = reader::read(&mut self.superuser, &users, rotation.deadline).await?;
        self.source = source_of(&accounts, &self.source.user)?;
        self.twin = accounts.of(&self.twin_name);
        self.leave_out_mandatory_roles();
        self.plan = mirror::plan(&self.source, self.twin.as_ref());
        Ok(())
    }

    /// Mandatory roles belong to every account, granted or not, and cannot be revoked.
    fn leave_out_mandatory_roles(&mut self) {
        let mandatory = self.variables.mandatory_roles();
        let profiles = self.source.hosts.values_mut();
        for profile in profiles.chain(
            self.twin
                .iter_mut()
                .flat_map(|twin| twin.hosts.values_mut()),
        ) {
            profile.grants.retain(
                |object, _| !matches!(object, Object::Role(role) if mandatory.contains(role)),
            );
        }
    }
}

/// Makes the survey.
///
/// # Errors
///
/// Every refusal of a rotation.
pub async fn survey(rotation: &Rotation<'_>, subject: Subject<'_>) -> Result<Survey, Error> {
    let Subject { current, pending } = subject;
    let deadline = rotation.deadline;
    let twin_name = rotation.twin_of(current)?;
    let user_server = rotation.server(current);

    let (superuser_id, value) = superuser_login::value(rotation, current).await?;
    let document = superuser_login::document(&superuser_id, &value)?;
    let (superuser_server, relation) =
        superuser_login::server(rotation, current, &document, &superuser_id).await?;
    checks::superuser_is_neither(&document, current, &twin_name)?;

    let user_login = login(Whose::Current, current, &user_server);
    let (as_superuser, as_user) = tokio::join!(
        superuser_login::open(rotation, &superuser_id, value, document, &superuser_server),
        user_login.open(deadline),
    );
    let mut superuser = as_superuser?;
    let mut warnings: Vec<_> = [
        plaintext_warning(Whose::Superuser, &superuser_server),
        plaintext_warning(Whose::Current, &user_server),
    ]
    .into_iter()
    .flatten()
    .collect();

    let limit = server::prepare(&mut superuser, deadline).await?;
    let variables = Variables::read(&mut superuser, deadline).await?;
    if pending.is_some() && server::lock_pair(&mut superuser, &twin_name, deadline).await? {
        still_pending(rotation).await?;
    }
    let roles = superuser::role_names(&mut superuser, &variables, deadline).await?;
    let own_name = superuser.account_user.clone();
    let mut users = vec![current.username().as_str(), twin_name.as_str(), &own_name];
    users.extend(roles.iter().map(|role| role.user.as_str()));
    let accounts = reader::read(&mut superuser, &users, deadline).await?;

    let (host_in_use, user_facts) = match as_user {
        Ok(session) => as_the_user(rotation, current, session).await?,
        Err(refusal) => {
            let host = checks::explain_refusal(current, &user_server, refusal, &accounts)?;
            warnings.push(format!(
                "the server has no room for another login of \"{}\" now; its password was accepted",
                current.username()
            ));
            (host, None)
        }
    };
    if let Some(facts) = &user_facts {
        checks::same_server(&user_server, facts, &superuser_server, &variables, relation)?;
    }
    checks::writable(&superuser_server, &variables)?;

    let source = source_of(&accounts, current.username())?;
    let twin = accounts.of(&twin_name);
    checks::usable(&source, &host_in_use)?;
    if let Some(twin) = &twin {
        checks::twin_hosts(&source, twin)?;
        let created = pending.map_or(i64::MAX, |(_, created)| created);
        ownership::check(rotation, twin, created, &mut warnings).await?;
    }
    let mut survey = Survey {
        plan: Vec::new(),
        superuser,
        limit,
        variables,
        source,
        twin,
        twin_name,
        warnings,
    };
    survey.leave_out_mandatory_roles();
    survey.plan = mirror::plan(&survey.source, survey.twin.as_ref());
    let power = Superuser::of(&survey.superuser, &roles, &accounts);
    power.permits(&survey.source, survey.twin.as_ref(), &survey.plan)?;
    if let Some((pending, _)) = pending {
        check_policy(&survey, pending)?;
    }
    checks::retain(rotation, &survey)?;
    warn_of_failed_logins(rotation, &mut survey);
    Ok(survey)
}

fn source_of(accounts: &Accounts, user: &Username) -> Result<Account, Error> {
    accounts.of(user).ok_or_else(|| {
        ErrorType::UserMissing.because(format!(
            "the user \"{user}\" does not exist on the server; create it, or correct the secret"
        ))
    })
}

/// What the current user's session tells: the host part of its account, and the server's identity.
async fn as_the_user(
    rotation: &Rotation<'_>,
    current: &DatabaseSecret,
    mut session: Session,
) -> Result<(String, Option<checks::UserFacts>), Error> {
    let deadline = rotation.deadline;
    right_account(&session, current.username())?;
    use_database(&mut session, current, deadline).await?;
    let variables = Variables::read(&mut session, deadline).await?;
    let host = session.account_host.clone();
    session.close(deadline).await;
    let identity = variables.identity().map(str::to_owned);
    Ok((host, Some(checks::UserFacts { identity })))
}

/// After waiting for another rotation of the pair, this one may be over.
async fn still_pending(rotation: &Rotation<'_>) -> Result<(), Error> {
    let description = rotation
        .store
        .describe(&rotation.secret, rotation.deadline)
        .await?;
    if description.has_label(&rotation.version, Label::Pending)
        && !description.has_label(&rotation.version, Label::Current)
    {
        return Ok(());
    }
    Err(ErrorType::RotationSuperseded.because(format!(
        "while another rotation of the same pair of users was waited for, version {} lost its label \
         AWSPENDING or became AWSCURRENT; there is nothing left to do for this try",
        rotation.version
    )))
}

fn check_policy(survey: &Survey, pending: &DatabaseSecret) -> Result<(), Error> {
    match policy::violation(&survey.variables, &survey.twin_name, pending.password()) {
        None => Ok(()),
        Some(rule) => Err(ErrorType::PasswordPolicy.because(format!(
            "the pending password does not satisfy the server's password policy: {rule}; change the \
             function's PASSWORD_… settings, remove the label AWSPENDING from this version, and \
             rotate again"
        ))),
    }
}

/// A client that still uses the replaced password can block the account after its promotion.
fn warn_of_failed_logins(rotation: &Rotation<'_>, survey: &mut Survey) {
    let limited = survey.source.hosts.values().any(|profile| {
        matches!(profile.settings.get(&Setting::FailedLogins), Some(Value::Number(n)) if *n > 0)
    });
    if limited && !rotation.config.retain_previous_password {
        survey.warnings.push(format!(
            "\"{}\" has FAILED_LOGIN_ATTEMPTS: a client that keeps using the twin's replaced \
             password can block it after its promotion; RETAIN_PREVIOUS_PASSWORD=true avoids that",
            survey.source.user
        ));
    }
}

impl Survey {
    /// Whether MariaDB checks passwords with a plugin.
    pub fn has_validation_plugin(&self) -> bool {
        [
            "simple_password_check_minimal_length",
            "cracklib_password_check_dictionary",
            "password_reuse_check_interval",
        ]
        .iter()
        .any(|name| self.variables.value(name).is_some())
    }
}

/// The time at which a value was stored, in seconds since the epoch.
pub fn stored_at(value: &SecretValue) -> i64 {
    let since = value.created.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Whether the family keeps a replaced password.
pub fn can_retain(family: Family) -> bool {
    matches!(family, Family::MySql(version) if version >= (8, 0, 14))
}
