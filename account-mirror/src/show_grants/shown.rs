//! What a server shows of one account, compared with what it shows of another one.

use std::collections::BTreeSet;

use super::{Clause, parse_clauses};
use crate::sql::{quote_identifier, quote_literal};

/// What `SHOW GRANTS` and `SHOW CREATE USER` show of one account. Nothing prints it: it holds hashes.
#[derive(Clone, Default)]
pub struct Shown {
    /// The lines, with [`ACCOUNT`] in place of the account's own name.
    lines: BTreeSet<String>,
}

/// What stands for the account's own name; to the parser it is a name like any other.
const ACCOUNT: &str = "`account`";

impl Shown {
    /// The lines that a server shows of the account `user`@`host`.
    pub fn new(user: &str, host: &str, lines: impl IntoIterator<Item = String>) -> Self {
        let quoted = [quote_identifier, quote_literal]
            .map(|quote: fn(&str) -> String| format!("{}@{}", quote(user), quote(host)));
        let lines = lines.into_iter().map(|line| without_account(line, &quoted)).collect();
        Self { lines: without_dead_default_role(lines) }
    }

    /// The clauses that only one of the two accounts has: those of this one, and those of the other.
    ///
    /// Nearly all lines of two equal accounts are the same but for the name, so only the others are
    /// taken apart.
    pub fn differences(&self, other: &Self) -> [BTreeSet<Clause>; 2] {
        let ours = clauses(self.lines.difference(&other.lines));
        let theirs = clauses(other.lines.difference(&self.lines));
        let mut only = [&ours - &theirs, &theirs - &ours];
        if only.iter().any(|only| !only.is_empty()) {
            // A line that both have may hold what else one of them has in a line of its own.
            let both = clauses(self.lines.intersection(&other.lines));
            only = only.map(|only| &only - &both);
        }
        only
    }
}

fn clauses<'a>(lines: impl Iterator<Item = &'a String>) -> BTreeSet<Clause> {
    lines.flat_map(|line| parse_clauses(line)).collect()
}

/// The lines without a default role that is not granted. MariaDB keeps the name of one that was revoked
/// or dropped; it has no effect, and cannot be set again.
fn without_dead_default_role(mut lines: BTreeSet<String>) -> BTreeSet<String> {
    let clauses = |start, line: &String| {
        if line.starts_with(start) { parse_clauses(line) } else { Vec::new() }
    };
    let default = lines.iter().find_map(|line| {
        let role = clauses("SET DEFAULT ROLE ", line).first()?.default_role()?.to_owned();
        Some((line.clone(), role))
    });
    if let Some((line, role)) = default {
        let mut granted = lines.iter().flat_map(|line| clauses("GRANT ", line));
        if !granted.any(|clause| clause.granted_role() == Some(&role)) {
            lines.remove(&line);
        }
    }
    lines
}

/// Replaces the account where a line says whom it is about. A line that names it in another way stays as
/// it is, to be taken apart.
fn without_account(mut line: String, quoted: &[String]) -> String {
    if let Some(start) = account_at(&line)
        && let Some(account) = quoted.iter().find(|account| line[start..].starts_with(*account))
    {
        line.replace_range(start..start + account.len(), ACCOUNT);
    }
    line
}

