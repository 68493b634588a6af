//! Reads accounts from the grant tables: what both families have in common.
//!
//! A fixed number of queries, however much is granted. It fails closed: what this function does not
//! know it will not copy, and an account that has it is refused before anything is written.

use std::collections::BTreeMap;

use mysql_async::{Params, Value as Param};

use super::account::{User, Grant, GrantTarget, Account, RoutineKind};
use super::privilege::{GRANT_COLUMN, GRANT_MEMBER, Privilege};
use super::{Family, Record, Session, mariadb, mysql};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorType};
use crate::username::Username;

/// All accounts of some users, by user and host.
#[derive(Debug, Default, PartialEq)]
pub struct Accounts(pub(super) BTreeMap<(String, String), Account>);

impl Accounts {
    /// The accounts of one user; `None` if it has none.
    pub fn of(&self, user: &Username) -> Option<User> {
        let hosts: BTreeMap<_, _> = self
            .0
            .iter()
            .filter(|((name, _), _)| name == user.as_str())
            .map(|((_, host), profile)| (host.clone(), profile.clone()))
            .collect();
        (!hosts.is_empty()).then(|| User { user: user.clone(), hosts })
    }

    /// One account.
    pub fn at(&self, user: &str, host: &str) -> Option<&Account> {
        self.0.get(&(user.to_owned(), host.to_owned()))
    }

    /// The profile to which a row of a grant table belongs. Rows of accounts that do not exist are
    /// left-overs without effect.
    pub(super) fn profile(&mut self, row: &Record) -> Option<(&mut Account, String)> {
        let key = (row.text_or_empty("User"), row.text_or_empty("Host"));
        let name = format!("'{}'@'{}'", key.0, key.1);
        self.0.get_mut(&key).map(|profile| (profile, name))
    }
}

/// Reads all accounts of these users.
///
/// # Errors
///
/// `AccountNotUnderstood` for anything unknown; `SuperuserTooWeak` without SELECT on the `mysql`
/// schema; errors of the connection.
pub async fn read(
    session: &mut Session,
    users: &[&str],
    deadline: Deadline,
) -> Result<Accounts, Error> {
    let mut tables = Tables { session, users, deadline };
    let mut accounts = match tables.session.family {
        Family::MySql(_) => mysql::read(&mut tables).await?,
        Family::MariaDb(_) => mariadb::read(&mut tables).await?,
    };
    schemas(&mut accounts, &tables.rows("mysql.db").await?)?;
    table_rows(&mut accounts, &tables.rows("mysql.tables_priv").await?)?;
    column_rows(&mut accounts, &tables.rows("mysql.columns_priv").await?)?;
    routines(&mut accounts, &tables.rows("mysql.procs_priv").await?)?;
    no_mis_encoded_users(&mut tables).await?;
    proxies(&mut accounts, &tables.rows("mysql.proxies_priv").await?);
    Ok(accounts)
}

/// The grant tables, seen through the users of interest.
pub(super) struct Tables<'a> {
    pub(super) session: &'a mut Session,
    users: &'a [&'a str],
    deadline: Deadline,
}

impl Tables<'_> {
    /// The rows of a table with a `User` column.
    pub(super) async fn rows(&mut self, table: &str) -> Result<Vec<Record>, Error> {
        self.select(table, &format!("SELECT * FROM {table}"), "User").await
    }

    /// The rows of a query that ends where `WHERE` would come, for the users in `column`.
    pub(super) async fn select(
        &mut self,
        what: &str,
        sql: &str,
        column: &str,
    ) -> Result<Vec<Record>, Error> {
        let marks = vec!["?"; self.users.len()].join(", ");
        let sql = format!("{sql} WHERE {column} IN ({marks})");
        let users: Vec<Param> = self.users.iter().map(|user| Param::from(*user)).collect();
        let rows = self
            .session
            .rows(&sql, Params::Positional(users), self.deadline)
            .await
            .map_err(|failure| failure.context(format!("reading {what}")))?;
        // The server ignores blanks at the end when it compares names, and in some columns case.
        let exact = |row: &Record| {
            let column = column.rsplit('.').next().unwrap_or(column);
            row.text(column).is_none_or(|user| self.users.contains(&user.as_str()))
        };
        Ok(rows.into_iter().filter(exact).collect())
    }

    /// The rows of a query that stands as it is.
    pub(super) async fn query(
        &mut self,
        what: &str,
        sql: &str,
        params: impl Into<Params>,
    ) -> Result<Vec<Record>, Error> {
        self.session
            .rows(sql, params, self.deadline)
            .await
            .map_err(|failure| failure.context(format!("reading {what}")))
    }
}

/// The error for something that this function does not know.
pub(super) fn unsupported(account: &str, what: &str) -> Error {
    ErrorType::AccountNotUnderstood.because(format!(
        "{account} has {what}, which this version of the function does not know and therefore \
         cannot copy; update the function, or take it from the account"
    ))
}

