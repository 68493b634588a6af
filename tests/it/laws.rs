//! The laws of the plan, on a model of the servers, for thousands of ugly accounts.

use std::collections::BTreeSet;

use account_mirror::grant::GrantTarget;
use account_mirror::plan::{Action, Change, plan};
use account_mirror::user::{Account, User};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::support::generator::{Flavor, World, pair};
use crate::support::model::Model;
use crate::support::powers::{Ground, Powers};

const FLAVORS: [Flavor; 5] = [
    Flavor::Mysql { version: (9, 7, 0), partial_revokes: false },
    Flavor::Mysql { version: (9, 7, 0), partial_revokes: true },
    Flavor::Mysql { version: (5, 7, 0), partial_revokes: false },
    Flavor::Mariadb1011,
    Flavor::Mariadb118,
];
/// Cases for each flavor, unless `MIRROR_CASES` says otherwise.
const CASES: u32 = 250;

fn cases() -> u32 {
    crate::mirror_fuzz::number("MIRROR_CASES")
        .map_or(CASES, |number| u32::try_from(number).expect("MIRROR_CASES is a sensible number"))
}

/// Checks a law for every flavor.
fn for_all(divisor: u32, law: impl Fn(&World, &User, Option<&User>) -> Result<(), TestCaseError>) {
    for flavor in FLAVORS {
        let world = World { flavor, mark: "m".to_owned() };
        let mut runner = TestRunner::new(Config {
            cases: cases() / divisor,
            failure_persistence: None,
            ..Config::default()
        });
        let outcome =
            runner.run(&pair(&world), |(source, twin)| law(&world, &source, twin.as_ref()));
        if let Err(error) = outcome {
            panic!("{flavor:?}: {error}");
        }
    }
}

/// The twin's accounts after the whole plan.
fn after_plan(world: &World, source: &User, twin: Option<&User>) -> Result<User, TestCaseError> {
    let mut model = Model::of(world.flavor, twin);
    for change in plan(world.flavor.family(), source, twin) {
        let applied = model.apply(&change);
        prop_assert!(applied.is_ok(), "{change:?}: {applied:?}");
    }
    Ok(User { name: world.names().1, accounts: model.accounts })
}

/// What of a profile is to be equal.
fn essence(profile: &Account) -> Account {
    Account {
        settings: profile.settings.clone(),
        grants: profile.grants.clone(),
        ..Account::default()
    }
}

#[test]
fn carrying_out_the_plan_makes_the_twin_equal_to_its_source() {
    for_all(1, |world, source, twin| {
        let made = after_plan(world, source, twin)?;
        let hosts = |account: &User| account.accounts.keys().cloned().collect::<BTreeSet<_>>();
        prop_assert_eq!(hosts(&made), hosts(source));
        for (host, profile) in &source.accounts {
            prop_assert_eq!(essence(&made.accounts[host]), essence(profile));
        }
        Ok(())
    });
}

#[test]
fn planning_again_finds_nothing_to_do() {
    for_all(1, |world, source, twin| {
        let made = after_plan(world, source, twin)?;
        prop_assert_eq!(plan(world.flavor.family(), source, Some(&made)), []);
        Ok(())
    });
}

#[test]
fn equal_accounts_need_no_change() {
    for_all(1, |world, source, _| {
        let twin = User { name: world.names().1, accounts: source.accounts.clone() };
        prop_assert_eq!(plan(world.flavor.family(), source, Some(&twin)), []);
        Ok(())
    });
}

#[test]
fn a_plan_that_is_cut_off_anywhere_is_completed_by_the_next() {
    for_all(4, |world, source, twin| {
        let changes = plan(world.flavor.family(), source, twin);
        for cut in 0..changes.len() {
            let mut model = Model::of(world.flavor, twin);
            for change in &changes[..cut] {
                prop_assert!(model.apply(change).is_ok());
            }
            let half = User { name: world.names().1, accounts: model.accounts };
            let half = Some(half).filter(|half| !half.accounts.is_empty());
            let made = after_plan(world, source, half.as_ref())?;
            prop_assert_eq!(plan(world.flavor.family(), source, Some(&made)), []);
        }
        Ok(())
    });
}

#[test]
fn at_no_moment_may_the_twin_do_what_neither_account_could() {
    for_all(1, |world, source, twin| no_new_power(world, source, twin, false));
}

#[test]
fn at_no_moment_may_the_twin_pass_on_what_neither_account_could() {
    for_all(1, |world, source, twin| {
        let host = source.accounts.keys().next().unwrap();
        let (source, twin) = (plain(source, host), twin.map(|twin| plain(twin, host)));
        let twin = twin.filter(|twin| !twin.accounts.is_empty());
        no_new_power(world, &source, twin.as_ref(), true)
    });
}

fn no_new_power(
    world: &World,
    source: &User,
    twin: Option<&User>,
    passing_on: bool,
) -> Result<(), TestCaseError> {
    let ground = Ground::of(world);
    // As if nothing were locked: what an account may do when it is unlocked is no news.
    let unlocked = |account: Option<&User>| {
        let mut model = Model::of(world.flavor, account);
        for profile in model.accounts.values_mut() {
            profile.state.locked = false;
        }
        Powers::of(&model, &ground)
    };
    let mut allowed = unlocked(Some(source));
    allowed.join(unlocked(twin));
    let mut model = Model::of(world.flavor, twin);
    let changes = plan(world.flavor.family(), source, twin);
    for (at, change) in changes.iter().enumerate() {
        prop_assert!(model.apply(change).is_ok());
        if changes.get(at + 1).is_some_and(|next| gives_way(change, next)) {
            continue;
        }
        let new = Powers::of(&model, &ground).beyond(&allowed, &ground, passing_on);
        let done: Vec<_> = changes[..=at].iter().map(|c| format!("{c:?}")).collect();
        prop_assert!(new.is_empty(), "after {done:#?}\nthe twin may {new:#?}");
    }
    Ok(())
}

/// Whether a privilege on a table gives way to one on columns of it. No statement does both, and a
/// row that holds nothing else is not there between the two.
fn gives_way(change: &Change, next: &Change) -> bool {
    change.host == next.host
        && matches!(
            (&change.action, &next.action),
            (Action::Revoke(from, _), Action::Grant(to, _)) if from == to
        )
}

/// The account at one of its hosts, without rows that cover one another, and without rows that hold
/// nothing but the grant option. An option that both accounts have cannot go for the moment at which
/// another row uncovers it.
pub(crate) fn plain(account: &User, host: &str) -> User {
    let mut account = account.clone();
    account.accounts.retain(|name, _| name == host);
    for profile in account.accounts.values_mut() {
        profile.grants.retain(|object, held| match object {
            GrantTarget::Dynamic(_) | GrantTarget::Role(_) | GrantTarget::Proxy { .. } => true,
            GrantTarget::Schema(pattern) if pattern.contains(['%', '_']) => false,
            _ => !held.privileges.is_empty(),
        });
    }
    account
}
