//! The changes at each level of privileges, in the order that keeps the promises of the plan.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Action, Changes, HostDiff, at};
use super::partial_revokes::restrictions;
use crate::family::Family;
use crate::grant::{CaselessName, Grant, GrantTarget};
use crate::privilege::{Privilege, Privileges};
use crate::setting::{Setting, Value};
use crate::specificity::row_specificity;
use crate::user::Account;

fn is_dynamic(target: &GrantTarget) -> bool {
    matches!(target, GrantTarget::Dynamic(_))
}

fn is_proxy(target: &GrantTarget) -> bool {
    matches!(target, GrantTarget::Proxy { .. })
}

fn is_role_or_proxy(target: &GrantTarget) -> bool {
    matches!(target, GrantTarget::Role(_)) || is_proxy(target)
}

fn is_row(target: &GrantTarget) -> bool {
    matches!(
        target,
        GrantTarget::Schema(_) | GrantTarget::Table { .. } | GrantTarget::Routine { .. }
    )
}

/// GRANT OPTION alone.
const GRANT_OPTION: Grant =
    Grant { privileges: Privileges::NONE, columns: BTreeMap::new(), grantable: true };

/// Whether there is nothing but the grant option.
fn only_grant_option(grant: &Grant) -> bool {
    grant.privileges.is_empty() && grant.columns.is_empty()
}

/// Revokes that must precede every grant: dynamic privileges, roles and proxy users, which have no
/// privileges to name; global privileges; and each GRANT OPTION that leaves something on its row.
///
/// Dynamic privileges are revoked before the global grant option: MySQL would otherwise leave them
/// usable in memory.
pub(super) fn revoke_first(diff: &mut HostDiff<'_>) -> Vec<Action> {
    let source = &diff.source.grants;
    let extra =
        at(&diff.twin.grants, &GrantTarget::Global).minus(&at(source, &GrantTarget::Global));
    let option_goes = extra.grantable || !proxies_with_option(diff).is_empty();
    let mut actions = Vec::new();
    let settings = &mut diff.twin.settings;
    diff.twin.grants.retain(|target, grant| {
        let stale = (is_dynamic(target) || is_role_or_proxy(target))
            && (is_stale(source, target, grant)
                || is_dynamic(target) && option_goes && grant.grantable);
        if !stale {
            return true;
        }
        if let (GrantTarget::Role(role), Some(Value::Roles(defaults))) =
            (target, settings.get_mut(&Setting::DefaultRoles))
        {
            // MySQL forgets that it was a default role; MariaDB, whose roles have no host, does not.
            if role.host.is_some() {
                defaults.remove(role);
            }
        }
        actions.push(Action::Revoke(target.clone(), grant.clone()));
        false
    });
    for (target, grant) in &mut diff.twin.grants {
        let has_option = grant.grantable && is_row(target) && !only_grant_option(grant);
        if has_option && source.get(target).is_none_or(|source| !source.grantable) {
            grant.grantable = false;
            actions.push(Action::Revoke(target.clone(), GRANT_OPTION));
        }
    }
    if !extra.is_empty() {
        // A partial revoke ends with the global privilege that it is an exception from.
        for (target, grant) in &mut diff.twin.grants {
            match target {
                GrantTarget::PartialRevoke(_) => {
                    grant.privileges.remove_all(extra.privileges);
                }
                GrantTarget::Global => *grant = grant.minus(&extra),
                _ => {}
            }
        }
        actions.push(Action::Revoke(GrantTarget::Global, extra));
    }
    actions
}

/// Grants of global and dynamic privileges, and partial revokes. The twin is locked while a global
/// privilege and its partial revoke need two statements: global privileges reach only new sessions,
/// and those that set their roles anew.
pub(super) fn global_level(diff: &mut HostDiff<'_>) -> Vec<Action> {
    let source = &diff.source.grants;
    let restrictions = restrictions(source, &diff.twin.grants);
    let proxies = proxies_with_option(diff);
    let exposed = !restrictions.is_empty() || !proxies.is_empty();
    let lock = exposed && !diff.twin.state.locked;
    let mut actions: Vec<_> = lock.then_some(Action::Lock).into_iter().collect();
    let mut missing =
        at(source, &GrantTarget::Global).minus(&at(&diff.twin.grants, &GrantTarget::Global));
    missing.grantable &= diff.with_grant_option;
    diff.grant(&GrantTarget::Global, missing, &mut actions);
    actions.extend(restrictions);
    if !proxies.is_empty() {
        for target in proxies {
            diff.twin.grants.insert(target.clone(), GRANT_OPTION);
            actions.push(Action::Grant(target, GRANT_OPTION));
        }
        actions.push(Action::Revoke(GrantTarget::Global, GRANT_OPTION));
    }
    actions.extend(lock.then_some(Action::Unlock));
    let proxies = diff.with_grant_option;
    let chosen = |target: &GrantTarget| is_dynamic(target) || proxies && is_proxy(target);
    actions.extend(missing_atomic(diff, chosen));
    actions
}

/// The proxy users that are missing with GRANT OPTION, where the source does not have it globally:
/// the server grants the global one along with it.
fn proxies_with_option(diff: &HostDiff<'_>) -> Vec<GrantTarget> {
    let source = &diff.source.grants;
    if at(source, &GrantTarget::Global).grantable {
        return Vec::new();
    }
    source
        .iter()
        .filter(|(target, grant)| {
            is_proxy(target) && grant.grantable && diff.twin.grants.get(target) != Some(*grant)
        })
        .map(|(target, _)| target.clone())
        .collect()
}

