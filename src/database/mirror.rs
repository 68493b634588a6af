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

#[cfg(test)]
mod tests;

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
    /// Creates the account, locked, with the pending password and all settings but default roles.
    Create {
        /// How it is to log in.
        authentication: Vec<Method>,
        /// Its settings.
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
    settings.remove(&Setting::DefaultRoles);
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

fn restrictions(grants: &BTreeMap<Object, Held>) -> impl Iterator<Item = (&Object, &Held)> {
    grants
        .iter()
        .filter(|(object, _)| matches!(object, Object::Restriction(_)))
}

/// Dynamic privileges are revoked before the global grant option: MySQL would otherwise leave them
/// usable in memory. The twin is locked around a change of restrictions, because a global
/// privilege comes in one statement and what is excepted from it in the next.
fn global_level(
    source: &BTreeMap<Object, Held>,
    twin: &mut BTreeMap<Object, Held>,
    actions: &mut Vec<Action>,
) {
    let is_dynamic = |object: &Object| matches!(object, Object::Dynamic(_));
    let nothing = Held::default();
    let wanted = source.get(&Object::Global).unwrap_or(&nothing);
    let held = twin.get(&Object::Global).cloned().unwrap_or_default();
    let extra = held.minus(wanted);

    let stale: Vec<_> = twin
        .iter()
        .filter(|(object, held)| {
            is_dynamic(object)
                && (extra.grantable && held.grantable || is_stale(source, object, held))
        })
        .map(|(object, held)| (object.clone(), held.clone()))
        .collect();
    for (object, held) in stale {
        twin.remove(&object);
        actions.push(Action::Revoke(object, held));
    }
    if !extra.is_empty() {
        // A partial revoke ends with the global privilege that it is an exception from.
        for (object, restricted) in twin.iter_mut() {
            if matches!(object, Object::Restriction(_)) {
                restricted
                    .privileges
                    .retain(|p| !extra.privileges.contains(p));
            }
        }
        actions.push(Action::Revoke(Object::Global, extra));
    }
    let missing = wanted.minus(&held);
    if !missing.is_empty() {
        actions.push(Action::Grant(Object::Global, missing));
    }
    restriction_level(source, twin, actions);
    grant_whole(source, twin, is_dynamic, actions);
}

fn restriction_level(
    source: &BTreeMap<Object, Held>,
    twin: &BTreeMap<Object, Held>,
    actions: &mut Vec<Action>,
) {
    let privileges = |grants: &BTreeMap<Object, Held>, object: &Object| {
        grants
            .get(object)
            .map(|held| held.privileges.clone())
            .unwrap_or_default()
    };
    let schemas: BTreeSet<&Object> = restrictions(source)
        .chain(restrictions(twin))
        .map(|(object, _)| object)
        .collect();
    let mut lifted = Vec::new();
    for object in schemas {
        let Object::Restriction(schema) = object else {
            continue;
        };
        let (wanted, held) = (privileges(source, object), privileges(twin, object));
        let missing: BTreeSet<_> = wanted.difference(&held).copied().collect();
        let extra: BTreeSet<_> = held.difference(&wanted).copied().collect();
        if !missing.is_empty() {
            actions.push(Action::Restrict(schema.clone(), missing));
        }
        if !extra.is_empty() {
            lifted.push(Action::Unrestrict(schema.clone(), extra));
        }
    }
    actions.extend(lifted);
}

fn schema_level(
    source: &BTreeMap<Object, Held>,
    twin: &BTreeMap<Object, Held>,
    actions: &mut Vec<Action>,
) {
    let mut schemas: Vec<&Object> = source
        .keys()
        .chain(twin.keys())
        .filter(|object| matches!(object, Object::Schema(_)))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    schemas.sort_by_key(|object| match object {
        Object::Schema(pattern) => specificity(pattern),
        _ => 0,
    });
    let nothing = Held::default();
    let difference =
        |from: &BTreeMap<Object, Held>, other: &BTreeMap<Object, Held>, object: &Object| {
            from.get(object)
                .unwrap_or(&nothing)
                .minus(other.get(object).unwrap_or(&nothing))
        };
    for object in schemas.iter().rev() {
        let missing = difference(source, twin, object);
        if !missing.is_empty() {
            actions.push(Action::Grant((*object).clone(), missing));
        }
    }
    for object in schemas {
        let extra = difference(twin, source, object);
        if !extra.is_empty() {
            actions.push(Action::Revoke(object.clone(), extra));
        }
    }
}

/// How specific the server takes a schema pattern to be: one without a wildcard is the most
/// specific, then the later the first wildcard the more.
pub fn specificity(pattern: &str) -> usize {
    let bytes = pattern.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if at + 1 < bytes.len() => at += 2,
            b'%' | b'_' => return at,
            _ => at += 1,
        }
    }
    usize::MAX
}

/// Tables, routines, roles and proxy users. Returns the roles that were taken away, be it for a
/// moment.
fn other_levels(
    source: &BTreeMap<Object, Held>,
    twin: &mut BTreeMap<Object, Held>,
    actions: &mut Vec<Action>,
) -> BTreeSet<RoleName> {
    let in_parts =
        |object: &Object| matches!(object, Object::Table { .. } | Object::Routine { .. });
    let as_whole = |object: &Object| matches!(object, Object::Role(_) | Object::Proxy { .. });
    let mut revoked_roles = BTreeSet::new();
    let nothing = Held::default();

    for (object, held) in twin.iter_mut().filter(|(object, _)| in_parts(object)) {
        let extra = held.minus(source.get(object).unwrap_or(&nothing));
        if !extra.is_empty() {
            *held = after_revoke(held, &extra);
            actions.push(Action::Revoke(object.clone(), extra));
        }
    }
    twin.retain(|object, held| {
        let stale = as_whole(object) && is_stale(source, object, held);
        if stale {
            if let Object::Role(role) = object {
                revoked_roles.insert(role.clone());
            }
            actions.push(Action::Revoke(object.clone(), held.clone()));
        }
        !stale
    });
    for (object, wanted) in source.iter().filter(|(object, _)| in_parts(object)) {
        let missing = wanted.minus(twin.get(object).unwrap_or(&nothing));
        if !missing.is_empty() {
            actions.push(Action::Grant(object.clone(), missing));
        }
    }
    grant_whole(source, twin, as_whole, actions);
    revoked_roles
}

/// What is left of `held` when `extra` is revoked: a privilege that is revoked on a table goes from
/// its columns too.
fn after_revoke(held: &Held, extra: &Held) -> Held {
    let mut left = held.minus(extra);
    for privileges in left.columns.values_mut() {
        privileges.retain(|p| !extra.privileges.contains(p));
    }
    left.columns.retain(|_, privileges| !privileges.is_empty());
    left
}

/// Whether something that is held as a whole must be revoked: the source does not have it, or has
/// it without the grant option, which no statement takes away alone.
fn is_stale(source: &BTreeMap<Object, Held>, object: &Object, held: &Held) -> bool {
    source
        .get(object)
        .is_none_or(|wanted| held.grantable && !wanted.grantable)
}

fn grant_whole(
    source: &BTreeMap<Object, Held>,
    twin: &BTreeMap<Object, Held>,
    chosen: impl Fn(&Object) -> bool,
    actions: &mut Vec<Action>,
) {
    actions.extend(
        source
            .iter()
            .filter(|(object, wanted)| chosen(object) && twin.get(object) != Some(*wanted))
            .map(|(object, wanted)| Action::Grant(object.clone(), wanted.clone())),
    );
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
