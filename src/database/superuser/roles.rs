//! Which roles the superuser has.

use std::collections::BTreeSet;

use mysql_async::{Params, Value as Param};

use crate::database::account::RoleName;
use crate::database::server::Variables;
use crate::database::{Family, Session};
use crate::deadline::Deadline;
use crate::error::Error;

/// The names of the superuser's account and of all roles that it has, directly or through others.
///
/// # Errors
///
/// `SuperuserTooWeak` without SELECT on the `mysql` schema; errors of the connection.
pub async fn role_names(
    session: &mut Session,
    variables: &Variables,
    deadline: Deadline,
) -> Result<BTreeSet<RoleName>, Error> {
    let (user, host) = (session.account_user.clone(), session.account_host.clone());
    let (sql, params) = match session.family {
        family if !family.has_roles() => return Ok(BTreeSet::new()),
        Family::MySql(_) => (
            "WITH RECURSIVE roles AS (\
             SELECT FROM_USER AS user, FROM_HOST AS host FROM mysql.role_edges \
             WHERE TO_USER = ? AND TO_HOST = ? \
             UNION SELECT FROM_USER, FROM_HOST FROM mysql.role_edges JOIN roles \
             ON TO_USER = roles.user AND TO_HOST = roles.host) \
             SELECT user, host FROM roles",
            vec![Param::from(user), Param::from(host)],
        ),
        Family::MariaDb(_) => (
            "SELECT ROLE_NAME AS user, '' AS host FROM information_schema.ENABLED_ROLES \
             WHERE ROLE_NAME IS NOT NULL",
            Vec::new(),
        ),
    };
    let params = if params.is_empty() { Params::Empty } else { Params::Positional(params) };
    let rows = session
        .rows(sql, params, deadline)
        .await
        .map_err(|failure| failure.context("reading the superuser's roles"))?;
    let granted = rows.iter().map(|row| RoleName {
        user: row.text_or_empty("user"),
        host: Some(row.text_or_empty("host")),
    });
    Ok(granted.chain(variables.mandatory_roles()).collect())
}
