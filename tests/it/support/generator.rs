//! Ugly accounts: any pair of a user and its twin that the servers can express, on a few names.
//!
//! Few names, so that the two meet: the same object held differently, patterns that match one
//! another's schemas, hosts that match one another's clients.

use std::collections::BTreeMap;

use account_mirror::grant::{Grant, GrantTarget};
use account_mirror::privilege::{Privilege, Privileges};
use account_mirror::setting::{Setting, Value};
use account_mirror::user::{Account, State, User};
use account_mirror::username::Username;
use proptest::collection::{btree_map, vec};
use proptest::option::weighted;
use proptest::prelude::{BoxedStrategy, Strategy, any};
use proptest::sample::{select, subsequence};

use super::hosts::has_wildcard;

mod settings;
mod world;
pub(crate) use settings::defaults;
use settings::{authentication, settings};
pub(crate) use world::{COLUMNS, Flavor, VIEW, World};

const SCHEMA: [&str; 6] = ["SELECT", "INSERT", "DELETE", "CREATE", "EXECUTE", "SHOW VIEW"];
const TABLE: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRIGGER"];
const COLUMN: [&str; 3] = ["SELECT", "UPDATE", "REFERENCES"];
const ROUTINE: [&str; 2] = ["EXECUTE", "ALTER ROUTINE"];

fn global(flavor: Flavor) -> Vec<&'static str> {
    let mut names = vec!["SELECT", "INSERT", "DELETE", "PROCESS", "RELOAD", "CREATE USER"];
    names.extend(match flavor {
        Flavor::Mysql { .. } if !flavor.has_roles() => ["REPLICATION CLIENT", "EVENT"],
        Flavor::Mysql { .. } => ["REPLICATION CLIENT", "CREATE ROLE"],
        Flavor::Mariadb1011 => ["READ_ONLY ADMIN", "DELETE HISTORY"],
        Flavor::Mariadb118 => ["BINLOG MONITOR", "SHOW CREATE ROUTINE"],
    });
    names
}

/// A user and its twin, if it has one, with the twin's hosts among the user's.
pub(crate) fn pair(world: &World) -> BoxedStrategy<(User, Option<User>)> {
    let (source_name, twin_name) = world.names();
    let hosts = select(world.hosts());
    let world = world.clone();
    hosts
        .prop_flat_map(move |hosts| {
            let profiles = |world: &World| {
                let profiles: Vec<_> =
                    (hosts.iter().enumerate()).map(|(at, _)| profile(world, at == 0)).collect();
                profiles
            };
            let (flavor, names) = (world.flavor, hosts.clone());
            let number = hosts.len();
            let source = profiles(&world);
            // Often a twin that has much in common with the user.
            let twin = (profiles(&world), vec(any::<[bool; 5]>(), number));
            let present = weighted(0.9, vec(proptest::bool::weighted(0.8), number));
            (source, twin, present).prop_map(move |(source, (twin, alike), present)| {
                let twin = twin.into_iter().zip(alike).zip(&source);
                let twin: Vec<_> =
                    twin.map(|((twin, alike), source)| mixed(source, twin, alike)).collect();
                let by_host = |profiles: Vec<Account>, chosen: &dyn Fn(usize) -> bool| {
                    let profiles = names.iter().zip(profiles).enumerate();
                    profiles
                        .filter(|(at, _)| chosen(*at))
                        .map(|(_, (host, profile))| ((*host).to_owned(), profile))
                        .collect::<BTreeMap<_, _>>()
                };
                let twin = present
                    .map(|present| by_host(twin, &|at| present[at]))
                    .filter(|hosts| !hosts.is_empty());
                let of_one_host = |accounts| without_equal_rows(flavor, &names, accounts);
                (of_one_host(by_host(source, &|_| true)), twin.map(of_one_host))
            })
        })
        .prop_map(move |(source, twin)| {
            let account = |user: &Username, hosts| User { name: user.clone(), accounts: hosts };
            (account(&source_name, source), twin.map(|hosts| account(&twin_name, hosts)))
        })
        .boxed()
}

