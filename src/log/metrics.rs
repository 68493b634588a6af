//! The metrics of an invocation, in CloudWatch's embedded metric format.
//!
//! See <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::Context;
use serde_json::{Map, Value, json};
use tracing::level_filters::LevelFilter;

use super::{failure, line};
use crate::error::Error;
use crate::event::RotationEvent;
use crate::step::Summary;

/// Writes the metrics of an invocation, also of one that failed. `event` is `None` if it was not one
/// of a rotation.
pub fn write(
    context: &Context,
    event: Option<&RotationEvent>,
    duration: Duration,
    result: &Result<Summary, Error>,
) {
    let fields = fields(context, event, duration, result);
    let line = line::line(passing(LevelFilter::current()), fields);
    // CloudWatch takes metrics only from lines that have them at the top, so this is no log event.
    // A log that cannot be written is no reason to fail a rotation.
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}

/// A level that passes Lambda's own filter, which drops lines below the function's level.
fn passing(level: LevelFilter) -> &'static str {
    match level {
        LevelFilter::OFF => "FATAL",
        LevelFilter::ERROR => "ERROR",
        LevelFilter::WARN => "WARN",
        _ => "INFO",
    }
}

fn fields(
    context: &Context,
    event: Option<&RotationEvent>,
    duration: Duration,
    result: &Result<Summary, Error>,
) -> Map<String, Value> {
    let failure = failure(result);
    let preflight = result.as_ref().is_ok_and(|summary| summary.preflight);
    let done = result.as_ref().ok().filter(|_| failure.is_none() && !preflight);
    let planned_drift = result.as_ref().map_or(0, |summary| summary.planned_drift);
    let step = event.map_or("unknown", |event| event.step.as_str());
    let outcome = failure.map_or("Succeeded".to_owned(), |error| error.error_type().to_string());
    let mut fields = Map::from_iter([
        ("_aws".to_owned(), directive()),
        ("function".to_owned(), context.env_config.function_name.as_str().into()),
        ("requestId".to_owned(), context.request_id.as_str().into()),
        ("step".to_owned(), step.into()),
        ("outcome".to_owned(), outcome.into()),
        ("duration_ms".to_owned(), (duration.as_millis() as u64).into()),
        ("statements".to_owned(), done.map_or(0, |summary| summary.statements.len()).into()),
        ("drift".to_owned(), done.map_or(0, |summary| summary.drift).into()),
        ("planned_drift".to_owned(), planned_drift.into()),
        ("failures".to_owned(), u8::from(failure.is_some()).into()),
    ]);
    if let Some(event) = event {
        fields.insert("secret".to_owned(), event.secret_id.as_str().into());
        fields.insert("version".to_owned(), event.version.as_str().into());
    }
    if preflight {
        fields.insert("preflight".to_owned(), true.into());
    }
    fields
}

/// Says which of the line's fields are metrics and dimensions.
fn directive() -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    json!({
        "Timestamp": now.as_millis() as u64,
        "CloudWatchMetrics": [{
            "Namespace": "SecretsManagerMySQLRotation",
            "Dimensions": [["function"], ["function", "step", "outcome"]],
            "Metrics": [
                {"Name": "duration_ms", "Unit": "Milliseconds"},
                {"Name": "statements", "Unit": "Count"},
                {"Name": "drift", "Unit": "Count"},
                {"Name": "planned_drift", "Unit": "Count"},
                {"Name": "failures", "Unit": "Count"},
            ],
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorType;

    fn event() -> RotationEvent {
        let event = json!({"Step": "setSecret", "SecretId": "app", "ClientRequestToken": "1"});
        RotationEvent::parse(&event).unwrap()
    }

    fn of(event: Option<&RotationEvent>, result: &Result<Summary, Error>) -> Map<String, Value> {
        let mut context = Context::default();
        context.request_id = "8d5f".to_owned();
        fields(&context, event, Duration::from_millis(7), result)
    }

    #[test]
    fn every_dimension_and_metric_is_in_the_line() {
        let event = event();
        let summary = Summary { drift: 2, ..Summary::default() };
        let error = ErrorType::AccessDenied.because("x");
        for (event, result) in
            [(Some(&event), Ok(summary)), (Some(&event), Err(error.clone())), (None, Err(error))]
        {
            let line = of(event, &result);
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            for set in directive["Dimensions"].as_array().unwrap() {
                for dimension in set.as_array().unwrap() {
                    assert!(line[dimension.as_str().unwrap()].is_string(), "{line:?}");
                }
            }
            for metric in directive["Metrics"].as_array().unwrap() {
                assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{line:?}");
            }
            let outcome = if result.is_ok() { "Succeeded" } else { "AccessDenied" };
            assert_eq!(line["outcome"], outcome);
            assert_eq!(line["requestId"], "8d5f");
            assert_eq!(line.contains_key("secret"), event.is_some());
        }
    }

    #[test]
    fn only_statements_that_were_carried_out_are_counted() {
        let event = event();
        let statements = vec!["DROP USER x".to_owned()];
        let done = Summary { statements, drift: 1, ..Summary::default() };
        assert_eq!(of(Some(&event), &Ok(done))["statements"], 1);

        let statements = vec!["DROP USER x".to_owned()];
        let planned = Summary { statements, preflight: true, ..Summary::default() };
        let line = of(Some(&event), &Ok(planned));
        assert_eq!((&line["statements"], &line["preflight"]), (&json!(0), &json!(true)));

        let refusal = Some(ErrorType::UserMissing.because("x"));
        let refused = Summary { refusal, preflight: true, ..Summary::default() };
        let line = of(Some(&event), &Ok(refused));
        assert_eq!((&line["failures"], &line["outcome"]), (&json!(1), &json!("UserMissing")));
    }

    #[test]
    fn the_lines_level_passes_lambdas_filter_at_every_level_of_the_log() {
        let severities = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
        let severity = |level: &str| severities.iter().position(|l| *l == level).unwrap();
        for (set, filter) in [
            ("TRACE", LevelFilter::TRACE),
            ("DEBUG", LevelFilter::DEBUG),
            ("INFO", LevelFilter::INFO),
            ("WARN", LevelFilter::WARN),
            ("ERROR", LevelFilter::ERROR),
            ("FATAL", LevelFilter::OFF),
        ] {
            assert!(severity(passing(filter)) >= severity(set), "{set}");
            assert!(severity(passing(filter)) >= severity("INFO"), "{set}");
        }
    }
}
