//! Reads accounts from the server. All queries against `mysql.*` are sent from here.

use std::collections::{BTreeMap, BTreeSet};

use account_mirror::family::Family;
use account_mirror::grant::RoleName;
use account_mirror::show_grants::{Clause, parse_clauses};
use account_mirror::sql::{quote_account, quote_literal};
use account_mirror::tables::{Accounts, Query, Reading};

use super::session::{Session, Variables};
use crate::error::Error;

/// Reads all accounts of these users, and of these roles, in one round trip.
///
/// # Errors
///
/// `AccountNotUnderstood` for anything unknown; `SuperuserTooWeak` without SELECT on the `mysql`
/// schema; errors of the connection.
pub async fn accounts(
    session: &mut Session,
    users: &[&str],
    roles: &BTreeSet<RoleName>,
) -> Result<Accounts, Error> {
    let reading = Reading::new(session.family, users.iter().copied(), roles);
    let results = session.results(&reading.queries()).await?;
    Ok(reading.accounts(results)?)
}

/// The names of all roles that the superuser of the session has, directly or through others.
///
/// # Errors
///
/// `SuperuserTooWeak` without SELECT on the `mysql` schema; errors of the connection.
pub async fn superuser_roles(
    session: &mut Session,
    variables: &Variables,
) -> Result<BTreeSet<RoleName>, Error> {
    let sql = match session.family {
        family if !family.has_roles() => return Ok(BTreeSet::new()),
        Family::MySql(_) => format!(
            "WITH RECURSIVE roles AS (\
             SELECT FROM_USER AS user, FROM_HOST AS host FROM mysql.role_edges \
             WHERE TO_USER = {} AND TO_HOST = {} \
             UNION SELECT FROM_USER, FROM_HOST FROM mysql.role_edges JOIN roles \
             ON TO_USER = roles.user AND TO_HOST = roles.host) \
             SELECT user, host FROM roles",
            quote_literal(&session.account_user),
            quote_literal(&session.account_host)
        ),
        Family::MariaDb(_) => "SELECT ROLE_NAME AS user, '' AS host \
             FROM information_schema.ENABLED_ROLES WHERE ROLE_NAME IS NOT NULL"
            .to_owned(),
    };
    let rows = session.rows(&sql).await;
    let rows = rows.map_err(|failure| failure.context("reading the superuser's roles"))?;
    let granted = rows.iter().map(|row| RoleName {
        user: row.text_or_empty("user").to_owned(),
        host: Some(row.text_or_empty("host").to_owned()),
    });
    Ok(granted.chain(variables.mandatory_roles()).collect())
}

/// What the server shows the superuser of an account: `SHOW GRANTS` and `SHOW CREATE USER`.
///
/// # Errors
///
/// Of the connection, and of a superuser that may not read the `mysql` schema.
pub async fn grants_for(
    session: &mut Session,
    user: &str,
    host: &str,
) -> Result<BTreeSet<Clause>, Error> {
    let account = quote_account(user, host);
    clauses(session, [format!("SHOW GRANTS FOR {account}"), format!("SHOW CREATE USER {account}")])
        .await
}

/// What the server shows an account of itself.
///
/// # Errors
///
/// Of the connection.
pub async fn own_grants(session: &mut Session) -> Result<BTreeSet<Clause>, Error> {
    let shows = ["SHOW GRANTS", "SHOW CREATE USER CURRENT_USER()"].map(str::to_owned);
    clauses(session, shows).await
}

async fn clauses(
    session: &mut Session,
    queries: impl IntoIterator<Item = String>,
) -> Result<BTreeSet<Clause>, Error> {
    let queries: Vec<_> = queries.into_iter().map(|sql| Query { what: sql.clone(), sql }).collect();
    let results = session.results(&queries).await?;
    let rows = results.into_iter().flatten();
    Ok(rows.flat_map(|row| parse_clauses(&row.first_lossy())).collect())
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
    let accounts = accounts(session, &[user], &BTreeSet::new()).await?;
    let digest = match session.family {
        Family::MySql(_) => {
            "SELECT Host AS host, SHA2(authentication_string, 256) AS digest FROM mysql.user"
        }
        Family::MariaDb(_) => {
            "SELECT Host AS host, SHA2(CONCAT(JSON_EXTRACT(Priv, '$.authentication_string'), \
             COALESCE(JSON_EXTRACT(Priv, '$.auth_or'), '')), 256) AS digest FROM mysql.global_priv"
        }
    };
    let rows = session.rows(&format!("{digest} WHERE User = {}", quote_literal(user))).await;
    let rows = rows.map_err(|failure| failure.context("reading the twin at the replica"))?;
    let text = |row: &account_mirror::row::Row, column| row.text_or_empty(column).to_owned();
    let digests = rows.iter().map(|row| (text(row, "host"), text(row, "digest")));
    Ok((accounts, digests.collect()))
}
