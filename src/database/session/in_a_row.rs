//! Account statements: alone, or in a row, in one text and so in one round trip.

use account_mirror::sql::Statement;

use super::guard::ServerTime;
use super::{QueryError, Session};
use crate::database::server_error::{At, Meaning};

/// How many statements a text has between two guards: with so few of them, they cost nothing that can
/// be measured.
const GUARDED: usize = 10;

/// What stands between two statements of a text.
const SEPARATOR: &str = ";\n";

impl Session {
    /// How many statements one text has at most.
    pub const MOST_IN_A_ROW: usize = 64;

    /// Runs an account statement, if the server will have ended it before the client gives up, and under
    /// a lease only before that ends.
    ///
    /// # Errors
    ///
    /// A [`QueryError`], in whose text no password of the statement is left.
    pub async fn run(&mut self, statement: &Statement) -> Result<(), QueryError> {
        self.limit.check(self.deadline).map_err(QueryError::NotBegun)?;
        let result = match self.lease {
            None => self.rows(statement.text()).await.map(|_| ()),
            Some(_) => self.run_under_lease(statement).await,
        };
        match result {
            Err(failure) if statement.is_secret() => Err(failure.without_secrets(statement)),
            other => other,
        }
    }

    async fn run_under_lease(&mut self, statement: &Statement) -> Result<(), QueryError> {
        let guard = self.guard();
        // Where a text is shown as a whole, nothing may stand beside a password.
        if statement.is_secret() && self.family.shows_texts_as_a_whole() {
            self.guarded(&guard, 1).await.1.map_or(Ok(()), Err)?;
            return self.rows(statement.text()).await.map(|_| ());
        }
        let text = [&guard, statement.text()].join(SEPARATOR);
        self.guarded(&text, 2).await.1.map_or(Ok(()), Err)
    }

    /// Runs the first of these statements in one round trip, as many as one text holds, in their order.
    /// The server ends a text at its first error, so what was carried out are always the first ones.
    /// None of them may hold a password, since logs show a text as a whole. A statement alone is sent
    /// as [`Session::run`] does.
    ///
    /// # Errors
    ///
    /// Returns how many statements were carried out, and the error of the next one, if it failed.
    pub async fn run_in_a_row(&mut self, statements: &[Statement]) -> (usize, Option<QueryError>) {
        if let Err(late) = self.limit.check(self.deadline) {
            return (0, Some(QueryError::NotBegun(late)));
        }
        let (text, held) = text(statements, &self.guard(), self.most_text);
        let [alone, ..] = statements else {
            return (0, None);
        };
        if held < 2 {
            return match self.run(alone).await {
                Ok(()) => (1, None),
                Err(failure) => (0, Some(failure)),
            };
        }
        let (ended, failure) = self.guarded(&text, entries(held)).await;
        (statements_of(ended), failure)
    }

    /// The guard that lets pass what ends before the client gives up, and begins before the lease ends.
    fn guard(&self) -> String {
        let in_time = self.in_time();
        self.lease.map_or(in_time, |lease| lease.min(in_time)).guard()
    }

    /// When the last statement may begin that the client would wait for.
    fn in_time(&self) -> ServerTime {
        self.clock.after(self.limit.time_for_more(self.deadline))
    }

    /// Runs a text that begins with a guard. Returns how many of its entries ended, and the error of the
    /// next one.
    async fn guarded(&mut self, text: &str, entries: usize) -> (usize, Option<QueryError>) {
        let by_lease = self.lease.is_some_and(|lease| lease < self.in_time());
        let mut ended = 0;
        let failure = match self.query(text, &mut ended, &mut |_, row| row.size()).await {
            Ok(()) if ended == entries => None,
            Ok(()) => Some(QueryError::Protocol("some of the results are missing".to_owned())),
            Err(failure)
                if is_guard(ended) && failure.meaning(At::Read) == Some(Meaning::GuardClosed) =>
            {
                Some(if by_lease {
                    QueryError::LeaseEnded
                } else {
                    QueryError::NotBegun(self.limit.too_late(self.deadline))
                })
            }
            Err(failure) => Some(failure),
        };
        (ended, failure)
    }
}

/// A text with the first of these statements, and how many of them it holds.
fn text(statements: &[Statement], guard: &str, most: usize) -> (String, usize) {
    let mut text = String::new();
    let mut held = 0;
    for statement in statements.iter().take(Session::MOST_IN_A_ROW) {
        let guard = if held % GUARDED == 0 { guard } else { "" };
        let longer = guard.len() + statement.text().len() + 3 * SEPARATOR.len();
        if text.len() + longer > most || statement.is_secret() {
            break;
        }
        for part in [guard, statement.text()] {
            let separator = if text.is_empty() || part.is_empty() { "" } else { SEPARATOR };
            text.push_str(separator);
            text.push_str(part);
        }
        held += 1;
    }
    (text, held)
}

/// How many entries, guards included, a text with this many statements has.
fn entries(statements: usize) -> usize {
    statements + statements.div_ceil(GUARDED)
}

/// How many of the first entries of a text are statements.
fn statements_of(entries: usize) -> usize {
    entries - entries.div_ceil(GUARDED + 1)
}

/// Whether the entry with this number is a guard.
fn is_guard(entry: usize) -> bool {
    entry.is_multiple_of(GUARDED + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_stands_before_the_first_statement_and_after_each_ten() {
        let guards: Vec<_> = (0..40).filter(|entry| is_guard(*entry)).collect();
        assert_eq!(guards, [0, 11, 22, 33]);
        assert_eq!([1, 10, 11, 20, 21, 64].map(entries), [2, 11, 13, 22, 24, 71]);
    }

    #[test]
    fn the_number_of_entries_tells_that_of_the_statements() {
        for statements in 1..=64 {
            assert_eq!(statements_of(entries(statements)), statements);
        }
        assert_eq!([0, 1, 2, 11, 12, 13].map(statements_of), [0, 0, 1, 10, 10, 11]);
    }
}
