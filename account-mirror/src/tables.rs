//! Reads accounts from the grant tables.
//!
//! [`Reading`] says what to ask the server, and [`Answers`] makes accounts of the rows. [`GRANT_TABLES`]
//! has a line for each table. It fails closed: what is not known is not copied, and an account that has
//! it is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::family::Family;
use crate::grant::RoleName;
use crate::user::{Account, User};
use crate::username::Username;

mod answers;
mod grants;
mod mariadb;
mod mysql;
mod query;
mod refused;

pub use answers::Answers;
use grants::GRANT_TABLES;
pub use query::Query;

/// All accounts of some users, and what else was read of them.
#[derive(Debug, Default, PartialEq)]
pub struct Accounts {
    /// By the user and the host.
    users: BTreeMap<String, BTreeMap<String, Account>>,
    /// The hosts of anonymous accounts.
    anonymous: BTreeSet<String>,
    /// The accounts and roles of the server that hold `SYSTEM_USER` themselves (MySQL).
    system_users: BTreeSet<(String, String)>,
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
struct AccountName<'a> {
    user: &'a str,
    host: &'a str,
}

impl fmt::Display for AccountName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'@'{}'", self.user, self.host)
    }
}

/// What to ask a server about some users, and what its answers mean.
#[derive(Debug)]
pub struct Reading {
    family: Family,
    /// The users of which all accounts are read.
    users: BTreeSet<String>,
    /// Single accounts that are read, by user and host.
    single: BTreeSet<(String, String)>,
    /// The roles among them (MariaDB, which shows their global privileges in another way).
    roles: Vec<String>,
}

impl Reading {
    /// A reading of all accounts of these users.
    pub fn new<'a>(family: Family, users: impl IntoIterator<Item = &'a str>) -> Self {
        let users = users.into_iter().map(str::to_owned).collect();
        Self { family, users, single: BTreeSet::new(), roles: Vec::new() }
    }

    /// The same and one account of another user.
    #[must_use]
    pub fn with_account(mut self, user: &str, host: &str) -> Self {
        self.single.insert((user.to_owned(), host.to_owned()));
        self
    }

    /// A reading of roles.
    pub fn of_roles(family: Family, roles: &BTreeSet<RoleName>) -> Self {
        let mut reading = Self::new(family, []);
        for role in roles {
            // MariaDB's have no host.
            let host = role.host.as_deref().filter(|_| family.is_mysql());
            reading = reading.with_account(&role.user, host.unwrap_or_default());
            reading.roles.extend((!family.is_mysql()).then(|| role.user.clone()));
        }
        reading
    }

    fn names(&self) -> BTreeSet<&str> {
        let single = self.single.iter().map(|(user, _)| user);
        self.users.iter().chain(single).map(String::as_str).collect()
    }

    /// The queries, one for each table; each reads the rows of all users.
    pub fn queries(&self) -> Vec<Query> {
        self.sources().iter().map(|source| source.query(self)).collect()
    }

    /// What makes accounts of the rows that answer these queries.
    pub fn answers(&self) -> Answers<'_> {
        Answers::of(self)
    }

    fn reads(&self, name: AccountName<'_>) -> bool {
        let single = || (name.user.to_owned(), name.host.to_owned());
        self.users.contains(name.user) || self.single.contains(&single())
    }
}

/// The columns of a table of `mysql` that this function would overlook: neither a key, nor read,
/// nor known to mean nothing for a mirror.
pub fn unknown_columns<'a>(
    family: Family,
    table: &str,
    columns: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let known: Vec<&str> = match GRANT_TABLES.iter().find(|known| known.name == table) {
        Some(table) => table.known_columns().collect(),
        None if table == "mysql.user" => mysql::columns().collect(),
        None => mariadb::keys(family).collect(),
    };
    let columns = columns.into_iter();
    columns.filter(|column| !known.contains(column) && !grants::is_privilege(column)).collect()
}
