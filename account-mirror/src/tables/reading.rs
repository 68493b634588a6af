//! What to ask a server about some users.

use std::collections::BTreeSet;

use super::accounts::AccountName;
use super::grants::{GrantTable, tables};
use super::query::Query;
use super::{letters, mariadb, memory, mysql, not_mirrorable};
use crate::family::Family;
use crate::grant::RoleName;
use crate::sql::{quote_identifier, quote_literal};

/// What to ask a server about some users, and what its answers mean.
#[derive(Debug)]
pub struct Reading {
    pub(super) family: Family,
    /// The users of which all accounts are read.
    pub(super) users: BTreeSet<String>,
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

    pub(super) fn reads(&self, name: AccountName<'_>) -> bool {
        let single = || (name.user.to_owned(), name.host.to_owned());
        self.users.contains(name.user) || self.single.contains(&single())
    }

    /// What the queries read, in their order: the accounts come before what belongs to them.
    pub(super) fn sources(&self) -> Vec<Source> {
        let mut sources = vec![Source::Accounts, Source::Anonymous];
        sources.extend(tables(self.family).map(Source::Grants));
        if !self.family.is_mysql() {
            sources.push(Source::GlobalPrivileges);
            sources.extend(self.roles.iter().cloned().map(Source::Role));
        }
        if !self.users.is_empty() {
            sources.extend([Source::Memory, Source::Capitals]);
        }
        sources
            .extend(not_mirrorable::has_not_ascii(&self.users).then_some(Source::MisEncodedUsers));
        sources
    }
}

/// What a query reads.
pub(super) enum Source {
    /// The accounts themselves.
    Accounts,
    /// The hosts of anonymous accounts.
    Anonymous,
    /// A table of grants.
    Grants(&'static GrantTable),
    /// The global privileges of accounts (MariaDB).
    GlobalPrivileges,
    /// Those of a role (MariaDB).
    Role(String),
    /// The privileges in the server's memory.
    Memory,
    /// Privileges on names in capitals, which the server takes for others.
    Capitals,
    /// Whether there are privileges of a user whose name was mis-encoded.
    MisEncodedUsers,
}

impl Source {
    fn query(&self, reading: &Reading) -> Query {
        let names = || {
            let names: Vec<_> = reading.names().into_iter().map(quote_literal).collect();
            names.join(", ")
        };
        let accounts = if reading.family.is_mysql() { mysql::ACCOUNTS } else { mariadb::ACCOUNTS };
        let query = |what: &str, sql| Query { what: what.to_owned(), sql };
        match self {
            Self::Accounts => {
                query(accounts, format!("SELECT * FROM {accounts} WHERE User IN ({})", names()))
            }
            Self::Anonymous => {
                query(accounts, format!("SELECT Host FROM {accounts} WHERE User = ''"))
            }
            Self::Grants(table) => query(
                table.name,
                format!(
                    "SELECT {}{} FROM {} WHERE {} IN ({}){}{}",
                    table.selected(),
                    letters::compared(table.name, reading.family),
                    table.name,
                    table.user,
                    names(),
                    if table.also.is_empty() { "" } else { " OR " },
                    table.also
                ),
            ),
            Self::GlobalPrivileges => mariadb::global_privileges(reading.names()),
            Self::Role(role) => query(
                &format!("the grants of the role {role}"),
                format!("SHOW GRANTS FOR {}", quote_identifier(role)),
            ),
            Self::Memory => memory::query(reading.family, &reading.users),
            Self::Capitals => letters::capitals(&reading.users),
            Self::MisEncodedUsers => not_mirrorable::mis_encoded_users(&reading.users),
        }
    }
}
