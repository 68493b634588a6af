//! The protocol between Secrets Manager, the function and the server, small enough to try every
//! order of events: two rotations, three invocations at once, one of them a duplicate, and crashes.
//!
//! A version's password is its number. What an account holds is one number too: equal numbers,
//! equal accounts. One [`Action::Advance`] is one call to AWS or one statement, so that anything may
//! happen between any two of them.

use stateright::{Model, Property};

use super::rules::Rules;

pub(super) type Version = usize;
/// The two users, each the other's twin.
pub(super) type User = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Step {
    Create,
    Set,
    Test,
    Finish,
}

impl Step {
    fn next(self) -> Option<Self> {
        match self {
            Self::Create => Some(Self::Set),
            Self::Set => Some(Self::Test),
            Self::Test => Some(Self::Finish),
            Self::Finish => None,
        }
    }
}

/// How far an invocation is: what it does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Point {
    Describe,
    ReadValues,
    Put,
    Lock,
    LookAgain,
    Check,
    Mirror,
    SetPassword,
    Verify,
    Compare,
    DescribeAgain,
    Move,
}

impl Point {
    /// Whether the labels have been looked at for the last time, and the twin is being written.
    fn is_under_way(self) -> bool {
        matches!(self, Self::Check | Self::Mirror | Self::SetPassword)
    }
}

/// One run of the function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Invocation {
    pub(super) version: Version,
    pub(super) step: Step,
    pub(super) next: Point,
    /// The version that is current by the description.
    pub(super) described: Version,
    /// The version whose value it was given as the current one.
    pub(super) current: Version,
    /// Whether it truly has a proof, its own or a remembered one.
    pub(super) proof: bool,
    /// Whether Secrets Manager waits for its answer; nobody waits for a duplicate's.
    pub(super) awaited: bool,
    /// Whether it holds the lock on the pair.
    pub(super) locks: bool,
}

