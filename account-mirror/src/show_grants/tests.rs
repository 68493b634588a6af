use std::collections::BTreeSet;

use super::*;
use crate::grant::{GrantTarget, RoleName, RoutineKind};

mod objects;

/// The clauses of a line, as they are shown.
fn shown(line: &str) -> Vec<String> {
    parse_clauses(line).iter().map(ToString::to_string).collect()
}

#[test]
fn quotes_of_any_kind_make_one_token() {
    let quoted = |text: &str| Token::Quoted(text.to_owned());
    let other = |text: &str| Token::Other(text.to_owned());
    let cases = [
        ("`a``b`", vec![quoted("a`b")]),
        ("'it''s'", vec![quoted("it's")]),
        (r"'a\'", vec![quoted(r"a\")]),
        (r"`a\`", vec![quoted(r"a\")]),
        ("\"x TO y\"", vec![quoted("x TO y")]),
        ("", vec![]),
        ("ON *.* TO", vec![other("ON"), other("*"), other("."), other("*"), other("TO")]),
        ("a,`b` c", vec![other("a"), other(","), quoted("b"), other("c")]),
        ("'never ends", vec![quoted("never ends")]),
        ("BACKUP_ADMIN", vec![other("BACKUP_ADMIN")]),
    ];
    for (line, expected) in cases {
        assert_eq!(tokens(line), expected, "{line}");
    }
}

#[test]
fn a_quoted_word_is_no_keyword() {
    assert!(Token::Other("TO".to_owned()).is("TO"));
    assert!(!Token::Quoted("TO".to_owned()).is("TO"));
}

#[test]
fn each_privilege_is_a_clause_of_its_own() {
    let cases = [
        (
            "GRANT SELECT, CREATE VIEW ON *.* TO `u`@`%` WITH GRANT OPTION",
            vec![
                "GRANT SELECT ON * . * TO <account> WITH GRANT OPTION",
                "GRANT CREATE VIEW ON * . * TO <account> WITH GRANT OPTION",
            ],
        ),
        (
            "GRANT BACKUP_ADMIN,CONNECTION_ADMIN ON *.* TO `u`@`%`",
            vec![
                "GRANT BACKUP_ADMIN ON * . * TO <account>",
                "GRANT CONNECTION_ADMIN ON * . * TO <account>",
            ],
        ),
        (
            "GRANT SELECT (`a`, `b,c`), INSERT, UPDATE (`a`) ON `s`.`ta TO b` TO `u`@`%`",
            vec![
                "GRANT SELECT `a` ON `s` . `ta TO b` TO <account>",
                "GRANT SELECT `b,c` ON `s` . `ta TO b` TO <account>",
                "GRANT INSERT ON `s` . `ta TO b` TO <account>",
                "GRANT UPDATE `a` ON `s` . `ta TO b` TO <account>",
            ],
        ),
        (
            "GRANT SELECT, SELECT (`id`) ON `s`.`t` TO `u`@`%`",
            vec![
                "GRANT SELECT ON `s` . `t` TO <account>",
                "GRANT SELECT `id` ON `s` . `t` TO <account>",
            ],
        ),
        (
            "REVOKE SELECT ON `my_db`.* FROM `u`@`%`",
            vec!["REVOKE SELECT ON `my_db` . * FROM <account>"],
        ),
        (
            "GRANT PROXY ON `TO`@`%` TO `u`@`%` WITH GRANT OPTION",
            vec!["GRANT PROXY ON `TO` @ `%` TO <account> WITH GRANT OPTION"],
        ),
        (
            "GRANT `r2`@`%`,`r3`@`10.%` TO `u`@`%`",
            vec!["GRANT `r2` @ `%` TO <account>", "GRANT `r3` @ `10.%` TO <account>"],
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(shown(line), expected, "{line}");
    }
}

#[test]
fn the_accounts_and_columns_of_mysql_5_7_are_those_of_later_versions() {
    for (old, new) in [
        (
            r#"GRANT SELECT (x y, a, co`l'), UPDATE (a) ON `d`.`t` TO 't7''"`\'@'%'"#,
            r#"GRANT SELECT (`a`, `co``l'`, `x y`), UPDATE (`a`) ON `d`.`t` TO `t7'"``\`@`%`"#,
        ),
        (
            "GRANT INSERT, SELECT (a) ON `d`.`t` TO 'u'@'%' WITH GRANT OPTION",
            "GRANT SELECT (`a`), INSERT ON `d`.`t` TO `u`@`%` WITH GRANT OPTION",
        ),
        ("GRANT USAGE ON *.* TO 'u'@'%'", "GRANT USAGE ON *.* TO `u`@`%`"),
        (
            r"CREATE USER 'u\'@'%' IDENTIFIED WITH 'p' AS 'x' REQUIRE NONE",
            r"CREATE USER `u\`@`%` IDENTIFIED WITH 'p' AS 'x' REQUIRE NONE",
        ),
    ] {
        let set = |line| parse_clauses(line).into_iter().collect::<BTreeSet<_>>();
        assert_eq!(set(old), set(new), "{old}");
    }
}

#[test]
fn no_hash_is_shown_of_a_line_that_is_not_understood() {
    let native = "667F407DE7C6AD07358FA38DAED7828A72014B4E";
    for line in [
        format!("CREATE USER 'it's'@'%' IDENTIFIED WITH 'mysql_native_password' AS '*{native}'"),
        format!("CREATE USER 'a IDENTIFIED WITH x AS 0x{native}{native}"),
        format!("GRANT `*{native}` TO `x`"),
    ] {
        let shown = shown(&line).join("; ");
        assert!(!shown.contains(native), "{shown}");
    }
}

#[test]
fn the_order_of_a_list_does_not_matter() {
    let set = |line| parse_clauses(line).into_iter().collect::<BTreeSet<_>>();
    assert_eq!(
        set("GRANT `r1`@`%`,`r2`@`%` TO `u`@`%`"),
        set("GRANT `r2`@`%`,`r1`@`%` TO `u_clone`@`%`")
    );
    assert_eq!(
        set("GRANT SELECT (`a`, `b`), INSERT ON `s`.`t` TO `u`@`%`"),
        set("GRANT INSERT, SELECT (`b`, `a`) ON `s`.`t` TO `u`@`%`")
    );
}

#[test]
fn what_differs_stays_different() {
    let pairs = [
        ("GRANT SELECT ON `a`.* TO `u`@`%`", "GRANT SELECT ON `a`.* TO `u`@`%` WITH GRANT OPTION"),
        ("GRANT SELECT (`a`) ON `s`.`t` TO `u`@`%`", "GRANT SELECT ON `s`.`t` TO `u`@`%`"),
        ("GRANT SELECT ON `a\\_b`.* TO `u`@`%`", "GRANT SELECT ON `a_b`.* TO `u`@`%`"),
        (
            "GRANT EXECUTE ON FUNCTION `s`.`f` TO `u`@`%`",
            "GRANT EXECUTE ON PROCEDURE `s`.`f` TO `u`@`%`",
        ),
        ("GRANT `r`@`%` TO `u`@`%`", "GRANT `r`@`%` TO `u`@`%` WITH ADMIN OPTION"),
        (
            "CREATE USER `u`@`%` IDENTIFIED WITH 'sha256_password' AS 'x'",
            "CREATE USER `u`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 'x'",
        ),
    ];
    for (one, other) in pairs {
        assert_ne!(parse_clauses(one), parse_clauses(other), "{one}");
    }
}

#[test]
fn the_account_is_taken_out_however_it_is_named() {
    let pairs = [
        ("GRANT SELECT ON `u`.* TO `u`@`%`", "GRANT SELECT ON `u`.* TO `u_clone`@`%`"),
        (
            "REVOKE SELECT ON `FROM`.* FROM `a TO b`@`%`",
            "REVOKE SELECT ON `FROM`.* FROM `a TO b_clone`@`%`",
        ),
        (
            "SET DEFAULT ROLE `ro TO le` FOR `u`@`%`",
            "SET DEFAULT ROLE `ro TO le` FOR `u_clone`@`%`",
        ),
        (
            "CREATE USER `USER`@`%` IDENTIFIED BY PASSWORD '*AA'",
            "CREATE USER `USER_clone`@`%` IDENTIFIED BY PASSWORD '*BB'",
        ),
        (
            "ALTER USER `u`@`%` PASSWORD EXPIRE INTERVAL 10 DAY",
            "ALTER USER `u_clone`@`%` PASSWORD EXPIRE INTERVAL 10 DAY",
        ),
    ];
    for (one, other) in pairs {
        assert_eq!(parse_clauses(one), parse_clauses(other), "{one}");
        assert!(shown(one).iter().all(|said| !said.contains("_clone")));
    }
}

#[test]
fn a_hash_is_no_part_of_a_clause() {
    let cases = [
        "CREATE USER `u`@`%` IDENTIFIED WITH 'caching_sha2_password' AS {} REQUIRE NONE",
        "CREATE USER `u`@`%` IDENTIFIED BY PASSWORD {}",
        "CREATE USER `u`@`%` IDENTIFIED VIA ed25519 USING {} OR mysql_native_password USING {}",
        "GRANT USAGE ON *.* TO `u`@`%` IDENTIFIED BY PASSWORD {} REQUIRE SSL",
    ];
    for line in cases {
        let of = |hash| parse_clauses(&line.replace("{}", hash));
        let expected = of("'*AABB'");
        for hash in ["'*CCDD'", "0x2441243030", "'it''s `odd'"] {
            assert_eq!(of(hash), expected, "{line}");
        }
        if line.contains(" AS ") {
            assert_eq!(of("'it's \\' AS 'odd'"), expected, "{line}");
        }
        for clause in &expected {
            assert!(!clause.to_string().contains("AABB"), "{clause}");
        }
    }
}

#[test]
fn a_hash_that_the_server_masks_itself_is_the_same_for_both() {
    let line = "CREATE USER `u`@`%` IDENTIFIED WITH 'caching_sha2_password' AS <secret> \
                REQUIRE NONE";
    assert_eq!(parse_clauses(line), parse_clauses(&line.replace("`u`", "`u_clone`")));
}

#[test]
fn clauses_without_effect_are_dropped() {
    let plain = "CREATE USER `u`@`%` REQUIRE NONE PASSWORD EXPIRE DEFAULT";
    for extra in [
        "CREATE USER `u`@`%` REQUIRE NONE WITH MAX_USER_CONNECTIONS 0 PASSWORD EXPIRE DEFAULT",
        "CREATE USER `u`@`%` REQUIRE NONE WITH MAX_QUERIES_PER_HOUR 0 MAX_UPDATES_PER_HOUR 0 \
         PASSWORD EXPIRE DEFAULT",
        "CREATE USER `u`@`%` REQUIRE NONE PASSWORD EXPIRE DEFAULT ATTRIBUTE '{}'",
    ] {
        assert_eq!(parse_clauses(extra), parse_clauses(plain), "{extra}");
    }
    for different in [
        "CREATE USER `u`@`%` REQUIRE NONE WITH MAX_USER_CONNECTIONS 10 PASSWORD EXPIRE DEFAULT",
        "CREATE USER `u`@`%` REQUIRE NONE PASSWORD EXPIRE DEFAULT ATTRIBUTE '{\"a\": 1}'",
    ] {
        assert_ne!(parse_clauses(different), parse_clauses(plain), "{different}");
    }
}

#[test]
fn mariadb_has_roles_without_hosts() {
    assert_eq!(
        shown("GRANT `r1` TO `u`@`%` WITH ADMIN OPTION"),
        ["GRANT `r1` TO <account> WITH ADMIN OPTION"]
    );
    assert!(shown("GRANT SELECT ON `app`.* TO PUBLIC").is_empty());
    assert_eq!(
        shown("GRANT EXECUTE ON PACKAGE BODY `app`.`pk` TO `u`@`%`"),
        ["GRANT EXECUTE ON PACKAGE BODY `app` . `pk` TO <account>"]
    );
}
