//! What the function does, call by call, and the rules that it keeps.

use super::model::{Invocation, Outcome, Point, State, Step, User, Version};

/// The rules, each of which can be broken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// A step begins only for the version that is AWSPENDING.
    pub(super) looks_at_labels: bool,
    /// A version that is current already needs nothing.
    pub(super) current_needs_nothing: bool,
    /// The new login is that of the twin of the user that is current.
    pub(super) alternates: bool,
    /// A value from an earlier try must be for the twin of the user that is current now.
    pub(super) refuses_stale_values: bool,
    /// The user in use must have the password that is current.
    pub(super) proves_the_user: bool,
    /// An account is the twin only if its password is that of a version that names it, or it is
    /// locked.
    pub(super) proves_the_twin: bool,
    /// The pair is locked while the twin is changed.
    pub(super) locks: bool,
    /// The lock is on the pair of users, whatever secret they are rotated for.
    pub(super) one_lock_for_all_secrets: bool,
    /// Under the lock, the labels are looked at again.
    pub(super) looks_again: bool,
    /// A twin that exists is made equal once more, and not only a new one.
    pub(super) repairs: bool,
    /// The password is set last, and that it works is no proof that the rest is done.
    pub(super) password_last: bool,
    /// setSecret reads both accounts again at its end.
    pub(super) verifies: bool,
    /// testSecret compares the accounts.
    pub(super) compares: bool,
    /// finishSecret moves the label only over a proof: that of this sandbox's testSecret, or its own.
    pub(super) proves_at_the_end: bool,
    /// A proof is forgotten when an earlier step begins, and used once.
    pub(super) forgets: bool,
    /// Between its own proof and the move, finishSecret looks whether the label is still there.
    pub(super) looks_before_the_move: bool,
    /// The current value must be of the version that the description names.
    pub(super) compares_versions: bool,
    /// Not a rule of the function but of the world: between the two calls of finishSecret there is
    /// no time for another version to be labeled by hand, stored and set. Secrets Manager offers no
    /// call that moves AWSCURRENT only if AWSPENDING is still where it was.
    pub(super) finish_is_prompt: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            looks_at_labels: true,
            current_needs_nothing: true,
            alternates: true,
            refuses_stale_values: true,
            proves_the_user: true,
            proves_the_twin: true,
            locks: true,
            one_lock_for_all_secrets: true,
            looks_again: true,
            repairs: true,
            password_last: true,
            verifies: true,
            compares: true,
            proves_at_the_end: true,
            forgets: true,
            looks_before_the_move: true,
            compares_versions: true,
            finish_is_prompt: true,
        }
    }
}

fn twin_of(user: User) -> User {
    1 - user
}

impl Rules {
    /// Does the next thing of invocation `n`; `None` if it has to wait.
    pub(super) fn advance(&self, state: &mut State, n: usize) -> Option<Outcome> {
        let invocation = state.invocations[n].clone();
        let (version, step) = (invocation.version, invocation.step);
        let seen = state.values[invocation.current]?;
        let twin = twin_of(seen);
        Some(match invocation.next {
            Point::Describe => {
                let current = state.current;
                self.describe(state, n, current)
            }
            Point::ReadValues => {
                let current = state.values[state.current]?;
                if step == Step::Finish && state.current == version {
                    return Some(Outcome::Succeeds);
                }
                if self.compares_versions && state.current != invocation.described {
                    return Some(Outcome::Fails);
                }
                state.invocations[n].current = state.current;
                match state.values[version] {
                    _ if step == Step::Create => Outcome::Goes(Point::Put),
                    None => Outcome::Fails,
                    Some(user) if user != twin_of(current) && self.refuses_stale_values => {
                        Outcome::Fails
                    }
                    Some(_) if step == Step::Set => Outcome::Goes(Point::Lock),
                    Some(_) => Outcome::Goes(Point::Compare),
                }
            }
            Point::Put => self.put(state, version, twin),
            Point::Lock if !self.locks => Outcome::Goes(Point::Check),
            Point::Lock if state.holds_lock() => Outcome::Fails,
            Point::Lock if state.locked_out && self.one_lock_for_all_secrets => Outcome::Fails,
            Point::Lock => {
                state.invocations[n].locks = true;
                Outcome::Goes(Point::LookAgain)
            }
            Point::LookAgain => {
                let unchanged =
                    state.pending == Some(version) && state.current == invocation.described;
                if unchanged || !self.looks_again {
                    Outcome::Goes(Point::Check)
                } else {
                    Outcome::Fails
                }
            }
            Point::Check => self.check(state, version, invocation.current),
            Point::Mirror => {
                let holds = state.accounts[seen].holds;
                let user = state.values[version]?;
                if self.repairs || state.accounts[user].holds == 0 {
                    state.write(user, version, |account| account.holds = holds);
                }
                Outcome::Goes(if self.password_last { Point::SetPassword } else { Point::Verify })
            }
            Point::SetPassword => {
                let user = state.values[version]?;
                state.write(user, version, |account| {
                    (account.password, account.locked) = (Some(version), false);
                });
                Outcome::Goes(if self.password_last { Point::Verify } else { Point::Mirror })
            }
            Point::Verify => self.verify(state, seen),
            Point::Compare => {
                let user = state.values[version]?;
                let [ours, theirs] = [seen, user].map(|user| state.accounts[user]);
                let logs_in = ours.password == Some(invocation.current)
                    && theirs.password == Some(version)
                    && !theirs.locked;
                let is_equal = ours.holds == theirs.holds;
                let is_true = logs_in && is_equal;
                state.invocations[n].proof = is_true;
                if let Some(([of, _], truth)) = &mut state.remembered {
                    *truth &= *of != version || is_true;
                }
                if !logs_in || !is_equal && self.compares {
                    return Some(Outcome::Fails);
                }
                match step {
                    Step::Finish if self.looks_before_the_move => {
                        Outcome::Goes(Point::DescribeAgain)
                    }
                    Step::Finish => Outcome::Goes(Point::Move),
                    _ => {
                        state.remembered = Some(([version, invocation.current], is_true));
                        Outcome::Succeeds
                    }
                }
            }
            Point::DescribeAgain if state.pending != Some(version) => Outcome::Fails,
            // As at the beginning, there is no time between the description and the move.
            Point::DescribeAgain | Point::Move => Self::move_current(state, n, invocation.current),
        })
    }