/// How a rotation stands at Secrets Manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rotation {
    NotBegun,
    Next(Step),
    Awaited(Step),
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Account {
    pub(super) password: Option<Version>,
    pub(super) holds: u8,
    /// An operator has locked it, to hand it over.
    pub(super) locked: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// For which user each version is, once it has a value.
    pub(super) values: [Option<User>; VERSIONS],
    pub(super) current: Version,
    pub(super) pending: Option<Version>,
    pub(super) accounts: [Account; 2],
    /// Those that run, in an order that means nothing: it keeps equal states equal.
    pub(super) invocations: Vec<Invocation>,
    pub(super) rotations: [Rotation; VERSIONS],
    pub(super) crashes: u8,
    pub(super) duplicates: u8,
    pub(super) changes: u8,
    /// What the sandbox remembers of a test: the version, and which one was current then; and whether
    /// it is true, which the function does not know: the account was equal then, with the version's
    /// password on it, and no later test has found it otherwise.
    pub(super) remembered: Option<([Version; 2], bool)>,
    /// The version that was current before: what an old description says.
    pub(super) before: Version,
    /// How often anybody may invoke a step, and change something by hand, and how many descriptions
    /// may be old.
    pub(super) strays: u8,
    pub(super) meddles: u8,
    pub(super) roll_backs: u8,
    pub(super) old_descriptions: u8,
    /// Whether the caller goes on to the next step whatever the last one answered.
    pub(super) lies: bool,
    pub(super) promoted_unproven: bool,
    pub(super) wrote_current: bool,
    /// Whether a rotation of another secret holds the lock on the pair.
    pub(super) locked_out: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Action {
    /// `RotateSecret` makes a version and labels it.
    Begin(Version),
    /// Secrets Manager invokes the next step.
    Invoke(Version),
    /// The same invocation arrives once more.
    Duplicate(Version),
    /// An invocation does its next thing.
    Advance(usize),
    /// An invocation dies.
    Crash(usize),
    /// An invocation ends, and nobody hears how.
    LoseAnswer(usize),
    /// An operator grants the current user something.
    ChangeSource,
    /// Somebody invokes a step, in any order.
    Stray(Version, Step),
    /// Somebody revokes what the user has that is not in use.
    Meddle,
    /// Somebody moves AWSCURRENT to a version whose login works.
    RollBack(Version),
    /// An invocation is shown a description that is a moment old.
    SeeOld(usize),
    /// The sandbox is replaced by another one, which remembers nothing.
    Replace,
}

impl Action {
    /// Whether a run goes on without it.
    pub(super) fn is_trouble(self) -> bool {
        matches!(
            self,
            Self::Crash(_)
                | Self::LoseAnswer(_)
                | Self::Duplicate(_)
                | Self::ChangeSource
                | Self::Stray(..)
                | Self::Meddle
                | Self::RollBack(_)
                | Self::SeeOld(_)
                | Self::Replace
        )
    }
}

/// How many versions a secret has at most.
pub(super) const VERSIONS: usize = 4;

/// How many invocations may run at once.
const AT_ONCE: usize = 3;

/// How an invocation went on.
pub(super) enum Outcome {
    Goes(Point),
    Succeeds,
    Fails,
    /// The label must be removed by hand before anything else: the error says so.
    FailsForGood,
}

/// The password of somebody who has nothing to do with the secret.
pub(super) const STRANGERS: Version = 9;

/// The protocol under some rules, with so many duplicates, and perhaps with a stranger who has the
/// twin's name.
#[derive(Clone, Debug)]
pub(super) struct Protocol {
    pub(super) rules: Rules,
    pub(super) duplicates: u8,
    pub(super) stranger: bool,
    /// Who else there is.
    pub(super) others: Others,
}

/// Who interferes, besides crashes and duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    Nobody,
    /// Somebody invokes steps in any order, and changes the twin by hand; sandboxes are replaced.
    Anybody,
    /// Somebody moves AWSCURRENT by hand, and descriptions are old.
    LabelsByHand,
    /// The caller goes on whatever a step answers, and somebody changes the twin.
    LyingCaller,
}

