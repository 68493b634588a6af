//! The superuser's session, and what its server says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::account::RoleName;
use super::witness::tokens;
use super::{Family, Session};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorType};
use crate::username::Username;

/// How long a statement may wait for a lock, at most. It is always shorter than what is left of the
/// invocation, so that the server gives up before the client does: a statement that the client
/// abandoned would otherwise be carried out later.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// How long a statement may take at the server, in the session that [`prepare`] set up.
#[derive(Clone, Copy, Debug)]
pub struct StatementLimit(Duration);

impl StatementLimit {
    /// The limit for a session that ends at `deadline`.
    fn within(deadline: Deadline) -> Self {
        let third = deadline.remaining() / 3;
        Self(Duration::from_secs(third.as_secs().clamp(1, LOCK_WAIT.as_secs())))
    }

    /// Refuses to start a statement that the server might still be carrying out when the client has
    /// to give up.
    ///
    /// # Errors
    ///
    /// `DeadlineExceeded`.
    pub fn check(self, deadline: Deadline) -> Result<(), Error> {
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
pub(super) fn pinned_mode(family: Family) -> &'static str {
    match family {
        Family::MySql(version) if version >= (8, 0, 0) => "NO_BACKSLASH_ESCAPES",
        Family::MySql(_) | Family::MariaDb(_) => "NO_AUTO_CREATE_USER,NO_BACKSLASH_ESCAPES",
    }
}

/// Pins what the statements depend on, activates the superuser's roles, and checks that the server
/// kept it all: `init_connect` may change a session.
///
/// # Errors
///
/// `StatementRefused` if the server did not keep a setting.
pub async fn prepare(session: &mut Session, deadline: Deadline) -> Result<StatementLimit, Error> {
    let limit = StatementLimit::within(deadline);
    let seconds = limit.0.as_secs();
    let mode = pinned_mode(session.family);
    let extra = match session.family {
        Family::MySql(version) if version >= (8, 0, 17) => {
            ", print_identified_with_as_hex = ON".to_owned()
        }
        Family::MySql(_) => String::new(),
        Family::MariaDb(_) => format!(", max_statement_time = {seconds}"),
    };
    let roles = matches!(session.family, Family::MySql(_)) && session.family.has_roles();
    let pin = format!(
        "SET SESSION sql_mode = '{mode}', autocommit = 1, wait_timeout = 60, \
         sql_quote_show_create = ON, \
         lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}{extra}"
    );
    let mut statements = vec!["SET NAMES utf8mb4".to_owned(), pin];
    statements.extend(roles.then(|| "SET ROLE ALL".to_owned()));
    for statement in &statements {
        session.rows(statement, (), deadline).await.map_err(|failure| {
            failure.context(format!("preparing the session ({statement})"))
        })?;
    }
    let kept = session
        .row(
            "SELECT @@session.sql_mode AS mode, @@session.autocommit AS autocommit, \
             @@session.character_set_client AS charset",
            (),
            deadline,
        )
        .await
        .map_err(|failure| failure.context("reading the session's settings"))?;
    let modes: BTreeSet<String> =
        kept.text_or_empty("mode").split(',').map(str::to_owned).collect();
    let as_set = modes == mode.split(',').map(str::to_owned).collect()
        && kept.number("autocommit") == Some(1)
        && kept.text_or_empty("charset") == "utf8mb4";
    if as_set {
        return Ok(limit);
    }
    Err(ErrorType::StatementRefused.because(format!(
        "the server did not keep the session's settings: sql_mode is \"{}\", autocommit {}, \
         character set {}",
        kept.text_or_empty("mode"),
        kept.text_or_empty("autocommit"),
        kept.text_or_empty("charset")
    )))
}

/// How long to wait for another rotation of the same pair of users.
const PAIR_LOCK_WAIT: Duration = Duration::from_secs(5);

/// Takes the lock on a pair of users, which ends with the session.
///
/// # Errors
///
/// `RotationInProgress` if another rotation keeps it.
pub async fn lock_pair(
    session: &mut Session,
    user: &Username,
    deadline: Deadline,
) -> Result<(), Error> {
    let name = lock_name(user);
    for wait in [Duration::ZERO, PAIR_LOCK_WAIT] {
        let row = session
            .row(
                "SELECT GET_LOCK(?, ?) AS locked, IS_USED_LOCK(?) AS holder",
                (name.as_str(), wait.as_secs(), name.as_str()),
                deadline,
            )
            .await
            .map_err(|failure| failure.context("taking the lock on the pair of users"))?;
        if row.number("locked") == Some(1) {
            return Ok(());
        }
        if !wait.is_zero() {
            return Err(ErrorType::RotationInProgress.because(format!(
                "another rotation of \"{user}\" holds the lock \"{name}\" on the server, in \
                 connection {}; wait until it has ended; the next try goes on from here",
                row.text_or_empty("holder")
            )));
        }
    }
    Ok(())
}

/// The name of the lock on a pair: what both users have in common, or a digest of it where that is
/// longer than a name may be, which is 64 characters on MySQL and 192 bytes on MariaDB.
fn lock_name(user: &Username) -> String {
    let name = format!("rotation:{}", user.base());
    if name.len() <= 64 {
        return name;
    }
    let digest = Sha256::digest(user.base());
    let digits = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
    format!("rotation:{}", digits.collect::<String>())
}

/// The global variables of a server that matter to a rotation.
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Reads them.
    ///
    /// # Errors
    ///
    /// Of the connection.
    pub async fn read(session: &mut Session, deadline: Deadline) -> Result<Self, Error> {
        let rows = session
            .rows(
                "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only', \
                 'innodb_read_only', 'partial_revokes', 'mandatory_roles', 'server_uuid', \
                 'server_uid', 'strict_password_validation') \
                 OR Variable_name LIKE 'validate_password%' \
                 OR Variable_name LIKE 'simple_password_check%' \
                 OR Variable_name LIKE 'cracklib_password_check%' \
                 OR Variable_name LIKE 'password_reuse_check%'",
                (),
                deadline,
            )
            .await
            .map_err(|failure| failure.context("reading the server's variables"))?;
        Ok(Self(
            rows.iter()
                .map(|row| {
                    let name = row.text_or_empty("Variable_name").to_ascii_lowercase();
                    (name, row.text_or_empty("Value"))
                })
                .collect(),
        ))
    }

