//! Reads an account from MySQL's grant tables.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::Record;
use super::account::{Grant, AuthMethod, GrantTarget, Account, Setting, State, Tls, Value};
use super::privilege::Privilege;
use super::reader::{Accounts, Tables, column_privileges, hold, unsupported};
use crate::error::{Error, ErrorType};

mod whole;

/// The columns of `mysql.user` that are understood, the `…_priv` ones aside.
const KNOWN_COLUMNS: &[&str] = &[
    "Host",
    "User",
    "plugin",
    "authentication_string",
    "ssl_type",
    "ssl_cipher",
    "x509_issuer",
    "x509_subject",
    "max_questions",
    "max_updates",
    "max_connections",
    "max_user_connections",
    "password_expired",
    "password_last_changed",
    "password_lifetime",
    "account_locked",
    "Password_reuse_history",
    "Password_reuse_time",
    "Password_require_current",
    "User_attributes",
    "password_changed",
];

/// Plugins that check a password, so that setting one is a change of the password.
const PASSWORD_PLUGINS: &[&str] =
    &["caching_sha2_password", "mysql_native_password", "sha256_password"];

/// Reads `mysql.user` and the tables that only MySQL has.
pub(super) async fn read(tables: &mut Tables<'_>) -> Result<Accounts, Error> {
    let mut accounts = Accounts::default();
    let users = tables
        .select(
            "mysql.user",
            "SELECT *, UNIX_TIMESTAMP(password_last_changed) AS password_changed FROM mysql.user",
            "User",
        )
        .await?;
    for row in &users {
        let key = (row.text_or_empty("User"), row.text_or_empty("Host"));
        let profile = profile(&format!("'{}'@'{}'", key.0, key.1), row)?;
        accounts.0.insert(key, profile);
    }
    if tables.session.family.has_roles() {
        whole::dynamic_privileges(&mut accounts, tables).await?;
        whole::roles(&mut accounts, tables).await?;
    }
    Ok(accounts)
}

fn profile(account: &str, row: &Record) -> Result<Account, Error> {
    for column in row.columns() {
        let known = column.ends_with("_priv") || KNOWN_COLUMNS.contains(&column);
        let is_default = row.is_null(column)
            || row.text(column).is_some_and(|value| matches!(value.as_str(), "" | "0" | "N"));
        if !known && !is_default {
            return Err(unsupported(account, &format!("a value in mysql.user.{column}")));
        }
    }
    let mut profile = Account {
        authentication: vec![method(row)],
        state: State {
            locked: row.is_yes("account_locked"),
            expired: row.is_yes("password_expired"),
            without_password: row.text_lossy("authentication_string").is_empty(),
            password_changed: row.number("password_changed"),
            ..State::default()
        },
        ..Account::default()
    };
    settings(account, row, &mut profile)?;
    insert_grant(&mut profile, GrantTarget::Global, column_privileges(account, row)?);
    attributes(account, row, &mut profile)?;
    Ok(profile)
}

fn method(row: &Record) -> AuthMethod {
    let plugin = row.text_or_empty("plugin");
    let is_password = PASSWORD_PLUGINS.contains(&plugin.as_str());
    AuthMethod { auth_string: (!is_password).then(|| row.text_or_empty("authentication_string")), plugin }
}

fn settings(account: &str, row: &Record, profile: &mut Account) -> Result<(), Error> {
    profile.settings.insert(Setting::Tls, Value::Tls(tls(account, row)?));
    let limits = [
        (Setting::QueriesPerHour, "max_questions"),
        (Setting::UpdatesPerHour, "max_updates"),
        (Setting::ConnectionsPerHour, "max_connections"),
        (Setting::UserConnections, "max_user_connections"),
    ];
    for (setting, column) in limits {
        let limit = row.number(column).unwrap_or_default();
        profile.settings.insert(setting, Value::Number(limit));
    }
    let policies = [
        (Setting::Expiration, "password_lifetime"),
        (Setting::History, "Password_reuse_history"),
        (Setting::ReuseInterval, "Password_reuse_time"),
    ];
    for (setting, column) in policies.into_iter().filter(|(_, column)| has(row, column)) {
        let value = row.number(column).map_or(Value::Default, Value::Number);
        profile.settings.insert(setting, value);
    }
    if has(row, "Password_require_current") {
        let value = match row.text("Password_require_current").as_deref() {
            Some(value) => Value::Flag(value == "Y"),
            None => Value::Default,
        };
        profile.settings.insert(Setting::RequireCurrent, value);
    }
    Ok(())
}

fn has(row: &Record, column: &str) -> bool {
    row.columns().any(|name| name == column)
}

fn tls(account: &str, row: &Record) -> Result<Tls, Error> {
    let kind = row.text_or_empty("ssl_type");
    let text = |column: &str| {
        row.text(column)
            .ok_or_else(|| unsupported(account, &format!("a {column} that is not UTF-8")))
    };
    Ok(match kind.as_str() {
        "" => Tls::None,
        "ANY" => Tls::Ssl,
        "X509" => Tls::X509,
        "SPECIFIED" => Tls::Specified {
            subject: text("x509_subject")?,
            issuer: text("x509_issuer")?,
            cipher: text("ssl_cipher")?,
        },
        _ => {
            return Err(unsupported(account, &format!("the TLS demand \"{kind}\"")));
        }
    })
}

/// Takes the JSON of `User_attributes` apart, which holds whatever has no column.
fn attributes(account: &str, row: &Record, profile: &mut Account) -> Result<(), Error> {
    if !has(row, "User_attributes") {
        return Ok(());
    }
    let text = row.text("User_attributes").unwrap_or_else(|| "{}".to_owned());
    let attributes: Map<String, Json> = serde_json::from_str(&text)
        .map_err(|_| unsupported(account, "attributes that are not a JSON object"))?;
    let mut metadata = Map::new();
    let mut locking = &Json::Null;
    for (key, value) in &attributes {
        match (key.as_str(), value) {
            ("metadata", Json::Object(object)) => metadata = object.clone(),
            ("Password_locking", _) => locking = value,
            ("Restrictions", Json::Array(list)) => restrictions(account, list, profile)?,
            ("additional_password", _) => profile.state.second_password = true,
            ("multi_factor_authentication", _) => {
                return Err(ErrorType::MultiFactorUnsupported.because(format!(
                    "{account} has several authentication factors, and the function could log in \
                     with the password alone; use an account with one factor"
                )));
            }
            _ => return Err(unsupported(account, &format!("the attribute \"{key}\""))),
        }
    }
    let number = |key: &str| Value::Number(locking[key].as_i64().unwrap_or_default());
    profile.settings.insert(Setting::FailedLogins, number("failed_login_attempts"));
    profile.settings.insert(Setting::LockTime, number("password_lock_time_days"));
    profile.settings.insert(Setting::Attribute, Value::Json(metadata));
    Ok(())
}

fn restrictions(account: &str, list: &[Json], profile: &mut Account) -> Result<(), Error> {
    for restriction in list {
        let schema = restriction["Database"].as_str();
        let names = restriction["Privileges"].as_array();
        let (Some(schema), Some(names)) = (schema, names) else {
            return Err(unsupported(account, "a partial revoke of another form"));
        };
        let privileges: Option<BTreeSet<_>> =
            names.iter().map(|name| Privilege::named(name.as_str()?)).collect();
        let privileges = privileges
            .ok_or_else(|| unsupported(account, "a partial revoke of an unknown privilege"))?;
        let held = Grant { privileges, ..Grant::default() };
        insert_grant(profile, GrantTarget::PartialRevoke(schema.to_owned()), held);
    }
    Ok(())
}
