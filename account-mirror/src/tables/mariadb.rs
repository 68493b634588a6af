//! Reads an account from a row of MariaDB's `mysql.global_priv`.
//!
//! `mysql.user` is a view there that shows only part of an account. The bit mask of global
//! privileges in `global_priv` means different things in different versions; their names come from
//! `information_schema.USER_PRIVILEGES`, and those of roles, which that table does not have, from
//! `SHOW GRANTS`.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::accounts::AccountName;
use super::query::Query;
use crate::error::{Error, unsupported};
use crate::family::Family;
use crate::grant::GrantTarget;
use crate::plugin;
use crate::privilege::Privilege;
use crate::proof::AuthString;
use crate::row::Row;
use crate::setting;
use crate::show_grants::{Clause, parse_clauses};
use crate::sql::quote_literal;
use crate::user::{Account, AuthMethod, State, StoredPassword};

/// The table of accounts, and how it is read.
pub(super) const ACCOUNTS: &str = "mysql.global_priv";

/// The known keys of an account's JSON, except those of settings.
const KEYS: &[&str] = &[
    "access",
    "version_id",
    "plugin",
    "authentication_string",
    "auth_or",
    "account_locked",
    "password_last_changed",
    "is_role",
];

/// The keys that are known.
pub(super) fn keys(family: Family) -> impl Iterator<Item = &'static str> {
    KEYS.iter().copied().chain(setting::stored_names(family))
}

pub(super) fn account(family: Family, name: AccountName<'_>, row: &Row) -> Result<Account, Error> {
    let json: Map<String, Json> = serde_json::from_slice(row.bytes("Priv").unwrap_or_default())
        .map_err(|_| unsupported(name, "properties that are not a JSON object"))?;
    let is_known = |key: &str| keys(family).any(|known| known == key);
    if let Some((key, _)) = json.iter().find(|(key, value)| !is_known(key) && !is_zero(value)) {
        return Err(unsupported(name, format!("the property \"{key}\"")));
    }
    let flag = |key: &str| json.get(key).and_then(Json::as_bool).unwrap_or_default();
    let changed = json.get("password_last_changed").and_then(Json::as_i64);
    // A missing key means the default.
    let stored = |key: &str| Some(json.get(key).cloned().unwrap_or(Json::Null));
    let mut passwords = Vec::new();
    Ok(Account {
        authentication: auth_methods(family, &json, &mut passwords),
        state: State {
            locked: flag("account_locked"),
            expired: changed == Some(0),
            role: flag("is_role"),
            passwords,
            retained: None,
        },
        settings: setting::read(family, stored).map_err(|found| unsupported(name, found))?,
        ..Account::default()
    })
}

fn is_zero(value: &Json) -> bool {
    match value {
        Json::Null => true,
        Json::Bool(value) => !value,
        Json::Number(value) => value.as_f64() == Some(0.0),
        Json::String(value) => value.is_empty(),
        Json::Array(value) => value.is_empty(),
        Json::Object(value) => value.is_empty(),
    }
}

fn text(json: &Map<String, Json>, key: &str) -> String {
    json.get(key).and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// The alternatives, in their order. In `auth_or` an empty object stands for the plugin that is
/// named outside of it.
fn auth_methods(
    family: Family,
    json: &Map<String, Json>,
    passwords: &mut Vec<StoredPassword>,
) -> Vec<AuthMethod> {
    let Some(alternatives) = json.get("auth_or").and_then(Json::as_array) else {
        return vec![auth_method(family, json, passwords)];
    };
    let methods = alternatives.iter().map(|alternative| match alternative.as_object() {
        Some(other) if other.contains_key("plugin") => auth_method(family, other, passwords),
        _ => auth_method(family, json, passwords),
    });
    methods.collect()
}

fn auth_method(
    family: Family,
    json: &Map<String, Json>,
    passwords: &mut Vec<StoredPassword>,
) -> AuthMethod {
    let string = text(json, "authentication_string");
    let plugin = match text(json, "plugin") {
        plugin if plugin.is_empty() => plugin::mariadb_default(&string).to_owned(),
        plugin => plugin,
    };
    plugin::method(family, plugin, AuthString::new(string), passwords)
}

/// `GRANTEE` holds the account's name in quotes, with nothing escaped.
pub(super) fn global_privileges(users: BTreeSet<&str>) -> Query {
    let of_user = |user: &str| {
        let start = quote_literal(&format!("'{user}'@'"));
        format!("LEFT(GRANTEE, CHAR_LENGTH({start})) = {start}")
    };
    let conditions: Vec<_> = users.into_iter().map(of_user).collect();
    Query {
        what: "information_schema.USER_PRIVILEGES".to_owned(),
        sql: format!(
            "SELECT GRANTEE, PRIVILEGE_TYPE, IS_GRANTABLE \
             FROM information_schema.USER_PRIVILEGES WHERE {}",
            conditions.join(" OR ")
        ),
    }
}

/// Adds a row of these to the account that it is about.
pub(super) fn global_privilege(account: &mut Account, row: &Row) -> Result<(), Error> {
    let grantable = row.text_or_empty("IS_GRANTABLE") == "YES";
    let (grantee, name) = (row.text_or_empty("GRANTEE"), row.text_or_empty("PRIVILEGE_TYPE"));
    hold_globally(grantee, account, name, grantable)
}

/// Adds a line that is shown of a role of the superuser, which is never copied.
pub(super) fn role_privileges(account: &mut Account, role: &str, row: &Row) -> Result<(), Error> {
    let clauses = parse_clauses(&String::from_utf8_lossy(row.first_bytes()));
    for (name, grantable) in clauses.iter().filter_map(Clause::global_privilege) {
        hold_globally(&format!("role {role}"), account, &name, grantable)?;
    }
    Ok(())
}

fn hold_globally(
    grantee: &str,
    account: &mut Account,
    name: &str,
    grantable: bool,
) -> Result<(), Error> {
    if name == "USAGE" && !grantable {
        return Ok(());
    }
    let grant = account.grants.entry(GrantTarget::Global).or_default();
    grant.grantable |= grantable;
    match name {
        "USAGE" => {}
        "ALL PRIVILEGES" => grant.privileges.extend(Privilege::all()),
        _ => {
            let privilege = Privilege::named(name)
                .ok_or_else(|| unsupported(grantee, format!("the privilege {name}")))?;
            grant.privileges.insert(privilege);
        }
    }
    Ok(())
}
