//! Panics: caught before they reach the Lambda runtime, and never written with their message.
//!
//! A message may quote what was being handled, such as the packet of a login. Where the panic was is
//! enough to find it.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::task::Poll;

use tracing::warn;

thread_local! {
    /// Where the last panic of this thread was.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught.
#[derive(Debug, PartialEq, Eq)]
pub struct Panicked {
    /// The file and line in the source, if the hook saw it.
    pub place: Option<String>,
}

/// Replaces the standard library's message by a line of the log.
pub fn install_hook() {
    set_hook(Box::new(hook));
}

fn hook(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string);
    let shown = place.as_deref().unwrap_or("an unknown place");
    warn!("panicked at {shown}; the message is left out, since it may hold a secret");
    // In a thread that is ending, the variable is gone.
    let _ = PLACE.try_with(|last| last.replace(place));
}

/// The output of `work`, or where it panicked.
pub async fn catch<F: Future>(work: F) -> Result<F::Output, Panicked> {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => Poll::Ready(Err(panicked(payload))),
        }
    })
    .await
}

fn panicked(_payload: Box<dyn Any + Send>) -> Panicked {
    Panicked { place: PLACE.with(RefCell::take) }
}

#[cfg(test)]
mod tests {
    use std::panic::take_hook;
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_caught_with_its_place_and_without_its_message() {
        // The hook is that of the whole process: other tests keep theirs.
        let (others, this) = (take_hook(), thread::current().id());
        set_hook(Box::new(
            move |info| {
                if thread::current().id() == this { hook(info) } else { others(info) }
            },
        ));
        let line = line!() + 2;
        let caught = catch(async {
            panic!("canary");
        });
        let caught: Result<(), _> = caught.await;
        let place = caught.unwrap_err().place.unwrap();
        assert!(place.starts_with(&format!("src/panic.rs:{line}:")), "{place}");
        assert_eq!(catch(async { 1 }).await, Ok(1));
    }
}
