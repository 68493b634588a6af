//! Reads accounts from the grant tables.
//!
//! [`Reading`] says what to ask the server, and makes accounts of the answers. [`GRANT_TABLES`] has
//! a line for each table. It fails closed: what is not known is not copied, and an account that has
//! it is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::error::Error;
use crate::family::Family;
use crate::grant::RoleName;
use crate::row::Row;
use crate::sql::{quote_identifier, quote_literal};
use crate::user::{Account, User};
use crate::username::Username;

mod grants;
mod mariadb;
mod mysql;
mod query;
mod refused;

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

    /// The account of a row. The letter case of a host means nothing.
    fn of_row(&mut self, name: AccountName<'_>) -> Option<&mut Account> {
        let accounts = self.users.get_mut(name.user)?;
        if accounts.contains_key(name.host) {
            return accounts.get_mut(name.host);
        }
        let mut accounts = accounts.iter_mut();
        let found = accounts.find(|(host, _)| host.eq_ignore_ascii_case(name.host));
        found.map(|(_, account)| account)
    }

    fn each(&mut self) -> impl Iterator<Item = (AccountName<'_>, &mut Account)> {
        self.users.iter_mut().flat_map(|(user, accounts)| {
            let name = |host| AccountName { user, host };
            accounts.iter_mut().map(move |(host, account)| (name(host), account))
        })
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
        let names = self.names().into_iter().map(quote_literal).collect::<Vec<_>>();
        let names = names.join(", ");
        let accounts = self.accounts_table();
        let query = |sql: String| Query { what: accounts.to_owned(), sql };
        let mut queries = vec![
            query(format!("SELECT * FROM {accounts} WHERE User IN ({names})")),
            query(format!("SELECT Host FROM {accounts} WHERE User = ''")),
        ];
        queries.extend(grants::tables(self.family).map(|table| Query {
            what: table.name.to_owned(),
            sql: format!(
                "SELECT {} FROM {} WHERE {} IN ({names}){}{}",
                table.selected(),
                table.name,
                table.user,
                if table.also.is_empty() { "" } else { " OR " },
                table.also
            ),
        }));
        if !self.family.is_mysql() {
            queries.push(mariadb::global_privileges(self.names()));
            queries.extend(self.roles.iter().map(|role| Query {
                what: format!("the grants of the role {role}"),
                sql: format!("SHOW GRANTS FOR {}", quote_identifier(role)),
            }));
        }
        queries.extend(refused::mis_encoded_users(&self.users));
        queries
    }

    fn accounts_table(&self) -> &'static str {
        if self.family.is_mysql() { mysql::ACCOUNTS } else { mariadb::ACCOUNTS }
    }

    fn reads(&self, user: &str, host: &str) -> bool {
        self.users.contains(user) || self.single.contains(&(user.to_owned(), host.to_owned()))
    }

    /// The accounts, made of the answers to [`Reading::queries`] in the same order.
    ///
    /// # Errors
    ///
    /// `AccountNotUnderstood` for anything unknown, `MultiFactorUnsupported`, and
    /// `GrantsWithoutAccount` for privileges of one of the users at a host where it has no account.
    pub fn accounts(&self, answers: Vec<Vec<Row>>) -> Result<Accounts, Error> {
        let mut answers = answers.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let mut accounts = Accounts::default();
        for row in next() {
            let (user, host) = (row.text_or_empty("User"), row.text_or_empty("Host"));
            let name = AccountName { user, host };
            if self.reads(user, host) {
                let account = match self.family.is_mysql() {
                    true => mysql::account(self.family, name, &row)?,
                    false => mariadb::account(self.family, name, &row)?,
                };
                let of_user = accounts.users.entry(user.to_owned()).or_default();
                of_user.insert(host.to_owned(), account);
            }
        }
        let anonymous = next();
        accounts.anonymous =
            anonymous.iter().map(|row| row.text_or_empty("Host").to_owned()).collect();
        let mut without_account = BTreeSet::new();
        for table in grants::tables(self.family) {
            for row in next() {
                let (user, host) = (row.text_or_empty(table.user), row.text_or_empty(table.host));
                let name = AccountName { user, host };
                if !table.also.is_empty() && row.text("PRIV") == Some(grants::SYSTEM_USER) {
                    accounts.system_users.insert((user.to_owned(), host.to_owned()));
                }
                if let Some(account) = accounts.of_row(name) {
                    (table.read)(account, name, &row)?;
                } else if table.counts_without_account && self.users.contains(user) {
                    without_account.insert(name.to_string());
                }
            }
        }
        refused::refuse_without_account(&without_account)?;
        for (user, accounts) in &accounts.users {
            if self.users.contains(user) {
                refused::refuse_at_empty_host(user, accounts)?;
            }
        }
        if self.family.is_mysql() {
            accounts.each().for_each(|(_, account)| mysql::mark_created_role(account));
        } else {
            mariadb::read_global_privileges(&mut accounts, &next())?;
            for role in &self.roles {
                mariadb::read_role(&mut accounts, role, &next())?;
            }
        }
        refused::refuse_mis_encoded(&self.users, &next())?;
        Ok(accounts)
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
