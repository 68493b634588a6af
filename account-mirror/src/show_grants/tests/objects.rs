//! What is granted on what.

use super::*;

fn is_on(clause: &Clause, target: &GrantTarget) -> bool {
    Places::from_iter([target]).have(clause)
}

#[test]
fn the_letter_case_of_columns_and_routines_means_nothing() {
    for (one, other) in [
        (
            "GRANT SELECT (`Id`), INSERT (`B`, `é`) ON `s`.`t` TO `u`@`%`",
            "GRANT SELECT (ID), INSERT (`b`, `é`) ON `s`.`t` TO `u`@`%`",
        ),
        (
            "GRANT EXECUTE ON PACKAGE BODY `s`.`Run` TO `u`@`%`",
            "GRANT EXECUTE ON PACKAGE BODY `s`.`rUN` TO `u`@`%`",
        ),
    ] {
        let text = |line| -> Vec<_> {
            parse_clauses(line).iter().map(|clause| clause.to_string().replace('`', "")).collect()
        };
        assert_eq!(text(one), text(other));
    }
    for (one, other) in [
        ("GRANT SELECT ON `s`.`T` TO `u`@`%`", "GRANT SELECT ON `s`.`t` TO `u`@`%`"),
        ("GRANT PROXY ON `A`@`h` TO `u`@`%`", "GRANT PROXY ON `a`@`h` TO `u`@`%`"),
        (
            "GRANT EXECUTE ON FUNCTION `S`.`f` TO `u`@`%`",
            "GRANT EXECUTE ON FUNCTION `s`.`f` TO `u`@`%`",
        ),
        // Which other letters are equal, each server decides.
        ("GRANT SELECT (`É`) ON `s`.`t` TO `u`@`%`", "GRANT SELECT (`é`) ON `s`.`t` TO `u`@`%`"),
    ] {
        assert_ne!(parse_clauses(one), parse_clauses(other));
    }
}

#[test]
fn a_grant_of_a_role_is_told_from_others() {
    let role = |user: &str, host: Option<&str>| RoleName {
        user: user.to_owned(),
        host: host.map(str::to_owned),
    };
    let clause = |line: &str| parse_clauses(line).remove(0);
    let mysql = clause("GRANT `r`@`%` TO `u`@`%` WITH ADMIN OPTION");
    assert!(mysql.grants_role(&role("r", Some("%"))));
    assert!(!mysql.grants_role(&role("r", Some("10.%"))));
    assert!(!mysql.grants_role(&role("r", None)));
    assert!(clause("GRANT `r` TO `u`@`%`").grants_role(&role("r", None)));
    assert!(!clause("GRANT PROXY ON `r`@`%` TO `u`@`%`").grants_role(&role("r", Some("%"))));
}

#[test]
fn a_clause_about_an_object_is_told_from_others() {
    let table = |schema: &str, name: &str| GrantTarget::Table {
        schema: schema.to_owned(),
        name: name.to_owned(),
    };
    let routine = |kind| GrantTarget::Routine { kind, schema: "s".to_owned(), name: "x".into() };
    let clause = |line: &str| parse_clauses(line).remove(0);
    let on_table = clause("GRANT SELECT (`a`) ON `s`.`x` TO `u`@`%`");
    assert!(is_on(&on_table, &table("s", "x")));
    assert!(!is_on(&on_table, &table("s", "y")));
    assert!(!is_on(&on_table, &routine(RoutineKind::Function)));
    let on_body = clause("GRANT EXECUTE ON PACKAGE BODY `s`.`x` TO `u`@`%`");
    assert!(is_on(&on_body, &routine(RoutineKind::PackageBody)));
    assert!(!is_on(&on_body, &routine(RoutineKind::Package)));
    assert!(!is_on(&on_body, &table("s", "x")));
    let on_function = clause("GRANT EXECUTE ON FUNCTION `s`.`x` TO `u`@`%`");
    assert!(is_on(&on_function, &routine(RoutineKind::Function)));
}

#[test]
fn an_expired_password_is_no_difference() {
    let plain = "CREATE USER `u`@`%` REQUIRE NONE PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK";
    for expired in [
        "CREATE USER `u`@`%` REQUIRE NONE PASSWORD EXPIRE ACCOUNT UNLOCK",
        "CREATE USER `u`@`%` REQUIRE NONE PASSWORD EXPIRE NEVER ACCOUNT UNLOCK",
        "CREATE USER `u`@`%` REQUIRE NONE PASSWORD EXPIRE INTERVAL 10 DAY ACCOUNT UNLOCK",
    ] {
        assert_eq!(parse_clauses(expired), parse_clauses(plain), "{expired}");
    }
    let second_row = "ALTER USER `u`@`%` PASSWORD EXPIRE INTERVAL 10 DAY";
    assert_eq!(parse_clauses(second_row), []);
    let history = "CREATE USER `u`@`%` REQUIRE NONE PASSWORD HISTORY 3 ACCOUNT UNLOCK";
    assert_ne!(parse_clauses(history), parse_clauses(plain));
}

#[test]
fn what_a_certificate_must_say_is_shown_with_its_quotes_as_they_are() {
    let plain = "CREATE USER `u`@`%` REQUIRE SUBJECT '{}' CIPHER 'A' PASSWORD EXPIRE DEFAULT";
    for subject in ["/CN=O'Hara", "/CN=it's \\ \"é\"", "'", "back\\"] {
        let line = plain.replace("{}", subject);
        let with_limit = line.replace(" PASSWORD", " WITH MAX_USER_CONNECTIONS 0 PASSWORD");
        assert_eq!(parse_clauses(&line), parse_clauses(&with_limit), "{line}");
        let different = line.replace(" PASSWORD", " WITH MAX_USER_CONNECTIONS 1 PASSWORD");
        assert_ne!(parse_clauses(&line), parse_clauses(&different), "{line}");
    }
}