/// On tables and routines, hosts without a wildcard are equally specific: between such, a server
/// decides by the order in which they were granted, until it is restarted. So one has such rows. At
/// addresses and networks some versions take all patterns of schemas for equally specific: there,
/// only names are left.
fn without_equal_rows(
    flavor: Flavor,
    hosts: &[&str],
    mut accounts: BTreeMap<String, Account>,
) -> BTreeMap<String, Account> {
    let without_wildcard = hosts.iter().filter(|host| !has_wildcard(host));
    for host in without_wildcard.skip(1) {
        if let Some(account) = accounts.get_mut(*host) {
            account.grants.retain(|target, _| {
                !matches!(target, GrantTarget::Table { .. } | GrantTarget::Routine { .. })
            });
        }
    }
    // What MySQL does not keep apart for an empty host.
    if let Some(account) = accounts.get_mut("") {
        account.grants.retain(|target, _| {
            !matches!(target, GrantTarget::Dynamic(_) | GrantTarget::PartialRevoke(_))
        });
    }
    if flavor.ranks_addresses() && !flavor.family().ranks_patterns_at_addresses() {
        for (host, account) in &mut accounts {
            if !has_wildcard(host) {
                account.grants.retain(|target, _| {
                    !matches!(target, GrantTarget::Schema(pattern) if has_wildcard(pattern))
                });
            }
        }
    }
    accounts
}

/// The twin, with those levels taken from the source that are alike.
fn mixed(source: &Account, twin: Account, alike: [bool; 5]) -> Account {
    let level = |object: &GrantTarget| match object {
        GrantTarget::Dynamic(_) | GrantTarget::Global | GrantTarget::PartialRevoke(_) => 0,
        GrantTarget::Schema(_) => 1,
        GrantTarget::Table { .. } | GrantTarget::Routine { .. } => 2,
        GrantTarget::Role(_) | GrantTarget::Proxy { .. } => 3,
    };
    let from_source = |object: &GrantTarget| alike[level(object)];
    let mut mixed = twin.clone();
    mixed.grants = (source.grants.iter().filter(|(object, _)| from_source(object)))
        .chain(twin.grants.iter().filter(|(object, _)| !from_source(object)))
        .map(|(object, held)| (object.clone(), held.clone()))
        .collect();
    if alike[4] {
        mixed.settings = source.settings.clone();
    }
    if alike[3] {
        let roles = source.settings[&Setting::DefaultRoles].clone();
        mixed.settings.insert(Setting::DefaultRoles, roles);
    } else {
        let roles = twin.settings[&Setting::DefaultRoles].clone();
        mixed.settings.insert(Setting::DefaultRoles, roles);
    }
    settle(&mut mixed.grants);
    mixed
}

/// What a server would make of it: no exception without the rule, and none where the schema's own
/// row would have to go first.
fn settle(grants: &mut BTreeMap<GrantTarget, Grant>) {
    let global = grants.get(&GrantTarget::Global).cloned().unwrap_or_default();
    let rows = grants.clone();
    for (object, held) in grants.iter_mut() {
        if let GrantTarget::PartialRevoke(schema) = object {
            let row = rows.get(&GrantTarget::Schema(schema.clone()));
            let of_row = row.map(|row| row.privileges).unwrap_or_default();
            let kept = |p: &_| global.privileges.contains(*p) && !of_row.contains(*p);
            held.privileges = held.privileges.iter().filter(kept).collect();
        }
    }
    grants.retain(|object, held| {
        let as_whole = matches!(
            object,
            GrantTarget::Dynamic(_) | GrantTarget::Role(_) | GrantTarget::Proxy { .. }
        );
        as_whole || !held.is_empty()
    });
}

