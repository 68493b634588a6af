//! Proofs of passwords by the hashes that the server stores.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use account_mirror::password::Password;
use account_mirror::plugin::ROUNDS_VARIABLE;
use account_mirror::proof::{Meaning, Proof};
use account_mirror::user::{Account, StoredPassword};

use crate::caller::say;
use crate::deadline::Deadline;
use crate::error::{Error, refuse};

/// How many rounds are computed between two checks of the deadline.
const SLICE: u32 = 1000;
/// After how many rounds their speed is known.
const ENOUGH: u32 = 5 * SLICE;

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
    pub(super) async fn matches(
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
            Meaning::Hash(hash) => self.compute(hash.proof(password.expose().as_bytes())).await?,
            Meaning::Empty | Meaning::Disabled | Meaning::Unprovable => false,
        };
        known().push((stored.clone(), password.clone(), matches));
        Ok(matches)
    }

    /// Whether a password logs in to an account, by any of its stored ones.
    pub(super) async fn any_matches(
        &self,
        account: &Account,
        password: &Password,
    ) -> Result<bool, Error> {
        for stored in &account.state.passwords {
            if self.matches(stored, password).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether setting this password would change nothing: the twin has it by every method, has the
    /// methods of the source, and its password has not expired.
    pub(super) async fn is_in_place(
        &self,
        source: &Account,
        twin: &Account,
        password: &Password,
    ) -> Result<bool, Error> {
        if twin.authentication != source.authentication || twin.state.expired {
            return Ok(false);
        }
        for stored in &twin.state.passwords {
            if !self.matches(stored, password).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Computes in slices: no timer fires within one, and other tasks run in between.
    async fn compute(&self, mut proof: Proof) -> Result<bool, Error> {
        let (started, rounds) = (Instant::now(), proof.rounds_left());
        loop {
            if let Some(matches) = proof.advance(SLICE) {
                return Ok(matches);
            }
            let (left, remaining) = (proof.rounds_left(), self.deadline.remaining());
            let needed = remaining_time(started.elapsed(), rounds - left, left);
            if remaining.is_zero() || needed.is_some_and(|needed| needed > remaining) {
                refuse!(
                    ProofTooSlow,
                    "a password cannot be proven in time: its stored hash has {rounds} rounds, of \
                     which {left} are left, and the invocation ends in {} ms; {}, or set \
                     the password again with fewer rounds ({ROUNDS_VARIABLE})",
                    remaining.as_millis(),
                    say(
                        "raise the function's memory, which raises its share of a CPU",
                        "try again"
                    )
                );
            }
            tokio::task::yield_now().await;
        }
    }
}

/// How long the rounds that are left take at the speed so far, once that is known.
fn remaining_time(elapsed: Duration, done: u32, left: u32) -> Option<Duration> {
    (done >= ENOUGH).then(|| elapsed.mul_f64(f64::from(left) / f64::from(done)))
}
