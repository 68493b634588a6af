//! Two rotations of one pair at two servers that take writes, so that no lock is between them: what keeps
//! them apart is a lease. Each server has a clock of its own, and whatever is on its way to one, or runs
//! in a sandbox, may rest for as long as it takes.

use stateright::{Model, Property};

/// What is promised.
pub(super) const LOGS_IN: &str = "what is current logs in, whatever the other rotation does late";

/// For how long a text is begun after the clock was read, in ticks.
const LEASE: u8 = 2;
/// How long the later rotation waits after it has seen its label.
const WAIT: u8 = 3;
/// After so many ticks nothing new can happen.
const END: u8 = 12;
/// The changes of a rotation: it locks the twin, sets its password, and unlocks it.
const CHANGES: u8 = 3;

/// What keeps the rotations apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leases {
    /// A text has a guard.
    pub(super) guards: bool,
    /// The clock is read before the labels, not after them.
    pub(super) clock_first: bool,
    /// The labels are looked at again for the next lease.
    pub(super) looks_again: bool,
    /// A rotation waits for the leases of others.
    pub(super) waits: bool,
}

impl Leases {
    /// All rules.
    pub(super) const ALL: Self =
        Self { guards: true, clock_first: true, looks_again: true, waits: true };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Point {
    /// Reads the clock, or the label if that comes first.
    First,
    /// Reads the other one.
    Second,
    /// Sends the next change.
    Send,
    /// The change is on its way to the server.
    Sent,
    /// All is done, or refused.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Rotation {
    point: Point,
    /// Until when the server begins its changes, by its own clock.
    until: u8,
    /// When it saw its label for the first time, by its own clock.
    seen: Option<u8>,
    done: u8,
}

/// The two servers are one cluster: what is written to one is at the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Cluster {
    time: u8,
    /// What each server's clock is ahead.
    ahead: [u8; 2],
    rotations: [Rotation; 2],
    /// Whether AWSPENDING has moved to the second rotation.
    moved: bool,
    /// Whether the second one is current.
    finished: bool,
    locked: bool,
    /// Whose password the twin has.
    password: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Event {
    Tick,
    /// AWSPENDING is taken away, and the second rotation begins.
    Move,
    /// The rotation does what is next, or the server what it was sent.
    Go(usize),
    Finish,
}

impl Model for Leases {
    type State = Cluster;
    type Action = Event;

    fn init_states(&self) -> Vec<Cluster> {
        let begins = Rotation { point: Point::First, until: 0, seen: None, done: 0 };
        let cluster = |ahead| Cluster {
            time: 0,
            ahead,
            rotations: [begins; 2],
            moved: false,
            finished: false,
            locked: false,
            password: None,
        };
        [[0, 0], [0, 5], [5, 0]].map(cluster).to_vec()
    }

    fn actions(&self, _: &Cluster, events: &mut Vec<Event>) {
        events.extend([Event::Tick, Event::Move, Event::Go(0), Event::Go(1), Event::Finish]);
    }

    fn next_state(&self, before: &Cluster, event: Event) -> Option<Cluster> {
        let mut cluster = before.clone();
        match event {
            Event::Tick if cluster.time < END => cluster.time += 1,
            Event::Move => cluster.moved = true,
            Event::Go(one) if one == 0 || cluster.moved => self.go(one, &mut cluster),
            Event::Finish => cluster.finished |= cluster.rotations[1].done == CHANGES,
            Event::Tick | Event::Go(_) => {}
        }
        (cluster != *before).then_some(cluster)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(LOGS_IN, |_, cluster: &Cluster| {
                !cluster.finished || cluster.password == Some(1) && !cluster.locked
            }),
            Property::sometimes("the second rotation becomes current", |_, cluster: &Cluster| {
                cluster.finished
            }),
            Property::sometimes("a lease ends, and another one follows", |_, cluster: &Cluster| {
                let first = cluster.rotations[0];
                first.done == CHANGES && first.until > LEASE + cluster.ahead[0]
            }),
        ]
    }
}

impl Leases {
    fn go(self, one: usize, cluster: &mut Cluster) {
        let clock = cluster.time + cluster.ahead[one];
        let has_label = cluster.moved == (one == 1);
        let rotation = &mut cluster.rotations[one];
        match rotation.point {
            Point::First | Point::Second => {
                if (rotation.point == Point::First) == self.clock_first {
                    rotation.until = clock + LEASE;
                } else if rotation.seen.is_none() || self.looks_again {
                    if !has_label {
                        rotation.point = Point::Ended;
                        return;
                    }
                    rotation.seen.get_or_insert(cluster.time);
                }
                rotation.point = match rotation.point {
                    Point::First => Point::Second,
                    _ => Point::Send,
                };
            }
            Point::Send => {
                let waits = self.waits && rotation.done == 0;
                if !waits || rotation.seen.is_some_and(|seen| cluster.time >= seen + WAIT) {
                    rotation.point = Point::Sent;
                }
            }
            Point::Sent if self.guards && clock >= rotation.until => rotation.point = Point::First,
            Point::Sent => {
                match rotation.done {
                    0 => cluster.locked = true,
                    1 => cluster.password = Some(one),
                    _ => cluster.locked = false,
                }
                rotation.done += 1;
                rotation.point = if rotation.done == CHANGES { Point::Ended } else { Point::Send };
            }
            Point::Ended => {}
        }
    }
}
