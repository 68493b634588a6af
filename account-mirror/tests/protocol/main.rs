//! A model of the protocol, tried out in every order of events, with and without each of its rules.

#![allow(clippy::too_many_lines, reason = "a rule is read from its beginning to its end")]

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use stateright::{Checker, HasDiscoveries, Model};

use self::copies::{Copies, KEEPS_LOGIN, ONE_IS_REFUSED};
use self::model::{Others, Protocol, State};
use self::nodes::{LOGS_IN, Leases};
use self::rules::Rules;

mod copies;
mod model;
mod nodes;
mod rules;

const WRITES_CURRENT: &str = "no rotation writes the account that another has made current";
const STRANGER: &str = "a stranger keeps the login";
const ENDS_WELL: &str = "every run can end well";

/// What it is called, what it breaks, and the property that no longer holds.
type Mutation = (&'static str, fn(&mut Rules), &'static str);

/// One rule broken at a time, with what the model says about it.
const MUTATIONS: &[Mutation] = &[
    (
        "a version that lost its label goes on",
        |rules| rules.looks_at_labels = false,
        WRITES_CURRENT,
    ),
    (
        "a version that is current already is rotated on",
        |rules| rules.current_needs_nothing = false,
        ENDS_WELL,
    ),
    (
        "the new login is always for the same user, and no value is refused",
        |rules| (rules.alternates, rules.refuses_stale_values) = (false, false),
        WRITES_CURRENT,
    ),
    (
        "a value made from an older current one is accepted",
        |rules| rules.refuses_stale_values = false,
        WRITES_CURRENT,
    ),
    (
        "an account is taken for the twin by its name",
        |rules| rules.proves_the_twin = false,
        STRANGER,
    ),
    (
        "nothing keeps two invocations from changing the twin at once",
        |rules| rules.locks = false,
        WRITES_CURRENT,
    ),
    (
        "the labels are not looked at again under the lock",
        |rules| rules.looks_again = false,
        WRITES_CURRENT,
    ),
    ("a twin that exists is not made equal again", |rules| rules.repairs = false, ENDS_WELL),
    ("a password that works is proof enough", |rules| rules.password_last = false, ENDS_WELL),
    (
        "a password that works is proof enough, for testSecret too",
        |rules| (rules.password_last, rules.compares) = (false, false),
        "nothing unproven is promoted",
    ),
    (
        "neither setSecret nor testSecret compares the accounts",
        |rules| (rules.verifies, rules.compares) = (false, false),
        "nothing unproven is promoted",
    ),
    (
        "finishSecret proves for a while, and does not look at the label again",
        |rules| rules.looks_before_the_move = false,
        "current always logs in",
    ),
    (
        "finishSecret sleeps between its two calls while another rotation goes on",
        |rules| rules.finish_is_prompt = false,
        "current always logs in",
    ),
];

#[test]
fn in_every_order_of_events_current_logs_in_and_nothing_unproven_is_promoted() {
    let checker = Protocol::default().checker().spawn_bfs().join();
    checker.assert_properties();
}

/// What is broken with somebody else about, and the property that no longer holds.
const MUTATIONS_WITH_OTHERS: &[(Others, Mutation)] = &[
    (
        Others::Anybody,
        (
            "finishSecret believes whoever calls it",
            |rules| rules.proves_at_the_end = false,
            "nothing unproven is promoted",
        ),
    ),
    (
        Others::LyingCaller,
        (
            "finishSecret believes a caller that goes on after a refusal",
            |rules| rules.proves_at_the_end = false,
            "nothing unproven is promoted",
        ),
    ),
    (
        Others::Anybody,
        (
            "a proof is remembered when an earlier step begins",
            |rules| rules.forgets = false,
            "nothing unproven is promoted",
        ),
    ),
    (
        Others::LabelsByHand,
        (
            "the current value may be that of another version than the described one",
            |rules| rules.compares_versions = false,
            WRITES_CURRENT,
        ),
    ),
];

#[test]
fn nobody_else_makes_something_unproven_current_or_locks_anybody_out() {
    for others in [Others::Anybody, Others::LabelsByHand, Others::LyingCaller] {
        let protocol = Protocol { others, ..Protocol::default() };
        protocol.checker().spawn_bfs().join().assert_properties();
    }
}

#[test]
fn each_rule_against_others_is_needed() {
    for (others, (what, mutate, noticed)) in MUTATIONS_WITH_OTHERS {
        let mut protocol = Protocol { others: *others, ..Protocol::default() };
        mutate(&mut protocol.rules);
        assert!(breaks(protocol, noticed), "{what}: \"{noticed}\" holds all the same");
    }
}

#[test]
fn in_no_order_of_events_does_a_stranger_with_the_twins_name_lose_the_login() {
    let protocol = Protocol { stranger: true, ..Protocol::default() };
    let checker = protocol.checker().spawn_bfs().join();
    checker.assert_properties();
}

