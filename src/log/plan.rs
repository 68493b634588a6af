//! How the statements of a plan are shown: what takes something away first, and always.

use std::fmt;

use crate::text;

/// How many statements that only give are shown.
const GIVING_SHOWN: usize = 50;

/// About how many bytes of statements one line holds. CloudWatch Logs takes 256 KiB at least.
const LINE: usize = 64 << 10;

/// What a statement on an account does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Makes an account.
    Create,
    /// Gives a privilege or a role.
    Grant,
    /// Takes one away.
    Revoke,
    /// Changes a setting, the password or the lock.
    Setting,
}

impl Kind {
    /// The kind, by the statement's first word: all of them are made in `account_mirror::sql`.
    pub fn of(statement: &str) -> Self {
        match statement.split(' ').next() {
            Some("CREATE") => Self::Create,
            Some("GRANT") => Self::Grant,
            Some("REVOKE") => Self::Revoke,
            _ => Self::Setting,
        }
    }
}

/// How many statements there are of each kind.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) creates: usize,
    pub(super) grants: usize,
    pub(super) revokes: usize,
    pub(super) settings: usize,
}

impl Counts {
    pub(super) fn of(statements: &[String]) -> Self {
        let count = |kind| statements.iter().filter(|one| Kind::of(one) == kind).count();
        Self {
            creates: count(Kind::Create),
            grants: count(Kind::Grant),
            revokes: count(Kind::Revoke),
            settings: count(Kind::Setting),
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { creates, grants, revokes, settings } = self;
        write!(f, "create {creates}, grants {grants}, revokes {revokes}, settings {settings}")
    }
}

/// What the log shows of the statements.
#[derive(Debug)]
pub(super) struct Shown {
    /// What is shown in lines of its own, as JSON arrays: what is too much for the summary's.
    pub(super) before: Vec<String>,
    /// What the line of the summary shows, as a JSON array.
    pub(super) last: String,
    /// How many statements there are in all these lines together.
    pub(super) count: usize,
}

/// Everything that revokes comes first; then the rest in the order of execution, without what is too
/// much of CREATE and GRANT.
pub(super) fn shown(statements: &[String]) -> Shown {
    let revokes = statements.iter().filter(|one| Kind::of(one) == Kind::Revoke);
    let mut giving = 0;
    let rest = statements.iter().filter(|one| match Kind::of(one) {
        Kind::Revoke => false,
        Kind::Setting => true,
        Kind::Create | Kind::Grant => {
            giving += 1;
            giving <= GIVING_SHOWN
        }
    });
    let (mut before, mut count) = (Vec::new(), 0);
    let mut line = Vec::new();
    let mut bytes = 0;
    for statement in revokes.chain(rest) {
        let most = if Kind::of(statement) == Kind::Grant { text::ANY } else { LINE };
        let statement = text::printable(statement, most);
        if bytes + statement.len() > LINE {
            before.push(array(&std::mem::take(&mut line)));
            bytes = 0;
        }
        bytes += statement.len();
        count += 1;
        line.push(statement);
    }
    Shown { before, last: array(&line), count }
}

/// A text that [`super::line`] turns into an array of the line.
fn array(statements: &[String]) -> String {
    serde_json::json!(statements).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("GRANT SELECT ON `d{n}`.* TO `u`@`%`")).collect()
    }

    fn lines(statements: &[String]) -> Vec<Vec<String>> {
        let shown = shown(statements);
        let lines = shown.before.iter().chain([&shown.last]);
        let lines: Vec<Vec<String>> =
            lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.iter().map(Vec::len).sum::<usize>(), shown.count);
        lines
    }

    #[test]
    fn a_revoke_after_sixty_grants_is_shown_first_and_grants_are_what_is_left_out() {
        let mut statements = vec!["CREATE USER `u`@`%`".to_owned()];
        statements.extend(grants(60));
        statements.push("ALTER USER `u`@`%` REQUIRE SSL".to_owned());
        statements.push("REVOKE SELECT ON `payroll`.* FROM `u`@`%`".to_owned());
        let lines = lines(&statements);
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        assert!(line[0].starts_with("REVOKE") && line[1].starts_with("CREATE"), "{line:?}");
        assert!(line.last().unwrap().starts_with("ALTER USER"), "{line:?}");
        assert_eq!(line.len(), 52);
        let counts = Counts::of(&statements);
        assert_eq!(counts.to_string(), "create 1, grants 60, revokes 1, settings 1");
    }

    #[test]
    fn ten_thousand_revokes_are_all_shown_in_lines_that_the_log_takes() {
        let revokes: Vec<String> = (0..10_000)
            .map(|n| format!("REVOKE SELECT ON `database_{n}`.`a_table` FROM `u`@`%`"))
            .collect();
        let lines = lines(&revokes);
        assert!(lines.len() > 1);
        assert_eq!(lines.concat(), revokes);
        for line in lines {
            assert!(line.iter().map(String::len).sum::<usize>() <= LINE);
        }
    }

    #[test]
    fn no_statement_is_a_line_with_an_empty_array() {
        assert_eq!(lines(&[]), [Vec::<String>::new()]);
    }
}
