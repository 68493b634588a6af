//! Rows that cannot be mirrored: of accounts that do not exist, and those that the server stores or
//! reads wrongly.

use std::collections::BTreeSet;
use std::fmt;

use super::query::Query;
use crate::error::{Error, ErrorKind, list};
use crate::grant::GrantTarget;
use crate::row::Row;
use crate::sql::quote_literal;
use crate::user::Account;

/// Rows of a user at a host where it has no account are nothing that statements could copy.
pub(super) fn refuse_without_account(names: &BTreeSet<String>) -> Result<(), Error> {
    let Some(first) = names.first() else {
        return Ok(());
    };
    Err(ErrorKind::GrantsWithoutAccount.because(format!(
        "the grant tables hold privileges of {}, which {} no account; they count for clients from \
         there all the same, and cannot be copied; remove them: DROP USER {first}, which succeeds \
         although the account does not exist",
        list(names),
        if names.len() == 1 { "is" } else { "are" },
    )))
}

/// When MySQL starts, and at FLUSH PRIVILEGES, it takes the dynamic privileges of an account with an
/// empty host for those of the one at `%`, and from then on revokes them in vain.
pub(super) fn refuse_dynamic(account: &Account, name: &str) -> Result<(), Error> {
    let is_dynamic = |target: &&GrantTarget| matches!(target, GrantTarget::Dynamic(_));
    match account.grants.keys().find(is_dynamic) {
        Some(GrantTarget::Dynamic(privilege)) => {
            Err(ErrorKind::AccountNotUnderstood.because(format!(
                "{name} has {privilege}, which MySQL gives to the account at '%' when it starts, \
                 because the host is empty, so that it cannot be copied; take the account away and \
                 use '%', or take the privilege away: GRANT it again, REVOKE it, FLUSH PRIVILEGES"
            )))
        }
        _ => Ok(()),
    }
}

/// The rows of users whose own name was mis-encoded are not found by it.
pub(super) fn mis_encoded_users(users: &BTreeSet<String>) -> Option<Query> {
    let names: Vec<_> = not_ascii(users).map(quote_literal).collect();
    (!names.is_empty()).then(|| Query {
        what: "mysql.procs_priv".to_owned(),
        sql: format!(
            "SELECT 1 FROM mysql.procs_priv \
             WHERE CONVERT(CAST(CONVERT(User USING latin1) AS BINARY) USING utf8mb4) IN ({})",
            names.join(", ")
        ),
    })
}

pub(super) fn refuse_mis_encoded(users: &BTreeSet<String>, rows: &[Row]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = not_ascii(users).collect();
    Err(mis_encoded(format!("\"{}\"", names.join("\" or \""))))
}

fn not_ascii(users: &BTreeSet<String>) -> impl Iterator<Item = &str> {
    users.iter().map(String::as_str).filter(|user| !user.is_ascii())
}

/// Every server so far takes the bytes of names for those of another encoding when it stores
/// privileges on routines, and so forgets them at its next start.
pub(super) fn mis_encoded(name: impl fmt::Display) -> Error {
    ErrorKind::AccountNotUnderstood.because(format!(
        "{name} has privileges on a routine, and the name of the user, the routine or the schema \
         is not ASCII; the server mis-encodes such names in mysql.procs_priv, so they cannot be \
         copied; grant EXECUTE on the schema in their place"
    ))
}
