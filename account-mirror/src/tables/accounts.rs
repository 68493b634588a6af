//! The accounts that were read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::grant::{Grant, GrantTarget, RoleName};
use crate::proxies::Proxy;
use crate::user::{Account, User};
use crate::username::Username;

/// All accounts of some users, and what else was read of them.
#[derive(Debug, Default, PartialEq)]
pub struct Accounts {
    /// By the user and the host.
    pub(super) users: BTreeMap<String, BTreeMap<String, Account>>,
    /// The hosts of anonymous accounts.
    pub(super) anonymous: BTreeSet<String>,
    /// The accounts and roles of the server that hold `SYSTEM_USER` themselves (MySQL).
    pub(super) system_users: BTreeSet<(String, String)>,
    /// Who may act as one of the users of which all accounts were read.
    pub(super) proxies: Vec<Proxy>,
    /// By the user: an account, and a place, where the server's memory has other privileges than its
    /// tables.
    pub(super) not_in_memory: BTreeMap<String, String>,
}

impl Accounts {
    /// Takes a user with its accounts out of the others; `None` if it has none.
    pub fn take(&mut self, user: &Username) -> Option<User> {
        let accounts = self.users.remove(user.as_str())?;
        Some(User { name: user.clone(), accounts })
    }

    /// The host parts of anonymous accounts, which may be more specific than a user's.
    pub fn anonymous_hosts(&self) -> impl Iterator<Item = &str> {
        self.anonymous.iter().map(String::as_str)
    }

    /// An account of a user, and a place, where the server's memory has other privileges than its
    /// tables.
    pub fn not_in_memory(&self, user: &Username) -> Option<&str> {
        self.not_in_memory.get(user.as_str()).map(String::as_str)
    }

    /// Who may act as one of the users, as far as all accounts of it were read.
    pub fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    /// The names of all accounts: user and host.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.users.iter().flat_map(|(user, accounts)| {
            accounts.keys().map(move |host| (user.as_str(), host.as_str()))
        })
    }

    /// Adds the accounts of another reading.
    pub fn extend(&mut self, other: Self) {
        for (user, accounts) in other.users {
            self.users.entry(user).or_default().extend(accounts);
        }
    }

    /// One account.
    pub fn at(&self, user: &str, host: &str) -> Option<&Account> {
        self.users.get(user)?.get(host)
    }

    /// What holds `SYSTEM_USER` itself, as if all were roles (MySQL).
    pub(crate) fn system_roles(&self) -> BTreeSet<RoleName> {
        let names = self.system_users.iter().cloned();
        names.map(|(user, host)| RoleName { user, host: Some(host) }).collect()
    }
}

/// The name of an account, which is formatted for an error alone.
#[derive(Clone, Copy)]
pub(super) struct AccountName<'a> {
    pub(super) user: &'a str,
    pub(super) host: &'a str,
}

impl fmt::Display for AccountName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'@'{}'", self.user, self.host)
    }
}

/// An account, and what the grant tables say of it, in the order of their rows.
pub(super) struct Unsorted {
    pub(super) account: Account,
    pub(super) grants: Vec<(GrantTarget, Grant)>,
}

impl Unsorted {
    /// The account with all grants. A map that is made of them at once, in their order, costs a tenth of
    /// one to which they are added one by one.
    pub(super) fn sorted(mut self) -> Account {
        let mut grants = self.grants;
        grants.splice(..0, std::mem::take(&mut self.account.grants));
        grants.sort_by(|(one, _), (other, _)| one.cmp(other));
        grants.dedup_by(|(target, later), (earlier_target, earlier)| {
            let is_same = target == earlier_target;
            if is_same {
                add_columns(earlier, std::mem::take(later));
            }
            is_same
        });
        self.account.grants = grants.into_iter().collect();
        self.account
    }
}

/// A table has a row of its own, and one for each column. A column may have two, spelled differently.
fn add_columns(grant: &mut Grant, later: Grant) {
    grant.privileges.insert_all(later.privileges);
    grant.grantable |= later.grantable;
    for (column, privileges) in later.columns {
        grant.columns.entry(column).or_default().insert_all(privileges);
    }
}
