//! The changes at each level of privileges, in the order that keeps the promises of the plan.

use std::collections::{BTreeMap, BTreeSet};

use super::partial_revokes::restrictions;
use super::specificity::specificity;
use super::{Action, Changes, HostDiff};
use crate::database::Family;
use crate::database::account::{Grant, GrantTarget, Setting, Value};

fn is_dynamic(object: &GrantTarget) -> bool {
    matches!(object, GrantTarget::Dynamic(_))
}

fn is_proxy(object: &GrantTarget) -> bool {
    matches!(object, GrantTarget::Proxy { .. })
}

fn is_role_or_proxy(object: &GrantTarget) -> bool {
    matches!(object, GrantTarget::Role(_)) || is_proxy(object)
}

fn is_row(object: &GrantTarget) -> bool {
    matches!(object, GrantTarget::Schema(_) | GrantTarget::Table { .. } | GrantTarget::Routine { .. })
}

/// The grant option alone.
fn option() -> Grant {
    Grant { grantable: true, ..Grant::default() }
}

/// Whether there is nothing but the grant option.
fn only_grant_option(held: &Grant) -> bool {
    held.privileges.is_empty() && held.columns.is_empty()
}

/// What goes before anything comes: everything that is held as a whole, global privileges, and each
/// grant option that leaves something on its row.
///
/// Dynamic privileges are revoked before the global grant option: MySQL would otherwise leave them
/// usable in memory.
pub(super) fn revoke_first(site: &mut HostDiff<'_>) -> Vec<Action> {
    let wanted = &site.wanted.grants;
    let extra = at(&site.held.grants, &GrantTarget::Global).minus(&at(wanted, &GrantTarget::Global));
    let option_goes = extra.grantable || !proxies_with_option(site).is_empty();
    let mut actions = Vec::new();
    let settings = &mut site.held.settings;
    site.held.grants.retain(|object, held| {
        let stale = (is_dynamic(object) || is_role_or_proxy(object))
            && (is_stale(wanted, object, held)
                || is_dynamic(object) && option_goes && held.grantable);
        if !stale {
            return true;
        }
        if let (GrantTarget::Role(role), Some(Value::Roles(defaults))) =
            (object, settings.get_mut(&Setting::DefaultRoles))
        {
            // MySQL forgets that it was a default role; MariaDB, whose roles have no host, does not.
            if role.host.is_some() {
                defaults.remove(role);
            }
        }
        actions.push(Action::Revoke(object.clone(), held.clone()));
        false
    });
    for (object, held) in &mut site.held.grants {
        let option_goes = held.grantable && !at(wanted, object).grantable;
        if is_row(object) && option_goes && !only_grant_option(held) {
            held.grantable = false;
            actions.push(Action::Revoke(object.clone(), option()));
        }
    }
    if !extra.is_empty() {
        // A partial revoke ends with the global privilege that it is an exception from.
        for (object, held) in &mut site.held.grants {
            match object {
                GrantTarget::PartialRevoke(_) => {
                    held.privileges.retain(|p| !extra.privileges.contains(p));
                }
                GrantTarget::Global => *held = held.minus(&extra),
                _ => {}
            }
        }
        actions.push(Action::Revoke(GrantTarget::Global, extra));
    }
    actions
}

/// Global and dynamic privileges, and partial revokes. The twin is locked where a privilege comes in
/// one statement and what is excepted from it in the next: global ones reach only new sessions, and
/// those that set their roles anew.
pub(super) fn global_level(site: &mut HostDiff<'_>) -> Vec<Action> {
    let wanted = &site.wanted.grants;
    let restrictions = restrictions(wanted, &site.held.grants);
    let proxies = proxies_with_option(site);
    let exposed = !restrictions.is_empty() || !proxies.is_empty();
    let lock = exposed && !site.held.state.locked;
    let mut actions: Vec<_> = lock.then_some(Action::Lock).into_iter().collect();
    let mut missing = at(wanted, &GrantTarget::Global).minus(&at(&site.held.grants, &GrantTarget::Global));
    missing.grantable &= site.with_grant_option;
    site.grant(&GrantTarget::Global, missing, &mut actions);
    actions.extend(restrictions);
    if !proxies.is_empty() {
        for object in proxies {
            site.held.grants.insert(object.clone(), option());
            actions.push(Action::Grant(object, option()));
        }
        actions.push(Action::Revoke(GrantTarget::Global, option()));
    }
    actions.extend(lock.then_some(Action::Unlock));
    let proxies = site.with_grant_option;
    let chosen = |object: &GrantTarget| is_dynamic(object) || proxies && is_proxy(object);
    actions.extend(missing_atomic(site, chosen));
    actions
}

/// The proxy users that are missing with the grant option, where the source does not have the global
/// one: the server gives the one along with the other.
fn proxies_with_option(site: &HostDiff<'_>) -> Vec<GrantTarget> {
    let wanted = &site.wanted.grants;
    if at(wanted, &GrantTarget::Global).grantable {
        return Vec::new();
    }
    wanted
        .iter()
        .filter(|(object, held)| {
            is_proxy(object) && held.grantable && site.held.grants.get(object) != Some(*held)
        })
        .map(|(object, _)| object.clone())
        .collect()
}

