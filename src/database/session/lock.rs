//! The lock on a pair of users, which keeps two rotations of it apart.

use std::time::Duration;

use account_mirror::sql::quote_literal;
use account_mirror::username::Username;
use sha2::{Digest, Sha256};

use super::Session;
use crate::error::{Error, ErrorType};

/// How long to wait for another rotation of the same pair of users.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Takes the lock on a pair of users, which ends with the session.
///
/// # Errors
///
/// `RotationInProgress` if another rotation keeps it.
pub async fn lock_pair(session: &mut Session, user: &Username) -> Result<(), Error> {
    let name = lock_name(user);
    let quoted = quote_literal(&name);
    let mut holder = String::new();
    for wait in [Duration::ZERO, LOCK_WAIT] {
        let row = session
            .row(&format!(
                "SELECT GET_LOCK({quoted}, {}) AS locked, IS_USED_LOCK({quoted}) AS holder",
                wait.as_secs()
            ))
            .await
            .map_err(|failure| failure.context("taking the lock on the pair of users"))?;
        if row.number("locked") == Some(1) {
            return Ok(());
        }
        row.text_or_empty("holder").clone_into(&mut holder);
    }
    Err(ErrorType::RotationInProgress.because(format!(
        "another rotation of \"{user}\" holds the lock \"{name}\" on the server, in connection \
         {holder}; wait until it has ended; the next try goes on from here"
    )))
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
