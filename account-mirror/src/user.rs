//! What a user is: everything about its accounts that a twin must have too.

use std::collections::BTreeMap;
use std::fmt;

use crate::grant::{Grant, GrantTarget};
use crate::pattern::like;
use crate::proof::{AuthString, Format, Meaning};
use crate::setting::{Setting, Value};
use crate::username::Username;

/// A user name with its accounts at all hosts.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The user name.
    pub name: Username,
    /// The accounts of that name, by their host part.
    pub accounts: BTreeMap<String, Account>,
}

impl User {
    /// Whether an account of it has a password of this format.
    pub fn has_format(&self, format: Format) -> bool {
        let mut passwords = self.accounts.values().flat_map(|account| &account.state.passwords);
        passwords.any(|password| password.format == Some(format))
    }
}

/// One account, `'user'@'host'`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// The ways to log in, of which any suffices. MySQL has one, MariaDB one or more.
    pub authentication: Vec<AuthMethod>,
    /// The settings that the server has, each with its value.
    pub settings: BTreeMap<Setting, Value>,
    /// What is granted, by target.
    pub grants: BTreeMap<GrantTarget, Grant>,
    /// What is true of the account now and is not copied as it is.
    pub state: State,
}

impl Account {
    /// Whether it has a stored password that can be proven.
    pub fn has_hash(&self) -> bool {
        let mut passwords = self.state.passwords.iter();
        passwords.any(|password| matches!(password.meaning(), Meaning::Hash(_)))
    }

    /// Whether the account may use a schema as its default one. `None` where the grant tables leave it
    /// open, as they do if it has roles.
    pub fn may_use(&self, schema: &str) -> Option<bool> {
        let is_it = |name: &str| name.eq_ignore_ascii_case(schema);
        if is_it("information_schema") || is_it("performance_schema") {
            return Some(true);
        }
        let gives = |(target, grant): (&GrantTarget, &Grant)| match target {
            GrantTarget::Global => {
                grant.grantable || grant.privileges.iter().any(|p| p.is_on_schemas())
            }
            GrantTarget::Schema(pattern) => is_it(pattern) || like(schema, pattern),
            GrantTarget::Table { schema: of, .. } | GrantTarget::Routine { schema: of, .. } => {
                is_it(of)
            }
            _ => false,
        };
        let is_role = |target: &GrantTarget| matches!(target, GrantTarget::Role(_));
        if self.grants.iter().any(gives) {
            Some(true)
        } else if self.grants.keys().any(is_role) {
            None
        } else {
            Some(false)
        }
    }
}

/// An authentication plugin and what it was given. `Debug` shows the plugin alone.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthMethod {
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's string, where it is known to be no secret: it is copied as it is.
    pub auth_string: Option<String>,
}

impl fmt::Debug for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthMethod").field("plugin", &self.plugin).finish_non_exhaustive()
    }
}

/// A password as the server stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPassword {
    /// The plugin's name.
    pub plugin: String,
    /// How the plugin writes hashes; `None` if that is not known.
    pub format: Option<Format>,
    /// The plugin's string.
    pub string: AuthString,
}

impl StoredPassword {
    /// What the string is to the plugin.
    pub fn meaning(&self) -> Meaning {
        self.string.meaning(self.format)
    }

    /// Whether a server that enforces this storage format of `caching_sha2_password` (MySQL 9.7) lets whoever
    /// logs in by the password do nothing but set another one.
    pub fn is_stored_otherwise(&self, enforced: &str) -> bool {
        self.format == Some(Format::CachingSha2) && self.meaning().is_stored_otherwise(enforced)
    }
}

/// The state of an account. It decides what may be done; it is not mirrored, except the lock at hosts
/// that are not in use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Logins are refused until the account is unlocked.
    pub locked: bool,
    /// The password must be changed before anything else.
    pub expired: bool,
    /// It is a role.
    pub role: bool,
    /// The stored passwords, of which any suffices. MySQL has one at most, MariaDB one for each
    /// alternative. A disabled one is not among them.
    pub passwords: Vec<StoredPassword>,
    /// A second password that was retained when the first was replaced (MySQL).
    pub retained: Option<StoredPassword>,
}
