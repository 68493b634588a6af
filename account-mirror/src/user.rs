//! What an account is: everything about a user, at each of its hosts, that a twin must have too.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Map;

use crate::username::Username;

mod grants;

pub use grants::{Grant, GrantTarget, RoleName, RoutineKind};

/// A user with all the hosts that it may come from.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The user name.
    pub user: Username,
    /// The host part of each account of that name, with what belongs to it.
    pub hosts: BTreeMap<String, Account>,
}

/// One row of the server's accounts: a user at one host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// The ways to log in, of which any suffices. MySQL has one, MariaDB one or more.
    pub authentication: Vec<AuthMethod>,
    /// The settings that the server has, each with its value.
    pub settings: BTreeMap<Setting, Value>,
    /// What is held on each object.
    pub grants: BTreeMap<GrantTarget, Grant>,
    /// What is true of the account now and is not copied as it is.
    pub state: State,
}

/// An authentication plugin and what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthMethod {
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's string, where that is not a hash of a password.
    pub string: Option<String>,
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

/// A setting of an account that is neither a privilege nor its authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// `REQUIRE …`
    Tls,
    /// `MAX_QUERIES_PER_HOUR`
    QueriesPerHour,
    /// `MAX_UPDATES_PER_HOUR`
    UpdatesPerHour,
    /// `MAX_CONNECTIONS_PER_HOUR`
    ConnectionsPerHour,
    /// `MAX_USER_CONNECTIONS`
    UserConnections,
    /// `MAX_STATEMENT_TIME` (MariaDB)
    StatementTime,
    /// `PASSWORD EXPIRE …`
    Expiration,
    /// `PASSWORD HISTORY`
    History,
    /// `PASSWORD REUSE INTERVAL`
    ReuseInterval,
    /// `PASSWORD REQUIRE CURRENT`
    RequireCurrent,
    /// `FAILED_LOGIN_ATTEMPTS`
    FailedLogins,
    /// `PASSWORD_LOCK_TIME`
    LockTime,
    /// `ATTRIBUTE` and `COMMENT`
    Attribute,
    /// `DEFAULT ROLE`
    DefaultRoles,
}

impl Setting {
    /// Whether this is the value of an account for which nothing was set.
    pub fn is_default(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Expiration | Self::History | Self::ReuseInterval | Self::RequireCurrent, _) => {
                *value == Value::Default
            }
            (_, Value::Number(number)) => *number == 0,
            (_, Value::Tls(tls)) => *tls == Tls::None,
            (_, Value::Json(json)) => json.is_empty(),
            (_, Value::Roles(roles)) => roles.is_empty(),
            (_, Value::Default | Value::Decimal(_) | Value::Flag(_)) => false,
        }
    }
}

/// The value of a [`Setting`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The server's own default applies.
    Default,
    /// A number, in the unit of the setting.
    Number(i64),
    /// A number with a fraction, as the server writes it.
    Decimal(String),
    /// Yes or no.
    Flag(bool),
    /// A demand on the connection.
    Tls(Tls),
    /// A JSON object.
    Json(Map<String, serde_json::Value>),
    /// A set of roles.
    Roles(BTreeSet<RoleName>),
}

/// What an account demands of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// `REQUIRE NONE`
    None,
    /// `REQUIRE SSL`
    Ssl,
    /// `REQUIRE X509`
    X509,
    /// `REQUIRE SUBJECT … AND ISSUER … AND CIPHER …`; empty means not demanded.
    Specified {
        /// The subject of the client's certificate.
        subject: String,
        /// The issuer of the client's certificate.
        issuer: String,
        /// The cipher.
        cipher: String,
    },
}

impl Tls {
    /// Whether only a client with a certificate can log in.
    pub fn demands_certificate(&self) -> bool {
        match self {
            Self::None | Self::Ssl => false,
            Self::X509 => true,
            Self::Specified { subject, issuer, .. } => !subject.is_empty() || !issuer.is_empty(),
        }
    }
}
