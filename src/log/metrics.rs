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
use crate::event::{RotationEvent, Step};
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
    let summary = result.as_ref().ok();
    let preflight = summary.is_some_and(|summary| summary.preflight);
    let done = summary.filter(|_| failure.is_none() && !preflight);
    let outcome = failure.map_or("Succeeded".to_owned(), |error| error.error_type().to_string());
    let in_danger = failure.is_some_and(|error| error.error_type().applications().are_in_danger());
    let unfinished = event.and_then(|event| unfinished(event.step, failure.is_some(), preflight));
    let mut fields = Map::from_iter([
        ("_aws".to_owned(), directive(unfinished.is_some())),
        ("function".to_owned(), context.env_config.function_name.as_str().into()),
        ("requestId".to_owned(), context.request_id.as_str().into()),
        ("step".to_owned(), event.map_or("unknown", |event| event.step.as_str()).into()),
        ("outcome".to_owned(), outcome.into()),
        ("duration_ms".to_owned(), (duration.as_millis() as u64).into()),
        ("statements".to_owned(), done.map_or(0, |summary| summary.statements.len()).into()),
        ("drift".to_owned(), done.map_or(0, |summary| summary.drift).into()),
        ("planned_drift".to_owned(), summary.map_or(0, |summary| summary.planned_drift).into()),
        ("failures".to_owned(), u8::from(failure.is_some()).into()),
        ("refused".to_owned(), u8::from(in_danger).into()),
    ]);
    if let Some(event) = event {
        fields.insert("secret".to_owned(), event.secret_id.as_str().into());
        fields.insert("version".to_owned(), event.version.as_str().into());
    }
    if let Some(unfinished) = unfinished {
        fields.insert("unfinished".to_owned(), u8::from(unfinished).into());
    }
    if preflight {
        fields.insert("preflight".to_owned(), true.into());
    }
    fields
}

/// Whether the secret has a rotation that failed and has not ended well since, as far as this
/// invocation tells. A preflight that fails leaves no rotation behind; one that succeeds shows that
/// there was none, since Secrets Manager then goes on with that one instead.
fn unfinished(step: Step, failed: bool, preflight: bool) -> Option<bool> {
    if failed {
        return (!preflight).then_some(true);
    }
    (preflight || step == Step::FinishSecret).then_some(false)
}

/// A set of dimensions, and the metrics that have it, with their units.
type MetricSet = (&'static [&'static [&'static str]], &'static [(&'static str, &'static str)]);

/// The metrics of each invocation.
const OF_FUNCTION: MetricSet = (
    &[&["function"], &["function", "step", "outcome"]],
    &[
        ("duration_ms", "Milliseconds"),
        ("statements", "Count"),
        ("drift", "Count"),
        ("planned_drift", "Count"),
        ("failures", "Count"),
        ("refused", "Count"),
    ],
);

/// The metric by which an alarm knows a rotation that is stuck.
const OF_SECRET: MetricSet = (&[&["function", "secret"]], &[("unfinished", "Count")]);

/// Says which of the line's fields are metrics and dimensions.
fn directive(has_secret: bool) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let sets = [Some(OF_FUNCTION), has_secret.then_some(OF_SECRET)];
    let sets = sets.into_iter().flatten().map(|(dimensions, metrics)| {
        let metrics = metrics.iter().map(|(name, unit)| json!({"Name": name, "Unit": unit}));
        json!({
            "Namespace": "SecretsManagerMySQLRotation",
            "Dimensions": dimensions,
            "Metrics": metrics.collect::<Vec<_>>(),
        })
    });
    json!({
        "Timestamp": now.as_millis() as u64,
        "CloudWatchMetrics": sets.collect::<Vec<_>>(),
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
            for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
                for set in directive["Dimensions"].as_array().unwrap() {
                    for dimension in set.as_array().unwrap() {
                        assert!(line[dimension.as_str().unwrap()].is_string(), "{line:?}");
                    }
                }
                for metric in directive["Metrics"].as_array().unwrap() {
                    assert!(line[metric["Name"].as_str().unwrap()].is_number(), "{line:?}");
                }
            }
            let outcome = if result.is_ok() { "Succeeded" } else { "AccessDenied" };
            assert_eq!(line["outcome"], outcome);
            assert_eq!(line["requestId"], "8d5f");
            assert_eq!(line.contains_key("secret"), event.is_some());
        }
    }

    #[test]
    fn a_rotation_is_unfinished_from_a_failed_step_until_one_ends_well_and_a_preflight_is_none() {
        let finish = json!({"Step": "finishSecret", "SecretId": "app", "ClientRequestToken": "1"});
        let finish = RotationEvent::parse(&finish).unwrap();
        let failed = || Err(ErrorType::ConnectionLost.because("x"));
        let preflight = |refusal| Ok(Summary { preflight: true, refusal, ..Summary::default() });
        for (event, result, expected) in [
            (&event(), failed(), Some(1)),
            (&finish, failed(), Some(1)),
            (&event(), Ok(Summary::default()), None),
            (&finish, Ok(Summary::default()), Some(0)),
            (&event(), preflight(None), Some(0)),
            (&event(), preflight(Some(ErrorType::UserMissing.because("x"))), None),
        ] {
            let line = of(Some(event), &result);
            assert_eq!(line.get("unfinished").and_then(Value::as_u64), expected, "{line:?}");
            let sets = line["_aws"]["CloudWatchMetrics"].as_array().unwrap().len();
            assert_eq!(sets, 1 + usize::from(expected.is_some()), "{line:?}");
        }
        for (error, refused) in [(ErrorType::CurrentPasswordWrong, 1), (ErrorType::Throttled, 0)] {
            let line = of(Some(&finish), &Err(error.because("x")));
            assert_eq!(line["refused"], refused, "{line:?}");
        }
    }

    #[test]
    fn the_page_on_operations_has_a_row_for_each_metric_and_no_other() {
        let page = include_str!("../../docs/operations.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
        let rows = rows.filter(|row| row.contains("| `function`"));
        let documented: Vec<String> = rows
            .map(|row| row.split('|').take(3).map(|cell| cell.trim().replace('`', "")).collect())
            .map(|cells: Vec<String>| cells.join(" | "))
            .collect();
        let all = [OF_FUNCTION, OF_SECRET].map(|(dimensions, metrics)| {
            let dimensions: Vec<_> = dimensions.iter().map(|set| set.join(", ")).collect();
            let dimensions = dimensions.join("; ");
            metrics.iter().map(move |(name, unit)| format!("{name} | {dimensions} | {unit}"))
        });
        let made: Vec<String> = all.into_iter().flatten().collect();
        assert_eq!(documented, made);
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
