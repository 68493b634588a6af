//! What a step that must fail has failed with.

use rotation::error::{Error, ErrorType};

/// Fails unless the step failed with this type and with all of these texts in its message.
#[track_caller]
pub(crate) fn refused(result: Result<(), Error>, error_type: ErrorType, texts: &[&str]) {
    let error = result.expect_err("the step succeeded");
    assert_eq!(error.error_type(), error_type, "{error}");
    for text in texts {
        assert!(error.to_string().contains(text), "{text:?} is not in: {error}");
    }
}
