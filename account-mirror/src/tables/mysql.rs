//! Reads an account from a row of MySQL's `mysql.user`.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::accounts::AccountName;
use super::grants::column_privileges;
use crate::error::{Error, ErrorKind, unsupported};
use crate::family::Family;
use crate::grant::{Grant, GrantTarget};
use crate::plugin::{self, Plugin};
use crate::privilege::Privilege;
use crate::proof::{AuthString, Meaning};
use crate::row::Row;
use crate::setting::{self, Setting, Value};
use crate::user::{Account, AuthMethod, State, StoredPassword};

/// The table of accounts, and how it is read.
pub(super) const ACCOUNTS: &str = "mysql.user";

/// The known columns of `mysql.user`, except those of privileges and settings.
const COLUMNS: &[&str] = &[
    "Host",
    "User",
    "plugin",
    "authentication_string",
    "password_expired",
    "password_last_changed",
    "account_locked",
    ATTRIBUTES,
];

/// The column with the JSON of everything that has no column.
const ATTRIBUTES: &str = "User_attributes";

/// The known columns, except those of privileges.
pub(super) fn columns() -> impl Iterator<Item = &'static str> {
    COLUMNS.iter().copied().chain(setting::stored_names(Family::MySql((0, 0, 0))))
}

pub(super) fn account(family: Family, name: AccountName<'_>, row: &Row) -> Result<Account, Error> {
    for column in row.columns() {
        let known = column.ends_with("_priv") || columns().any(|known| known == column);
        let is_default = matches!(row.bytes(column), None | Some(b"" | b"0" | b"N"));
        if !known && !is_default {
            return Err(unsupported(name, format!("a value in mysql.user.{column}")));
        }
    }
    let attributes = attributes(name, row)?;
    let mut passwords = Vec::new();
    let auth_method = auth_method(family, row, &mut passwords);
    let retained = attributes.get("additional_password").and_then(AuthString::from_json);
    let mut account = Account {
        settings: settings(family, name, row, &attributes)?,
        state: State {
            locked: row.is_yes("account_locked"),
            expired: row.is_yes("password_expired"),
            role: false,
            passwords,
            retained: retained.map(|string| retained_password(family, &auth_method, string)),
        },
        authentication: vec![auth_method],
        ..Account::default()
    };
    hold(&mut account, GrantTarget::Global, column_privileges(name, row)?);
    if let Some(Json::Array(revokes)) = attributes.get("Restrictions") {
        partial_revokes(&mut account, name, revokes)?;
    }
    Ok(account)
}

fn hold(account: &mut Account, target: GrantTarget, grant: Grant) {
    if !grant.is_empty() {
        account.grants.insert(target, grant);
    }
}

fn auth_method(family: Family, row: &Row, passwords: &mut Vec<StoredPassword>) -> AuthMethod {
    let plugin = row.text_or_empty("plugin").to_owned();
    // A salt may hold any byte.
    let string = AuthString::new(row.bytes("authentication_string").unwrap_or_default());
    plugin::method(family, plugin, string, passwords)
}

fn retained_password(family: Family, method: &AuthMethod, string: AuthString) -> StoredPassword {
    let format = plugin::find(family, &method.plugin).and_then(Plugin::format);
    StoredPassword { plugin: method.plugin.clone(), format, string }
}

/// The JSON of `User_attributes`, of which everything must be known.
fn attributes(name: AccountName<'_>, row: &Row) -> Result<Map<String, Json>, Error> {
    let unreadable = || unsupported(name, "attributes that are not a JSON object");
    let attributes: Map<String, Json> = match row.bytes(ATTRIBUTES) {
        None => Map::new(),
        Some(bytes) => serde_json::from_slice(bytes).map_err(|_| unreadable())?,
    };
    for (key, value) in &attributes {
        match (key.as_str(), value) {
            ("metadata" | "Password_locking", Json::Object(_))
            | ("Restrictions", Json::Array(_))
            | ("additional_password", Json::String(_)) => {}
            ("multi_factor_authentication", _) => {
                return Err(ErrorKind::MultiFactorUnsupported.because(format!(
                    "{name} has several authentication factors, and the function could log in \
                     with the password alone; use an account with one factor"
                )));
            }
            _ => return Err(unsupported(name, format!("the attribute \"{key}\""))),
        }
    }
    Ok(attributes)
}

fn settings(
    family: Family,
    name: AccountName<'_>,
    row: &Row,
    attributes: &Map<String, Json>,
) -> Result<std::collections::BTreeMap<Setting, Value>, Error> {
    let stored = |column: &str| match column.split_once('.') {
        Some((_, path)) => row.has(ATTRIBUTES).then(|| {
            let mut steps = path.split('.');
            let top = steps.next().and_then(|step| attributes.get(step));
            let found = steps.fold(top, |json, step| json.and_then(|json| json.get(step)));
            found.cloned().unwrap_or(Json::Null)
        }),
        None if !row.has(column) => None,
        None => Some(match row.bytes(column).map(|bytes| (bytes, std::str::from_utf8(bytes))) {
            None => Json::Null,
            Some((_, Ok(text))) => Json::from(text),
            Some((bytes, Err(_))) => Json::from(bytes),
        }),
    };
    let mut settings = setting::read(family, stored).map_err(|found| unsupported(name, found))?;
    if family.has_roles() {
        settings.insert(Setting::DefaultRoles, Value::Roles(BTreeSet::new()));
    }
    Ok(settings)
}

fn partial_revokes(
    account: &mut Account,
    name: AccountName<'_>,
    revokes: &[Json],
) -> Result<(), Error> {
    for revoke in revokes {
        let (schema, names) = (revoke["Database"].as_str(), revoke["Privileges"].as_array());
        let (Some(schema), Some(names)) = (schema, names) else {
            return Err(unsupported(name, "a partial revoke of another form"));
        };
        let privileges = names
            .iter()
            .map(|name| Privilege::named(name.as_str()?))
            .collect::<Option<_>>()
            .ok_or_else(|| unsupported(name, "a partial revoke of an unknown privilege"))?;
        let target = GrantTarget::PartialRevoke(schema.to_owned());
        hold(account, target, Grant { privileges, ..Grant::default() });
    }
    Ok(())
}

/// MySQL stores a role as a locked account, expired and without a password.
pub(super) fn mark_created_role(account: &mut Account) {
    let state = &mut account.state;
    let is_empty = |password: &StoredPassword| matches!(password.meaning(), Meaning::Empty);
    state.role |= state.locked && state.expired && state.passwords.iter().any(is_empty);
}
