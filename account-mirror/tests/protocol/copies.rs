//! Two secrets that are copies of each other, with one superuser: each of their rotations keeps the
//! rules by itself, and nothing but the server is between them. What may happen at once within one
//! secret is left to the other model: here its rotations and invocations come one by one.

use stateright::{Model, Property};

use super::model::{Action, Outcome, Protocol, State, Version};

/// Adds to the number of a password that is a version of the other secret alone.
const OTHERS: Version = 10;

/// What is promised of copies.
pub(super) const KEEPS_LOGIN: &str =
    "the login that a copy has rotated to works until its account is handed over";
pub(super) const ONE_IS_REFUSED: &str = "of two copies that have rotated, one is refused";
const ONE_ROTATES: &str = "no two copies rotate, unless an account is handed over";

/// The two secrets, each as it sees the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    secrets: [State; 2],
    /// How many versions both had when one was copied.
    shared: Version,
    /// Which secret was refused an account.
    refused: [bool; 2],
    /// Which secret's account was handed over to the other, in use or just about to be.
    cut_off: [bool; 2],
    hand_overs: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Event {
    /// Something happens to one of the secrets.
    Of(usize, Action),
    /// An operator locks the account that this secret was refused.
    HandOver(usize),
}

/// Two copies under the rules of the protocol.
pub(super) struct Copies {
    pub(super) protocol: Protocol,
}

impl Model for Copies {
    type State = Pair;
    type Action = Event;

    /// Copied before the twin existed, and after it was made.
    fn init_states(&self) -> Vec<Pair> {
        let copied = |shared| {
            let secret = State { crashes: 1, ..State::with_versions(shared, 2) };
            Pair {
                secrets: [secret.clone(), secret],
                shared,
                refused: [false; 2],
                cut_off: [false; 2],
                hand_overs: 1,
            }
        };
        vec![copied(1), copied(2)]
    }

    fn actions(&self, pair: &Pair, events: &mut Vec<Event>) {
        for secret in [0, 1] {
            let state = &pair.secrets[secret];
            let mut actions = Vec::new();
            self.protocol.actions(state, &mut actions);
            let one_by_one = |action: &Action| match action {
                Action::Begin(_) => state.is_idle(),
                Action::Invoke(_) => state.invocations.is_empty(),
                _ => true,
            };
            let actions = actions.into_iter().filter(one_by_one);
            events.extend(actions.map(|action| Event::Of(secret, action)));
            if pair.refused[secret] && pair.hand_overs > 0 {
                events.push(Event::HandOver(secret));
            }
        }
    }

    fn next_state(&self, before: &Pair, event: Event) -> Option<Pair> {
        let mut pair = before.clone();
        match event {
            Event::Of(secret, action) => {
                let own = &before.secrets[secret];
                pair.secrets[secret] = self.protocol.next_state(own, action)?;
                if let Action::Advance(n) = action {
                    pair.refused[secret] |= self.is_refused(own, n);
                }
                pair.tell(secret);
            }
            Event::HandOver(secret) => {
                pair.hand_overs -= 1;
                let state = &mut pair.secrets[secret];
                let twin = 1 - state.values[state.current]?;
                state.accounts[twin].locked = true;
                let other = &before.secrets[1 - secret];
                let mut in_use = [Some(other.current), other.pending].into_iter().flatten();
                pair.cut_off[1 - secret] |= in_use.any(|one| other.values[one] == Some(twin));
                pair.tell(secret);
            }
        }
        (pair != *before).then_some(pair)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(KEEPS_LOGIN, |_, pair: &Pair| {
                [0, 1].into_iter().all(|secret| {
                    pair.cut_off[secret] || !pair.has_rotated(secret) || pair.logs_in(secret)
                })
            }),
            Property::always(ONE_IS_REFUSED, |copies: &Self, pair: &Pair| {
                let goes_on = |secret: usize| {
                    let state = &pair.secrets[secret];
                    let outcome = copies.protocol.rules.check(state, state.current, state.current);
                    !matches!(outcome, Outcome::Fails)
                };
                !(pair.both_rotated() && goes_on(0) && goes_on(1))
            }),
            Property::always(ONE_ROTATES, |_, pair: &Pair| {
                pair.hand_overs == 0 || !pair.both_rotated()
            }),
            // Why copies must not rotate: nothing tells the second rotation of one that the other,
            // which has made none, still uses the account.
            Property::sometimes("a copy that has not rotated is cut off", |_, pair: &Pair| {
                pair.hand_overs > 0
                    && [0, 1].iter().any(|&one| !pair.has_rotated(one) && !pair.logs_in(one))
            }),
            Property::sometimes("both copies have rotated", |_, pair: &Pair| pair.both_rotated()),
        ]
    }
}

impl Copies {
    /// Whether the next thing of an invocation is the checks, and they refuse.
    fn is_refused(&self, state: &State, n: usize) -> bool {
        let invocation = &state.invocations[n];
        let (version, current) = (invocation.version, invocation.current);
        invocation.next == super::model::Point::Check
            && matches!(self.protocol.rules.check(state, version, current), Outcome::Fails)
    }
}

impl Pair {
    /// Shows the other secret what one has done to the server. What is a version of its own to one
    /// is none to the other.
    fn tell(&mut self, secret: usize) {
        let shared = self.shared;
        let holds_lock = self.secrets[secret].holds_lock();
        let accounts = self.secrets[secret].accounts.map(|mut account| {
            account.password = account.password.map(|password| match password {
                both if both < shared => both,
                own if own < OTHERS => own + OTHERS,
                others => others - OTHERS,
            });
            account
        });
        let other = &mut self.secrets[1 - secret];
        (other.accounts, other.locked_out) = (accounts, holds_lock);
    }

    fn has_rotated(&self, secret: usize) -> bool {
        self.secrets[secret].current >= self.shared
    }

    fn both_rotated(&self) -> bool {
        self.has_rotated(0) && self.has_rotated(1)
    }

    /// Whether the current login of a secret has its password.
    fn logs_in(&self, secret: usize) -> bool {
        let state = &self.secrets[secret];
        let account = state.values[state.current].map(|user| state.accounts[user]);
        account.is_some_and(|account| account.password == Some(state.current) && !account.locked)
    }
}
