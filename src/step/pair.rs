//! The two users of a rotation, and the superuser's session in which they are read and changed.

use std::collections::BTreeSet;

use account_mirror::exempt::exempt;
use account_mirror::grant::{GrantTarget, RoleName};
use account_mirror::plan::{self, Change};
use account_mirror::powers::Powers;
use account_mirror::proxies::Proxy;
use account_mirror::tables::Accounts;
use account_mirror::user::{Account, User};
use account_mirror::username::Username;

use crate::database::apply::Skipped;
use crate::database::read::{self, Facts, InMemory};
use crate::database::session::{Session, Variables};
use crate::deadline::Deadline;
use crate::error::{Error, refuse};
use crate::step::turn::Turn;

mod absent;
mod differences;
mod memory;
mod missing;
mod settled;
mod users;
mod verify;

/// The user in use, its twin, and what must be changed.
pub(super) struct Pair<'s> {
    /// The superuser's session; in a rotation it holds the lock on the pair.
    pub(super) session: &'s mut Session,
    /// The user in use.
    pub(super) source: User,
    /// The twin, if it exists.
    pub(super) twin: Option<User>,
    /// The twin's name.
    pub(super) twin_name: Username,
    /// What the superuser may do.
    pub(super) powers: Powers,
    /// The hosts of anonymous accounts, which may be more specific than the user's.
    pub(super) anonymous_hosts: Vec<String>,
    /// The authentication plugins that the server has loaded, in lower case.
    pub(super) plugins: BTreeSet<String>,
    /// How many characters a user's name may have.
    pub(super) longest_name: Option<usize>,
    /// Who may act as one of the two.
    pub(super) proxies: Vec<Proxy>,
    /// The invocation's end.
    deadline: Deadline,
    /// What `SHOW CREATE USER` shows of each account that has a password, by user and host.
    in_memory: InMemory,
    /// Where the server's memory has other privileges than its tables.
    not_in_memory: Option<String>,
    /// What could not be granted because it no longer exists, by host: not part of the comparison.
    pub(super) skipped: Skipped,
    /// The grants of the plan on tables that do not exist now: they are made last.
    pub(super) on_absent: Vec<Change>,
    /// What else is not part of the comparison.
    pub(super) exemptions: Vec<String>,
    /// What must be changed.
    pub(super) plan: Vec<Change>,
}

impl<'s> Pair<'s> {
    /// Reads both users, and what decides on their change.
    ///
    /// # Errors
    ///
    /// `UserMissing`, and those of [`read::facts`].
    pub(super) async fn read(turn: &Turn<'_>, session: &'s mut Session) -> Result<Self, Error> {
        let users = [turn.current.username.as_str(), turn.twin.as_str()];
        let Facts { mut accounts, roles, plugins, longest_name, shown } =
            read::facts(session, users).await?;
        let account = (session.account_user.as_str(), session.account_host.as_str());
        let powers = Powers::new(session.family, account, &roles, &accounts);
        let Some(source) = accounts.take(&turn.current.username) else {
            let twin = accounts.take(&turn.twin);
            return Err(missing::user_missing(turn, twin.as_ref()).await);
        };
        let mut pair = Self {
            twin: None,
            twin_name: turn.twin.clone(),
            session,
            powers,
            anonymous_hosts: accounts.anonymous_hosts().map(str::to_owned).collect(),
            plugins,
            longest_name,
            proxies: Vec::new(),
            deadline: turn.rotation.deadline,
            in_memory: shown,
            not_in_memory: None,
            skipped: Skipped::new(),
            on_absent: Vec::new(),
            exemptions: Vec::new(),
            plan: Vec::new(),
            source,
        };
        pair.take(accounts);
        Ok(pair)
    }

    /// Reads both users again, and plans anew.
    pub(super) async fn refresh(&mut self) -> Result<(), Error> {
        self.forget();
        let users = [self.source.name.as_str(), self.twin_name.as_str()];
        let accounts = read::accounts(self.session, &users).await?;
        self.replace(accounts)
    }

