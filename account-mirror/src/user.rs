//! What a user is: everything about its accounts that a twin must have too.

use std::collections::BTreeMap;

use crate::grant::{Grant, GrantTarget};
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

/// An authentication plugin and what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthMethod {
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's string, where that is not the hash of a password.
    pub auth_string: Option<String>,
}

/// The state of an account. It decides what may be done; it is not part of the mirror, the lock at
/// hosts that are not in use aside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Logins are refused until the account is unlocked.
    pub locked: bool,
    /// The password must be changed before anything else.
    pub expired: bool,
    /// It has no password and no other way to log in.
    pub without_password: bool,
    /// It is a role.
    pub role: bool,
    /// A retained second password logs in too.
    pub second_password: bool,
    /// When the password was last changed, in seconds since the epoch.
    pub password_changed: Option<i64>,
}

impl State {
    /// By how much the clocks of the database and of Secrets Manager may differ, in seconds.
    const CLOCK_SKEW: i64 = 5;

    /// Whether the password was changed at or after this time, in seconds since the epoch, by the
    /// clock of Secrets Manager.
    pub fn changed_since(&self, time: i64) -> bool {
        self.password_changed
            .is_some_and(|changed| changed >= time.saturating_sub(Self::CLOCK_SKEW))
    }
}
