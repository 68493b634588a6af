//! The moment at which an invocation must have ended, and the memory that it may come to need.
//!
//! It is made once, from the Lambda context, and everything that waits has it. Lambda ends a late
//! function without a message; a reserve leaves time to report what was waited for.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, timeout_at};

use crate::caller::say;
use crate::error::{Error, ErrorType};
use crate::memory::Memory;

/// The part of an invocation's time that is reserved for its log lines and its response.
const RESERVE: Duration = Duration::from_millis(750);

/// The time at which everything must have ended.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    end: Instant,
    memory: Option<Memory>,
}

impl Deadline {
    /// The deadline of an invocation that Lambda ends at `epoch_millis`, less the reserve.
    pub fn of_invocation(epoch_millis: u64) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let left = Duration::from_millis(epoch_millis).saturating_sub(now);
        Self::after(left.saturating_sub(RESERVE))
    }

    /// The deadline that ends after `duration`.
    pub fn after(duration: Duration) -> Self {
        Self { end: Instant::now() + duration, memory: None }
    }

    /// The same deadline of an invocation that may come to need no more memory than this.
    #[must_use]
    pub fn within(self, memory: Option<Memory>) -> Self {
        Self { memory, ..self }
    }

    /// This deadline, or the end of `duration` if that comes first.
    #[must_use]
    pub fn at_most(self, duration: Duration) -> Self {
        Self { end: self.end.min(Instant::now() + duration), ..self }
    }

    /// An earlier deadline, which leaves `reserve` of the time, or half of it where that is less.
    #[must_use]
    pub fn leaving(self, reserve: Duration) -> Self {
        Self { end: self.end - reserve.min(self.remaining() / 2), ..self }
    }

    /// The time that is left.
    pub fn remaining(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// The result of `future`, or `None` if it is not ready in time. The future is dropped then.
    pub async fn limit<T>(self, future: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.end, future).await.ok()
    }

    /// The result of `future`, or an error that names what was waited for, or that the memory ended before.
    pub async fn run<T>(
        self,
        what: impl fmt::Display,
        future: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let limited = self.limit(future);
        let ended = match self.memory {
            Some(memory) => memory.limit(limited).await?,
            None => limited.await,
        };
        ended.ok_or_else(|| {
            ErrorType::DeadlineExceeded.because(format!(
                "the time of this invocation ended while waiting for {what}; what was done is kept; if \
                 it happens again, find out what is slow, or {}",
                say("raise the function's timeout", "work nearer to the server")
            ))
        })
    }

    /// Repeats `attempt` after each pause until its result is `enough`, and returns the last result. A
    /// pause for which no time is left ends the attempts.
    pub async fn retry<T, E>(
        self,
        pauses: impl IntoIterator<Item = Duration>,
        enough: impl Fn(&T) -> bool,
        mut attempt: impl AsyncFnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        for pause in pauses {
            let result = attempt().await?;
            if enough(&result) || self.remaining() <= pause {
                return Ok(result);
            }
            tokio::time::sleep(pause).await;
        }
        attempt().await
    }
}
