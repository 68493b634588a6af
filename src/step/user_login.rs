//! What the steps do with every login of a user.

use std::net::IpAddr;

use account_mirror::proof::Format;
use account_mirror::sql::quote_identifier;
use account_mirror::user::User;
use account_mirror::username::Username;

use crate::caller::say;
use crate::database::server_error::{At, Meaning};
use crate::database::session::{Credentials, LoginError, LoginRole, Server, Session};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorType, refuse};
use crate::secret::UserSecret;
use crate::tls::TlsMode;

/// A login with a user's document.
pub(super) fn credentials<'a>(
    role: LoginRole,
    document: &'a UserSecret,
    server: &'a Server,
) -> Credentials<'a> {
    Credentials { role, server, user: &document.username, password: &document.password }
}

/// Logs in as one of the pair, whose accounts are like those of `user`.
///
/// The driver cuts a zero byte off the end of a challenge, also of [`Format::Ed25519`], where it is data: of the
/// logins with the right password one in 256 is refused, or goes on to an alternative method, which
/// the driver does not expect. So such a login is made once more there.
pub(super) async fn log_in(
    login: Credentials<'_>,
    addresses: &[IpAddr],
    deadline: Deadline,
    user: &User,
) -> Result<Session, LoginError> {
    match login.open_at(addresses, deadline).await {
        Err(refused)
            if user.has_format(Format::Ed25519)
                && (refused.meaning() == Some(Meaning::LoginRefused)
                    || refused.error.error_type() == ErrorType::ProtocolError) =>
        {
            login.open_at(addresses, deadline).await
        }
        result => result,
    }
}

/// The warning that is due at each login without encryption.
pub(super) fn plaintext_warning(role: LoginRole, server: &Server) -> Option<String> {
    (server.tls == TlsMode::Plaintext).then(|| {
        format!(
            "the login of {role} at {server} is not encrypted, because its secret has \"ssl\": false"
        )
    })
}

/// The server must have chosen the account that was meant.
pub(super) fn right_account(
    session: &Session,
    role: LoginRole,
    user: &Username,
) -> Result<(), Error> {
    let name = session.told(user.as_str());
    if session.account_user == user.as_str() {
        return Ok(());
    }
    Err(role.of_account(ErrorType::WrongAccount).because(format!(
        "the login as \"{name}\" ended in the account '{}'@'{}', which matches {} first; drop that \
         account, or change its host",
        session.account_user,
        session.account_host,
        say("the function's address", "your address, which may not be the function's")
    )))
}

/// The secret's database must be usable.
pub(super) async fn use_database(
    session: &mut Session,
    document: &UserSecret,
) -> Result<(), Error> {
    let Some(name) = &document.dbname else {
        return Ok(());
    };
    let Err(failure) = session.rows(&format!("USE {}", quote_identifier(name))).await else {
        return Ok(());
    };
    match (failure.row(At::Use), failure.code()) {
        (Some(row), Some(code)) => refuse!(
            DatabaseNameUnusable,
            "\"{}\" cannot use the database \"{name}\" that the secret names as \"dbname\" (MySQL \
             error {code}); {}",
            document.username,
            row.advice()
        ),
        _ => Err(failure.context(format!("using the database \"{name}\""))),
    }
}
