//! The changes at each level of privileges, in the order that keeps the promises of the plan.

use std::collections::{BTreeMap, BTreeSet};

use super::Action;
use crate::database::account::{Held, Object, RoleName};

pub(super) fn restrictions(
    grants: &BTreeMap<Object, Held>,
) -> impl Iterator<Item = (&Object, &Held)> {
    grants
        .iter()
        .filter(|(object, _)| matches!(object, Object::Restriction(_)))
}

/// Dynamic privileges are revoked before the global grant option: MySQL would otherwise leave them
/// usable in memory. The twin is locked around a change of restrictions, because a global
/// privilege comes in one statement and what is excepted from it in the next.
pub(super) fn global_level(
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

pub(super) fn schema_level(
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
pub(super) fn other_levels(
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
