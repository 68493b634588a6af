//! SQL for account changes, and the only place where it is made.
//!
//! Account statements take no placeholders, so names and strings are quoted here. Identifiers and
//! both parts of account names stand in backticks, which mean the same in every `sql_mode`. Strings
//! stand in single quotes, which are doubled inside; the session is pinned to
//! `NO_BACKSLASH_ESCAPES`, so nothing else is special in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};

use secrecy::SecretString;

use super::Family;
use super::account::{Held, Method, Object, RoleName, Setting, Tls, Value};
use super::mariadb_password;
use super::mirror::{Action, Change};
use super::privilege::Privilege;
use crate::password::Password;
use crate::username::Username;

#[cfg(test)]
mod tests;

/// What stands in the shown text of a statement in place of a password.
const HIDDEN: &str = "<secret>";

/// An account statement. What it shows of itself never holds a password or a hash of one.
#[derive(Clone)]
pub struct Statement {
    shown: String,
    /// What is sent where it is not what is shown.
    secret: Option<SecretString>,
}

impl Statement {
    /// Whether the text that is sent holds a password or a hash of one.
    pub fn is_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// The text for the server.
    #[expect(
        clippy::disallowed_methods,
        reason = "the statement is handed to the driver and to nothing else"
    )]
    pub(super) fn text(&self) -> &str {
        use secrecy::ExposeSecret;
        self.secret
            .as_ref()
            .map_or(&self.shown, |secret| secret.expose_secret())
    }

    fn plain(shown: String) -> Self {
        Self {
            shown,
            secret: None,
        }
    }

    /// A statement whose text is made once with the secret in it and once without.
    fn hiding(text: impl Fn(&dyn Fn(&str) -> String) -> String) -> Self {
        Self {
            shown: text(&|_| HIDDEN.to_owned()),
            secret: Some(text(&quote_literal).into()),
        }
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// An identifier in backticks.
pub fn quote_identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A string in single quotes, for a session with `NO_BACKSLASH_ESCAPES`.
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The account `user`@`host`.
pub fn quote_account(user: &str, host: &str) -> String {
    format!("{}@{}", quote_identifier(user), quote_identifier(host))
}

/// Makes the statements for one twin.
pub struct Dialect<'a> {
    /// The server that they are for.
    pub family: Family,
    /// The twin's name.
    pub twin: &'a Username,
    /// The pending password.
    pub password: &'a Password,
    /// MariaDB: send the password itself, because the server insists on checking it.
    pub plaintext: bool,
}

