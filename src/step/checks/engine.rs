//! What the secret says of the kind of server, against what the server says of itself.

use super::Checks;
use crate::error::{Error, refuse};
use crate::secret::Engine;

impl Checks<'_, '_> {
    /// The server decides how long a name may be. A secret that calls it by another kind is a warning.
    ///
    /// # Errors
    ///
    /// `TwinNameImpossible` if the twin's name is longer than that.
    pub(super) fn engine(&mut self) -> Result<(), Error> {
        let (engine, family) = (self.turn.current.engine, self.pair.session.family);
        if (engine == Engine::Mariadb) == family.is_mysql() {
            self.report.warn(format!(
                "\"engine\" in the secret is \"{}\", and the server says that it is {family}; correct the \
                 secret, which other tools believe",
                engine.as_str()
            ));
        }
        let length = self.pair.twin_name.as_str().chars().count();
        let Some(limit) = self.pair.longest_name.filter(|limit| length > *limit) else {
            return Ok(());
        };
        refuse!(
            TwinNameImpossible,
            "user \"{}\" was not rotated: its twin's name has {length} characters, and the grant tables \
             of {family} allow {limit}; give the application a user with a shorter name",
            self.turn.current.username
        );
    }
}