    /// The value of a variable, if the server has it.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a variable as a number.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.value(name)?.parse().ok()
    }

    /// Whether a variable is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| !value.eq_ignore_ascii_case("OFF") && value != "0")
    }

    /// The variable because of which the server takes no account statements, if there is one. It
    /// counts whatever the superuser may do: a write to a replica would make it differ.
    pub fn read_only(&self) -> Option<&'static str> {
        ["read_only", "super_read_only", "innodb_read_only"]
            .into_iter()
            .find(|name| self.is_on(name))
    }

    /// The name by which the server knows itself among all others.
    pub fn identity(&self) -> Option<&str> {
        self.value("server_uuid").or_else(|| self.value("server_uid"))
    }

    /// Whether both are of one server, as the server itself says.
    pub fn is_same_server(&self, other: &Self) -> bool {
        self.identity().is_some() && self.identity() == other.identity()
    }

    /// The roles that every account has without being granted them (MySQL).
    pub fn mandatory_roles(&self) -> BTreeSet<RoleName> {
        let tokens = tokens(self.value("mandatory_roles").unwrap_or_default());
        tokens
            .split(|token| token.is(","))
            .filter_map(|role| {
                let mut parts = role.split(|token| token.is("@"));
                let text = |part: Option<&[super::witness::Token]>| {
                    let text: String = part?.iter().map(super::witness::Token::text).collect();
                    (!text.is_empty()).then_some(text)
                };
                Some(RoleName {
                    user: text(parts.next())?,
                    host: Some(text(parts.next()).unwrap_or_else(|| "%".to_owned())),
                })
            })
            .collect()
    }
}
