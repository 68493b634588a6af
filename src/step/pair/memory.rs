//! The server's memory, which decides on logins, and its grant tables, which proofs are about.

use account_mirror::proof::Meaning;
use account_mirror::user::{StoredPassword, User};

use super::Pair;
use crate::error::{Error, refuse};

impl Pair<'_> {
    /// Checks that the passwords that the server shows of a user, from its memory, are those of its
    /// tables.
    ///
    /// # Errors
    ///
    /// `FlushPrivilegesDue`.
    pub(in crate::step) fn check_memory(&self, user: &User) -> Result<(), Error> {
        for (host, account) in &user.accounts {
            let key = (user.name.as_str().to_owned(), host.clone());
            let line = self.in_memory.get(&key).map(Vec::as_slice).unwrap_or_default();
            let is_hash = |stored: &&StoredPassword| matches!(stored.meaning(), Meaning::Hash(_));
            let mut hashes = account.state.passwords.iter().filter(is_hash);
            if !hashes.all(|stored| stored.string.is_shown_in(line)) {
                refuse!(
                    FlushPrivilegesDue,
                    "no password of '{}'@'{host}' was proven: the server's memory has another one than its \
                     grant tables, to which somebody wrote directly; run FLUSH PRIVILEGES, and rotate again",
                    user.name
                );
            }
        }
        Ok(())
    }
}
