//! The changes of a plan, and the differences from which they are made.

use std::collections::{BTreeMap, BTreeSet};

use crate::grant::{Grant, GrantTarget, RoleName};
use crate::privilege::Privileges;
use crate::setting::{Setting, Value};
use crate::user::{Account, AuthMethod};

/// One change of the twin at one of its hosts: one statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The host part of the account that is changed.
    pub host: String,
    /// What is done to it.
    pub action: Action,
}

/// What a [`Change`] does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates the account, locked, with the pending password and its settings.
    Create {
        /// How it is to log in.
        authentication: Vec<AuthMethod>,
        /// Its settings but the default roles, where they are not what an account has anyway.
        settings: BTreeMap<Setting, Value>,
    },
    /// Locks the account.
    Lock,
    /// Unlocks the account.
    Unlock,
    /// Changes settings.
    Alter(BTreeMap<Setting, Value>),
    /// Revokes privileges on a target.
    Revoke(GrantTarget, Grant),
    /// Grants privileges on a target.
    Grant(GrantTarget, Grant),
    /// Adds a partial revoke on a schema.
    Restrict(String, Privileges),
    /// Lifts a partial revoke on a schema.
    Unrestrict(String, Privileges),
    /// Sets which roles are active after a login.
    DefaultRoles(BTreeSet<RoleName>),
}

/// The source and the twin at one host. What the twin holds is kept up with the plan.
pub(super) struct HostDiff<'a> {
    pub(super) host: &'a str,
    pub(super) source: &'a Account,
    pub(super) twin: Account,
    /// Whether GRANT OPTION is granted together with the privileges instead of last: the twin does
    /// not exist yet at any host, so nobody is logged in as it, or MySQL would refuse to add it later.
    pub(super) with_grant_option: bool,
}

#[derive(Default)]
pub(super) struct Changes(pub(super) Vec<Change>);

impl Changes {
    pub(super) fn add(&mut self, host: &str, actions: impl IntoIterator<Item = Action>) {
        self.0.extend(actions.into_iter().map(|action| Change { host: host.to_owned(), action }));
    }
}

/// What is granted on a target.
pub(super) fn at(grants: &BTreeMap<GrantTarget, Grant>, target: &GrantTarget) -> Grant {
    grants.get(target).cloned().unwrap_or_default()
}
