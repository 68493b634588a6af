//! The settings of an account that are neither privileges nor its authentication.
//!
//! [`SETTINGS`] says for each where the servers store it and how SQL sets it: a new setting is a
//! line of the macro `settings`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value as Json};

use crate::family::Family;
use crate::grant::RoleName;

#[cfg(test)]
mod tests;
mod value;

pub use value::{Tls, Value};

/// Where a setting is stored, and how SQL sets it.
pub(crate) struct Definition {
    pub(crate) setting: Setting,
    /// The column of `mysql.user`, or `User_attributes.` and a path in that column's JSON; empty
    /// where MySQL does not have the setting, or has it in a table of its own.
    mysql: &'static str,
    /// The key in `mysql.global_priv`; empty where MariaDB does not have the setting.
    mariadb: &'static str,
    pub(crate) kind: Kind,
}

/// How the value of a setting is stored, and what its clause says. The text is how the clause begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `REQUIRE`, with three more columns of the same names on all servers.
    Tls,
    /// A limit, which stands after `WITH`; 0 is none.
    Limit(&'static str),
    /// A limit with a fraction.
    Decimal(&'static str),
    /// The days until a password expires; 0 is never, nothing the server's default.
    Expiration,
    /// A number; nothing is the server's default.
    Policy(&'static str),
    /// A number of days; nothing is the server's default.
    Days(&'static str),
    /// Yes, no, or the server's default.
    Flag(&'static str),
    /// A number; 0 is what an account has unless something else was set, -1 is without bound.
    Number(&'static str),
    /// A JSON object.
    Attribute,
    /// Roles.
    Roles,
}

/// Defines [`Setting`] and [`SETTINGS`]. A line has the setting, its place on MySQL and on MariaDB as in
/// [`Definition`], and its [`Kind`].
macro_rules! settings {
    ($($(#[$doc:meta])+ $setting:ident: $mysql:literal, $mariadb:literal, $kind:ident $(($sql:literal))?;)+) => {
        /// A setting of an account.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Setting {
            $($(#[$doc])+ $setting,)+
        }

        /// Every setting, in the order in which `CREATE USER` and `ALTER USER` take the clauses.
        pub(crate) const SETTINGS: &[Definition] = &[$(Definition {
            setting: Setting::$setting,
            mysql: $mysql,
            mariadb: $mariadb,
            kind: Kind::$kind $(($sql))?,
        },)+];
    };
}

settings! {
    /// `REQUIRE …`
    Tls: "ssl_type", "ssl_type", Tls;
    /// `MAX_QUERIES_PER_HOUR`
    QueriesPerHour: "max_questions", "max_questions", Limit("MAX_QUERIES_PER_HOUR");
    /// `MAX_UPDATES_PER_HOUR`
    UpdatesPerHour: "max_updates", "max_updates", Limit("MAX_UPDATES_PER_HOUR");
    /// `MAX_CONNECTIONS_PER_HOUR`
    ConnectionsPerHour: "max_connections", "max_connections", Limit("MAX_CONNECTIONS_PER_HOUR");
    /// `MAX_USER_CONNECTIONS`
    UserConnections: "max_user_connections", "max_user_connections", Limit("MAX_USER_CONNECTIONS");
    /// `MAX_STATEMENT_TIME` (MariaDB)
    StatementTime: "", "max_statement_time", Decimal("MAX_STATEMENT_TIME");
    /// `PASSWORD EXPIRE …`
    Expiration: "password_lifetime", "password_lifetime", Expiration;
    /// `PASSWORD HISTORY`
    History: "Password_reuse_history", "", Policy("PASSWORD HISTORY");
    /// `PASSWORD REUSE INTERVAL`
    ReuseInterval: "Password_reuse_time", "", Days("PASSWORD REUSE INTERVAL");
    /// `PASSWORD REQUIRE CURRENT`
    RequireCurrent: "Password_require_current", "", Flag("PASSWORD REQUIRE CURRENT");
    /// `FAILED_LOGIN_ATTEMPTS`
    FailedLogins: "User_attributes.Password_locking.failed_login_attempts", "", Number("FAILED_LOGIN_ATTEMPTS");
    /// `PASSWORD_LOCK_TIME`
    LockTime: "User_attributes.Password_locking.password_lock_time_days", "", Number("PASSWORD_LOCK_TIME");
    /// `ATTRIBUTE` and `COMMENT`
    Attribute: "User_attributes.metadata", "", Attribute;
    /// `DEFAULT ROLE`, which MySQL stores in `mysql.default_roles`.
    DefaultRoles: "", "default_role", Roles;
}

/// The columns besides `ssl_type` that say what `REQUIRE` demands; keys of MariaDB as well.
const DEMANDS: [&str; 3] = ["x509_subject", "x509_issuer", "ssl_cipher"];

/// The names under which a server stores settings.
pub(crate) fn stored_names(family: Family) -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(move |definition| definition.stored(family)).chain(DEMANDS)
}

/// The settings of an account. `stored` gives what the server stores under a name, `None` where it
/// does not know the name.
///
/// # Errors
///
/// What was found and is not known.
pub(crate) fn read(
    family: Family,
    stored: impl Fn(&str) -> Option<Json>,
) -> Result<BTreeMap<Setting, Value>, String> {
    let mut settings = BTreeMap::new();
    for definition in SETTINGS {
        let name = definition.stored(family);
        if let Some(found) = stored(name).filter(|_| !name.is_empty()) {
            let value = definition.kind.value(name, &found, &stored)?;
            settings.insert(definition.setting, value);
        }
    }
    Ok(settings)
}

impl Definition {
    fn stored(&self, family: Family) -> &'static str {
        if family.is_mysql() { self.mysql } else { self.mariadb }
    }
}

impl Kind {
    /// Whether the clause is one of those after `WITH`.
    pub(crate) fn is_after_with(self) -> bool {
        matches!(self, Self::Limit(_) | Self::Decimal(_))
    }

    fn value(
        self,
        name: &str,
        found: &Json,
        stored: impl Fn(&str) -> Option<Json>,
    ) -> Result<Value, String> {
        let number = || number(name, found);
        Ok(match self {
            Self::Limit(sql) => clause(sql, number()?.unwrap_or_default()),
            Self::Number(sql) => match number()?.unwrap_or_default() {
                -1 => clause(sql, "UNBOUNDED"),
                number => clause(sql, number),
            },
            Self::Decimal(sql) => clause(sql, decimal(name, found)?),
            Self::Expiration => match number()? {
                // MariaDB writes the default of this one as -1.
                None | Some(-1) => clause("PASSWORD EXPIRE", "DEFAULT"),
                Some(0) => clause("PASSWORD EXPIRE", "NEVER"),
                Some(days) => clause("PASSWORD EXPIRE INTERVAL", format!("{days} DAY")),
            },
            Self::Policy(sql) => match number()? {
                None => clause(sql, "DEFAULT"),
                Some(number) => clause(sql, number),
            },
            Self::Days(sql) => match number()? {
                None => clause(sql, "DEFAULT"),
                Some(days) => clause(sql, format!("{days} DAY")),
            },
            Self::Flag(sql) => match found {
                Json::Null => clause(sql, "DEFAULT"),
                Json::String(text) if text == "Y" => Value::Clause(sql.to_owned()),
                Json::String(text) if text == "N" => clause(sql, "OPTIONAL"),
                _ => return Err(format!("a {name} that is neither Y nor N")),
            },
            Self::Tls => Value::Tls(tls(found, stored)?),
            Self::Attribute => match found {
                Json::Null => Value::Json(Map::new()),
                Json::Object(_) => match without_nulls(found.clone()) {
                    Json::Object(attribute) => Value::Json(attribute),
                    _ => Value::Json(Map::new()),
                },
                _ => return Err(format!("a {name} that is not a JSON object")),
            },
            Self::Roles => match found {
                Json::Null => Value::Roles(BTreeSet::new()),
                Json::String(role) if role.is_empty() => Value::Roles(BTreeSet::new()),
                Json::String(role) => {
                    Value::Roles([RoleName { user: role.clone(), host: None }].into())
                }
                _ => return Err(format!("a {name} that is not the name of a role")),
            },
        })
    }
}

/// Without the keys whose value is null, at every depth: a merge, as which the server sets an attribute,
/// takes a null for an absent key. What is in an array is no key.
pub(crate) fn without_nulls(json: Json) -> Json {
    match json {
        Json::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Json::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        other => other,
    }
}

/// A number, as JSON or as the text of a column.
fn number(name: &str, found: &Json) -> Result<Option<i64>, String> {
    match found {
        Json::Null => Ok(None),
        Json::String(text) => text.parse().map(Some).map_err(|_| format!("\"{text}\" as {name}")),
        other => {
            other.as_i64().map(Some).ok_or_else(|| format!("a {name} that is no whole number"))
        }
    }
}

/// The server writes such a number with six digits after the point.
fn decimal(name: &str, found: &Json) -> Result<String, String> {
    match found.as_f64() {
        Some(0.0) => Ok("0".to_owned()),
        Some(number) => Ok(format!("{number:.6}")),
        None if found.is_null() => Ok("0".to_owned()),
        None => Err(format!("a {name} that is no number")),
    }
}

fn clause(sql: &str, value: impl fmt::Display) -> Value {
    Value::Clause(format!("{sql} {value}"))
}

fn tls(found: &Json, stored: impl Fn(&str) -> Option<Json>) -> Result<Tls, String> {
    let kind = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
    let demand = |name: &str| match stored(name) {
        None | Some(Json::Null) => Ok(String::new()),
        Some(Json::String(text)) => Ok(text),
        Some(_) => Err(format!("a {name} that is not a text")),
    };
    Ok(match kind.as_str() {
        "" | "0" | "null" => Tls::None,
        "ANY" | "1" => Tls::Ssl,
        "X509" | "2" => Tls::X509,
        "SPECIFIED" | "3" => Tls::Specified {
            subject: demand(DEMANDS[0])?,
            issuer: demand(DEMANDS[1])?,
            cipher: demand(DEMANDS[2])?,
        },
        _ => return Err(format!("the TLS demand \"{kind}\"")),
    })
}

impl Setting {
    /// Whether this is the value of an account for which nothing was set: what a NULL gives.
    pub fn is_default(self, value: &Value) -> bool {
        let mut definitions = SETTINGS.iter().filter(|definition| definition.setting == self);
        definitions.any(|definition| {
            definition.kind.value("", &Json::Null, |_| None).is_ok_and(|unset| unset == *value)
        })
    }
}
