//! The function's memory: Lambda kills a process that needs more than it has, and nobody is told why. So a
//! step ends shortly before, with an error.

use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorType};

/// How often the process is looked at, at most.
const EVERY: Duration = Duration::from_millis(10);

/// The output of `work`, unless the process comes to need nearly all of the function's memory (in bytes, if
/// that is known) before. It is looked at whenever the work goes on: what takes memory without ever waiting
/// is not ended.
pub async fn within<T>(
    memory: Option<u64>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut work = pin!(work);
    let mut next = Instant::now();
    std::future::poll_fn(|context| {
        let now = Instant::now();
        if let Some(memory) = memory
            && now >= next
        {
            next = now + EVERY;
            if let Some(resident) = resident().filter(|resident| *resident > memory / 8 * 7) {
                return Poll::Ready(Err(too_small(resident, memory)));
            }
        }
        work.as_mut().poll(context)
    })
    .await
}

/// What the process has in memory now, as the kernel says.
pub fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes << 10)
}

fn too_small(resident: u64, memory: u64) -> Error {
    let [resident, memory] = [resident, memory].map(|bytes| bytes >> 20);
    ErrorType::MemoryTooSmall.because(format!(
        "it was ended, since it had come to need {resident} of the {memory} MB of memory that the function \
         has; what was done is kept; increase the parameter memorySize, or, where the user holds few \
         grants, find out what answers at the address of its server"
    ))
}