fn profile(world: &World, in_use: bool) -> BoxedStrategy<Account> {
    let state = proptest::bool::weighted(if in_use { 0.0 } else { 0.3 });
    (
        grants(world),
        settings(world, in_use),
        authentication(world.flavor, in_use),
        state,
        any::<u8>(),
    )
        .prop_map({
            let roles = world.roles();
            let is_mysql = world.flavor.is_mysql();
            move |(grants, mut settings, authentication, locked, choice)| {
                let granted: Vec<_> = (roles.iter().enumerate())
                    .filter(|(_, role)| grants.contains_key(&GrantTarget::Role((*role).clone())))
                    .filter(|(at, _)| choice & 1 << at != 0)
                    .map(|(_, role)| role.clone())
                    .take(if is_mysql { 3 } else { 1 })
                    .collect();
                let roles = Value::Roles(granted.into_iter().collect());
                settings.insert(Setting::DefaultRoles, roles);
                Account {
                    authentication,
                    settings,
                    grants,
                    state: State { locked, ..State::default() },
                }
            }
        })
        .boxed()
}

fn privileges(names: &[&'static str]) -> BoxedStrategy<Privileges> {
    let all: Vec<_> = names.iter().map(|name| Privilege::named(name).unwrap()).collect();
    let few = all.len().div_ceil(2);
    subsequence(all, 0..=few).prop_map(|some| some.into_iter().collect()).boxed()
}

fn held(names: &[&'static str]) -> BoxedStrategy<Grant> {
    (privileges(names), proptest::bool::weighted(0.25))
        .prop_map(|(privileges, grantable)| Grant { privileges, grantable, ..Grant::default() })
        .boxed()
}

fn some(
    objects: Vec<GrantTarget>,
    of_each: BoxedStrategy<Grant>,
) -> BoxedStrategy<Vec<(GrantTarget, Grant)>> {
    let most = objects.len().min(3);
    (subsequence(objects, 0..=most), vec(of_each, most))
        .prop_map(|(objects, held)| objects.into_iter().zip(held).collect())
        .boxed()
}

fn grants(world: &World) -> BoxedStrategy<BTreeMap<GrantTarget, Grant>> {
    let whole = || held(&[]);
    let columns = btree_map(select(COLUMNS.to_vec()), privileges(&COLUMN), 0..=2);
    let on_table = (held(&TABLE), columns).prop_map(|(mut held, columns)| {
        held.columns = columns
            .into_iter()
            .filter(|(_, privileges)| !privileges.is_empty())
            .map(|(column, privileges)| (column.into(), privileges))
            .collect();
        held
    });
    let mut levels = vec![
        some(vec![GrantTarget::Global], held(&global(world.flavor))),
        some(schemas(world.patterns()), held(&SCHEMA)),
        some(world.tables(), on_table.boxed()),
        some(world.routines(), held(&ROUTINE)),
        some(world.proxied(), whole()),
        some(world.roles().into_iter().map(GrantTarget::Role).collect(), whole()),
    ];
    if world.flavor.is_mysql_since((8, 0, 0)) {
        let names = ["XA_RECOVER_ADMIN", "ROLE_ADMIN", "BACKUP_ADMIN"];
        let dynamic = names.map(|name| GrantTarget::Dynamic(name.to_owned()));
        levels.push(some(dynamic.to_vec(), whole()));
    }
    if world.flavor.has_partial_revokes() {
        let mut names = world.schemas();
        names.push("mysql".to_owned());
        let restricted = names.into_iter().map(GrantTarget::PartialRevoke).collect();
        let privileges = privileges(&["SELECT", "INSERT", "DELETE"]);
        let held = privileges.prop_map(|privileges| Grant { privileges, ..Grant::default() });
        levels.push(some(restricted, held.boxed()));
    }
    levels
        .prop_map(|levels| {
            let mut grants = levels.into_iter().flatten().collect();
            settle(&mut grants);
            grants
        })
        .boxed()
}

fn schemas(patterns: Vec<String>) -> Vec<GrantTarget> {
    patterns.into_iter().map(GrantTarget::Schema).collect()
}