    /// The beginning of each step, with what the description says is current.
    pub(super) fn describe(&self, state: &mut State, n: usize, described: Version) -> Outcome {
        let Invocation { version, step, .. } = state.invocations[n];
        let remembered =
            if self.forgets || step == Step::Finish { state.remembered.take() } else { None };
        if described == version && self.current_needs_nothing {
            return Outcome::Succeeds;
        }
        if state.pending != Some(version) && self.looks_at_labels {
            return Outcome::Fails;
        }
        let invocation = &mut state.invocations[n];
        (invocation.described, invocation.current) = (described, described);
        if step != Step::Finish {
            return Outcome::Goes(Point::ReadValues);
        }
        let against = match remembered {
            Some(([of, against], truth)) if of == version => {
                state.invocations[n].proof = truth;
                against
            }
            _ if self.proves_at_the_end => return Outcome::Goes(Point::ReadValues),
            _ => described,
        };
        state.invocations[n].current = against;
        if self.finish_is_prompt {
            Self::move_current(state, n, against)
        } else {
            Outcome::Goes(Point::Move)
        }
    }

    /// `PutSecretValue` labels the version AWSPENDING, and never replaces a value.
    fn put(&self, state: &mut State, version: Version, twin: User) -> Outcome {
        let wanted = if self.alternates { twin } else { 1 };
        match state.values[version] {
            None => {
                state.values[version] = Some(wanted);
                if state.current != version {
                    state.pending = Some(version);
                }
                Outcome::Succeeds
            }
            Some(kept) if kept != twin && self.refuses_stale_values => Outcome::FailsForGood,
            Some(_) => Outcome::Succeeds,
        }
    }

    pub(super) fn check(&self, state: &State, version: Version, current: Version) -> Outcome {
        let Some([user, twin]) = state.values[current].map(|user| [user, twin_of(user)]) else {
            return Outcome::Fails;
        };
        let user = state.accounts[user];
        if self.proves_the_user && (user.password != Some(current) || user.locked) {
            return Outcome::Fails;
        }
        let names_it = |version| state.values.get(version) == Some(&Some(twin));
        let is_ours =
            state.accounts[twin].locked || state.accounts[twin].password.is_none_or(names_it);
        if self.proves_the_twin && !is_ours {
            return Outcome::Fails;
        }
        match self.password_last {
            true => Outcome::Goes(Point::Mirror),
            false if state.accounts[twin].password == Some(version) => Outcome::Succeeds,
            false => Outcome::Goes(Point::SetPassword),
        }
    }

    fn verify(&self, state: &State, source: User) -> Outcome {
        let [source, twin] = [source, twin_of(source)].map(|user| state.accounts[user]);
        let equal = source.holds == twin.holds;
        if equal || !self.verifies { Outcome::Succeeds } else { Outcome::Fails }
    }

    /// `UpdateSecretVersionStage` takes the label from the version that was seen to have it, and from
    /// no other.
    fn move_current(state: &mut State, n: usize, seen: Version) -> Outcome {
        let Invocation { version, proof, .. } = state.invocations[n];
        if state.current == seen && version != seen {
            (state.before, state.current) = (seen, version);
            state.promoted_unproven |= !proof;
        }
        if state.current == version { Outcome::Succeeds } else { Outcome::Fails }
    }
}
