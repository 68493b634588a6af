//! Schemas, tables and routines: where one row covers another.

use super::*;

#[test]
fn at_schema_level_grants_come_first_and_the_most_specific_row_is_the_last_to_go() {
    let source = profile([
        (schema("%"), held(&["INSERT"])),
        (schema("app%"), held(&["SELECT"])),
        (schema("app"), held(&["UPDATE"])),
    ]);
    let twin = profile([
        (schema("%"), held(&["DELETE"])),
        (schema("app\\_x"), held(&["SELECT"])),
        (schema("a_"), held(&["SELECT"])),
    ]);
    assert_eq!(
        actions(source, twin),
        [
            Action::Grant(schema("app"), held(&["UPDATE"])),
            Action::Grant(schema("app%"), held(&["SELECT"])),
            Action::Grant(schema("%"), held(&["INSERT"])),
            Revoke(schema("%"), held(&["DELETE"])),
            Revoke(schema("a_"), held(&["SELECT"])),
            Revoke(schema("app\\_x"), held(&["SELECT"])),
        ]
    );
}

#[test]
fn at_table_level_grants_come_first_too_because_another_hosts_row_may_be_covered() {
    let source = profile([(table(), held(&["INSERT"]))]);
    let twin = profile([(table(), held(&["DELETE"]))]);
    assert_eq!(
        actions(source, twin),
        [Action::Grant(table(), held(&["INSERT"])), Revoke(table(), held(&["DELETE"])),]
    );
}

#[test]
fn rows_are_granted_at_the_most_specific_host_first_and_revoked_there_last() {
    let at = |user, hosts: [(&str, &str); 2]| {
        let mut account = account(user, Account::default());
        account.accounts = hosts
            .iter()
            .map(|(host, name)| ((*host).to_owned(), profile([(schema("app"), held(&[name]))])))
            .collect();
        account
    };
    let source = at("app", [("10.%", "SELECT"), ("%", "INSERT")]);
    let twin = at("app_clone", [("10.%", "UPDATE"), ("%", "DELETE")]);
    let changes: Vec<_> = plan(MYSQL, &source, Some(&twin))
        .into_iter()
        .map(|change| (change.host, change.action))
        .collect();
    let on = |host: &str, action| (host.to_owned(), action);
    assert_eq!(
        changes,
        [
            on("10.%", Action::Grant(schema("app"), held(&["SELECT"]))),
            on("%", Action::Grant(schema("app"), held(&["INSERT"]))),
            on("%", Revoke(schema("app"), held(&["DELETE"]))),
            on("10.%", Revoke(schema("app"), held(&["UPDATE"]))),
        ]
    );
}

#[test]
fn the_grant_option_is_revoked_before_everything_else_and_granted_last() {
    let source = profile([
        (GrantTarget::Global, passed_on(&["PROCESS"])),
        (schema("a"), held(&["SELECT", "INSERT"])),
        (schema("b"), passed_on(&["SELECT"])),
    ]);
    let twin = profile([
        (schema("a"), passed_on(&["SELECT", "DELETE"])),
        (schema("b"), held(&["UPDATE"])),
    ]);
    assert_eq!(
        actions(source, twin),
        [
            Revoke(schema("a"), passed_on(&[])),
            Action::Grant(GrantTarget::Global, held(&["PROCESS"])),
            Action::Grant(schema("a"), held(&["INSERT"])),
            Action::Grant(schema("b"), held(&["SELECT"])),
            Revoke(schema("b"), held(&["UPDATE"])),
            Revoke(schema("a"), held(&["DELETE"])),
            Action::Grant(GrantTarget::Global, passed_on(&[])),
            Action::Grant(schema("b"), passed_on(&[])),
        ]
    );
}

#[test]
fn columns_that_a_revoke_on_the_table_takes_along_are_granted_again() {
    let both = |whole: &[&str]| columns(held(whole), &[("a", &["SELECT"]), ("b", &["UPDATE"])]);
    let source = profile([(table(), both(&[]))]);
    let twin = profile([(table(), both(&["SELECT"]))]);
    assert_eq!(
        actions(source, twin),
        [
            Revoke(table(), held(&["SELECT"])),
            Action::Grant(table(), columns(held(&[]), &[("a", &["SELECT"])])),
        ]
    );
}

#[test]
fn the_grant_option_comes_and_goes_alone() {
    let plain = || profile([(schema("app"), held(&["SELECT"]))]);
    let option = || profile([(schema("app"), passed_on(&["SELECT"]))]);
    assert_eq!(actions(option(), plain()), [Action::Grant(schema("app"), passed_on(&[]))]);
    assert_eq!(actions(plain(), option()), [Revoke(schema("app"), passed_on(&[]))]);
}
