//! What is held as a whole on MySQL: dynamic privileges and roles.

use std::collections::BTreeSet;

use crate::database::Record;
use crate::database::account::{Grant, GrantTarget, RoleName, Setting, Value};
use crate::database::reader::{Accounts, Tables, unsupported};
use crate::error::Error;

/// Dynamic privileges are copied by name: a new one needs no new vocabulary.
pub(super) async fn dynamic_privileges(
    accounts: &mut Accounts,
    tables: &mut Tables<'_>,
) -> Result<(), Error> {
    let rows = tables
        .select(
            "mysql.global_grants",
            "SELECT USER AS User, HOST AS Host, PRIV, WITH_GRANT_OPTION FROM mysql.global_grants",
            "USER",
        )
        .await?;
    for row in &rows {
        let Some((profile, account)) = accounts.profile(row) else {
            continue;
        };
        let name = row.text_or_empty("PRIV");
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(unsupported(&account, &format!("the dynamic privilege \"{name}\"")));
        }
        profile.grants.insert(GrantTarget::Dynamic(name), whole(row.is_yes("WITH_GRANT_OPTION")));
    }
    Ok(())
}

/// Roles and default roles, and which accounts are roles themselves.
pub(super) async fn roles(accounts: &mut Accounts, tables: &mut Tables<'_>) -> Result<(), Error> {
    for profile in accounts.0.values_mut() {
        let none = Value::Roles(BTreeSet::new());
        profile.settings.insert(Setting::DefaultRoles, none);
    }
    let granted = tables
        .select(
            "mysql.role_edges",
            "SELECT TO_USER AS User, TO_HOST AS Host, FROM_USER, FROM_HOST, WITH_ADMIN_OPTION \
             FROM mysql.role_edges",
            "TO_USER",
        )
        .await?;
    for row in &granted {
        if let Some((profile, _)) = accounts.profile(row) {
            let role = GrantTarget::Role(role(row, "FROM_USER", "FROM_HOST"));
            profile.grants.insert(role, whole(row.is_yes("WITH_ADMIN_OPTION")));
        }
    }
    let defaults = tables
        .select(
            "mysql.default_roles",
            "SELECT USER AS User, HOST AS Host, DEFAULT_ROLE_USER, DEFAULT_ROLE_HOST \
             FROM mysql.default_roles",
            "USER",
        )
        .await?;
    for row in &defaults {
        if let Some((profile, _)) = accounts.profile(row)
            && let Some(Value::Roles(roles)) = profile.settings.get_mut(&Setting::DefaultRoles)
        {
            roles.insert(role(row, "DEFAULT_ROLE_USER", "DEFAULT_ROLE_HOST"));
        }
    }
    mark_roles(accounts, tables).await
}

/// MySQL stores a role as a locked account. It is one if somebody has it, or if it is locked,
/// expired and without a password, as `CREATE ROLE` leaves it.
async fn mark_roles(accounts: &mut Accounts, tables: &mut Tables<'_>) -> Result<(), Error> {
    let granted = tables
        .select(
            "mysql.role_edges",
            "SELECT DISTINCT FROM_USER AS User, FROM_HOST AS Host FROM mysql.role_edges",
            "FROM_USER",
        )
        .await?;
    let defaults = tables
        .select(
            "mysql.default_roles",
            "SELECT DISTINCT DEFAULT_ROLE_USER AS User, DEFAULT_ROLE_HOST AS Host \
             FROM mysql.default_roles",
            "DEFAULT_ROLE_USER",
        )
        .await?;
    for row in granted.iter().chain(&defaults) {
        if let Some((profile, _)) = accounts.profile(row) {
            profile.state.role = true;
        }
    }
    for profile in accounts.0.values_mut() {
        let state = &mut profile.state;
        state.role |= state.locked && state.expired && state.without_password;
    }
    Ok(())
}

fn role(row: &Record, user: &str, host: &str) -> RoleName {
    RoleName { user: row.text_or_empty(user), host: Some(row.text_or_empty(host)) }
}

fn whole(grantable: bool) -> Grant {
    Grant { grantable, ..Grant::default() }
}
