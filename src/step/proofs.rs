//! Proofs of passwords by the hashes that the server stores.

use std::sync::{Mutex, PoisonError};

use account_mirror::password::Password;
use account_mirror::plugin::ROUNDS_VARIABLE;
use account_mirror::proof::Meaning;
use account_mirror::user::{Account, StoredPassword};

use crate::caller::say;
use crate::deadline::Deadline;
use crate::error::{Error, refuse};

/// The proofs of an invocation: each pair of hash and password is computed once.
pub(super) struct Proofs {
    deadline: Deadline,
    known: Mutex<Vec<(StoredPassword, Password, bool)>>,
}

impl Proofs {
    /// Proofs that end before `deadline`.
    pub(super) fn until(deadline: Deadline) -> Self {
        Self { deadline, known: Mutex::default() }
    }

    /// Whether a password belongs to what the server stores.
    ///
    /// # Errors
    ///
    /// `ProofTooSlow` if the hash has more rounds than there is time for.
    pub(super) fn matches(
        &self,
        stored: &StoredPassword,
        password: &Password,
    ) -> Result<bool, Error> {
        let is_it = |(of, with, _): &&(StoredPassword, Password, bool)| {
            of == stored && with.expose() == password.expose()
        };
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., matches)) = known().iter().find(is_it) {
            return Ok(*matches);
        }
        let matches = match stored.meaning() {
            Meaning::Hash(hash) => hash
                .matches(password.expose().as_bytes(), |left, rounds| self.in_time(left, rounds))?,
            Meaning::Empty | Meaning::Disabled | Meaning::Unprovable => false,
        };
        known().push((stored.clone(), password.clone(), matches));
        Ok(matches)
    }

    /// Whether a password logs in to an account, by any of its stored ones.
    pub(super) fn any_matches(
        &self,
        account: &Account,
        password: &Password,
    ) -> Result<bool, Error> {
        for stored in &account.state.passwords {
            if self.matches(stored, password)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether setting this password would change nothing: the twin has it by every method, has the
    /// methods of the source, and its password has not expired.
    pub(super) fn is_in_place(
        &self,
        source: &Account,
        twin: &Account,
        password: &Password,
    ) -> Result<bool, Error> {
        if twin.authentication != source.authentication || twin.state.expired {
            return Ok(false);
        }
        for stored in &twin.state.passwords {
            if !self.matches(stored, password)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Looks at the clock between rounds, since no timer fires before they end.
    fn in_time(&self, left: u32, rounds: u32) -> Result<(), Error> {
        if !self.deadline.remaining().is_zero() {
            return Ok(());
        }
        refuse!(
            ProofTooSlow,
            "a password was not proven in time: its stored hash has {rounds} rounds, of which {left} \
             were left when the time of this invocation ended; {}, or set the password again with \
             fewer rounds ({ROUNDS_VARIABLE})",
            say("raise the function's memory, which raises its share of a CPU", "try again")
        );
    }
}
