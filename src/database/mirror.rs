//! The plan: which changes make the twin equal to its source, and in which order.
//!
//! Pure: it reads no server and writes none. The order keeps two promises at every statement, for
//! sessions that are already open as well. An unlocked twin never has an effective privilege that
//! neither account had at the start. And what the source lost, the twin loses.
//!
//! At schema level the server looks at the most specific matching pattern only, so a row that
//! vanishes would uncover a wider one. There everything is granted first, most specific pattern
//! first, and then revoked, least specific first. At every other level, revokes come first.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use super::account::{Account, Held, Method, Object, Profile, RoleName, Setting, Value};
use super::privilege::Privilege;

mod levels;
#[cfg(test)]
mod tests;

pub use levels::specificity;
use levels::{global_level, other_levels, restrictions, schema_level};

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
        authentication: Vec<Method>,
        /// Its settings but the default roles, where they are not what an account has anyway.
        settings: BTreeMap<Setting, Value>,
    },
    /// Locks the account.
    Lock,
    /// Unlocks the account.
    Unlock,
    /// Changes settings.
    Alter(BTreeMap<Setting, Value>),
    /// Takes away what is held on an object.
    Revoke(Object, Held),
    /// Gives what is to be held on an object.
    Grant(Object, Held),
    /// Adds a partial revoke on a schema.
    Restrict(String, BTreeSet<Privilege>),
    /// Lifts a partial revoke on a schema.
    Unrestrict(String, BTreeSet<Privilege>),
    /// Sets which roles are active after a login.
    DefaultRoles(BTreeSet<RoleName>),
}

/// The changes that make `twin` equal to `source` at each host of `source`; none if it is. The
/// password, the authentication and the final lock state are not part of it.
pub fn plan(source: &Account, twin: Option<&Account>) -> Vec<Change> {
    let mut changes = Vec::new();
    for (host, profile) in &source.hosts {
        let actions = match twin.and_then(|twin| twin.hosts.get(host)) {
            Some(twin) => converge(profile, twin),
            None => create(profile),
        };
        changes.extend(actions.into_iter().map(|action| Change {
            host: host.clone(),
            action,
        }));
    }
    changes
}

fn create(source: &Profile) -> Vec<Action> {
    let mut born = Profile {
        settings: source.settings.clone(),
        ..Profile::default()
    };
    born.state.locked = true;
    if let Some(roles) = born.settings.get_mut(&Setting::DefaultRoles) {
        *roles = Value::Roles(BTreeSet::new());
    }
    let mut settings = source.settings.clone();
    settings
        .retain(|setting, value| *setting != Setting::DefaultRoles && !setting.is_default(value));
    let mut actions = vec![Action::Create {
        authentication: source.authentication.clone(),
        settings,
    }];
    actions.extend(converge(source, &born));
    actions
}

fn converge(source: &Profile, twin: &Profile) -> Vec<Action> {
    let mut actions = Vec::new();
    let settings = changed_settings(source, twin);
    if !settings.is_empty() {
        actions.push(Action::Alter(settings));
    }

    let mut twin_grants = twin.grants.clone();
    let restrictions_change = restrictions(&source.grants).ne(restrictions(&twin.grants));
    let lock = restrictions_change && !twin.state.locked;
    actions.extend(lock.then_some(Action::Lock));
    global_level(&source.grants, &mut twin_grants, &mut actions);
    actions.extend(lock.then_some(Action::Unlock));

    schema_level(&source.grants, &twin_grants, &mut actions);
    let revoked_roles = other_levels(&source.grants, &mut twin_grants, &mut actions);
    actions.extend(default_roles(source, twin, &revoked_roles));
    actions
}

fn changed_settings(source: &Profile, twin: &Profile) -> BTreeMap<Setting, Value> {
    source
        .settings
        .iter()
        .filter(|(setting, value)| {
            **setting != Setting::DefaultRoles && twin.settings.get(setting) != Some(*value)
        })
        .map(|(setting, value)| {
            let value = match (value, twin.settings.get(setting)) {
                (Value::Json(new), Some(Value::Json(old))) => Value::Json(merge_patch(old, new)),
                _ => value.clone(),
            };
            (*setting, value)
        })
        .collect()
}

/// The RFC 7396 patch that makes `new` of `old`: the server merges an attribute, it does not
/// replace it.
fn merge_patch(old: &Map<String, Json>, new: &Map<String, Json>) -> Map<String, Json> {
    let gone = old
        .keys()
        .filter(|key| !new.contains_key(*key))
        .map(|key| (key.clone(), Json::Null));
    let changed = new
        .iter()
        .filter(|(key, value)| old.get(*key) != Some(*value))
        .map(|(key, value)| match (old.get(key), value) {
            (Some(Json::Object(old)), Json::Object(new)) => {
                (key.clone(), Json::Object(merge_patch(old, new)))
            }
            _ => (key.clone(), value.clone()),
        });
    gone.chain(changed).collect()
}

/// MySQL forgets that a role was a default role when it is revoked, and does not remember it when
/// it is granted again.
fn default_roles(source: &Profile, twin: &Profile, revoked: &BTreeSet<RoleName>) -> Option<Action> {
    let roles = |profile: &Profile| match profile.settings.get(&Setting::DefaultRoles) {
        Some(Value::Roles(roles)) => roles.clone(),
        _ => BTreeSet::new(),
    };
    let wanted = roles(source);
    let held: BTreeSet<_> = roles(twin).difference(revoked).cloned().collect();
    (wanted != held).then_some(Action::DefaultRoles(wanted))
}