impl Dialect<'_> {
    /// The statement that carries out a change of the plan.
    pub fn statement(&self, change: &Change) -> Statement {
        let account = self.account(&change.host);
        Statement::plain(match &change.action {
            Action::Create {
                authentication,
                settings,
            } => return self.create(&account, authentication, settings),
            Action::Lock => format!("ALTER USER {account} ACCOUNT LOCK"),
            Action::Unlock => format!("ALTER USER {account} ACCOUNT UNLOCK"),
            Action::Alter(settings) => format!("ALTER USER {account}{}", clauses(settings)),
            Action::Grant(object, held) => grant(&account, object, held),
            Action::Revoke(object, held) => revoke(&account, object, held),
            Action::Restrict(schema, privileges) => format!(
                "REVOKE {} ON {}.* FROM {account}",
                list(privileges),
                quote_identifier(schema)
            ),
            Action::Unrestrict(schema, privileges) => format!(
                "GRANT {} ON {}.* TO {account}",
                list(privileges),
                quote_identifier(schema)
            ),
            Action::DefaultRoles(roles) => self.default_roles(&account, roles),
        })
    }

    /// The statement that sets the pending password, by the methods of the source.
    pub fn set_password(&self, host: &str, methods: &[Method]) -> Statement {
        let account = self.account(host);
        self.hiding(methods, |identified| {
            format!("ALTER USER {account} {identified}")
        })
    }

    /// The same, keeping the password that it replaces valid beside it (MySQL).
    pub fn set_password_and_retain(&self, host: &str, methods: &[Method]) -> Statement {
        let account = self.account(host);
        self.hiding(methods, |identified| {
            format!("ALTER USER {account} {identified} RETAIN CURRENT PASSWORD")
        })
    }

    /// The statement that ends a retained second password (MySQL).
    pub fn discard_old_password(&self, host: &str) -> Statement {
        Statement::plain(format!(
            "ALTER USER {} DISCARD OLD PASSWORD",
            self.account(host)
        ))
    }

    /// The last statement for a host: it locks or unlocks the account. Unlocking also ends a block
    /// after failed logins, which no table shows.
    pub fn set_lock(&self, host: &str, locked: bool) -> Statement {
        let state = if locked { "LOCK" } else { "UNLOCK" };
        Statement::plain(format!("ALTER USER {} ACCOUNT {state}", self.account(host)))
    }

    fn account(&self, host: &str) -> String {
        quote_account(self.twin.as_str(), host)
    }

    fn create(
        &self,
        account: &str,
        methods: &[Method],
        settings: &BTreeMap<Setting, Value>,
    ) -> Statement {
        self.hiding(methods, |identified| match self.family {
            Family::MySql(_) => format!(
                "CREATE USER {account} {identified}{}",
                clauses_with(settings, " ACCOUNT LOCK")
            ),
            Family::MariaDb(_) => format!(
                "CREATE USER {account} {identified}{} ACCOUNT LOCK",
                clauses(settings)
            ),
        })
    }

    fn hiding(&self, methods: &[Method], text: impl Fn(&str) -> String) -> Statement {
        Statement::hiding(|quote| text(&self.identified(methods, quote)))
    }

    fn identified(&self, methods: &[Method], quote: &dyn Fn(&str) -> String) -> String {
        match self.family {
            Family::MySql(_) => methods.first().map_or_else(String::new, |method| {
                let plugin = quote_identifier(&method.plugin);
                match &method.string {
                    Some(string) => {
                        format!("IDENTIFIED WITH {plugin} AS {}", quote_literal(string))
                    }
                    None => format!(
                        "IDENTIFIED WITH {plugin} BY {}",
                        quote(self.password.expose())
                    ),
                }
            }),
            Family::MariaDb(_) => {
                let methods: Vec<_> = methods.iter().map(|m| self.via(m, quote)).collect();
                format!("IDENTIFIED VIA {}", methods.join(" OR "))
            }
        }
    }

    fn via(&self, method: &Method, quote: &dyn Fn(&str) -> String) -> String {
        let plugin = quote_identifier(&method.plugin);
        match &method.string {
            Some(string) if string.is_empty() => plugin,
            Some(string) => format!("{plugin} USING {}", quote_literal(string)),
            None if self.plaintext => {
                format!("{plugin} USING PASSWORD({})", quote(self.password.expose()))
            }
            None => {
                let hash = mariadb_password::hash(&method.plugin, self.password);
                format!("{plugin} USING {}", quote(&hash))
            }
        }
    }

    fn default_roles(&self, account: &str, roles: &BTreeSet<RoleName>) -> String {
        let names: Vec<_> = roles.iter().map(quote_role).collect();
        let names = if names.is_empty() {
            "NONE".to_owned()
        } else {
            names.join(", ")
        };
        match self.family {
            Family::MySql(_) => format!("ALTER USER {account} DEFAULT ROLE {names}"),
            Family::MariaDb(_) => format!("SET DEFAULT ROLE {names} FOR {account}"),
        }
    }
}

fn grant(account: &str, object: &Object, held: &Held) -> String {
    let option = match (object, held.grantable) {
        (_, false) => "",
        (Object::Role(_), true) => " WITH ADMIN OPTION",
        (_, true) => " WITH GRANT OPTION",
    };
    let what = match object {
        Object::Role(role) => quote_role(role),
        _ => {
            let mut what = privileges(object, held);
            if what.is_empty() {
                what.push("USAGE".to_owned());
            }
            format!("{} ON {}", what.join(", "), place(object))
        }
    };
    format!("GRANT {what} TO {account}{option}")
}

fn revoke(account: &str, object: &Object, held: &Held) -> String {
    let what = match object {
        Object::Role(role) => quote_role(role),
        Object::Dynamic(_) | Object::Proxy { .. } => {
            format!(
                "{} ON {}",
                privileges(object, held).join(", "),
                place(object)
            )
        }
        _ => {
            let mut what = privileges(object, held);
            what.extend(held.grantable.then(|| "GRANT OPTION".to_owned()));
            format!("{} ON {}", what.join(", "), place(object))
        }
    };
    format!("REVOKE {what} FROM {account}")
}

fn privileges(object: &Object, held: &Held) -> Vec<String> {
    match object {
        Object::Dynamic(name) => return vec![name.clone()],
        Object::Proxy { .. } => return vec!["PROXY".to_owned()],
        _ => {}
    }
    let mut columns: BTreeMap<Privilege, Vec<String>> = BTreeMap::new();
    for (column, privileges) in &held.columns {
        for privilege in privileges {
            columns
                .entry(*privilege)
                .or_default()
                .push(quote_identifier(column));
        }
    }
    let whole = held.privileges.iter().map(ToString::to_string);
    let parts = columns
        .into_iter()
        .map(|(privilege, columns)| format!("{privilege} ({})", columns.join(", ")));
    whole.chain(parts).collect()
}

fn place(object: &Object) -> String {
    match object {
        Object::Dynamic(_) | Object::Global => "*.*".to_owned(),
        Object::Restriction(name) | Object::Schema(name) => format!("{}.*", quote_identifier(name)),
        Object::Table { schema, name } => {
            format!("{}.{}", quote_identifier(schema), quote_identifier(name))
        }
        Object::Routine { kind, schema, name } => format!(
            "{} {}.{}",
            kind.as_sql(),
            quote_identifier(schema),
            quote_identifier(name)
        ),
        Object::Role(role) => quote_role(role),
        Object::Proxy { user, host } => quote_account(user, host),
    }
}

