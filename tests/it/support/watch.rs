//! Looks for secrets in all that is logged on a thread, while it is being logged.
//!
//! A sweep logs gigabytes at the finest level, so nothing is kept: what was written is searched in
//! one pass for the beginnings of all forms that a secret may take, and then forgotten. The search is
//! a chunk behind, because a secret may become known a little later than its first use.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use super::canary::forms;

/// How much is written between two searches.
const CHUNK: usize = 8 << 20;
/// How many bytes of a form are looked for.
const WINDOW: usize = 8;

/// Everything that is logged on this thread, at every level, until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    shared: Shared,
    _guard: DefaultGuard,
}

#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    maybe: Vec<bool>,
    beginnings: HashMap<u64, (&'static str, Vec<u8>)>,
    old: Vec<u8>,
    new: Vec<u8>,
    searched: usize,
}

impl Watch {
    /// A watch over this thread's log at every level.
    pub(crate) fn everything() -> Self {
        Self::over(Targets::new().with_default(LevelFilter::TRACE))
    }

    /// The same without what the AWS SDK logs, which takes longer to write than all else together.
    pub(crate) fn all_but_the_sdk() -> Self {
        let quiet = ["aws_config", "aws_runtime", "aws_sdk_secretsmanager", "aws_smithy_runtime"];
        let quiet = quiet.map(|target| (target, LevelFilter::WARN));
        let targets = Targets::new().with_default(LevelFilter::TRACE);
        Self::over(targets.with_targets(quiet))
    }

    fn over(targets: Targets) -> Self {
        let shared = Shared(Arc::new(Mutex::new(State {
            maybe: vec![false; 1 << 16],
            beginnings: HashMap::new(),
            old: Vec::new(),
            new: Vec::new(),
            searched: 0,
        })));
        let lines = tracing_subscriber::fmt::layer().with_writer(shared.clone()).with_ansi(false);
        let subscriber = tracing_subscriber::registry().with(lines.with_filter(targets));
        Self { shared, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// Looks for this secret too, also in what was written a moment ago.
    pub(crate) fn know(&self, secret: &str) {
        let mut state = self.shared.0.lock().unwrap();
        for (form, text) in forms(secret) {
            let bytes = text.into_bytes();
            if let Some(beginning) = bytes.first_chunk::<WINDOW>() {
                let beginning = u64::from_be_bytes(*beginning);
                state.maybe[slot(beginning)] = true;
                state.beginnings.insert(beginning, (form, bytes));
            }
        }
    }

    /// Searches what is not an event of the log, such as an error.
    pub(crate) fn also(&self, text: &str) {
        self.shared.0.lock().unwrap().take(text.as_bytes());
    }

    /// Searches the rest. Returns how many bytes were searched.
    pub(crate) fn finish(&self) -> usize {
        let mut state = self.shared.0.lock().unwrap();
        state.search();
        state.search();
        state.searched
    }
}

impl State {
    fn take(&mut self, bytes: &[u8]) {
        self.new.extend_from_slice(bytes);
        if self.new.len() >= CHUNK {
            self.search();
        }
    }

    /// Searches what was written before the last search, and keeps what was written since.
    fn search(&mut self) {
        let mut window: u64 = 0;
        for (n, byte) in self.old.iter().enumerate() {
            window = window << 8 | u64::from(*byte);
            if self.maybe[slot(window)] && self.beginnings.contains_key(&window) {
                self.compare(window, (n + 1).saturating_sub(WINDOW));
            }
        }
        self.searched += self.old.len();
        self.old = std::mem::take(&mut self.new);
    }

    fn compare(&self, window: u64, from: usize) {
        let (form, bytes) = &self.beginnings[&window];
        if self.old[from..].starts_with(bytes) {
            let line = self.old[..from].iter().rposition(|b| *b == b'\n');
            let end = self.old.len().min(from + 200);
            let line = String::from_utf8_lossy(&self.old[line.unwrap_or(0)..end]);
            panic!("the log holds a secret, {form}: {line}");
        }
    }
}

/// The place of a window in the table that says whether it is worth looking up.
fn slot(window: u64) -> usize {
    usize::try_from(window.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48).expect("16 bits")
}

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().take(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Shared {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "the log holds a secret, in hexadecimal")]
    fn a_secret_that_becomes_known_later_is_found() {
        let watch = Watch::everything();
        tracing::trace!("63616e6172792d31323334");
        watch.know("canary-1234");
        watch.finish();
    }

    #[test]
    fn a_log_without_a_secret_passes() {
        let watch = Watch::everything();
        watch.know("canary-1234");
        watch.also("canary-12 34");
        assert!(watch.finish() > 0);
    }
}
