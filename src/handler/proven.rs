//! What `testSecret` has proven in this sandbox, for the `finishSecret` that follows it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::event::{SecretId, VersionId};
use crate::step::Proven;

/// How long a proof counts. The steps follow each other within seconds; what is older says less of the
/// server than a new test does.
const COUNTS: Duration = Duration::from_secs(60);
/// How many secrets are remembered: a fleet of them may share a sandbox.
const MOST: usize = 64;

/// The last proofs, at most one for each secret.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<Vec<Remembered>>);

/// A proof, of which secret it is, and since when it is remembered.
#[derive(Debug)]
pub(super) struct Remembered {
    secret: SecretId,
    proven: Proven,
    /// A clock that may stand still while the sandbox is frozen,
    since: Instant,
    /// and one that does not, but may be set.
    at: SystemTime,
}

impl Memory {
    /// Remembers that a version of a secret was proven.
    pub(super) fn remember(&self, secret: &SecretId, proven: Proven) {
        let new = Remembered {
            secret: secret.clone(),
            proven,
            since: Instant::now(),
            at: SystemTime::now(),
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|other| other.secret != *secret);
        if known.len() >= MOST {
            known.remove(0);
        }
        known.push(new);
    }

    /// Forgets what was proven of a secret, whatever the event calls it: its ARN, a part of that, or its
    /// name. Returns the proof of this version.
    pub(super) fn take(&self, secret: &SecretId, version: &VersionId) -> Option<Remembered> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of_secret, others): (Vec<_>, Vec<_>) = std::mem::take(&mut *known)
            .into_iter()
            .partition(|known| known.secret.as_str().contains(secret.as_str()));
        *known = others;
        of_secret.into_iter().find(|known| known.proven.version == *version)
    }
}

impl Remembered {
    /// The proof, if it is one of this secret and counts still.
    pub(super) fn of(self, secret: &SecretId) -> Option<Proven> {
        let is_young = counts(self.since.elapsed(), self.at, SystemTime::now());
        (self.secret == *secret && is_young).then_some(self.proven)
    }
}

/// Whether a proof of this age counts, by both clocks. One that is from the future does not.
fn counts(elapsed: Duration, at: SystemTime, now: SystemTime) -> bool {
    elapsed <= COUNTS && now.duration_since(at).is_ok_and(|age| age <= COUNTS)
}

#[cfg(test)]
mod tests {
    use account_mirror::username::Username;

    use super::*;

    fn proven(version: &str) -> Proven {
        Proven {
            version: VersionId::new(version),
            against: VersionId::new("current"),
            user: Username::parse("app").unwrap(),
        }
    }

    fn arn(name: &str) -> SecretId {
        SecretId::new(format!("arn:aws:secretsmanager:eu-central-1:1:secret:{name}-abcdef"))
    }

    fn version(id: &str) -> VersionId {
        VersionId::new(id)
    }

    #[test]
    fn a_proof_is_taken_once_and_for_its_own_version_alone() {
        let memory = Memory::default();
        memory.remember(&arn("a"), proven("1"));
        memory.remember(&arn("b"), proven("2"));
        assert!(memory.take(&arn("b"), &version("1")).is_none());
        let taken = memory.take(&arn("a"), &version("1")).unwrap();
        assert!(taken.of(&arn("a")).is_some());
        assert!(memory.take(&arn("a"), &version("1")).is_none());
        assert!(memory.take(&arn("b"), &version("2")).is_none(), "another version forgets it");
    }

    #[test]
    fn a_secret_is_forgotten_by_its_name_as_well() {
        let memory = Memory::default();
        memory.remember(&arn("app"), proven("1"));
        let taken = memory.take(&SecretId::new("app"), &version("1")).unwrap();
        assert!(taken.of(&arn("other")).is_none());
        assert!(memory.take(&arn("app"), &version("1")).is_none());
    }

    #[test]
    fn no_more_than_a_number_of_secrets_is_remembered_the_last_ones() {
        let memory = Memory::default();
        for n in 0..=MOST {
            memory.remember(&arn(&format!("s{n}x")), proven("1"));
        }
        assert!(memory.take(&arn("s0x"), &version("1")).is_none());
        assert!(memory.take(&arn("s1x"), &version("1")).is_some());
        assert_eq!(memory.0.lock().unwrap().len(), MOST - 1);
    }

    #[test]
    fn a_proof_counts_for_a_minute_by_both_clocks() {
        let now = SystemTime::now();
        let second = Duration::from_secs(1);
        for (elapsed, at, expected) in [
            (second, now - second, true),
            (COUNTS, now - COUNTS, true),
            (COUNTS + second, now - second, false),
            // The sandbox was frozen.
            (second, now - COUNTS - second, false),
            // The clock was set back.
            (second, now + second, false),
        ] {
            assert_eq!(counts(elapsed, at, now), expected, "{elapsed:?}");
        }
    }
}
