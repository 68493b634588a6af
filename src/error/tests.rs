use super::*;

#[test]
fn a_text_ends_with_whether_trying_again_helps_also_with_its_context() {
    let error = ErrorType::Throttled.because("it was throttled; wait").context("a step");
    assert_eq!(error.to_string(), "a step: it was throttled; wait; trying again helps");
}