/// Where a line says whom it is about, by the grammar of its statement: after the first word of its kind
/// that is neither in quotes, as in a comment, nor among the columns of a privilege.
fn account_at(line: &str) -> Option<usize> {
    let word = match line.split_once(' ')?.0 {
        "GRANT" => " TO ",
        "REVOKE" => " FROM ",
        "SET" => " FOR ",
        "CREATE" | "ALTER" => " USER ",
        _ => return None,
    };
    let (mut quote, mut depth) = (None, 0_usize);
    for (at, byte) in line.bytes().enumerate() {
        match (quote, byte) {
            // A doubled quote ends the text and begins another one.
            (Some(end), byte) => quote = (byte != end).then_some(end),
            (None, b'`' | b'\'' | b'"') => quote = Some(byte),
            (None, b'(') => depth += 1,
            (None, b')') => depth = depth.saturating_sub(1),
            (None, b' ') if depth == 0 && line[at..].starts_with(word) => {
                return Some(at + word.len());
            }
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(user: &str, lines: &[&str]) -> Shown {
        Shown::new(user, "%", lines.iter().map(|line| line.replace("USER_", user)))
    }

    /// The differences between the lines of `app` and of `app_clone`.
    fn differences(ours: &[&str], theirs: &[&str]) -> [Vec<String>; 2] {
        let found = shown("app", ours).differences(&shown("app_clone", theirs));
        found.map(|clauses| clauses.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn lines_that_differ_by_the_name_alone_are_equal() {
        let lines = [
            "GRANT SELECT ON *.* TO `USER_`@`%` WITH GRANT OPTION",
            "GRANT USAGE ON *.* TO 'USER_'@'%'",
            "GRANT `r`@`%` TO `USER_`@`%`",
            "GRANT PROXY ON `boss`@`%` TO `USER_`@`%`",
            "REVOKE SELECT ON `my_db`.* FROM `USER_`@`%`",
            "SET DEFAULT ROLE `r` FOR `USER_`@`%`",
            "CREATE USER `USER_`@`%` IDENTIFIED WITH 'x' AS 'same' REQUIRE NONE",
        ];
        assert_eq!(differences(&lines, &lines), [vec![], vec![]] as [Vec<String>; 2]);
        let all = shown("app", &lines);
        assert_eq!(all.lines, shown("app_clone", &lines).lines);
        let parsed = |line: &str| parse_clauses(line);
        for line in lines {
            let quoted = ["`app`@`%`", "'app'@'%'"].map(str::to_owned);
            let replaced = without_account(line.replace("USER_", "app"), &quoted);
            assert!(!replaced.contains("app"), "{replaced}");
            assert_eq!(parsed(&replaced), parsed(&line.replace("USER_", "app")), "{line}");
        }
    }

    #[test]
    fn the_order_of_privileges_and_the_hash_are_no_difference() {
        let ours =
            ["GRANT SELECT, INSERT ON `s`.* TO `USER_`@`%`", "CREATE USER 'USER_'@'%' AS 'a'"];
        let theirs =
            ["GRANT INSERT, SELECT ON `s`.* TO `USER_`@`%`", "CREATE USER 'USER_'@'%' AS 'b'"];
        assert_eq!(differences(&ours, &theirs), [vec![], vec![]] as [Vec<String>; 2]);
    }

    #[test]
    fn what_only_one_has_is_found_also_beside_lines_that_are_equal() {
        let both = "GRANT SELECT ON `s`.* TO `USER_`@`%`";
        let more = "GRANT SELECT, INSERT ON `s`.* TO `USER_`@`%`";
        let insert = "GRANT INSERT ON `s` . * TO <account>";
        assert_eq!(differences(&[both, more], &[both]), [vec![insert.to_owned()], vec![]]);
        assert_eq!(differences(&[both], &[both, more]), [vec![], vec![insert.to_owned()]]);
        assert_eq!(differences(&[more], &[both]), [vec![insert.to_owned()], vec![]]);
    }

    #[test]
    fn a_default_role_that_is_not_granted_is_left_out() {
        let default = "SET DEFAULT ROLE `r` FOR `USER_`@`%`";
        let [granted, other] = ["r", "o"].map(|role| format!("GRANT `{role}` TO `USER_`@`%`"));
        assert_eq!(shown("app", &[&granted, default]).lines.len(), 2);
        assert_eq!(shown("app", &[&other, default]).lines.len(), 1);
        assert_eq!(shown("app", &[default]).lines.len(), 0);
    }

    /// Texts that hold whole lines about the account.
    const NASTY: [&str; 6] = [
        "made with GRANT SELECT ON app.t TO `app`@`%`",
        "CREATE USER 'app'@'%' FOR `app`@`%` FROM `app`@`%`",
        " TO `app`@`%` WITH GRANT OPTION",
        "it''s for `app`@`%` TO 'app'@'%'",
        "(",
        ") TO `app`@`%`",
    ];

    #[test]
    fn whatever_comments_and_names_hold_the_account_is_where_the_grammar_has_it() {
        for text in NASTY {
            let name = text.replace('`', "``").replace("''", "'");
            let lines = [
                format!("CREATE USER `USER_`@`%` IDENTIFIED WITH 'x' AS 'h' ATTRIBUTE '{text}'"),
                format!("CREATE USER `USER_`@`%` IDENTIFIED WITH 'x' AS 'h' COMMENT '{text}'"),
                format!("GRANT SELECT (`{name}`), INSERT ON `{name}`.`{name}` TO `USER_`@`%`"),
                format!("GRANT EXECUTE ON PROCEDURE `{name}`.`{name}` TO 'USER_'@'%'"),
                format!("GRANT USAGE ON *.* TO `USER_`@`%` REQUIRE SUBJECT '{text}'"),
                format!("REVOKE SELECT ON `{name}`.* FROM `USER_`@`%`"),
                format!("SET DEFAULT ROLE `{name}` FOR `USER_`@`%`"),
                format!("GRANT `{name}`@`%` TO `USER_`@`%` WITH ADMIN OPTION"),
            ];
            for line in &lines {
                let [ours, theirs] = ["app", "app_clone"].map(|user| shown(user, &[line]));
                assert_eq!(ours.lines, theirs.lines, "{line}");
            }
        }
        // MySQL 5.7 shows columns bare.
        let bare = "GRANT SELECT (a TO `app`@`%`, to) ON `d`.`t` TO 'USER_'@'%'";
        let [ours, theirs] = ["app", "app_clone"].map(|user| shown(user, &[bare]));
        assert_eq!(ours.lines, theirs.lines);
    }

    #[test]
    fn another_comment_is_a_difference() {
        let [ours, theirs] = ["TO `app`@`%`", "TO `app_clone`@`%`"].map(|comment| {
            format!("CREATE USER `USER_`@`%` IDENTIFIED WITH 'x' AS 'h' COMMENT '{comment}'")
        });
        let found = differences(&[&ours], &[&theirs]);
        assert!(found.iter().all(|only| only.len() == 1), "{found:?}");
    }

    #[test]
    fn a_name_inside_of_a_name_is_no_account() {
        let ours = "GRANT SELECT ON `s`.` TO ``app``@``%``` TO `USER_`@`%`";
        let theirs = "GRANT SELECT ON `s`.` TO ``app_clone``@``%``` TO `USER_`@`%`";
        assert_ne!(differences(&[ours], &[theirs]), [vec![], vec![]] as [Vec<String>; 2]);
        let proxies = "GRANT PROXY ON `USER_`@`%` TO PUBLIC";
        let left = shown("app", &[proxies]).lines.pop_first().unwrap();
        assert!(left.contains("app"), "{left}");
    }
}