/// The privileges of a row's `…_priv` columns.
pub(super) fn column_privileges(account: &str, row: &Record) -> Result<Grant, Error> {
    let mut held = Grant::default();
    for column in row.columns().filter(|column| column.ends_with("_priv")) {
        if !row.is_yes(column) {
            continue;
        }
        if column == GRANT_COLUMN {
            held.grantable = true;
        } else {
            let privilege = Privilege::of_column(column)
                .ok_or_else(|| unsupported(account, &format!("the privilege {column}")))?;
            held.privileges.insert(privilege);
        }
    }
    Ok(held)
}

fn set_privileges(account: &str, set: &str) -> Result<Grant, Error> {
    let mut held = Grant::default();
    for member in set.split(',').filter(|member| !member.is_empty()) {
        if member == GRANT_MEMBER {
            held.grantable = true;
        } else {
            let privilege = Privilege::of_member(member)
                .ok_or_else(|| unsupported(account, &format!("the privilege \"{member}\"")))?;
            held.privileges.insert(privilege);
        }
    }
    Ok(held)
}

fn schemas(accounts: &mut Accounts, rows: &[Record]) -> Result<(), Error> {
    for row in rows {
        if let Some((profile, name)) = accounts.profile(row) {
            let held = column_privileges(&name, row)?;
            insert_grant(profile, GrantTarget::Schema(row.text_or_empty("Db")), held);
        }
    }
    Ok(())
}

fn table_rows(accounts: &mut Accounts, rows: &[Record]) -> Result<(), Error> {
    for row in rows {
        if let Some((profile, name)) = accounts.profile(row) {
            let held = set_privileges(&name, &row.text_or_empty("Table_priv"))?;
            insert_grant(profile, table_of(row), held);
        }
    }
    Ok(())
}

fn column_rows(accounts: &mut Accounts, rows: &[Record]) -> Result<(), Error> {
    for row in rows {
        if let Some((profile, name)) = accounts.profile(row) {
            let held = set_privileges(&name, &row.text_or_empty("Column_priv"))?;
            if !held.privileges.is_empty() {
                profile
                    .grants
                    .entry(table_of(row))
                    .or_default()
                    .columns
                    .insert(row.text_or_empty("Column_name"), held.privileges);
            }
        }
    }
    Ok(())
}

fn table_of(row: &Record) -> GrantTarget {
    GrantTarget::Table { schema: row.text_or_empty("Db"), name: row.text_or_empty("Table_name") }
}

fn routines(accounts: &mut Accounts, rows: &[Record]) -> Result<(), Error> {
    for row in rows {
        if let Some((profile, name)) = accounts.profile(row) {
            let (schema, routine) = (row.text_or_empty("Db"), row.text_or_empty("Routine_name"));
            if !schema.is_ascii() || !routine.is_ascii() {
                return Err(mis_encoded(&name));
            }
            let kind = row.text_or_empty("Routine_type");
            let object = GrantTarget::Routine {
                kind: RoutineKind::named(&kind)
                    .ok_or_else(|| unsupported(&name, &format!("privileges on a {kind}")))?,
                schema,
                name: routine,
            };
            let held = set_privileges(&name, &row.text_or_empty("Proc_priv"))?;
            insert_grant(profile, object, held);
        }
    }
    Ok(())
}

/// The rows of users whose own name was mis_encoded are not found by it.
async fn no_mis_encoded_users(tables: &mut Tables<'_>) -> Result<(), Error> {
    let strange: Vec<&str> = tables.users.iter().copied().filter(|user| !user.is_ascii()).collect();
    if strange.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "SELECT 1 FROM mysql.procs_priv \
         WHERE CONVERT(CAST(CONVERT(User USING latin1) AS BINARY) USING utf8mb4) IN ({})",
        vec!["?"; strange.len()].join(", ")
    );
    let users = strange.iter().map(|user| Param::from(*user)).collect();
    let rows = tables.query("mysql.procs_priv", &sql, Params::Positional(users)).await?;
    if rows.is_empty() {
        return Ok(());
    }
    Err(mis_encoded(&format!("\"{}\"", strange.join("\" or \""))))
}

/// Every server so far takes the bytes of names for those of another encoding when it stores
/// privileges on routines, and so forgets them at its next start.
fn mis_encoded(account: &str) -> Error {
    ErrorType::AccountNotUnderstood.because(format!(
        "{account} has privileges on a routine, and the name of the user, the routine or the schema \
         is not ASCII; the server garbles such names in mysql.procs_priv, so they cannot be copied; \
         grant EXECUTE on the schema in their place"
    ))
}

fn proxies(accounts: &mut Accounts, rows: &[Record]) {
    for row in rows {
        if let Some((profile, _)) = accounts.profile(row) {
            let object = GrantTarget::Proxy {
                user: row.text_or_empty("Proxied_user"),
                host: row.text_or_empty("Proxied_host"),
            };
            let grantable = row.number("With_grant") == Some(1);
            profile.grants.insert(object, Grant { grantable, ..Grant::default() });
        }
    }
}

/// Report what is held on an object; a row without any privilege says nothing.
pub(super) fn insert_grant(profile: &mut Account, object: GrantTarget, held: Grant) {
    if !held.is_empty() {
        profile.grants.insert(object, held);
    }
}