    /// Forgets the accounts, before they are read again: with many grants, twice of them is much.
    fn forget(&mut self) {
        self.source.accounts.clear();
        self.twin = None;
        self.plan.clear();
    }

    fn replace(&mut self, mut accounts: Accounts) -> Result<(), Error> {
        self.source = source_of(&mut accounts, &self.source.name)?;
        self.take(accounts);
        Ok(())
    }

    /// Takes over all but the user in use, which is known.
    fn take(&mut self, mut accounts: Accounts) {
        self.twin = accounts.take(&self.twin_name);
        for (_, twin) in self.twin.iter_mut().flat_map(|twin| &mut twin.accounts) {
            twin.state.expired |= is_stored_otherwise(twin, &self.session.variables);
        }
        let place = self.users().find_map(|user| accounts.not_in_memory(&user.name));
        self.not_in_memory = place.map(str::to_owned);
        self.proxies = accounts.proxies().to_vec();
        self.replan();
    }

    /// Plans for the accounts as they are known now.
    pub(super) fn replan(&mut self) {
        self.exclude();
        self.on_absent.clear();
        self.plan = plan::plan(self.session.family, &self.source, self.twin.as_ref());
    }

    /// Excludes what is not compared: what no statement makes equal, and what was skipped because it
    /// cannot be granted.
    fn exclude(&mut self) {
        let mandatory = self.session.variables.mandatory_roles();
        self.exemptions = exempt(&mut self.source, self.twin.as_mut(), &mandatory);
        if self.skipped.is_empty() {
            return;
        }
        for user in std::iter::once(&mut self.source).chain(&mut self.twin) {
            for (host, account) in &mut user.accounts {
                let is_compared = |target: &GrantTarget| {
                    !self.skipped.contains_key(&(host.clone(), target.clone()))
                };
                account.grants.retain(|target, _| is_compared(target));
            }
        }
    }

    /// The user in use, and the twin if it exists.
    pub(super) fn users(&self) -> impl Iterator<Item = &User> {
        std::iter::once(&self.source).chain(&self.twin)
    }

    /// The hosts of the twin that the user has too, with both accounts.
    pub(super) fn hosts(&self) -> impl Iterator<Item = (&str, &Account, &Account)> {
        let twin = self.twin.iter().flat_map(|twin| &twin.accounts);
        twin.filter_map(|(host, twin)| Some((host.as_str(), self.source.accounts.get(host)?, twin)))
    }

    /// The statements of the plan, without passwords.
    pub(super) fn statements(&self) -> Vec<String> {
        let for_a_moment = self.for_a_moment();
        let changes = self.plan.iter().chain(for_a_moment.iter().flatten());
        let builder = self.builder();
        changes.map(|change| builder.statement(change).to_string()).collect()
    }

    /// Whether MariaDB validates passwords itself, so that it accepts no hashes.
    pub(super) fn sends_plaintext(&self) -> bool {
        let checks = [
            "simple_password_check_minimal_length",
            "cracklib_password_check_dictionary",
            "password_reuse_check_interval",
        ];
        let is_there = |name: &&str| self.session.variables.value(name).is_some();
        self.session.variables.is_on("strict_password_validation") && checks.iter().any(is_there)
    }

    /// The roles that every account has without being granted them.
    pub(super) fn mandatory_roles(&self) -> BTreeSet<RoleName> {
        self.session.variables.mandatory_roles()
    }
}

/// Whether the server takes the account's password, and then answers nothing until it is set again, since
/// it enforces another format of hashes.
pub(super) fn is_stored_otherwise(account: &Account, variables: &Variables) -> bool {
    let enforced = variables.enforced_format();
    let passwords = &account.state.passwords;
    enforced.is_some_and(|format| passwords.iter().any(|one| one.is_stored_otherwise(format)))
}

fn source_of(accounts: &mut Accounts, user: &Username) -> Result<User, Error> {
    let Some(source) = accounts.take(user) else {
        refuse!(
            UserMissing,
            "\"{user}\" was not rotated: the user does not exist on the superuser's server; create it there, or \
             correct the host or the user in one of the two secrets"
        );
    };
    Ok(source)
}