#[test]
fn in_no_order_of_events_does_a_copy_of_a_secret_take_a_login_that_the_other_has_rotated_to() {
    let copies = Copies { protocol: Protocol::default() };
    let checker = copies.checker().spawn_bfs().join();
    checker.assert_properties();
}

#[test]
fn in_no_order_of_events_do_two_rotations_at_two_servers_meet_under_leases() {
    let checker = Leases::ALL.checker().spawn_bfs().join();
    checker.assert_properties();
}

#[test]
fn each_rule_of_a_lease_is_needed() {
    let all = Leases::ALL;
    for broken in [
        Leases { guards: false, ..all },
        Leases { clock_first: false, ..all },
        Leases { looks_again: false, ..all },
        Leases { waits: false, ..all },
    ] {
        assert!(breaks(broken, LOGS_IN), "{broken:?}");
    }
}

#[test]
fn each_rule_that_keeps_copies_apart_is_needed() {
    let broken: [Mutation; 3] = [
        (
            "an account is taken for the twin by its name",
            |rules| rules.proves_the_twin = false,
            KEEPS_LOGIN,
        ),
        (
            "each secret has a lock of its own on the pair",
            |rules| rules.one_lock_for_all_secrets = false,
            KEEPS_LOGIN,
        ),
        (
            "the password that is current need not be the user's",
            |rules| rules.proves_the_user = false,
            ONE_IS_REFUSED,
        ),
    ];
    for (what, mutate, noticed) in broken {
        let mut protocol = Protocol::default();
        mutate(&mut protocol.rules);
        let copies = Copies { protocol };
        assert!(breaks(copies, noticed), "{what}: \"{noticed}\" holds all the same");
    }
}

#[test]
fn from_every_state_the_rotation_can_end_well_without_further_trouble() {
    let graph = Graph::of(&Protocol::default());
    let stuck = graph.stuck();
    assert!(stuck.is_none(), "{stuck:#?}");
}

#[test]
fn each_broken_rule_is_noticed() {
    let mut unnoticed = Vec::new();
    for (what, mutate, noticed) in MUTATIONS {
        let mut protocol = Protocol::default();
        mutate(&mut protocol.rules);
        protocol.stranger = *noticed == STRANGER;
        let found = if *noticed == ENDS_WELL {
            protocol.duplicates = 0;
            Graph::of(&protocol).stuck().is_some()
        } else {
            breaks(protocol, noticed)
        };
        if !found {
            unnoticed.push(format!("{what}: \"{noticed}\" holds all the same"));
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed:#?}");
}

/// Whether some order of events breaks a property. Any will do, and in depth first one is soon found.
fn breaks<M>(model: M, property: &'static str) -> bool
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + PartialEq,
{
    let broken = HasDiscoveries::AnyOf([property].into());
    model.checker().finish_when(broken).spawn_dfs().join().discovery(property).is_some()
}

/// All reachable states, and who leads to whom.
struct Graph {
    states: Vec<State>,
    /// For each state, those from which it is reached without trouble.
    before: Vec<Vec<usize>>,
}

impl Graph {
    fn of(protocol: &Protocol) -> Self {
        let mut numbers = HashMap::new();
        let mut graph = Self { states: Vec::new(), before: Vec::new() };
        let mut waiting = VecDeque::new();
        for state in protocol.init_states() {
            waiting.push_back(graph.number(&mut numbers, state).0);
        }
        let mut actions = Vec::new();
        while let Some(from) = waiting.pop_front() {
            let state = graph.states[from].clone();
            protocol.actions(&state, &mut actions);
            for action in actions.drain(..) {
                let Some(next) = protocol.next_state(&state, action) else {
                    continue;
                };
                let (to, is_new) = graph.number(&mut numbers, next);
                if is_new {
                    waiting.push_back(to);
                }
                if !action.is_trouble() {
                    graph.before[to].push(from);
                }
            }
        }
        graph
    }

    fn number(&mut self, numbers: &mut HashMap<State, usize>, state: State) -> (usize, bool) {
        let known = numbers.len();
        let number = *numbers.entry(state.clone()).or_insert(known);
        if number == known {
            self.states.push(state);
            self.before.push(Vec::new());
        }
        (number, number == known)
    }

    /// A state from which no untroubled run leads to an end.
    fn stuck(&self) -> Option<&State> {
        let mut good: Vec<bool> = self.states.iter().map(State::is_finished).collect();
        let mut waiting: Vec<usize> = (0..good.len()).filter(|&n| good[n]).collect();
        while let Some(to) = waiting.pop() {
            for &from in &self.before[to] {
                if !std::mem::replace(&mut good[from], true) {
                    waiting.push(from);
                }
            }
        }
        let stuck = good.iter().position(|good| !good)?;
        self.states.get(stuck)
    }
}
