//! SQL for account changes, and the only place where it is made.
//!
//! Account statements take no placeholders, so names and strings are quoted here. Identifiers and
//! both parts of account names stand in backticks, which mean the same in every `sql_mode`. Strings
//! stand in single quotes, which are doubled inside; the session is pinned to
//! `NO_BACKSLASH_ESCAPES`, so nothing else is special in them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::LazyLock;

use secrecy::{ExposeSecret, SecretString};

use crate::family::Family;
use crate::grant::{GrantTarget, RoleName, RoutineKind};
use crate::password::Password;
use crate::plan::{Action, Change};
use crate::plugin::{self, Plugin};
use crate::proof::{AuthString, Salt};
use crate::setting::{Setting, Value};
use crate::user::AuthMethod;
use crate::username::Username;

mod grants;
mod mask;
mod quote;
mod settings;
#[cfg(test)]
mod tests;

pub use grants::quote_target;
pub use quote::{quote_account, quote_identifier, quote_literal};

use grants::{list, quote_role};
use mask::PLACEHOLDER;
use settings::clauses;

/// An account statement. What it shows of itself never holds a password or a hash of one.
#[derive(Clone)]
pub struct Statement {
    shown: String,
    /// What is sent where it is not what is shown.
    secret: Option<SecretString>,
    /// The passwords and hashes in it.
    literals: Vec<SecretString>,
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
    pub fn text(&self) -> &str {
        self.secret.as_ref().map_or(&self.shown, |secret| secret.expose_secret())
    }

    /// A text of others without what the statement holds of secrets: each run of eight characters and
    /// more of a password or a hash, however it is quoted.
    #[expect(clippy::disallowed_methods, reason = "what is returned is what they are taken from")]
    pub fn without_secrets(&self, text: &str) -> String {
        let literals: Vec<_> = self.literals.iter().map(ExposeSecret::expose_secret).collect();
        mask::masked(text, &literals)
    }

    fn plain(shown: String) -> Self {
        Self { shown, secret: None, literals: Vec::new() }
    }

