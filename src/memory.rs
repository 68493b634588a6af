//! The function's memory: Lambda kills a process that needs more than it has, and nobody is told why. So a
//! wait ends shortly before, with an error, and the step with it.

use std::cell::Cell;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorType};

/// How often the process is looked at, at most.
const EVERY: Duration = Duration::from_millis(10);

thread_local! {
    /// When the process is looked at again.
    static NEXT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The memory that an invocation may come to need.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// What the function has, in bytes.
    function: u64,
    /// What the process may have in memory.
    most: u64,
}

impl Memory {
    /// That of an invocation that begins now.
    pub fn of_function(bytes: u64) -> Self {
        Self { function: bytes, most: most(bytes, resident().unwrap_or_default()) }
    }

    /// The output of `work`, unless the process comes to need nearly all of the function's memory before. It
    /// is looked at whenever the work goes on: what takes memory without ever waiting is not ended.
    pub async fn limit<T>(self, work: impl Future<Output = T>) -> Result<T, Error> {
        let mut work = pin!(work);
        std::future::poll_fn(|context| match self.exceeded() {
            Some(resident) => Poll::Ready(Err(self.too_small(resident))),
            None => work.as_mut().poll(context).map(Ok),
        })
        .await
    }

    fn exceeded(self) -> Option<u64> {
        let now = Instant::now();
        if NEXT.get().is_some_and(|next| now < next) {
            return None;
        }
        NEXT.set(Some(now + EVERY));
        resident().filter(|resident| *resident > self.most)
    }

    fn too_small(self, resident: u64) -> Error {
        // So that the error does not depend on whether something waits once more.
        NEXT.set(None);
        let [resident, memory] = [resident, self.function].map(|bytes| bytes >> 20);
        ErrorType::MemoryTooSmall.because(format!(
            "the step was ended because it used {resident} of the function's {memory} MB of memory; what was \
             done is kept; increase the parameter memorySize or, if the user has few grants, find out what \
             answers at the address of its server"
        ))
    }
}

/// What the process may have in memory, where it has so much when an invocation begins: what an earlier one
/// came to need can stay with the process, and is free for this one.
fn most(function: u64, resident: u64) -> u64 {
    (function / 8 * 7).max((resident + function / 32).min(function))
}

/// What the process has in memory now, as the kernel says.
pub fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_invocation_has_left_with_the_process_does_not_end_this_one() {
        for (resident, expected) in [(14, 112), (108, 112), (112, 116), (120, 124), (126, 128)] {
            assert_eq!(most(128 << 20, resident << 20) >> 20, expected, "{resident}");
        }
        assert_eq!(most(1 << 20, 30 << 20), 1 << 20, "where nothing enforces it");
        assert_eq!(most(u64::MAX, 1 << 30), u64::MAX / 8 * 7);
    }
}
