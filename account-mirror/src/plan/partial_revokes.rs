//! MySQL's partial revokes: on a schema, exceptions from global privileges.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::levels::at;
use super::specificity::specificity;
use super::{Action, Changes, HostDiff};
use crate::database::Family;
use crate::database::account::{Grant, GrantTarget};
use crate::database::privilege::Privilege;

/// First what is excepted, then what no longer is.
pub(super) fn restrictions(
    wanted: &BTreeMap<GrantTarget, Grant>,
    held: &BTreeMap<GrantTarget, Grant>,
) -> Vec<Action> {
    let (mut actions, mut lifted) = (Vec::new(), Vec::new());
    for schema in excepted(wanted, held) {
        let object = GrantTarget::PartialRevoke(schema.clone());
        let (wanted, held) = (at(wanted, &object), at(held, &object));
        let (missing, extra) = (wanted.minus(&held).privileges, held.minus(&wanted).privileges);
        actions.extend(some(missing).map(|missing| Action::Restrict(schema.clone(), missing)));
        lifted.extend(some(extra).map(|extra| Action::Unrestrict(schema.clone(), extra)));
    }
    actions.append(&mut lifted);
    actions
}

/// The schemas with exceptions on either side.
fn excepted<'a>(
    wanted: &'a BTreeMap<GrantTarget, Grant>,
    held: &'a BTreeMap<GrantTarget, Grant>,
) -> BTreeSet<&'a String> {
    let objects = wanted.keys().chain(held.keys());
    let schemas = objects.filter_map(|object| match object {
        GrantTarget::PartialRevoke(schema) => Some(schema),
        _ => None,
    });
    schemas.collect()
}

fn some(privileges: BTreeSet<Privilege>) -> Option<BTreeSet<Privilege>> {
    (!privileges.is_empty()).then_some(privileges)
}

/// Takes the rows on those schemas away that would be in the way of an exception.
///
/// A revoke takes what the account's own row on the schema holds, and makes no exception then. And
/// MySQL mistakes the row of another host of the user for the account's own, if that host matches
/// this one: where such a row holds what is excepted here, the server refuses to change the
/// account's partial revokes, global and dynamic privileges, rows on the schema and proxy users
/// (errors 1141 and 3901). So all rows on the schema go before anything else, those of the widest
/// host first, which uncovers no other, and come again when the rest is done.
pub(super) fn clear(family: Family, sites: &mut [HostDiff<'_>], changes: &mut Changes) {
    let mut schemas = BTreeSet::new();
    for number in 0..sites.len() {
        if sites[number].held.grants == sites[number].wanted.grants {
            continue;
        }
        let by_others = contested(sites, number, |other| other != number);
        sites[number].with_grant_option |= !by_others.is_empty();
        schemas.extend(contested(sites, number, |other| other == number));
        schemas.extend(by_others);
    }
    let mut order: Vec<_> = (0..sites.len()).collect();
    order.sort_by_key(|number| Reverse(specificity(family, sites[*number].host)));
    for number in order {
        let site = &mut sites[number];
        for schema in &schemas {
            let row = GrantTarget::Schema(schema.clone());
            if let Some(held) = site.held.grants.remove(&row) {
                changes.add(site.host, [Action::Revoke(row, held)]);
            }
        }
    }
}

/// The schemas where this account has an exception from what one of the chosen accounts has a row
/// for, now or later.
fn contested(
    sites: &[HostDiff<'_>],
    number: usize,
    chosen: impl Fn(usize) -> bool,
) -> BTreeSet<String> {
    let privileges = |site: &HostDiff<'_>, object: &GrantTarget| {
        let [mut held, wanted] = [&site.held, site.wanted].map(|side| at(&side.grants, object));
        held.privileges.extend(wanted.privileges);
        held.privileges
    };
    let site = &sites[number];
    let schemas = excepted(&site.wanted.grants, &site.held.grants).into_iter();
    let contested = schemas.filter(|schema| {
        let excepted = privileges(site, &GrantTarget::PartialRevoke((*schema).clone()));
        let row = GrantTarget::Schema((*schema).clone());
        let rows = sites.iter().enumerate();
        rows.filter(|(other, _)| chosen(*other))
            .map(|(_, other)| privileges(other, &row))
            .any(|held| !held.is_disjoint(&excepted))
    });
    contested.cloned().collect()
}