/// Schemas, tables and routines at all hosts.
pub(super) fn specific_rows(family: Family, diffs: &mut [HostDiff<'_>], changes: &mut Changes) {
    let mut rows: Vec<(usize, GrantTarget)> = Vec::new();
    for (number, diff) in diffs.iter().enumerate() {
        let (source, twin) = (&diff.source.grants, &diff.twin.grants);
        let differs = |target: &&GrantTarget| source.get(target) != twin.get(target);
        let targets = source.keys().chain(twin.keys()).filter(|target| is_row(target));
        let targets: BTreeSet<_> = targets.filter(differs).collect();
        rows.extend(targets.into_iter().map(|target| (number, target.clone())));
    }
    rows.sort_by_cached_key(|(number, target)| {
        row_specificity(family, diffs[*number].host, target)
    });
    for (number, target) in &rows {
        let diff = &mut diffs[*number];
        let mut actions = Vec::new();
        let mut missing = at(&diff.source.grants, target).minus(&at(&diff.twin.grants, target));
        // A row with nothing but the grant option must be there to cover less specific ones.
        missing.grantable &=
            diff.with_grant_option || only_grant_option(&at(&diff.source.grants, target));
        diff.grant(target, missing, &mut actions);
        changes.add(diff.host, actions);
    }
    for (number, target) in rows.iter().rev() {
        let diff = &mut diffs[*number];
        let (source, grant) = (at(&diff.source.grants, target), at(&diff.twin.grants, target));
        let extra = grant.minus(&source);
        if extra.is_empty() {
            continue;
        }
        let left = after_revoke(&grant, &extra);
        let mut again = source.minus(&left);
        again.grantable = false;
        diff.twin.grants.insert(target.clone(), left);
        let mut actions = vec![Action::Revoke(target.clone(), extra)];
        diff.grant(target, again, &mut actions);
        changes.add(diff.host, actions);
    }
}

/// The grant options that are still missing.
pub(super) fn grant_options_last(diff: &mut HostDiff<'_>) -> Vec<Action> {
    let source = diff.source.grants.iter();
    source
        .filter(|(target, _)| is_row(target) || **target == GrantTarget::Global)
        .filter(|(target, source)| source.grantable && !at(&diff.twin.grants, target).grantable)
        .map(|(target, _)| {
            Action::Grant(target.clone(), with_create(diff.source, target, GRANT_OPTION))
        })
        .collect()
}

/// Roles, proxy users and default roles.
pub(super) fn roles_and_proxies(diff: &mut HostDiff<'_>) -> Vec<Action> {
    let mut actions = missing_atomic(diff, is_role_or_proxy);
    let roles = |settings: &BTreeMap<Setting, Value>| match settings.get(&Setting::DefaultRoles) {
        Some(Value::Roles(roles)) => roles.clone(),
        _ => BTreeSet::new(),
    };
    let source = roles(&diff.source.settings);
    if source != roles(&diff.twin.settings) {
        actions.push(Action::DefaultRoles(source));
    }
    actions
}

impl HostDiff<'_> {
    fn grant(&mut self, target: &GrantTarget, missing: Grant, actions: &mut Vec<Action>) {
        if missing.is_empty() {
            return;
        }
        let mut missing = with_create(self.source, target, missing);
        let grant = self.twin.grants.entry(target.clone()).or_default();
        // A column's row is found by the spelling that it has.
        let spelled = |column: CaselessName| {
            grant.columns.get_key_value(&column).map_or(column, |(spelled, _)| spelled.clone())
        };
        let columns = missing.columns.into_iter();
        missing.columns = columns.map(|(name, grant)| (spelled(name), grant)).collect();
        grant.grantable |= missing.grantable;
        grant.privileges.insert_all(missing.privileges);
        for (column, privileges) in &missing.columns {
            let grant = grant.columns.entry(column.clone()).or_default();
            grant.insert_all(*privileges);
        }
        actions.push(Action::Grant(target.clone(), missing));
    }
}

/// What is to be granted, with CREATE if the source holds it: servers take no other grant on a table
/// that does not exist yet.
fn with_create(source: &Account, target: &GrantTarget, mut missing: Grant) -> Grant {
    let is_table = matches!(target, GrantTarget::Table { .. });
    if is_table && at(&source.grants, target).privileges.contains(Privilege::CREATE) {
        missing.privileges.insert(Privilege::CREATE);
    }
    missing
}

/// What is left of a grant when `extra` is revoked: a privilege that is revoked on a table goes from
/// its columns too.
fn after_revoke(grant: &Grant, extra: &Grant) -> Grant {
    let mut left = grant.minus(extra);
    for privileges in left.columns.values_mut() {
        privileges.remove_all(extra.privileges);
    }
    left.columns.retain(|_, privileges| !privileges.is_empty());
    left
}

/// Whether a target without privileges to name must be revoked: the source does not have it, or has
/// it without the grant option, which no statement takes away alone. MariaDB does not note the
/// option of a proxy user that is granted again either.
fn is_stale(source: &BTreeMap<GrantTarget, Grant>, target: &GrantTarget, grant: &Grant) -> bool {
    source.get(target).is_none_or(|source| {
        grant.grantable && !source.grantable
            || is_proxy(target) && grant.grantable != source.grantable
    })
}

/// Grants of the chosen targets without privileges to name, where they are missing or lack GRANT OPTION.
fn missing_atomic(diff: &mut HostDiff<'_>, chosen: impl Fn(&GrantTarget) -> bool) -> Vec<Action> {
    let mut actions = Vec::new();
    for (target, source) in &diff.source.grants {
        if chosen(target) && diff.twin.grants.get(target) != Some(source) {
            diff.twin.grants.insert(target.clone(), source.clone());
            actions.push(Action::Grant(target.clone(), source.clone()));
        }
    }
    actions
}
