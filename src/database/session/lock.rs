//! The lock on a pair of users, which keeps two rotations of it apart.

use std::time::Duration;

use account_mirror::sql::quote_literal;
use account_mirror::username::Username;
use sha2::{Digest, Sha256};

use super::{QueryError, Session};
use crate::database::server_error::{At, Meaning};
use crate::error::{Error, refuse};
use crate::event::SecretId;

/// How long to wait for another rotation of the same pair of users.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// What became of the lock on a pair of users.
#[derive(Debug, PartialEq, Eq)]
pub enum Lock {
    /// It is taken.
    Taken,
    /// The server has no locks, as Percona `XtraDB` Cluster in its strict mode; with its error.
    None(String),
}

/// Takes the lock on a pair of users, which ends with the session.
///
/// # Errors
///
/// `RotationInProgress` if another rotation keeps it.
pub async fn lock_pair(
    session: &mut Session,
    user: &Username,
    superuser: &SecretId,
) -> Result<Lock, Error> {
    let name = quote_literal(&lock_name(user, superuser));
    for wait in [Duration::ZERO, LOCK_WAIT] {
        let take = format!("SELECT GET_LOCK({name}, {}) AS locked", wait.as_secs());
        match session.row(&take).await {
            Ok(row) if row.number("locked") == Some(1) => return Ok(Lock::Taken),
            Ok(_) => {}
            Err(failure) => match (failure.meaning(At::Read), failure) {
                (Some(Meaning::NoLocks), QueryError::Server { code, text, .. }) => {
                    return Ok(Lock::None(format!("{code}: \"{text}\"")));
                }
                (_, failure) => return Err(failure.context("taking the lock on the pair of users")),
            },
        }
    }
    let holder = format!(
        "SELECT ID AS id, USER AS user, HOST AS host FROM information_schema.PROCESSLIST \
         WHERE ID = IS_USED_LOCK({name})"
    );
    let holder = session.rows(&holder).await.unwrap_or_default();
    let holder = holder.first().map_or("a connection that has ended since".to_owned(), |row| {
        format!(
            "connection {} of '{}' from {}",
            row.text_or_empty("id"),
            session.told(row.text_or_empty("user")),
            row.text_or_empty("host")
        )
    });
    refuse!(
        RotationInProgress,
        "the lock on \"{}\" and its twin could not be taken: {holder} holds it, for another rotation of \
         them; wait until that has ended, or end the connection",
        user.base()
    );
}

/// The name of the lock on a pair. It is the same from both users, and nobody can guess it, and so
/// hold it, who does not know the superuser's secret: an ARN ends in random characters. No password
/// is in it, so that it answers no question about one.
fn lock_name(user: &Username, superuser: &SecretId) -> String {
    let digest = Sha256::new()
        .chain_update(user.base())
        .chain_update([0])
        .chain_update(superuser.as_str())
        .finalize();
    let digits: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("rotation:{digits}")
}
