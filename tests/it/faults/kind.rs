//! What can go wrong at a point.

use crate::support::proxy::{Fault, Request};

/// A fault, and whether it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) fault: Fault,
    /// Whether every later request of the same operation meets it too, until the step has failed.
    /// The SDK tries a call again by itself, so that a passing fault may not be seen at all.
    pub(super) lasting: bool,
}

const fn passing(fault: Fault) -> Kind {
    Kind { fault, lasting: false }
}

const fn lasting(fault: Fault) -> Kind {
    Kind { fault, lasting: true }
}

/// Faults of a call to AWS: before the service has carried it out, and after.
pub(super) const OF_CALLS: &[Kind] = &[
    passing(Fault::LoseAnswer),
    lasting(Fault::Answer(400, "AccessDeniedException")),
    lasting(Fault::LoseAnswer),
    passing(Fault::Answer(500, "InternalServiceError")),
    lasting(Fault::Answer(400, "ThrottlingException")),
    passing(Fault::Cut),
    lasting(Fault::Stall),
    lasting(Fault::Answer(500, "InternalServiceError")),
    passing(Fault::Answer(400, "ThrottlingException")),
    lasting(Fault::Cut),
];

/// Faults of a packet to the database.
pub(super) const OF_PACKETS: &[Kind] = &[
    passing(Fault::LoseAnswer),
    passing(Fault::Cut),
    passing(Fault::Stall),
    passing(Fault::HoldAnswer),
];

/// A fault at the request with this number, of all that come.
pub(super) struct Trigger {
    at: usize,
    kind: Kind,
    seen: usize,
    operation: Option<String>,
}

impl Trigger {
    pub(super) fn new(at: usize, kind: Kind) -> Self {
        Self { at, kind, seen: 0, operation: None }
    }

    /// What happens to this request. `connections` says whether a connection counts as a request.
    pub(super) fn pull(&mut self, request: &Request, connections: bool) -> Option<Fault> {
        if request.position == 0 && !connections {
            return None;
        }
        self.seen += 1;
        if self.seen == self.at {
            self.operation = Some(request.operation.clone());
            return Some(self.kind.fault);
        }
        let again = self.kind.lasting && self.operation.as_ref() == Some(&request.operation);
        again.then_some(self.kind.fault)
    }

    pub(super) fn was_pulled(&self) -> bool {
        self.operation.is_some()
    }
}
