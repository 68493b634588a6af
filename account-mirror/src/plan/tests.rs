use std::collections::BTreeSet;

use super::Action::{Alter, DefaultRoles, Lock, Restrict, Revoke, Unlock, Unrestrict};
use super::*;
use crate::grant::{Grant, GrantTarget, RoleName};
use crate::privilege::Privilege;
use crate::setting::Tls;
use crate::user::User;
use crate::username::Username;

mod rows;

const MYSQL: Family = Family::MySql((9, 7, 0));

fn held(names: &[&str]) -> Grant {
    Grant { privileges: names.iter().map(|name| privilege(name)).collect(), ..Grant::default() }
}

fn passed_on(names: &[&str]) -> Grant {
    Grant { grantable: true, ..held(names) }
}

fn columns(mut whole: Grant, columns: &[(&str, &[&str])]) -> Grant {
    whole.columns =
        columns.iter().map(|(column, names)| ((*column).into(), held(names).privileges)).collect();
    whole
}

fn privilege(name: &str) -> Privilege {
    Privilege::named(name).unwrap()
}

fn schema(pattern: &str) -> GrantTarget {
    GrantTarget::Schema(pattern.to_owned())
}

fn table() -> GrantTarget {
    GrantTarget::Table { schema: "app".to_owned(), name: "t".to_owned() }
}

fn dynamic(name: &str) -> GrantTarget {
    GrantTarget::Dynamic(name.to_owned())
}

fn restriction(schema: &str) -> GrantTarget {
    GrantTarget::PartialRevoke(schema.to_owned())
}

fn role_name(user: &str) -> RoleName {
    RoleName { user: user.to_owned(), host: Some("%".to_owned()) }
}

fn role(user: &str) -> GrantTarget {
    GrantTarget::Role(role_name(user))
}

fn roles(users: &[&str]) -> (Setting, Value) {
    let roles = users.iter().map(|user| role_name(user)).collect();
    (Setting::DefaultRoles, Value::Roles(roles))
}

fn profile<const N: usize>(grants: [(GrantTarget, Grant); N]) -> Account {
    Account { grants: grants.into(), ..Account::default() }
}

fn with<const N: usize>(mut profile: Account, settings: [(Setting, Value); N]) -> Account {
    profile.settings = settings.into();
    profile
}

fn account(user: &str, profile: Account) -> User {
    User { name: Username::parse(user).unwrap(), accounts: [("%".to_owned(), profile)].into() }
}

/// The actions that make an existing twin equal to its source.
fn actions(source: Account, twin: Account) -> Vec<Action> {
    let (source, twin) = (account("app", source), account("app_clone", twin));
    let changes = plan(MYSQL, &source, Some(&twin));
    changes.into_iter().map(|change| change.action).collect()
}

fn json(text: &str) -> (Setting, Value) {
    (Setting::Attribute, Value::Json(serde_json::from_str(text).unwrap()))
}

