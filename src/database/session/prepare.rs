//! The start of every session: sets and verifies what its statements and reads depend on.

use std::collections::BTreeSet;

use account_mirror::family::Family;
use account_mirror::row::Row;

use super::cluster;
use super::guard::ServerClock;
use super::login_error::LoginError;
use super::query_error::response_error;
use super::server::{Credentials, LoginRole};
use super::{MAX_PACKET, Session, Variables};
use crate::error::{Error, ErrorType};
use crate::text;

/// The `sql_mode` that the statements are written for. Without `NO_AUTO_CREATE_USER`, where it still
/// exists, a GRANT to an account that was dropped a moment ago creates it again, with an empty
/// password.
pub fn pinned_mode(family: Family) -> &'static str {
    if family.creates_accounts_by_grant() {
        "NO_AUTO_CREATE_USER,NO_BACKSLASH_ESCAPES"
    } else {
        "NO_BACKSLASH_ESCAPES"
    }
}

/// Learns who the account is, pins what the session's statements and reads depend on, activates the
/// superuser's roles, checks that it was kept, and reads the server's variables: in one round trip, unless
/// the version in the server's greeting is another one than it says itself. A server of a cluster is
/// asked once more.
///
/// # Errors
///
/// Of the login, where already the first query is refused; `StatementRefused` if the server did not
/// keep a setting; `NodeNotReady`.
pub(super) async fn prepare(
    session: &mut Session,
    credentials: &Credentials<'_>,
) -> Result<(), LoginError> {
    let kept = kept_query();
    for _ in 0..2 {
        let pins = pins(session, credentials.role);
        // A global `max_execution_time` holds until the session's own is set.
        let identity = "SELECT /*+ MAX_EXECUTION_TIME(60000) */ VERSION() AS version, \
             CURRENT_USER() AS account, USER() AS client";
        // The server's init_connect may have set another encoding, so what is read comes after the names.
        let queries: Vec<_> = [SET_NAMES, identity]
            .into_iter()
            .chain(pins.iter().map(String::as_str))
            .chain([kept.as_str(), Variables::QUERY])
            .collect();
        let mut results = Vec::with_capacity(queries.len());
        let sent = session.collect(&queries.join(";\n"), &mut results).await;
        let Some(identity) = results.get(1) else {
            return Err(
                credentials.refused(sent.err().unwrap_or_else(response_error), session.address)
            );
        };
        identify(session, identity, credentials)?;
        if self::pins(session, credentials.role) != pins {
            continue;
        }
        let failed = queries.get(results.len()).copied().unwrap_or_default();
        sent.map_err(|failure| failure.context(format!("preparing the session ({failed})")))?;
        if let [.., kept, variables] = results.as_slice() {
            check(session.family, kept)?;
            let Some((clock, most_text)) = kept.first().and_then(limits) else { break };
            (session.clock, session.most_text) = (clock, most_text.min(MAX_PACKET));
            session.variables = Variables::new(variables);
            if session.variables.may_lack_roles() {
                let whole = "SELECT @@GLOBAL.mandatory_roles AS value";
                let rows = session.read("reading mandatory_roles", whole).await?;
                session.variables.take_roles(&rows);
            }
            return Ok(cluster::join(session, credentials).await?);
        }
        break;
    }
    Err(credentials.protocol_error(session.address).into())
}

fn identify(
    session: &mut Session,
    identity: &[Row],
    credentials: &Credentials<'_>,
) -> Result<(), Error> {
    let (version, account) = (text(identity, "version"), text(identity, "account"));
    session.family = Family::parse(version).ok_or_else(|| {
        ErrorType::ServerUnsupported.because(format!(
            "{} says that it is \"{}\", which is neither MySQL nor MariaDB",
            credentials.server,
            text::beginning(version, text::SERVER)
        ))
    })?;
    let (user, host) = account.rsplit_once('@').unwrap_or((account, ""));
    (session.account_user, session.account_host) = (user.to_owned(), host.to_owned());
    let (_, client) = text(identity, "client").rsplit_once('@').unwrap_or_default();
    session.client_host = client.to_owned();
    Ok(())
}

/// Reads back what was pinned. `init_connect` has run before; but a router in front of the server that
/// shares its sessions among clients may keep settings from it, and quotes depend on them.
const KEPT: &str = "SELECT @@session.sql_mode AS mode, @@session.autocommit AS autocommit, \
     @@session.character_set_client AS client, @@session.character_set_results AS results, \
     @@session.sql_select_limit AS rows_shown, @@session.sql_big_selects AS big_selects";

/// The same, and what limits the texts with account statements.
fn kept_query() -> String {
    format!("{KEPT}, @@session.max_allowed_packet AS most_text, {}", ServerClock::column())
}

fn limits(row: &Row) -> Option<(ServerClock, usize)> {
    Some((ServerClock::new(row)?, usize::try_from(row.number("most_text")?).ok()?))
}

fn check(family: Family, kept: &[Row]) -> Result<(), Error> {
    let modes = |text: &str| text.split(',').map(str::to_owned).collect::<BTreeSet<_>>();
    let mode = text(kept, "mode");
    let expected = [
        ("autocommit", "1"),
        ("client", "utf8mb4"),
        ("results", "utf8mb4"),
        ("rows_shown", UNLIMITED),
        ("big_selects", "1"),
    ];
    let wrong = expected.iter().find(|(name, value)| text(kept, name) != *value);
    let (name, found) = match wrong {
        _ if modes(mode) != modes(pinned_mode(family)) => ("mode", mode),
        Some((name, _)) => (*name, text(kept, name)),
        None => return Ok(()),
    };
    Err(ErrorType::StatementRefused.because(format!(
        "the server did not keep the session's settings: {name} is \"{found}\" in the answer to {KEPT}"
    )))
}

/// The text of a column, empty if it is not text or not there.
fn text<'a>(rows: &'a [Row], column: &str) -> &'a str {
    rows.first().map_or("", |row| row.text_or_empty(column))
}

/// The largest number that a limit takes; `DEFAULT` would be the server's global value.
const UNLIMITED: &str = "18446744073709551615";

const SET_NAMES: &str = "SET NAMES utf8mb4 COLLATE utf8mb4_bin";

fn pins(session: &Session, role: LoginRole) -> Vec<String> {
    let (family, seconds) = (session.family, session.limit.seconds());
    let mode = pinned_mode(family);
    let mut own = match family {
        // A statement that is ended at the server is one whose end is known. What holds a hash is
        // kept out of the log of slow statements.
        Family::MariaDb(_) => format!(", max_statement_time = {seconds}, slow_query_log = OFF"),
        Family::MySql(_) => ", max_execution_time = 0".to_owned(),
    };
    if family.is_mysql() && family.has_roles() {
        own += ", cte_max_recursion_depth = 1000";
    }
    if family.shows_hashes_in_hex() {
        own += ", print_identified_with_as_hex = ON";
    }
    let mut statements = vec![
        // Setting `max_join_size` sets `sql_big_selects`, too.
        format!(
            "SET SESSION sql_mode = '{mode}', autocommit = 1, wait_timeout = 60, \
             sql_quote_show_create = ON, sql_select_limit = {UNLIMITED}, \
             max_join_size = {UNLIMITED}, sql_big_selects = ON, group_concat_max_len = 1048576, \
             lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}{own}"
        ),
    ];
    if role == LoginRole::Superuser && family.is_mysql() && family.has_roles() {
        statements.push("SET ROLE ALL".to_owned());
    }
    statements
}
