//! Reads an account from MariaDB's grant tables.
//!
//! `mysql.user` is a view there that shows only part of an account, so accounts are read from
//! `mysql.global_priv`. Its bit mask of global privileges means different things in different
//! versions; their names come from `information_schema.USER_PRIVILEGES`, and those of roles, which
//! that table does not have, from `SHOW GRANTS`.

use std::collections::BTreeSet;

use mysql_async::{Params, Value as Param};
use serde_json::{Map, Value as Json};

use super::account::{Grant, AuthMethod, GrantTarget, Account, RoleName, Setting, State, Tls, Value};
use super::mariadb_password;
use super::privilege::Privilege;
use super::reader::{Accounts, Tables, unsupported};
use super::statement::quote_identifier;
use super::witness::{self, Clause};
use crate::error::Error;

/// The keys of an account's JSON that are understood.
const KNOWN_KEYS: &[&str] = &[
    "access",
    "version_id",
    "plugin",
    "authentication_string",
    "auth_or",
    "ssl_type",
    "ssl_cipher",
    "x509_issuer",
    "x509_subject",
    "max_questions",
    "max_updates",
    "max_connections",
    "max_user_connections",
    "max_statement_time",
    "account_locked",
    "password_last_changed",
    "password_lifetime",
    "default_role",
    "is_role",
];

/// Reads `mysql.global_priv` and the other tables that only MariaDB has.
pub(super) async fn read(tables: &mut Tables<'_>) -> Result<Accounts, Error> {
    let mut accounts = Accounts::default();
    for row in tables.rows("mysql.global_priv").await? {
        let key = (row.text_or_empty("User"), row.text_or_empty("Host"));
        let account = format!("'{}'@'{}'", key.0, key.1);
        let json: Map<String, Json> = serde_json::from_str(&row.text_or_empty("Priv"))
            .map_err(|_| unsupported(&account, "properties that are not a JSON object"))?;
        accounts.0.insert(key, profile(&account, &json)?);
    }
    global(&mut accounts, tables).await?;
    global_of_roles(&mut accounts, tables).await?;
    roles(&mut accounts, tables).await?;
    Ok(accounts)
}