#[test]
fn equal_accounts_need_nothing() {
    let equal = || {
        with(
            profile([
                (GrantTarget::Global, passed_on(&["SELECT"])),
                (dynamic("ROLE_ADMIN"), passed_on(&[])),
                (schema("app%"), held(&["SELECT"])),
                (table(), columns(held(&["INSERT"]), &[("a", &["SELECT"])])),
                (role("r"), passed_on(&[])),
            ]),
            [roles(&["r"]), json(r#"{"k": {"a": 1}}"#)],
        )
    };
    assert_eq!(actions(equal(), equal()), []);
}

#[test]
fn a_new_twin_is_created_locked_with_all_settings_but_default_roles() {
    let tls = (Setting::Tls, Value::Tls(Tls::Ssl));
    let source = with(
        profile([(role("r"), held(&[])), (schema("app"), held(&["SELECT"]))]),
        [roles(&["r"]), tls.clone()],
    );
    let changes = plan(MYSQL, &account("app", source), None);
    let actions: Vec<_> = changes.into_iter().map(|change| change.action).collect();
    assert_eq!(
        actions,
        [
            Action::Create { authentication: Vec::new(), settings: [tls].into() },
            Action::Grant(schema("app"), held(&["SELECT"])),
            Action::Grant(role("r"), held(&[])),
            DefaultRoles([role_name("r")].into()),
        ]
    );
}

#[test]
fn only_the_settings_that_differ_are_altered() {
    let number =
        |n: i64| (Setting::UserConnections, Value::Clause(format!("MAX_USER_CONNECTIONS {n}")));
    let tls = || (Setting::Tls, Value::Tls(Tls::None));
    let source = with(Account::default(), [tls(), number(1)]);
    let twin = with(Account::default(), [tls(), number(2)]);
    assert_eq!(actions(source, twin), [Alter([number(1)].into())]);
}

#[test]
fn an_interval_of_expiry_becomes_the_default_by_way_of_never() {
    let expiration =
        |how: &str| (Setting::Expiration, Value::Clause(format!("PASSWORD EXPIRE {how}")));
    let source = with(Account::default(), [expiration("DEFAULT")]);
    let twin = with(Account::default(), [expiration("INTERVAL 30 DAY")]);
    assert_eq!(
        actions(source, twin),
        [Alter([expiration("NEVER")].into()), Alter([expiration("DEFAULT")].into()),]
    );
}

#[test]
fn a_proxy_user_is_granted_again_for_the_grant_option_and_the_global_one_is_revoked() {
    let proxy = || GrantTarget::Proxy { user: "p".to_owned(), host: "%".to_owned() };
    let source = profile([(proxy(), passed_on(&[]))]);
    let twin = profile([(proxy(), held(&[]))]);
    assert_eq!(
        actions(source, twin),
        [
            Revoke(proxy(), held(&[])),
            Lock,
            Action::Grant(proxy(), passed_on(&[])),
            Revoke(GrantTarget::Global, passed_on(&[])),
            Unlock,
        ]
    );
}

#[test]
fn an_attribute_is_patched_because_the_server_merges_it() {
    let source = json(r#"{"new": 1, "deep": {"a": 1, "b": 2}, "same": true, "kind": {"a": 1}}"#);
    let twin = json(r#"{"gone": 1, "deep": {"a": 1, "c": 3}, "same": true, "kind": 7}"#);
    let patch = json(r#"{"gone": null, "new": 1, "deep": {"b": 2, "c": null}, "kind": {"a": 1}}"#);
    let source = with(Account::default(), [source]);
    let twin = with(Account::default(), [twin]);
    assert_eq!(actions(source, twin), [Alter([patch].into())]);
}

#[test]
fn mariadb_does_not_forget_a_default_role_with_its_role() {
    let name = RoleName { user: "r".to_owned(), host: None };
    let default = (Setting::DefaultRoles, Value::Roles([name.clone()].into()));
    let source = with(Account::default(), [roles(&[])]);
    let twin = with(profile([(GrantTarget::Role(name.clone()), held(&[]))]), [default]);
    assert_eq!(
        actions(source, twin),
        [Revoke(GrantTarget::Role(name), held(&[])), DefaultRoles(BTreeSet::new()),]
    );
}

#[test]
fn dynamic_privileges_are_revoked_before_the_global_grant_option_and_granted_after_it() {
    let source = profile([
        (GrantTarget::Global, held(&["SELECT"])),
        (dynamic("XA_RECOVER_ADMIN"), passed_on(&[])),
        (dynamic("ROLE_ADMIN"), held(&[])),
    ]);
    let twin = profile([
        (GrantTarget::Global, passed_on(&["SELECT"])),
        (dynamic("XA_RECOVER_ADMIN"), passed_on(&[])),
        (dynamic("ROLE_ADMIN"), held(&[])),
        (dynamic("BACKUP_ADMIN"), held(&[])),
    ]);
    assert_eq!(
        actions(source, twin),
        [
            Revoke(dynamic("BACKUP_ADMIN"), held(&[])),
            Revoke(dynamic("XA_RECOVER_ADMIN"), passed_on(&[])),
            Revoke(GrantTarget::Global, passed_on(&[])),
            Action::Grant(dynamic("XA_RECOVER_ADMIN"), passed_on(&[])),
        ]
    );
}

#[test]
fn a_dynamic_privilege_is_revoked_and_granted_again_to_lose_its_grant_option() {
    let source = profile([(dynamic("ROLE_ADMIN"), held(&[]))]);
    let twin = profile([(dynamic("ROLE_ADMIN"), passed_on(&[]))]);
    assert_eq!(
        actions(source, twin),
        [
            Revoke(dynamic("ROLE_ADMIN"), passed_on(&[])),
            Action::Grant(dynamic("ROLE_ADMIN"), held(&[])),
        ]
    );
}

#[test]
fn a_role_that_is_revoked_and_granted_again_is_made_a_default_role_again() {
    let source = with(profile([(role("r"), held(&[]))]), [roles(&["r"])]);
    let twin = with(profile([(role("r"), passed_on(&[]))]), [roles(&["r"])]);
    assert_eq!(
        actions(source, twin),
        [
            Revoke(role("r"), passed_on(&[])),
            Action::Grant(role("r"), held(&[])),
            DefaultRoles([role_name("r")].into()),
        ]
    );
}

#[test]
fn a_default_role_goes_with_its_role() {
    let source = with(Account::default(), [roles(&[])]);
    let twin = with(profile([(role("r"), held(&[]))]), [roles(&["r"])]);
    assert_eq!(actions(source, twin), [Revoke(role("r"), held(&[]))]);
}

#[test]
fn a_twin_is_locked_around_a_change_of_partial_revokes() {
    let source = profile([
        (GrantTarget::Global, held(&["SELECT", "INSERT"])),
        (restriction("a"), held(&["INSERT"])),
    ]);
    let twin = profile([
        (GrantTarget::Global, held(&["SELECT", "DELETE"])),
        (restriction("a"), held(&["DELETE"])),
        (restriction("b"), held(&["SELECT"])),
    ]);
    assert_eq!(
        actions(source.clone(), twin.clone()),
        [
            // The restriction on DELETE ends with it.
            Revoke(GrantTarget::Global, held(&["DELETE"])),
            Lock,
            Action::Grant(GrantTarget::Global, held(&["INSERT"])),
            Restrict("a".to_owned(), held(&["INSERT"]).privileges),
            Unrestrict("b".to_owned(), held(&["SELECT"]).privileges),
            Unlock,
        ]
    );
    let mut locked = twin;
    locked.state.locked = true;
    let actions = actions(source, locked);
    assert!(!actions.contains(&Lock) && !actions.contains(&Unlock));
}

#[test]
fn every_host_of_the_source_is_planned() {
    let mut source = account("app", profile([(schema("app"), held(&["SELECT"]))]));
    let ten = source.accounts["%"].clone();
    source.accounts.insert("10.%".to_owned(), ten);
    let twin = account("app_clone", Account::default());
    let changes = plan(MYSQL, &source, Some(&twin));
    let created: BTreeSet<_> = changes
        .iter()
        .filter(|change| matches!(change.action, Action::Create { .. }))
        .map(|change| change.host.as_str())
        .collect();
    assert_eq!(created, ["10.%"].into());
    let hosts: BTreeSet<_> = changes.iter().map(|change| change.host.as_str()).collect();
    assert_eq!(hosts, ["%", "10.%"].into());
}
