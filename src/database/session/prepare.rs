//! Pins what the statements and reads of a session depend on.

use std::collections::BTreeSet;
use std::time::Duration;

use account_mirror::family::Family;

use super::Session;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorType};

/// How long a statement may wait for a lock, at most. It is always shorter than what is left of the
/// invocation, so that the server gives up before the client does: a statement that the client
/// abandoned would otherwise be carried out later.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// How long a statement may take at the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatementLimit(Duration);

impl StatementLimit {
    /// The limit for a session that ends at `deadline`.
    pub(super) fn within(deadline: Deadline) -> Self {
        let third = deadline.remaining() / 3;
        Self(Duration::from_secs(third.as_secs().clamp(1, LOCK_WAIT.as_secs())))
    }

    /// Refuses to start a statement that the server might still be carrying out when the client has
    /// to give up.
    ///
    /// # Errors
    ///
    /// `DeadlineExceeded`.
    pub(super) fn check(self, deadline: Deadline) -> Result<(), Error> {
        if deadline.remaining() > self.0 + Duration::from_millis(250) {
            return Ok(());
        }
        Err(ErrorType::DeadlineExceeded.because(format!(
            "the invocation has {} ms left, which is too little for another change of an account; \
             the next try goes on from here; if it happens again, raise the function's timeout",
            deadline.remaining().as_millis()
        )))
    }
}

/// The `sql_mode` that the statements are written for. Without `NO_AUTO_CREATE_USER`, where it still
/// exists, a GRANT to an account that was dropped a moment ago creates it again, with an empty
/// password.
pub fn pinned_mode(family: Family) -> &'static str {
    match family.creates_accounts_by_grant() {
        true => "NO_AUTO_CREATE_USER,NO_BACKSLASH_ESCAPES",
        false => "NO_BACKSLASH_ESCAPES",
    }
}

/// Pins what the statements depend on, activates the superuser's roles, and checks that the server
/// kept it all: `init_connect` may change a session.
///
/// # Errors
///
/// `StatementRefused` if the server did not keep a setting.
pub async fn prepare(session: &mut Session) -> Result<(), Error> {
    session.limit = StatementLimit::within(session.deadline);
    for statement in pins(session.family, session.limit) {
        session
            .rows(&statement)
            .await
            .map_err(|failure| failure.context(format!("preparing the session ({statement})")))?;
    }
    let kept = session
        .row(
            "SELECT @@session.sql_mode AS mode, @@session.autocommit AS autocommit, \
             @@session.character_set_client AS charset",
        )
        .await
        .map_err(|failure| failure.context("reading the session's settings"))?;
    let modes = |text: &str| text.split(',').map(str::to_owned).collect::<BTreeSet<_>>();
    let (mode, autocommit) = (kept.text_or_empty("mode"), kept.text_or_empty("autocommit"));
    let charset = kept.text_or_empty("charset");
    if modes(mode) == modes(pinned_mode(session.family))
        && autocommit == "1"
        && charset == "utf8mb4"
    {
        return Ok(());
    }
    Err(ErrorType::StatementRefused.because(format!(
        "the server did not keep the session's settings: sql_mode is \"{mode}\", autocommit \
         {autocommit}, character set {charset}"
    )))
}

fn pins(family: Family, StatementLimit(limit): StatementLimit) -> Vec<String> {
    let (mode, seconds) = (pinned_mode(family), limit.as_secs());
    let extra = match family {
        Family::MySql(_) if family.shows_hashes_in_hex() => {
            ", print_identified_with_as_hex = ON".to_owned()
        }
        Family::MySql(_) => String::new(),
        Family::MariaDb(_) => format!(", max_statement_time = {seconds}"),
    };
    let mut statements = vec![
        "SET NAMES utf8mb4".to_owned(),
        format!(
            "SET SESSION sql_mode = '{mode}', autocommit = 1, wait_timeout = 60, \
             sql_quote_show_create = ON, \
             lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}{extra}"
        ),
    ];
    if family.is_mysql() && family.has_roles() {
        statements.push("SET ROLE ALL".to_owned());
    }
    statements
}
