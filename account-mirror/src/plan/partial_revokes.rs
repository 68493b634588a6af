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
    let rows = rows(diffs);
    for diff in diffs.iter_mut() {
        if diff.twin.grants == diff.source.grants {
            continue;
        }
        let by_others = contested(diff, |row, own| row.by_others(own), &rows);
        diff.with_grant_option |= !by_others.is_empty();
        schemas.extend(contested(diff, |_, own| own, &rows));
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

/// What the accounts have rows for on a schema, now or later.
#[derive(Default)]
struct Row {
    /// What one of them or more hold.
    any: Privileges,
    /// What two of them or more hold.
    several: Privileges,
}

impl Row {
    fn by_others(&self, own: Privileges) -> Privileges {
        let mut others = self.any.minus(own);
        others.insert_all(self.several);
        others
    }
}

fn rows(diffs: &[HostDiff<'_>]) -> BTreeMap<String, Row> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for diff in diffs {
        let targets: BTreeSet<_> =
            diff.source.grants.keys().chain(diff.twin.grants.keys()).collect();
        for target in targets {
            if let GrantTarget::Schema(schema) = target {
                let (own, row) = (both(diff, target), rows.entry(schema.clone()).or_default());
                row.several.insert_all(own.minus(own.minus(row.any)));
                row.any.insert_all(own);
            }
        }
    }
    rows
}

/// What the twin holds on a target, now or later.
fn both(diff: &HostDiff<'_>, target: &GrantTarget) -> Privileges {
    let [mut grant, source] = [&diff.twin, diff.source].map(|side| at(&side.grants, target));
    grant.privileges.insert_all(source.privileges);
    grant.privileges
}

/// The schemas where this account has an exception from what there is a row for, of those that are
/// chosen by the rows of all accounts and what its own row holds.
fn contested(
    diff: &HostDiff<'_>,
    chosen: impl Fn(&Row, Privileges) -> Privileges,
    rows: &BTreeMap<String, Row>,
) -> BTreeSet<String> {
    let schemas = excepted(&diff.source.grants, &diff.twin.grants).into_iter();
    let contested = schemas.filter(|schema| {
        let Some(row) = rows.get(*schema) else {
            return false;
        };
        let excepted = both(diff, &GrantTarget::PartialRevoke((*schema).clone()));
        let own = both(diff, &GrantTarget::Schema((*schema).clone()));
        !chosen(row, own).is_disjoint(excepted)
    });
    contested.cloned().collect()
}