    /// A statement whose text is made once with the secret in it and once without.
    fn redacted(text: impl Fn(&dyn Fn(&str) -> String) -> String) -> Self {
        let literals = RefCell::new(Vec::new());
        let secret = text(&|literal| {
            literals.borrow_mut().push(SecretString::from(literal));
            quote_literal(literal)
        });
        Self {
            shown: text(&|_| PLACEHOLDER.to_owned()),
            secret: Some(secret.into()),
            literals: literals.into_inner(),
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

/// Makes the statements for one twin.
pub struct StatementBuilder<'a> {
    /// The server that they are for.
    pub family: Family,
    /// The twin's name.
    pub twin: &'a Username,
    /// The pending password.
    pub password: &'a Password,
    /// MariaDB: send the password itself, because the server insists on checking it.
    pub plaintext: bool,
    /// MariaDB: random bytes for the hashes that have a salt.
    pub salt: Salt,
}

impl<'a> StatementBuilder<'a> {
    /// For statements that are only shown, or that set no password.
    pub fn without_password(family: Family, twin: &'a Username) -> Self {
        static NONE: LazyLock<Password> = LazyLock::new(|| Password::new(String::new()));
        Self { family, twin, password: &NONE, plaintext: false, salt: Salt::default() }
    }
}

impl StatementBuilder<'_> {
    /// The statement that carries out a change of the plan.
    pub fn statement(&self, change: &Change) -> Statement {
        let account = self.account(&change.host);
        Statement::plain(match &change.action {
            Action::Create { authentication, settings } => {
                return self.create(&account, authentication, settings);
            }
            Action::Lock => format!("ALTER USER {account} ACCOUNT LOCK"),
            Action::Unlock => format!("ALTER USER {account} ACCOUNT UNLOCK"),
            Action::Alter(settings) => format!("ALTER USER {account}{}", clauses(settings, "")),
            Action::Grant(target, grant) => grants::grant(&account, target, grant),
            Action::Revoke(target, grant) => grants::revoke(&account, target, grant),
            Action::Restrict(schema, privileges) => format!(
                "REVOKE {} ON {}.* FROM {account}",
                list(*privileges),
                quote_identifier(schema)
            ),
            Action::Unrestrict(schema, privileges) => {
                format!(
                    "GRANT {} ON {}.* TO {account}",
                    list(*privileges),
                    quote_identifier(schema)
                )
            }
            Action::DefaultRoles(roles) => self.default_roles(&account, roles),
        })
    }

    /// Whether the server parses the statement only in its `sql_mode` `ORACLE`.
    pub fn needs_oracle_mode(&self, change: &Change) -> bool {
        let (Action::Grant(target, _) | Action::Revoke(target, _)) = &change.action else {
            return false;
        };
        let is_package = matches!(
            target,
            GrantTarget::Routine { kind: RoutineKind::Package | RoutineKind::PackageBody, .. }
        );
        is_package && self.family.needs_oracle_mode_for_packages()
    }

    /// The statement that sets the pending password, by the methods of the source.
    pub fn set_password(&self, host: &str, methods: &[AuthMethod]) -> Statement {
        let account = self.account(host);
        self.redacted(methods, |identified| format!("ALTER USER {account} {identified}"))
    }

    /// The same, keeping the password that it replaces valid beside it (MySQL).
    pub fn set_password_and_retain(&self, host: &str, methods: &[AuthMethod]) -> Statement {
        let account = self.account(host);
        self.redacted(methods, |identified| {
            format!("ALTER USER {account} {identified} RETAIN CURRENT PASSWORD")
        })
    }

    /// The statement that ends a retained second password (MySQL).
    pub fn discard_old_password(&self, host: &str) -> Statement {
        Statement::plain(format!("ALTER USER {} DISCARD OLD PASSWORD", self.account(host)))
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
        methods: &[AuthMethod],
        settings: &BTreeMap<Setting, Value>,
    ) -> Statement {
        self.redacted(methods, |identified| {
            format!("CREATE USER {account} {identified}{}", clauses(settings, " ACCOUNT LOCK"))
        })
    }

    fn redacted(&self, methods: &[AuthMethod], text: impl Fn(&str) -> String) -> Statement {
        Statement::redacted(|quote| text(&self.identified(methods, quote)))
    }

    fn identified(&self, methods: &[AuthMethod], quote: &dyn Fn(&str) -> String) -> String {
        match self.family {
            Family::MySql(_) => methods.first().map_or_else(String::new, |method| {
                let plugin = quote_identifier(&method.plugin);
                match &method.auth_string {
                    Some(string) => {
                        format!("IDENTIFIED WITH {plugin} AS {}", quote_literal(string))
                    }
                    None => {
                        format!("IDENTIFIED WITH {plugin} BY {}", quote(self.password.expose()))
                    }
                }
            }),
            Family::MariaDb(_) => {
                let methods: Vec<_> = methods.iter().map(|m| self.via(m, quote)).collect();
                format!("IDENTIFIED VIA {}", methods.join(" OR "))
            }
        }
    }

    fn via(&self, method: &AuthMethod, quote: &dyn Fn(&str) -> String) -> String {
        let plugin = quote_identifier(&method.plugin);
        match &method.auth_string {
            Some(string) if string.is_empty() => plugin,
            Some(string) => format!("{plugin} USING {}", quote_literal(string)),
            None if self.plaintext => {
                format!("{plugin} USING PASSWORD({})", quote(self.password.expose()))
            }
            None => {
                let password = self.password.expose().as_bytes();
                let format = plugin::find(self.family, &method.plugin).and_then(Plugin::format);
                let hash = format.and_then(|f| AuthString::of_password(f, password, &self.salt));
                // A string that no password matches, in place of none.
                let hash = hash.unwrap_or_else(|| AuthString::new(*b"invalid"));
                format!("{plugin} USING {}", quote(&String::from_utf8_lossy(hash.as_bytes())))
            }
        }
    }

    fn default_roles(&self, account: &str, roles: &BTreeSet<RoleName>) -> String {
        let names: Vec<_> = roles.iter().map(quote_role).collect();
        let names = if names.is_empty() { "NONE".to_owned() } else { names.join(", ") };
        match self.family {
            Family::MySql(_) => format!("ALTER USER {account} DEFAULT ROLE {names}"),
            Family::MariaDb(_) => format!("SET DEFAULT ROLE {names} FOR {account}"),
        }
    }
}
