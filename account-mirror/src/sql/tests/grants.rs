//! Grants and revokes on objects of each kind.

use super::*;
use crate::grant::{Grant, GrantTarget, RoutineKind};

fn held(names: &[&str], grantable: bool) -> Grant {
    Grant { privileges: privileges(names), grantable, ..Grant::default() }
}

fn with_columns(mut held: Grant, columns: &[(&str, &[&str])]) -> Grant {
    held.columns =
        columns.iter().map(|(column, names)| ((*column).into(), privileges(names))).collect();
    held
}

fn table(schema: &str, name: &str) -> GrantTarget {
    GrantTarget::Table { schema: schema.to_owned(), name: name.to_owned() }
}

fn routine(kind: RoutineKind) -> GrantTarget {
    GrantTarget::Routine { kind, schema: "app".to_owned(), name: "run".into() }
}

#[test]
fn what_is_granted_and_revoked_is_spelled_alike_on_both_families() {
    let whole = || held(&[], false);
    let passed_on = || held(&[], true);
    let account = GrantTarget::Proxy { user: String::new(), host: "%".to_owned() };
    let table_held =
        with_columns(held(&["INSERT"], true), &[("a", &["SELECT", "UPDATE"]), ("b`", &["SELECT"])]);
    let cases = [
        (GrantTarget::Global, held(&["SELECT", "FILE"], false), "FILE, SELECT ON *.*", "", ""),
        (
            GrantTarget::Global,
            held(&["SELECT"], true),
            "SELECT ON *.*",
            " WITH GRANT OPTION",
            ", GRANT OPTION",
        ),
        (
            GrantTarget::Dynamic("XA_RECOVER_ADMIN".to_owned()),
            whole(),
            "XA_RECOVER_ADMIN ON *.*",
            "",
            "",
        ),
        (
            GrantTarget::Schema("my\\_d%".to_owned()),
            held(&["SELECT"], false),
            "SELECT ON `my\\_d%`.*",
            "",
            "",
        ),
        (
            GrantTarget::Schema("a`b TO c".to_owned()),
            held(&["SELECT"], false),
            "SELECT ON `a``b TO c`.*",
            "",
            "",
        ),
        (table("s.t", "ta TO b"), held(&["SELECT"], false), "SELECT ON `s.t`.`ta TO b`", "", ""),
        (
            table("app", "t"),
            table_held,
            "INSERT, SELECT (`a`, `b```), UPDATE (`a`) ON `app`.`t`",
            " WITH GRANT OPTION",
            ", GRANT OPTION",
        ),
        (
            routine(RoutineKind::Function),
            held(&["EXECUTE"], false),
            "EXECUTE ON FUNCTION `app`.`run`",
            "",
            "",
        ),
        (
            routine(RoutineKind::Procedure),
            held(&["EXECUTE"], false),
            "EXECUTE ON PROCEDURE `app`.`run`",
            "",
            "",
        ),
        (
            routine(RoutineKind::Library),
            held(&["EXECUTE"], false),
            "EXECUTE ON LIBRARY `app`.`run`",
            "",
            "",
        ),
        (
            routine(RoutineKind::Package),
            held(&["EXECUTE"], false),
            "EXECUTE ON PACKAGE `app`.`run`",
            "",
            "",
        ),
        (
            routine(RoutineKind::PackageBody),
            held(&["EXECUTE"], false),
            "EXECUTE ON PACKAGE BODY `app`.`run`",
            "",
            "",
        ),
        (account, whole(), "PROXY ON ``@`%`", "", ""),
        (GrantTarget::Role(role("r'1", Some("%"))), whole(), "`r'1`@`%`", "", ""),
        (GrantTarget::Role(role("r1", None)), whole(), "`r1`", "", ""),
        (GrantTarget::Role(role("r1", None)), passed_on(), "`r1`", " WITH ADMIN OPTION", ""),
    ];
    for family in [MYSQL, MARIADB] {
        for (object, held, what, option, revoked_option) in cases.clone() {
            let granted = sql(family, Action::Grant(object.clone(), held.clone()));
            assert_eq!(granted, format!("GRANT {what} TO `app_clone`@`%`{option}"));
            let revoked = sql(family, Action::Revoke(object, held));
            // Between the privileges and `ON`.
            let what = match what.find(" ON ") {
                Some(at) => format!("{}{revoked_option}{}", &what[..at], &what[at..]),
                None => what.to_owned(),
            };
            assert_eq!(revoked, format!("REVOKE {what} FROM `app_clone`@`%`"));
        }
    }
}

#[test]
fn the_grant_option_alone_is_granted_on_usage_and_revoked_by_its_name() {
    let option = || held(&[], true);
    let cases = [
        (GrantTarget::Global, "*.*"),
        (GrantTarget::Schema("app".to_owned()), "`app`.*"),
        (table("app", "t"), "`app`.`t`"),
        (routine(RoutineKind::Procedure), "PROCEDURE `app`.`run`"),
    ];
    for (object, place) in cases {
        assert_eq!(
            sql(MYSQL, Action::Grant(object.clone(), option())),
            format!("GRANT USAGE ON {place} TO `app_clone`@`%` WITH GRANT OPTION")
        );
        assert_eq!(
            sql(MYSQL, Action::Revoke(object, option())),
            format!("REVOKE GRANT OPTION ON {place} FROM `app_clone`@`%`")
        );
    }
}

#[test]
fn a_dynamic_privilege_and_a_proxy_lose_their_grant_option_as_a_whole() {
    let proxy = GrantTarget::Proxy { user: "a".to_owned(), host: "h".to_owned() };
    assert_eq!(
        sql(MYSQL, Action::Revoke(proxy, held(&[], true))),
        "REVOKE PROXY ON `a`@`h` FROM `app_clone`@`%`"
    );
    let dynamic = GrantTarget::Dynamic("ROLE_ADMIN".to_owned());
    assert_eq!(
        sql(MYSQL, Action::Revoke(dynamic, held(&[], true))),
        "REVOKE ROLE_ADMIN ON *.* FROM `app_clone`@`%`"
    );
}

#[test]
fn restrictions_are_revokes_and_grants_on_a_schema() {
    let names = || privileges(&["SELECT", "INSERT"]);
    assert_eq!(
        sql(MYSQL, Action::Restrict("my_`db".to_owned(), names())),
        "REVOKE INSERT, SELECT ON `my_``db`.* FROM `app_clone`@`%`"
    );
    assert_eq!(
        sql(MYSQL, Action::Unrestrict("my_`db".to_owned(), names())),
        "GRANT INSERT, SELECT ON `my_``db`.* TO `app_clone`@`%`"
    );
}
