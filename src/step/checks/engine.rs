//! What the secret says of the kind of server, against what the server says of itself.

use account_mirror::family::Family;

use super::Report;
use crate::error::{Error, refuse};
use crate::secret::Engine;
use crate::step::turn::Turn;

/// The server decides how long a name may be. A secret that calls it by another kind is a warning.
///
/// # Errors
///
/// `TwinNameImpossible` if the twin's name is longer than that.
pub(super) fn check(turn: &Turn<'_>, family: Family, report: &mut Report) -> Result<(), Error> {
    let engine = turn.current.engine;
    if (engine == Engine::Mariadb) == family.is_mysql() {
        report.warn(format!(
            "\"engine\" in the secret is \"{}\", and the server says that it is {family}; correct the \
             secret, which other tools believe",
            engine.as_str()
        ));
    }
    let (length, limit) = (turn.twin.as_str().chars().count(), family.username_limit());
    if length > limit {
        refuse!(
            TwinNameImpossible,
            "user \"{}\" was not rotated: its twin's name has {length} characters, and {family} allows \
             {limit}; give the application a user with a shorter name",
            turn.current.username
        );
    }
    Ok(())
}
