//! Reads accounts from the server. All queries against `mysql.*` are sent from here.

use std::collections::{BTreeMap, BTreeSet};

use account_mirror::family::Family;
use account_mirror::grant::RoleName;
use account_mirror::host::is_name;
use account_mirror::row::Row;
use account_mirror::show_grants::Shown;
use account_mirror::sql::{quote_account, quote_literal};
use account_mirror::tables::{Accounts, Answers, Query, Reading};
use account_mirror::user::Account;
use account_mirror::username::Username;

use super::session::Session;
use crate::error::{Error, refuse};

mod beside;
pub mod existing;
mod reasons;

use beside::Beside;
pub use reasons::{Reasons, reasons};

/// Reads all accounts of these users, in one round trip.
///
/// # Errors
///
/// `AccountNotUnderstood` for anything unknown; `SuperuserTooWeak` without SELECT on the `mysql`
/// schema; errors of the connection.
pub async fn accounts(session: &mut Session, users: &[&str]) -> Result<Accounts, Error> {
    let reading = Reading::new(session.family, users.iter().copied());
    let mut answers = Answers::of(&reading);
    session.each(&reading.queries(), &mut |query, row| answers.add(query, &row)).await?;
    Ok(answers.accounts()?)
}

/// What `SHOW CREATE USER` shows of accounts, by user and host: the server reads it from its memory.
pub type InMemory = BTreeMap<(String, String), Vec<u8>>;

/// What the checks must know of a pair of users and of the superuser.
pub struct Facts {
    /// The accounts of both users, of the superuser, and of its roles.
    pub accounts: Accounts,
    /// The roles that the superuser has, directly or through others.
    pub roles: BTreeSet<RoleName>,
    /// The authentication plugins that the server has loaded, in lower case.
    pub plugins: BTreeSet<String>,
    /// How many characters a user's name may have.
    pub longest_name: Option<usize>,
    /// What `SHOW CREATE USER` shows of each account of the two users that has a password.
    pub shown: InMemory,
}

/// Reads them in two round trips: the second is about what the first has found.
///
/// # Errors
///
/// As [`accounts`].
pub async fn facts(session: &mut Session, users: [&str; 2]) -> Result<Facts, Error> {
    let reading = Reading::new(session.family, users)
        .with_account(&session.account_user, &session.account_host);
    let mut queries = reading.queries();
    let tables = queries.len();
    queries.extend(Beside::queries(session));
    let mut beside = Beside { roles: session.variables.mandatory_roles(), ..Beside::default() };
    let mut answers = Answers::of(&reading);
    let mut take = |query: usize, row: Row| match query.checked_sub(tables) {
        None => answers.add(query, &row),
        Some(query) => beside.add(query, row),
    };
    session.each(&queries, &mut take).await?;
    let Beside { plugins, longest_name, roles } = beside;
    let mut accounts = answers.accounts()?;
    refuse_ignored(session, &accounts, users)?;

    let has_password = |(user, host): &(&str, &str)| {
        let account = accounts.at(user, host);
        users.contains(user) && account.is_some_and(Account::has_hash)
    };
    let of_users: Vec<_> = accounts.names().filter(has_password).map(owned).collect();
    let of_roles = Reading::of_roles(session.family, &roles);
    let mut queries: Vec<_> = of_users.iter().map(settings_of).collect();
    if !roles.is_empty() {
        queries.extend(of_roles.queries());
    }
    let mut shown = BTreeMap::new();
    let mut answers = Answers::of(&of_roles);
    let mut take = |query: usize, row: Row| match of_users.get(query) {
        Some(account) => {
            shown.entry(account.clone()).or_insert_with(|| row.first_bytes().to_vec());
            row.size()
        }
        None => answers.add(query - of_users.len(), &row),
    };
    if !queries.is_empty() {
        session.each(&queries, &mut take).await?;
    }
    accounts.extend(answers.accounts()?);
    Ok(Facts { accounts, roles, plugins, longest_name, shown })
}

fn settings_of((user, host): &(String, String)) -> Query {
    Query {
        what: format!("the settings of '{user}'@'{host}'"),
        sql: format!("SHOW CREATE USER {}", quote_account(user, host)),
    }
}

/// MariaDB without name resolution has accounts at host names in its tables and not in its memory, also
/// after FLUSH PRIVILEGES: what is granted there counts for nobody, and no statement finds them.
fn refuse_ignored(session: &Session, accounts: &Accounts, users: [&str; 2]) -> Result<(), Error> {
    let ignores = !session.family.is_mysql() && session.variables.is_on("skip_name_resolve");
    let mut names = accounts.names().filter(|(user, host)| users.contains(user) && is_name(host));
    let Some((user, host)) = names.next().filter(|_| ignores) else {
        return Ok(());
    };
    refuse!(
        HostNameIgnored,
        "'{user}'@'{host}' was not rotated: the server ignores accounts at host names, since its \
         skip_name_resolve is on, and no statement finds them; turn that option off and drop the account, \
         or leave it off"
    );
}

fn owned((user, host): (&str, &str)) -> (String, String) {
    (user.to_owned(), host.to_owned())
}

