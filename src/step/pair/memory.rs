//! The server's memory, which decides on logins and privileges, and its grant tables, which proofs and
//! plans are about.

use account_mirror::proof::Meaning;
use account_mirror::user::{StoredPassword, User};

use super::Pair;
use super::settled::PAUSE;
use crate::error::{Error, refuse};

impl Pair<'_> {
    /// Checks that the passwords that the server shows of both users, from its memory, are those of its
    /// tables, and so are their privileges.
    ///
    /// # Errors
    ///
    /// `FlushPrivilegesDue`.
    pub(in crate::step) async fn check_memory(&mut self) -> Result<(), Error> {
        if self.not_in_memory.is_some() {
            // The two are not read at the same instant.
            let what = "the server's memory to have what is in its grant tables";
            self.deadline.run(what, tokio::time::sleep(PAUSE)).await?;
            self.refresh().await?;
        }
        if let Some(place) = &self.not_in_memory {
            refuse!(
                FlushPrivilegesDue,
                "nothing was changed: the server's memory has other privileges of {place} than its grant \
                 tables, to which somebody wrote directly; run FLUSH PRIVILEGES, and rotate again"
            );
        }
        self.users().try_for_each(|user| self.check_passwords(user))
    }

    fn check_passwords(&self, user: &User) -> Result<(), Error> {
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
