//! What the function writes to its log: JSON lines, one summary for each step, and metrics.
//!
//! A handler's error is logged by the runtime, and so nowhere here.

use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use tracing::{debug, info, warn};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::error::Error;
use crate::event::RotationEvent;
use crate::step::Summary;

/// How many statements the summary shows.
const STATEMENTS_SHOWN: usize = 50;

/// Starts the log on the standard output, where Lambda reads it.
pub fn init(level: LevelFilter) {
    // At its finest level the runtime logs the whole event, with the rotation token in it.
    let levels = Targets::new()
        .with_default(level)
        .with_target("lambda_runtime", level.min(LevelFilter::DEBUG));
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    tracing_subscriber::registry().with(lines.with_filter(levels)).init();
}

/// Logs what a step did.
pub fn summary(event: &RotationEvent, summary: &Summary) {
    let RotationEvent { step, secret_id, version, .. } = event;
    let count = summary.statements.len();
    for (n, statement) in summary.statements.iter().enumerate() {
        debug!(%step, %version, statement, "statement {} of {count}", n + 1);
    }
    for finding in &summary.findings {
        info!(%step, secret = %secret_id, %version, "found in order: {finding}");
    }
    for warning in &summary.warnings {
        warn!(%step, secret = %secret_id, %version, "{warning}");
    }
    let shown = &summary.statements[..count.min(STATEMENTS_SHOWN)];
    info!(
        %step,
        secret = %secret_id,
        %version,
        statements = count,
        plan = shown.join("; "),
        drift = summary.drift,
        warnings = summary.warnings.len(),
        "{}",
        summary.what,
    );
}

/// Writes the metrics of an invocation, for failed ones too. `event` is `None` if it was not one
/// of a rotation.
pub fn metrics(
    function: &str,
    event: Option<&RotationEvent>,
    duration: Duration,
    result: Result<&Summary, &Error>,
) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let line = metrics_line(function, event, duration, result, now.unwrap_or_default());
    // CloudWatch takes metrics only from lines of their own, so this goes past the subscriber.
    // A log that cannot be written is no reason to fail a rotation.
    let _ = std::io::stdout().write_all(format!("{line}\n").as_bytes());
}

/// See <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.
fn metrics_line(
    function: &str,
    event: Option<&RotationEvent>,
    duration: Duration,
    result: Result<&Summary, &Error>,
    now: Duration,
) -> Value {
    let outcome = match result {
        Ok(_) => "Succeeded".to_owned(),
        Err(error) => error.error_type().to_string(),
    };
    json!({
        "_aws": {
            "Timestamp": now.as_millis() as u64,
            "CloudWatchMetrics": [{
                "Namespace": "SecretsManagerMySQLRotation",
                "Dimensions": [["function"], ["function", "step", "outcome"]],
                "Metrics": [
                    {"Name": "duration_ms", "Unit": "Milliseconds"},
                    {"Name": "statements", "Unit": "Count"},
                    {"Name": "drift", "Unit": "Count"},
                    {"Name": "failures", "Unit": "Count"},
                ],
            }],
        },
        "function": function,
        "step": event.map_or("unknown", |event| event.step.as_str()),
        "outcome": outcome,
        "secret": event.map(|event| event.secret_id.as_str()),
        "version": event.map(|event| event.version.as_str()),
        "duration_ms": duration.as_millis() as u64,
        "statements": result.map_or(0, |summary| summary.statements.len()),
        "drift": result.map_or(0, |summary| summary.drift),
        "failures": u8::from(result.is_err()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorType;

    #[test]
    fn every_dimension_and_metric_is_in_the_line() {
        let event = json!({"Step": "setSecret", "SecretId": "app", "ClientRequestToken": "1"});
        let event = RotationEvent::parse(&event).unwrap();
        let summary = Summary { drift: 2, ..Summary::default() };
        let error = ErrorType::AccessDenied.because("x");
        for (event, result) in
            [(Some(&event), Ok(&summary)), (Some(&event), Err(&error)), (None, Err(&error))]
        {
            let line = metrics_line("f", event, Duration::from_millis(7), result, Duration::ZERO);
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            for set in directive["Dimensions"].as_array().unwrap() {
                for dimension in set.as_array().unwrap() {
                    assert!(line[dimension.as_str().unwrap()].is_string(), "{line}");
                }
            }
            for metric in directive["Metrics"].as_array().unwrap() {
                assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{line}");
            }
            let outcome = result.map_or("AccessDenied", |_| "Succeeded");
            assert_eq!(line["outcome"], outcome);
        }
    }
}
