//! The guard of a text with account statements: with it the server refuses what it comes to too late.
//!
//! A server carries a text out to its end although the client is gone, and no statement-time limit
//! ends it. So a guard on the server's own clock stands at its beginning, and again between its
//! statements: an error ends a text, and nothing after it is carried out. It must be a `SELECT`:
//! MariaDB goes on after a `DO` that fails.

use std::time::Duration;

use tokio::time::Instant;

use account_mirror::row::Row;

/// The server's clock, in microseconds since 1970 in UTC, whatever time zone it has.
const CLOCK: &str = "TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', UTC_TIMESTAMP(6))";

/// The server's clock, as it was read once.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerClock {
    read: i64,
    /// When the answer had come, which is not before the server read its clock.
    at: Instant,
}

impl ServerClock {
    /// A clock before it is read: nothing passes its guard.
    pub(super) fn unread() -> Self {
        Self { read: 0, at: Instant::now() }
    }

    /// What a query must ask for.
    pub(super) fn column() -> String {
        format!("{CLOCK} AS clock")
    }

    /// The clock in an answer that has just come.
    pub(super) fn new(row: &Row) -> Option<Self> {
        Some(Self { read: row.number("clock")?, at: Instant::now() })
    }

    /// What the clock will show after `left` from now, or a little less.
    pub(super) fn after(self, left: Duration) -> ServerTime {
        ServerTime(self.read.saturating_add(micros(self.at.elapsed() + left)))
    }

    /// What the clock shows `time` after it was read.
    pub(super) fn later(self, time: Duration) -> ServerTime {
        ServerTime(self.read.saturating_add(micros(time)))
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// A moment on the server's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ServerTime(i64);

impl ServerTime {
    /// The statement that fails when the server comes to it at this moment or later: its subquery then has
    /// two rows.
    pub(super) fn guard(self) -> String {
        format!("SELECT IF({CLOCK} < {}, 0, (SELECT 1 UNION SELECT 2))", self.0)
    }
}
