//! Rows that cannot be mirrored: of accounts that do not exist, and those that the server stores or
//! reads wrongly.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::query::Query;
use crate::error::{Error, ErrorKind, list};
use crate::grant::{Grant, GrantTarget};
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

/// What MySQL does not keep apart for an account with an empty host. When it starts, and at FLUSH
/// PRIVILEGES, it takes the account's dynamic privileges for those of the one at `%`, and from then on
/// revokes them in vain. And where it has an exception from what another account of the user has a row
/// for, it refuses to change either (errors 1141 and 3901).
pub(super) fn refuse_at_empty_host(
    user: &str,
    accounts: &BTreeMap<String, Account>,
) -> Result<(), Error> {
    let Some(account) = accounts.get("") else {
        return Ok(());
    };
    let held_by_others = |schema: &String, excepted: &Grant| {
        let row = GrantTarget::Schema(schema.clone());
        let others = accounts.iter().filter(|(host, _)| !host.is_empty());
        let mut rows = others.filter_map(|(_, other)| other.grants.get(&row));
        rows.any(|row| !row.privileges.is_disjoint(excepted.privileges))
    };
    for (target, grant) in &account.grants {
        let is_mistaken = match target {
            GrantTarget::Dynamic(_) => true,
            GrantTarget::PartialRevoke(schema) => held_by_others(schema, grant),
            _ => false,
        };
        if is_mistaken {
            return Err(ErrorKind::AccountNotUnderstood.because(format!(
                "'{user}'@'' has the {target}, which cannot be copied: because the host is empty, \
                 MySQL mistakes other accounts of the user for it; drop it and use '%' in its place, \
                 or take that away (of a dynamic privilege: GRANT it again, REVOKE it, and run FLUSH \
                 PRIVILEGES)"
            )));
        }
    }
    Ok(())
}

/// The rows of users whose own name was mis-encoded are not found by it.
pub(super) fn mis_encoded_users(users: &BTreeSet<String>) -> Query {
    let names: Vec<_> = not_ascii(users).map(quote_literal).collect();
    Query {
        what: "mysql.procs_priv".to_owned(),
        sql: format!(
            "SELECT 1 FROM mysql.procs_priv \
             WHERE CONVERT(CAST(CONVERT(User USING latin1) AS BINARY) USING utf8mb4) IN ({})",
            names.join(", ")
        ),
    }
}

pub(super) fn mis_encoded_user(users: &BTreeSet<String>) -> Error {
    let names: Vec<_> = not_ascii(users).collect();
    mis_encoded(format!("\"{}\"", names.join("\" or \"")))
}

pub(super) fn has_not_ascii(users: &BTreeSet<String>) -> bool {
    not_ascii(users).next().is_some()
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
