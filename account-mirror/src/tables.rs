//! Reads accounts from the grant tables.
//!
//! [`Reading`] says what to ask the server, and makes accounts of the answers. [`GRANT_TABLES`] has
//! a line for each table. It fails closed: what is not known is not copied, and an account that has
//! it is refused.

use std::collections::{BTreeMap, BTreeSet};

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

use grants::GRANT_TABLES;

/// All accounts of some users, and the hosts of anonymous ones.
#[derive(Debug, Default, PartialEq)]
pub struct Accounts {
    by_name: BTreeMap<(String, String), Account>,
    anonymous: BTreeSet<String>,
}

impl Accounts {
    /// A user with its accounts; `None` if it has none.
    pub fn of(&self, user: &Username) -> Option<User> {
        let accounts: BTreeMap<_, _> = self
            .by_name
            .iter()
            .filter(|((name, _), _)| name == user.as_str())
            .map(|((_, host), account)| (host.clone(), account.clone()))
            .collect();
        (!accounts.is_empty()).then(|| User { name: user.clone(), accounts })
    }

    /// The host parts of anonymous accounts, which may be more specific than a user's.
    pub fn anonymous_hosts(&self) -> impl Iterator<Item = &str> {
        self.anonymous.iter().map(String::as_str)
    }

    /// The names of all accounts: user and host.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_name.keys().map(|(user, host)| (user.as_str(), host.as_str()))
    }

    /// Adds the accounts of another reading.
    pub fn extend(&mut self, other: Self) {
        self.by_name.extend(other.by_name);
    }

    /// One account.
    pub fn at(&self, user: &str, host: &str) -> Option<&Account> {
        self.by_name.get(&(user.to_owned(), host.to_owned()))
    }
}

/// A query about accounts.
#[derive(Debug)]
pub struct Query {
    /// What is read, for an error's text.
    pub what: String,
    /// The query, for a session with `NO_BACKSLASH_ESCAPES`.
    pub sql: String,
}

/// What to ask a server about some users, and what its answers mean.
#[derive(Debug)]
pub struct Reading {
    family: Family,
    users: Vec<String>,
    /// The roles among the users (MariaDB, which shows their global privileges in another way).
    roles: Vec<String>,
}

impl Reading {
    /// A reading of all accounts of these users, and of these roles.
    pub fn new<'a>(
        family: Family,
        users: impl IntoIterator<Item = &'a str>,
        roles: impl IntoIterator<Item = &'a RoleName>,
    ) -> Self {
        let roles: Vec<String> = roles.into_iter().map(|role| role.user.clone()).collect();
        let users = users.into_iter().map(str::to_owned).chain(roles.iter().cloned());
        let users = users.collect::<BTreeSet<_>>().into_iter().collect();
        Self { family, users, roles: if family.is_mysql() { Vec::new() } else { roles } }
    }

    /// The queries, one for each table; each reads the rows of all users.
    pub fn queries(&self) -> Vec<Query> {
        let names = self.users.iter().map(|user| quote_literal(user)).collect::<Vec<_>>();
        let names = names.join(", ");
        let accounts = self.accounts_table();
        let query = |sql: String| Query { what: accounts.to_owned(), sql };
        let mut queries = vec![
            query(format!("SELECT * FROM {accounts} WHERE User IN ({names})")),
            query(format!("SELECT Host FROM {accounts} WHERE User = ''")),
        ];
        queries.extend(grants::tables(self.family).map(|table| Query {
            what: table.name.to_owned(),
            sql: format!("SELECT * FROM {} WHERE {} IN ({names})", table.name, table.user),
        }));
        if !self.family.is_mysql() {
            queries.push(mariadb::global_privileges(&self.users));
            queries.extend(self.roles.iter().map(|role| Query {
                what: format!("the grants of the role {role}"),
                sql: format!("SHOW GRANTS FOR {}", quote_identifier(role)),
            }));
        }
        queries.extend(grants::mis_encoded_users(&self.users));
        queries
    }

    fn accounts_table(&self) -> &'static str {
        if self.family.is_mysql() { mysql::ACCOUNTS } else { mariadb::ACCOUNTS }
    }

    /// The accounts, made of the answers to [`Reading::queries`] in the same order.
    ///
    /// # Errors
    ///
    /// `AccountNotUnderstood` for anything unknown, and `MultiFactorUnsupported`.
    pub fn accounts(&self, answers: Vec<Vec<Row>>) -> Result<Accounts, Error> {
        let mut answers = answers.into_iter();
        let mut next = || answers.next().unwrap_or_default();
        let mut accounts = Accounts::default();
        for row in next() {
            let (user, host) = (row.text_or_empty("User"), row.text_or_empty("Host"));
            let name = format!("'{user}'@'{host}'");
            if self.users.iter().any(|known| known == user) {
                let account = match self.family.is_mysql() {
                    true => mysql::account(self.family, &name, &row)?,
                    false => mariadb::account(self.family, &name, &row)?,
                };
                accounts.by_name.insert((user.to_owned(), host.to_owned()), account);
            }
        }
        let anonymous = next();
        accounts.anonymous =
            anonymous.iter().map(|row| row.text_or_empty("Host").to_owned()).collect();
        for table in grants::tables(self.family) {
            for row in next() {
                // Rows of accounts that do not exist belong to nobody.
                let key = (row.text_or_empty(table.user), row.text_or_empty(table.host));
                let key = (key.0.to_owned(), key.1.to_owned());
                if let Some(account) = accounts.by_name.get_mut(&key) {
                    (table.read)(account, &format!("'{}'@'{}'", key.0, key.1), &row)?;
                }
            }
        }
        if self.family.is_mysql() {
            accounts.by_name.values_mut().for_each(mysql::mark_created_role);
        } else {
            mariadb::read_global_privileges(&mut accounts.by_name, &next())?;
            for role in &self.roles {
                mariadb::read_role(&mut accounts.by_name, role, &next())?;
            }
        }
        grants::refuse_mis_encoded(&self.users, &next())?;
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
        Some(table) => table.columns.iter().copied().chain([table.user, table.host]).collect(),
        None if table == "mysql.user" => mysql::columns().collect(),
        None => mariadb::keys(family).collect(),
    };
    let columns = columns.into_iter();
    columns.filter(|column| !known.contains(column) && !grants::is_privilege(column)).collect()
}