/// Schemas, tables and routines at all hosts.
pub(super) fn rows(family: Family, sites: &mut [HostDiff<'_>], changes: &mut Changes) {
    let mut rows: Vec<(usize, GrantTarget)> = Vec::new();
    for (number, site) in sites.iter().enumerate() {
        let objects = site.wanted.grants.keys().chain(site.held.grants.keys());
        let objects: BTreeSet<_> = objects.filter(|object| is_row(object)).collect();
        rows.extend(objects.into_iter().map(|object| (number, object.clone())));
    }
    rows.sort_by_key(|(number, object)| {
        let pattern = match object {
            GrantTarget::Schema(pattern) => specificity(family, pattern),
            _ => Default::default(),
        };
        (specificity(family, sites[*number].host), pattern)
    });
    for (number, object) in &rows {
        let site = &mut sites[*number];
        let mut actions = Vec::new();
        let mut missing = at(&site.wanted.grants, object).minus(&at(&site.held.grants, object));
        // A row with nothing but the grant option must be there to cover wider ones.
        missing.grantable &= site.with_grant_option || only_grant_option(&at(&site.wanted.grants, object));
        site.grant(object, missing, &mut actions);
        changes.add(site.host, actions);
    }
    for (number, object) in rows.iter().rev() {
        let site = &mut sites[*number];
        let (wanted, held) = (at(&site.wanted.grants, object), at(&site.held.grants, object));
        let extra = held.minus(&wanted);
        if extra.is_empty() {
            continue;
        }
        let left = after_revoke(&held, &extra);
        let mut again = wanted.minus(&left);
        again.grantable = false;
        site.held.grants.insert(object.clone(), left);
        let mut actions = vec![Action::Revoke(object.clone(), extra)];
        site.grant(object, again, &mut actions);
        changes.add(site.host, actions);
    }
}

/// The grant options that are still missing.
pub(super) fn grant_options_last(site: &mut HostDiff<'_>) -> Vec<Action> {
    let wanted = site.wanted.grants.iter();
    wanted
        .filter(|(object, _)| is_row(object) || **object == GrantTarget::Global)
        .filter(|(object, wanted)| wanted.grantable && !at(&site.held.grants, object).grantable)
        .map(|(object, _)| Action::Grant(object.clone(), option()))
        .collect()
}

/// Roles, proxy users and default roles.
pub(super) fn roles_and_proxies(site: &mut HostDiff<'_>) -> Vec<Action> {
    let mut actions = missing_atomic(site, is_role_or_proxy);
    let roles = |settings: &BTreeMap<Setting, Value>| match settings.get(&Setting::DefaultRoles) {
        Some(Value::Roles(roles)) => roles.clone(),
        _ => BTreeSet::new(),
    };
    let wanted = roles(&site.wanted.settings);
    if wanted != roles(&site.held.settings) {
        actions.push(Action::DefaultRoles(wanted));
    }
    actions
}

impl HostDiff<'_> {
    fn grant(&mut self, object: &GrantTarget, missing: Grant, actions: &mut Vec<Action>) {
        if missing.is_empty() {
            return;
        }
        let held = self.held.grants.entry(object.clone()).or_default();
        held.grantable |= missing.grantable;
        held.privileges.extend(&missing.privileges);
        for (column, privileges) in &missing.columns {
            let held = held.columns.entry(column.clone()).or_default();
            held.extend(privileges);
        }
        actions.push(Action::Grant(object.clone(), missing));
    }
}

pub(super) fn at(grants: &BTreeMap<GrantTarget, Grant>, object: &GrantTarget) -> Grant {
    grants.get(object).cloned().unwrap_or_default()
}

/// What is left of `held` when `extra` is revoked: a privilege that is revoked on a table goes from
/// its columns too.
fn after_revoke(held: &Grant, extra: &Grant) -> Grant {
    let mut left = held.minus(extra);
    for privileges in left.columns.values_mut() {
        privileges.retain(|p| !extra.privileges.contains(p));
    }
    left.columns.retain(|_, privileges| !privileges.is_empty());
    left
}

/// Whether something that is held as a whole must be revoked: the source does not have it, or has
/// it without the grant option, which no statement takes away alone. MariaDB does not note the
/// option of a proxy user that is granted again either.
fn is_stale(source: &BTreeMap<GrantTarget, Grant>, object: &GrantTarget, held: &Grant) -> bool {
    source.get(object).is_none_or(|wanted| {
        held.grantable && !wanted.grantable
            || is_proxy(object) && held.grantable != wanted.grantable
    })
}

/// What is held as a whole, and is not held yet or not with the grant option.
fn missing_atomic(site: &mut HostDiff<'_>, chosen: impl Fn(&GrantTarget) -> bool) -> Vec<Action> {
    let mut actions = Vec::new();
    for (object, wanted) in &site.wanted.grants {
        if chosen(object) && site.held.grants.get(object) != Some(wanted) {
            site.held.grants.insert(object.clone(), wanted.clone());
            actions.push(Action::Grant(object.clone(), wanted.clone()));
        }
    }
    actions
}
