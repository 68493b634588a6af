//! Who runs the checks: the function, or a person with the command. Some remedies differ: what is said
//! of the function's role, network or settings is said of the person's.

use std::sync::atomic::{AtomicBool, Ordering};

/// It is a fact about the process, set once at its beginning.
static IS_A_PERSON: AtomicBool = AtomicBool::new(false);

/// Says that a person runs this process.
pub fn is_a_person() {
    IS_A_PERSON.store(true, Ordering::Relaxed);
}

/// What to say of the function, or of the person.
pub(crate) fn say(of_function: &'static str, of_person: &'static str) -> &'static str {
    if IS_A_PERSON.load(Ordering::Relaxed) { of_person } else { of_function }
}
