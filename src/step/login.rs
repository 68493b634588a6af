//! What the steps do with every login of a user.

use account_mirror::sql::quote_identifier;
use account_mirror::username::Username;

use crate::database::session::{Credentials, LoginRole, Server, Session};
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

/// The warning that is due at each login without encryption.
pub(super) fn plaintext_warning(role: LoginRole, server: &Server) -> Option<String> {
    (server.tls == TlsMode::Plaintext).then(|| {
        format!(
            "the login of {role} at {server} is not encrypted, because its secret has \"ssl\": false"
        )
    })
}

/// The server must have chosen the account that was meant.
pub(super) fn right_account(session: &Session, user: &Username) -> Result<(), Error> {
    if session.account_user == user.as_str() {
        return Ok(());
    }
    Err(ErrorType::WrongAccount.because(format!(
        "the login as \"{user}\" ended in the account '{}'@'{}', which matches the function's address \
         first; drop that account, or change its host",
        session.account_user, session.account_host
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
    match failure.code() {
        Some(code @ (1044 | 1049)) => refuse!(
            DatabaseNameUnusable,
            "\"{}\" cannot use the database \"{name}\" that the secret names as \"dbname\" (MySQL \
             error {code}); grant it something there, or correct the secret",
            document.username
        ),
        _ => Err(failure.context(format!("using the database \"{name}\""))),
    }
}