/// Whether a user has an open session. Only a superuser with PROCESS sees others'.
///
/// # Errors
///
/// Of the connection.
pub async fn has_sessions(session: &mut Session, user: &Username) -> Result<bool, Error> {
    let rows = session.read("looking for the twin's sessions", "SHOW PROCESSLIST").await?;
    Ok(rows.iter().any(|row| row.text_or_empty("User") == user.as_str()))
}

/// What the server shows the superuser of these accounts, each a user and a host, in their order and in
/// one round trip: `SHOW GRANTS` and `SHOW CREATE USER`.
///
/// # Errors
///
/// Of the connection, and of an account that does not exist any more.
pub async fn grants_for(
    session: &mut Session,
    accounts: &[(&str, &str)],
) -> Result<Vec<Shown>, Error> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let mut lines = vec![Vec::new(); accounts.len()];
    session.each(&shows(accounts), &mut |query, row| keep(&mut lines[query / 2], row)).await?;
    Ok(shown(accounts, lines))
}

/// What [`accounts`] reads of users and what [`grants_for`] shows of some of their accounts, all in one
/// round trip; and, by account, what `SHOW CREATE USER` shows as it is.
///
/// # Errors
///
/// Of both.
pub async fn accounts_and_grants(
    session: &mut Session,
    users: &[&str],
    shown_of: &[(&str, &str)],
) -> Result<(Accounts, Vec<Shown>, InMemory), Error> {
    let reading = Reading::new(session.family, users.iter().copied());
    let mut queries = reading.queries();
    let tables = queries.len();
    queries.extend(shows(shown_of));
    let mut answers = Answers::of(&reading);
    let mut lines = vec![Vec::new(); shown_of.len()];
    let mut in_memory = InMemory::new();
    let mut accounts = None;
    let mut take = |query: usize, row: Row| match query.checked_sub(tables) {
        None => answers.add(query, &row),
        Some(show) => {
            // Accounts take less than what was read of them, and all lines are still to come.
            accounts.get_or_insert_with(|| answers.accounts());
            if show % 2 == 1 {
                let account = owned(shown_of[show / 2]);
                in_memory.entry(account).or_insert_with(|| row.first_bytes().to_vec());
            }
            keep(&mut lines[show / 2], row)
        }
    };
    session.each(&queries, &mut take).await?;
    let accounts = accounts.unwrap_or_else(|| answers.accounts())?;
    Ok((accounts, shown(shown_of, lines), in_memory))
}

/// Keeps the line that is the row. Returns how many bytes it takes.
fn keep(lines: &mut Vec<String>, row: Row) -> usize {
    let line = row.first_lossy();
    let size = size_of::<String>() + line.len();
    lines.push(line);
    size
}

/// Two queries for each account.
fn shows(accounts: &[(&str, &str)]) -> Vec<Query> {
    let of_account = |(user, host): &(&str, &str)| {
        let account = quote_account(user, host);
        [format!("SHOW GRANTS FOR {account}"), format!("SHOW CREATE USER {account}")]
    };
    accounts
        .iter()
        .flat_map(of_account)
        .map(|sql| Query { what: format!("an account ({sql})"), sql })
        .collect()
}

fn shown(accounts: &[(&str, &str)], lines: Vec<Vec<String>>) -> Vec<Shown> {
    let accounts = accounts.iter().zip(lines);
    accounts.map(|((user, host), lines)| Shown::new(user, host, lines)).collect()
}

/// What the server shows an account of itself, without its roles: those would be merged into it.
///
/// # Errors
///
/// Of the connection.
pub async fn own_grants(session: &mut Session) -> Result<Shown, Error> {
    let role = session.family.has_roles().then_some("SET ROLE NONE");
    let queries: Vec<_> = role
        .into_iter()
        .chain(["SHOW GRANTS", "SHOW CREATE USER CURRENT_USER()"])
        .map(|sql| Query { what: format!("the account itself ({sql})"), sql: sql.to_owned() })
        .collect();
    let mut lines = Vec::new();
    session.each(&queries, &mut |_, row| keep(&mut lines, row)).await?;
    Ok(Shown::new(&session.account_user, &session.account_host, lines))
}

/// All accounts of a user with digests of their hashes, to be compared with those of another server.
///
/// # Errors
///
/// As [`accounts`].
pub async fn snapshot(
    session: &mut Session,
    user: &str,
) -> Result<(Accounts, BTreeMap<String, String>), Error> {
    let accounts = accounts(session, &[user]).await?;
    let digest = match session.family {
        Family::MySql(_) => {
            "SELECT Host AS host, SHA2(authentication_string, 256) AS digest FROM mysql.user"
        }
        Family::MariaDb(_) => {
            "SELECT Host AS host, SHA2(CONCAT(JSON_EXTRACT(Priv, '$.authentication_string'), \
             COALESCE(JSON_EXTRACT(Priv, '$.auth_or'), '')), 256) AS digest FROM mysql.global_priv"
        }
    };
    let sql = format!("{digest} WHERE User = {}", quote_literal(user));
    let rows = session.read("reading the twin at the replica", &sql).await?;
    let text = |row: &Row, column| row.text_or_empty(column).to_owned();
    let digests = rows.iter().map(|row| (text(row, "host"), text(row, "digest")));
    Ok((accounts, digests.collect()))
}