fn quote_role(role: &RoleName) -> String {
    match &role.host {
        Some(host) => quote_account(&role.user, host),
        None => quote_identifier(&role.user),
    }
}

fn list(privileges: &BTreeSet<Privilege>) -> String {
    let names: Vec<_> = privileges.iter().map(ToString::to_string).collect();
    names.join(", ")
}

fn clauses(settings: &BTreeMap<Setting, Value>) -> String {
    clauses_with(settings, "")
}

/// The clauses of `CREATE USER` and `ALTER USER`, in the one order that the server takes: demand on
/// the connection, limits, password policy and lock, and the attribute last.
fn clauses_with(settings: &BTreeMap<Setting, Value>, lock: &str) -> String {
    let mut sql = String::new();
    let mut limits = " WITH";
    let mut attribute = String::new();
    for (setting, value) in settings {
        match (setting, value) {
            (Setting::Tls, Value::Tls(tls)) => push(&mut sql, &require(tls)),
            (Setting::Attribute, Value::Json(json)) => {
                let json = serde_json::Value::Object(json.clone()).to_string();
                attribute = format!(" ATTRIBUTE {}", quote_literal(&json));
            }
            _ => {
                if let Some(limit) = limit(*setting) {
                    sql.push_str(limits);
                    limits = "";
                    push(&mut sql, &format!("{limit} {}", number(value)));
                } else {
                    push(&mut sql, &policy(*setting, value));
                }
            }
        }
    }
    sql + lock + &attribute
}

fn push(sql: &mut String, clause: &str) {
    if !clause.is_empty() {
        sql.push(' ');
        sql.push_str(clause);
    }
}

fn limit(setting: Setting) -> Option<&'static str> {
    match setting {
        Setting::QueriesPerHour => Some("MAX_QUERIES_PER_HOUR"),
        Setting::UpdatesPerHour => Some("MAX_UPDATES_PER_HOUR"),
        Setting::ConnectionsPerHour => Some("MAX_CONNECTIONS_PER_HOUR"),
        Setting::UserConnections => Some("MAX_USER_CONNECTIONS"),
        Setting::StatementTime => Some("MAX_STATEMENT_TIME"),
        _ => None,
    }
}

fn policy(setting: Setting, value: &Value) -> String {
    let or_default = |clause: &str, unit: &str| match value {
        Value::Number(n) => format!("{clause} {n}{unit}"),
        _ => format!("{clause} DEFAULT"),
    };
    match (setting, value) {
        (Setting::Expiration, Value::Number(0)) => "PASSWORD EXPIRE NEVER".to_owned(),
        (Setting::Expiration, Value::Number(days)) => {
            format!("PASSWORD EXPIRE INTERVAL {days} DAY")
        }
        (Setting::Expiration, _) => "PASSWORD EXPIRE DEFAULT".to_owned(),
        (Setting::History, _) => or_default("PASSWORD HISTORY", ""),
        (Setting::ReuseInterval, Value::Number(days)) => {
            format!("PASSWORD REUSE INTERVAL {days} DAY")
        }
        (Setting::ReuseInterval, _) => "PASSWORD REUSE INTERVAL DEFAULT".to_owned(),
        (Setting::RequireCurrent, Value::Flag(true)) => "PASSWORD REQUIRE CURRENT".to_owned(),
        (Setting::RequireCurrent, Value::Flag(false)) => {
            "PASSWORD REQUIRE CURRENT OPTIONAL".to_owned()
        }
        (Setting::RequireCurrent, _) => "PASSWORD REQUIRE CURRENT DEFAULT".to_owned(),
        (Setting::FailedLogins, _) => format!("FAILED_LOGIN_ATTEMPTS {}", number(value)),
        (Setting::LockTime, Value::Number(-1)) => "PASSWORD_LOCK_TIME UNBOUNDED".to_owned(),
        (Setting::LockTime, _) => format!("PASSWORD_LOCK_TIME {}", number(value)),
        _ => String::new(),
    }
}

fn number(value: &Value) -> String {
    match value {
        Value::Number(n) => n.to_string(),
        Value::Decimal(text) => text.clone(),
        _ => "0".to_owned(),
    }
}

fn require(tls: &Tls) -> String {
    match tls {
        Tls::None => "REQUIRE NONE".to_owned(),
        Tls::Ssl => "REQUIRE SSL".to_owned(),
        Tls::X509 => "REQUIRE X509".to_owned(),
        Tls::Specified {
            subject,
            issuer,
            cipher,
        } => {
            let mut sql = "REQUIRE".to_owned();
            for (word, text) in [("SUBJECT", subject), ("ISSUER", issuer), ("CIPHER", cipher)] {
                if !text.is_empty() {
                    let _ = write!(sql, " {word} {}", quote_literal(text));
                }
            }
            sql
        }
    }
}
