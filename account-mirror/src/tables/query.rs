//! What is asked of a server.

use super::grants::{GrantTable, tables};
use super::{Reading, mariadb, mysql, refused};
use crate::sql::{quote_identifier, quote_literal};

/// A query about accounts.
#[derive(Debug)]
pub struct Query {
    /// What is read, for an error's text.
    pub what: String,
    /// The query, for a session with `NO_BACKSLASH_ESCAPES`.
    pub sql: String,
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
    /// Whether there are privileges of a user whose name was mis-encoded.
    MisEncodedUsers,
}

impl Reading {
    /// What the queries read, in their order: the accounts come before what belongs to them.
    pub(super) fn sources(&self) -> Vec<Source> {
        let mut sources = vec![Source::Accounts, Source::Anonymous];
        sources.extend(tables(self.family).map(Source::Grants));
        if !self.family.is_mysql() {
            sources.push(Source::GlobalPrivileges);
            sources.extend(self.roles.iter().cloned().map(Source::Role));
        }
        sources.extend(refused::has_not_ascii(&self.users).then_some(Source::MisEncodedUsers));
        sources
    }
}

impl Source {
    pub(super) fn query(&self, reading: &Reading) -> Query {
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
                    "SELECT {} FROM {} WHERE {} IN ({}){}{}",
                    table.selected(),
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
            Self::MisEncodedUsers => refused::mis_encoded_users(&reading.users),
        }
    }
}
