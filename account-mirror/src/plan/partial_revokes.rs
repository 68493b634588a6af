//! MySQL's partial revokes: on a schema, exceptions from global privileges.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::change::{Action, Changes, HostDiff, at};
use crate::family::Family;
use crate::grant::{Grant, GrantTarget};
use crate::privilege::Privileges;
use crate::specificity::host_specificity;

/// First what is excepted, then what no longer is.
pub(super) fn restrictions(
    source: &BTreeMap<GrantTarget, Grant>,
    twin: &BTreeMap<GrantTarget, Grant>,
) -> Vec<Action> {
    let (mut actions, mut lifted) = (Vec::new(), Vec::new());
    for schema in excepted(source, twin) {
        let target = GrantTarget::PartialRevoke(schema.clone());
        let (source, twin) = (at(source, &target), at(twin, &target));
        let (missing, extra) = (source.minus(&twin).privileges, twin.minus(&source).privileges);
        actions.extend(some(missing).map(|missing| Action::Restrict(schema.clone(), missing)));
        lifted.extend(some(extra).map(|extra| Action::Unrestrict(schema.clone(), extra)));
    }
    actions.append(&mut lifted);
    actions
}

/// The schemas with exceptions on either side.
fn excepted<'a>(
    source: &'a BTreeMap<GrantTarget, Grant>,
    twin: &'a BTreeMap<GrantTarget, Grant>,
) -> BTreeSet<&'a String> {
    let targets = source.keys().chain(twin.keys());
    let schemas = targets.filter_map(|target| match target {
        GrantTarget::PartialRevoke(schema) => Some(schema),
        _ => None,
    });
    schemas.collect()
}

fn some(privileges: Privileges) -> Option<Privileges> {
    (!privileges.is_empty()).then_some(privileges)
}

/// Removes the rows on schemas that would prevent a partial revoke.
///
/// A revoke takes what the account's own row on the schema holds, and makes no exception then. And
/// MySQL mistakes the row of another host of the user for the account's own, if that host matches
/// this one: where such a row holds what is excepted here, the server refuses to change the
/// account's partial revokes, global and dynamic privileges, rows on the schema and proxy users
/// (errors 1141 and 3901). So all rows on the schema go before anything else, those of the least
/// specific host first, which uncovers no other, and are granted again later.
pub(super) fn clear(family: Family, diffs: &mut [HostDiff<'_>], changes: &mut Changes) {
    let mut schemas = BTreeSet::new();
    for number in 0..diffs.len() {
        if diffs[number].twin.grants == diffs[number].source.grants {
            continue;
        }
        let by_others = contested(diffs, number, |other| other != number);
        diffs[number].with_grant_option |= !by_others.is_empty();
        schemas.extend(contested(diffs, number, |other| other == number));
        schemas.extend(by_others);
    }
    let mut order: Vec<_> = (0..diffs.len()).collect();
    order.sort_by_key(|number| Reverse(host_specificity(family, diffs[*number].host)));
    for number in order {
        let diff = &mut diffs[number];
        for schema in &schemas {
            let row = GrantTarget::Schema(schema.clone());
            if let Some(grant) = diff.twin.grants.remove(&row) {
                changes.add(diff.host, [Action::Revoke(row, grant)]);
            }
        }
    }
}

/// The schemas where this account has an exception from what one of the chosen accounts has a row
/// for, now or later.
fn contested(
    diffs: &[HostDiff<'_>],
    number: usize,
    chosen: impl Fn(usize) -> bool,
) -> BTreeSet<String> {
    let privileges = |diff: &HostDiff<'_>, target: &GrantTarget| {
        let [mut grant, source] = [&diff.twin, diff.source].map(|side| at(&side.grants, target));
        grant.privileges.insert_all(source.privileges);
        grant.privileges
    };
    let diff = &diffs[number];
    let schemas = excepted(&diff.source.grants, &diff.twin.grants).into_iter();
    let contested = schemas.filter(|schema| {
        let excepted = privileges(diff, &GrantTarget::PartialRevoke((*schema).clone()));
        let row = GrantTarget::Schema((*schema).clone());
        let rows = diffs.iter().enumerate();
        rows.filter(|(other, _)| chosen(*other))
            .map(|(_, other)| privileges(other, &row))
            .any(|grant| !grant.is_disjoint(excepted))
    });
    contested.cloned().collect()
}
