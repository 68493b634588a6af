//! How long one account statement may take, so that none is executed after the function has given up.

use std::time::Duration;

use crate::caller::say;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorType};

/// How long a statement may wait for a lock, at most. It is always shorter than what is left of the
/// invocation, so that the server gives up before the client does: a statement that the client
/// abandoned would otherwise be carried out later.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// How long a statement may take at the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct StatementLimit(Duration);

impl StatementLimit {
    /// The limit for a session that ends at `deadline`.
    pub(super) fn within(deadline: Deadline) -> Self {
        let third = deadline.remaining() / 3;
        Self(Duration::from_secs(third.as_secs().clamp(1, LOCK_WAIT.as_secs())))
    }

    pub(super) fn seconds(self) -> u64 {
        self.0.as_secs()
    }

    /// How long from now the server may begin statements, so that it ends each before the client has to
    /// give up.
    pub(super) fn time_for_more(self, deadline: Deadline) -> Duration {
        deadline.remaining().saturating_sub(self.0 + Duration::from_millis(250))
    }

    /// Refuses to start a statement that the server might still be carrying out when the client has
    /// to give up.
    ///
    /// # Errors
    ///
    /// `DeadlineExceeded`.
    pub(super) fn check(self, deadline: Deadline) -> Result<(), Error> {
        if !self.time_for_more(deadline).is_zero() { Ok(()) } else { Err(self.too_late(deadline)) }
    }

    /// The error for a statement that is not begun any more.
    pub(super) fn too_late(self, deadline: Deadline) -> Error {
        ErrorType::DeadlineExceeded.because(format!(
            "the next change of an account was not begun: the invocation has only {} ms left; what was \
             done is kept; if it happens again, {}",
            deadline.remaining().as_millis(),
            say("raise the function's timeout", "work nearer to the server")
        ))
    }
}