impl Default for Protocol {
    fn default() -> Self {
        let rules = Rules::default();
        Self { rules, duplicates: 1, stranger: false, others: Others::Nobody }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut state = match self.others {
            Others::LabelsByHand => State::with_versions(2, 1),
            _ => State::with_versions(1, if self.others == Others::Nobody { 2 } else { 1 }),
        };
        if self.stranger {
            state.accounts[1].password = Some(STRANGERS);
        }
        match self.others {
            Others::Nobody => {
                (state.crashes, state.duplicates, state.changes) = (1, self.duplicates, 1);
            }
            Others::Anybody => (state.strays, state.meddles) = (3, 1),
            Others::LabelsByHand => (state.roll_backs, state.old_descriptions) = (2, 1),
            Others::LyingCaller => (state.meddles, state.lies, state.changes) = (1, true, 1),
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let room = state.invocations.len() < AT_ONCE;
        for version in 1..VERSIONS {
            match state.rotations[version] {
                Rotation::NotBegun if state.rotations[version - 1] != Rotation::NotBegun => {
                    actions.push(Action::Begin(version));
                }
                Rotation::Next(_) if room && state.is_labeled(version) => {
                    actions.push(Action::Invoke(version));
                }
                Rotation::Awaited(_) if room && state.duplicates > 0 => {
                    actions.push(Action::Duplicate(version));
                }
                _ => {}
            }
        }
        for n in 0..state.invocations.len() {
            actions.push(Action::Advance(n));
            if state.crashes > 0 {
                actions.extend([Action::Crash(n), Action::LoseAnswer(n)]);
            }
        }
        if state.changes > 0 {
            actions.push(Action::ChangeSource);
        }
        state.actions_of_others(actions);
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        match action {
            Action::Begin(version) => {
                state.rotations[version] = Rotation::Next(Step::Create);
                state.pending = Some(version);
            }
            Action::Invoke(version) => {
                let Rotation::Next(step) = state.rotations[version] else {
                    return None;
                };
                state.rotations[version] = Rotation::Awaited(step);
                state.start(version, step, true);
            }
            Action::Duplicate(version) => {
                let Rotation::Awaited(step) = state.rotations[version] else {
                    return None;
                };
                state.duplicates -= 1;
                state.start(version, step, false);
            }
            Action::Advance(n) => {
                let outcome = self.rules.advance(&mut state, n)?;
                let fails = matches!(outcome, Outcome::Fails | Outcome::FailsForGood);
                if fails && self.rules.forgets {
                    state.remembered = None;
                }
                state.settle(n, outcome);
            }
            Action::Crash(n) => {
                state.crashes -= 1;
                state.remembered = None;
                state.settle(n, Outcome::Fails);
            }
            Action::LoseAnswer(n) => {
                let Outcome::Succeeds = self.rules.advance(&mut state, n)? else {
                    return None;
                };
                state.crashes -= 1;
                state.settle(n, Outcome::Fails);
            }
            Action::ChangeSource => {
                state.changes -= 1;
                let user = state.values[state.current]?;
                state.accounts[user].holds = 2;
            }
            Action::Stray(version, step) => {
                state.strays -= 1;
                state.start(version, step, false);
            }
            Action::Meddle => {
                state.meddles -= 1;
                let user = state.values[state.current]?;
                state.accounts[1 - user].holds = 0;
            }
            Action::RollBack(version) => {
                state.roll_backs -= 1;
                (state.before, state.current) = (state.current, version);
            }
            Action::SeeOld(n) => {
                state.old_descriptions -= 1;
                let outcome = self.rules.describe(&mut state, n, before.before);
                state.settle(n, outcome);
            }
            Action::Replace => state.remembered = None,
        }
        state.invocations.sort();
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("current always logs in", |_, state: &State| {
                let user = state.values[state.current];
                user.is_some_and(|user| state.accounts[user].password == Some(state.current))
            }),
            Property::always(
                "no rotation writes the account that another has made current",
                |_, state: &State| !state.wrote_current,
            ),
            Property::always("nothing unproven is promoted", |_, state: &State| {
                !state.promoted_unproven
            }),
            Property::always("a stranger keeps the login", |protocol: &Self, state: &State| {
                !protocol.stranger || state.accounts[1].password == Some(STRANGERS)
            }),
            Property::sometimes("both rotations end well", |protocol: &Self, state: &State| {
                protocol.stranger
                    || protocol.others != Others::Nobody
                    || state.is_finished() && state.current == 2
            }),
        ]
    }
}

impl State {
    /// A secret with so many versions, the first of which is current, and so many rotations to come.
    pub(super) fn with_versions(known: usize, to_come: usize) -> Self {
        let exists = |version| version < known;
        let may_begin = |version| (known..known + to_come).contains(&version);
        let account = |user| Account {
            password: exists(user).then_some(user),
            holds: u8::from(exists(user)),
            locked: false,
        };
        Self {
            values: std::array::from_fn(|version| exists(version).then_some(version)),
            current: 0,
            pending: None,
            accounts: [account(0), account(1)],
            invocations: Vec::new(),
            rotations: std::array::from_fn(|version| {
                if may_begin(version) { Rotation::NotBegun } else { Rotation::Ended }
            }),
            crashes: 0,
            duplicates: 0,
            changes: 0,
            remembered: None,
            before: 0,
            strays: 0,
            meddles: 0,
            roll_backs: 0,
            old_descriptions: 0,
            lies: false,
            promoted_unproven: false,
            wrote_current: false,
            locked_out: false,
        }
    }