fn profile(account: &str, json: &Map<String, Json>) -> Result<Account, Error> {
    let unknown =
        json.iter().find(|(key, value)| !KNOWN_KEYS.contains(&key.as_str()) && !is_zero(value));
    if let Some((key, _)) = unknown {
        return Err(unsupported(account, &format!("the property \"{key}\"")));
    }
    let flag = |key: &str| json.get(key).and_then(Json::as_bool).unwrap_or_default();
    let changed = json.get("password_last_changed").and_then(Json::as_i64);
    let authentication = methods(json);
    Ok(Account {
        state: State {
            locked: flag("account_locked"),
            expired: changed == Some(0),
            without_password: text(json, "authentication_string").is_empty(),
            role: flag("is_role"),
            second_password: false,
            password_changed: changed,
        },
        authentication,
        settings: settings(account, json)?.into_iter().collect(),
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
fn methods(json: &Map<String, Json>) -> Vec<AuthMethod> {
    let first = method(json);
    match json.get("auth_or").and_then(Json::as_array) {
        None => vec![first],
        Some(alternatives) => alternatives
            .iter()
            .map(|alternative| match alternative.as_object() {
                Some(other) if other.contains_key("plugin") => method(other),
                _ => first.clone(),
            })
            .collect(),
    }
}

fn method(json: &Map<String, Json>) -> AuthMethod {
    // An account that never had a plugin has a native password, or none at all.
    let plugin = match text(json, "plugin") {
        plugin if plugin.is_empty() => "mysql_native_password".to_owned(),
        plugin => plugin,
    };
    let is_password = mariadb_password::PLUGINS.contains(&plugin.as_str());
    AuthMethod { auth_string: (!is_password).then(|| text(json, "authentication_string")), plugin }
}

fn settings(account: &str, json: &Map<String, Json>) -> Result<Vec<(Setting, Value)>, Error> {
    let number = |key: &str| json.get(key).and_then(Json::as_i64).unwrap_or_default();
    let tls = match number("ssl_type") {
        0 => Tls::None,
        1 => Tls::Ssl,
        2 => Tls::X509,
        3 => Tls::Specified {
            subject: text(json, "x509_subject"),
            issuer: text(json, "x509_issuer"),
            cipher: text(json, "ssl_cipher"),
        },
        kind => return Err(unsupported(account, &format!("the TLS demand {kind}"))),
    };
    let lifetime = match json.get("password_lifetime").and_then(Json::as_i64) {
        None | Some(-1) => Value::Default,
        Some(days) => Value::Number(days),
    };
    // The server writes this number with six digits after the point.
    let statement_time = match json.get("max_statement_time").and_then(Json::as_f64) {
        None | Some(0.0) => Value::Number(0),
        Some(seconds) => Value::Decimal(format!("{seconds:.6}")),
    };
    let default_role = match text(json, "default_role") {
        role if role.is_empty() => None,
        user => Some(RoleName { user, host: None }),
    };
    Ok(vec![
        (Setting::Tls, Value::Tls(tls)),
        (Setting::QueriesPerHour, Value::Number(number("max_questions"))),
        (Setting::UpdatesPerHour, Value::Number(number("max_updates"))),
        (Setting::ConnectionsPerHour, Value::Number(number("max_connections"))),
        (Setting::UserConnections, Value::Number(number("max_user_connections"))),
        (Setting::StatementTime, statement_time),
        (Setting::Expiration, lifetime),
        (Setting::DefaultRoles, Value::Roles(default_role.into_iter().collect())),
    ])
}

async fn global(accounts: &mut Accounts, tables: &mut Tables<'_>) -> Result<(), Error> {
    // The column holds the account's name in quotes, with nothing escaped.
    let mut names: Vec<(String, (String, String))> = accounts
        .0
        .keys()
        .map(|(user, host)| (format!("'{user}'@'{host}'"), (user.clone(), host.clone())))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    names.sort();
    let marks = vec!["?"; names.len()].join(", ");
    let params = names.iter().map(|(name, _)| Param::from(name.as_str())).collect();
    let rows = tables
        .query(
            "information_schema.USER_PRIVILEGES",
            &format!(
                "SELECT GRANTEE, PRIVILEGE_TYPE, IS_GRANTABLE \
                 FROM information_schema.USER_PRIVILEGES WHERE GRANTEE IN ({marks})"
            ),
            Params::Positional(params),
        )
        .await?;
    for row in &rows {
        let grantee = row.text_or_empty("GRANTEE");
        let key = names.iter().find(|(name, _)| *name == grantee).map(|(_, key)| key);
        let Some(profile) = key.and_then(|key| accounts.0.get_mut(key)) else {
            continue;
        };
        let name = row.text_or_empty("PRIVILEGE_TYPE");
        let grantable = row.text_or_empty("IS_GRANTABLE") == "YES";
        hold_globally(&grantee, profile, &name, grantable)?;
    }
    Ok(())
}

/// Roles matter where the superuser has them, so what is read here is never copied.
async fn global_of_roles(accounts: &mut Accounts, tables: &mut Tables<'_>) -> Result<(), Error> {
    for ((role, _), profile) in &mut accounts.0 {
        if !profile.state.role {
            continue;
        }
        let sql = format!("SHOW GRANTS FOR {}", quote_identifier(role));
        for row in tables.query("the grants of a role", &sql, ()).await? {
            let column = row.columns().next().unwrap_or_default().to_owned();
            let clauses = witness::parse_clauses(&row.text_or_empty(&column));
            for (name, grantable) in clauses.iter().filter_map(Clause::global_privilege) {
                hold_globally(&format!("role {role}"), profile, &name, grantable)?;
            }
        }
    }
    Ok(())
}

fn hold_globally(
    grantee: &str,
    profile: &mut Account,
    name: &str,
    grantable: bool,
) -> Result<(), Error> {
    if name == "USAGE" && !grantable {
        return Ok(());
    }
    let held = profile.grants.entry(GrantTarget::Global).or_default();
    held.grantable |= grantable;
    match name {
        "USAGE" => {}
        "ALL PRIVILEGES" => held.privileges.extend(Privilege::all()),
        _ => {
            let privilege = Privilege::named(name)
                .ok_or_else(|| unsupported(grantee, &format!("the privilege {name}")))?;
            held.privileges.insert(privilege);
        }
    }
    Ok(())
}

async fn roles(accounts: &mut Accounts, tables: &mut Tables<'_>) -> Result<(), Error> {
    for row in tables.rows("mysql.roles_mapping").await? {
        if let Some((profile, _)) = accounts.profile(&row) {
            let role = RoleName { user: row.text_or_empty("Role"), host: None };
            let held = Grant {
                privileges: BTreeSet::new(),
                grantable: row.is_yes("Admin_option"),
                ..Grant::default()
            };
            profile.grants.insert(GrantTarget::Role(role), held);
        }
    }
    Ok(())
}