    /// Whether Secrets Manager would go on with this version.
    fn is_labeled(&self, version: Version) -> bool {
        self.pending == Some(version) || self.current == version
    }

    /// Whether nothing is left to do: a rotation was made, and Secrets Manager goes on with none.
    pub(super) fn is_finished(&self) -> bool {
        let goes_on = |version| self.rotations[version] != Rotation::Ended;
        self.current != 0 && self.pending.is_none() && !goes_on(self.current)
    }

    /// Whether no rotation is under way.
    pub(super) fn is_idle(&self) -> bool {
        let is_idle =
            |rotation: &Rotation| matches!(rotation, Rotation::NotBegun | Rotation::Ended);
        self.rotations.iter().all(is_idle)
    }

    /// Whether one of its invocations holds the lock on the pair.
    pub(super) fn holds_lock(&self) -> bool {
        self.invocations.iter().any(|one| one.locks)
    }

    /// What may happen besides the rotations.
    fn actions_of_others(&self, actions: &mut Vec<Action>) {
        let begun = (1..VERSIONS).filter(|version| {
            !matches!(self.rotations[*version], Rotation::NotBegun | Rotation::Ended)
        });
        if self.strays > 0 && self.invocations.len() < AT_ONCE {
            let steps = [Step::Create, Step::Set, Step::Test, Step::Finish];
            actions.extend(begun.flat_map(|v| steps.map(|step| Action::Stray(v, step))));
        }
        if self.meddles > 0 {
            actions.push(Action::Meddle);
        }
        // A world rule: nobody moves the label while the twin is being written.
        let is_written = self.invocations.iter().any(|one| one.next.is_under_way());
        for version in (0..VERSIONS).filter(|_| self.roll_backs > 0 && !is_written) {
            let user = self.values[version];
            let works = user.is_some_and(|user| self.accounts[user].password == Some(version));
            if works && version != self.current && self.pending != Some(version) {
                actions.push(Action::RollBack(version));
            }
        }
        for (n, invocation) in self.invocations.iter().enumerate() {
            if self.old_descriptions > 0 && invocation.next == Point::Describe {
                actions.push(Action::SeeOld(n));
            }
        }
        if self.remembered.is_some() {
            actions.push(Action::Replace);
        }
    }

    fn start(&mut self, version: Version, step: Step, awaited: bool) {
        self.invocations.push(Invocation {
            version,
            step,
            next: Point::Describe,
            described: 0,
            current: 0,
            proof: false,
            awaited,
            locks: false,
        });
    }

    /// Ends an invocation, or lets it go on, and tells Secrets Manager.
    fn settle(&mut self, n: usize, outcome: Outcome) {
        if let Outcome::Goes(next) = outcome {
            self.invocations[n].next = next;
            return;
        }
        let Invocation { version, step, awaited, .. } = self.invocations.remove(n);
        if matches!(outcome, Outcome::FailsForGood) && self.pending == Some(version) {
            self.pending = None;
        }
        if !awaited {
            return;
        }
        self.rotations[version] = match (outcome, step.next()) {
            (Outcome::Succeeds, Some(next)) => Rotation::Next(next),
            (Outcome::Succeeds, None) => Rotation::Ended,
            (_, Some(next)) if self.lies => Rotation::Next(next),
            (_, None) if self.lies => Rotation::Ended,
            _ => Rotation::Next(Step::Create),
        };
        // Secrets Manager takes the label away at the end.
        if self.rotations[version] == Rotation::Ended && self.pending == Some(version) {
            self.pending = None;
        }
    }

    /// Changes an account for a version's rotation. A duplicate of its own finishSecret may have
    /// made it current meanwhile, and then what is written is what is there.
    pub(super) fn write(
        &mut self,
        user: User,
        version: Version,
        change: impl FnOnce(&mut Account),
    ) {
        self.wrote_current |= self.values[self.current] == Some(user) && self.current != version;
        change(&mut self.accounts[user]);
    }
}
