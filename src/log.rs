//! What the function writes to its log: one JSON object for each line.
//!
//! | Field | On | Meaning |
//! |---|---|---|
//! | `timestamp` | every line | RFC 3339, in UTC |
//! | `level` | every line | `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE` |
//! | `functionVersion` | every line | the version of this program, from `Cargo.toml` |
//! | `target` | every line but metrics | the module that wrote it |
//! | `message` | every line but metrics | the text |
//! | `requestId` | every line of an invocation, except for background tasks of the HTTP client at `TRACE` | the request id of Lambda |
//! | `step`, `secret`, `version` | every line of a rotation's event | as in the event; `version` is the secret's, the event's `ClientRequestToken` |
//! | `preflight` | a test of the configuration | `true` |
//! | `errorType` | the one line of a step that failed, at `ERROR` | a section of `docs/troubleshooting.md` |
//! | `applications` | the same | whether applications are in danger now: `refused`, `may be refused`, `unknown`, `served` |
//! | `page` | the same | the section about the error |
//! | `statements` | the one summary of a step, at `INFO` | how many account statements were carried out; in a preflight: planned |
//! | `creates`, `grants`, `revokes`, `settings` | the same | how many of them are of each kind |
//! | `shown`, `plan` | the same | the statements as an array, and how many it has; a plan that is too long for a line begins in lines of their own before |
//! | `drift`, `planned_drift` | the same | how many statements repaired a twin that had drifted; in a preflight: would repair |
//! | `warnings` | the same | how many warnings precede this line |
//! | `user` | the summary of `finishSecret` and `testSecret` | the user that is current now, or was proven |
//! | `statement` | each statement, at `DEBUG` | its SQL, without passwords |
//! | `_aws`, `function`, `outcome`, and the metrics | one line for each invocation | its metrics; see [`metrics`] |

use tracing::level_filters::LevelFilter;
use tracing::{Span, debug, error, field, info, warn};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::error::Error;
use crate::event::RotationEvent;
use crate::step::Summary;
use crate::text;

mod line;
pub mod metrics;
pub mod plan;

/// Starts the log on the standard output, where Lambda reads it.
pub fn init(level: LevelFilter) {
    let levels = Targets::new()
        .with_default(libraries(level))
        .with_target("rotation", level)
        // A failed step is logged here, with its fields. The runtime's line has none, and the same
        // target as that of a panic.
        .with_target("lambda_runtime::layers::panic", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer().json().event_format(line::Format);
    tracing_subscriber::registry().with(lines.with_filter(levels)).init();
}

/// What is kept of the libraries: `DEBUG` is for the function's own statements. Nothing finer ever: the
/// runtime then logs the whole event, with the rotation token in it, and the SDK, where a variable of its
/// own asks for it, what Secrets Manager answers.
fn libraries(level: LevelFilter) -> LevelFilter {
    let most = if level == LevelFilter::TRACE { LevelFilter::DEBUG } else { LevelFilter::INFO };
    level.min(most)
}

/// The span of an invocation: what is logged inside has its fields. `event` is `None` if it was not
/// one of a rotation.
pub fn invocation(request_id: &str, event: Option<&RotationEvent>) -> Span {
    tracing::error_span!(
        target: line::INVOCATION,
        "invocation",
        requestId = request_id,
        step = event.map(|event| event.step.as_str()),
        secret = event.map(|event| event.secret_id.as_str()),
        version = event.map(|event| event.version.as_str()),
        preflight = field::Empty,
    )
}

/// Logs what the operator should know, whatever becomes of the step.
pub fn warnings(warnings: &[String]) {
    for warning in warnings {
        warn!("{}", text::printable(warning, text::ANY));
    }
}

/// Logs what a step did, and why it failed.
pub fn outcome(result: &Result<Summary, Error>) {
    if let Ok(done) = result {
        if done.preflight {
            Span::current().record("preflight", true);
        }
        summary(done);
    }
    if let Some(error) = failure(result) {
        let error_type = error.error_type();
        error!(
            errorType = %error_type,
            applications = error_type.applications().as_str(),
            page = error_type.page(),
            "{error}"
        );
    }
}

/// Why a step failed.
fn failure(result: &Result<Summary, Error>) -> Option<&Error> {
    match result {
        Ok(summary) => summary.refusal.as_ref(),
        Err(error) => Some(error),
    }
}

fn summary(summary: &Summary) {
    let count = summary.statements.len();
    for (n, statement) in summary.statements.iter().enumerate() {
        debug!(statement = text::printable(statement, text::ANY), "statement {} of {count}", n + 1);
    }
    for finding in &summary.findings {
        info!("check passed: {}", text::printable(finding, text::ANY));
    }
    warnings(&summary.warnings);
    let counts = plan::Counts::of(&summary.statements);
    let shown = plan::shown(&summary.statements);
    for (n, part) in shown.before.iter().enumerate() {
        info!(plan = %part, "part {} of {} of the plan", n + 1, shown.before.len() + 1);
    }
    info!(
        statements = count,
        creates = counts.creates,
        grants = counts.grants,
        revokes = counts.revokes,
        settings = counts.settings,
        shown = shown.count,
        plan = %shown.last,
        drift = summary.drift,
        planned_drift = summary.planned_drift,
        warnings = summary.warnings.len(),
        user = summary.user.as_ref().map(ToString::to_string),
        "{}",
        message(summary, &counts, shown.count),
    );
}

fn message(summary: &Summary, counts: &plan::Counts, shown: usize) -> String {
    let mut message = text::printable(&summary.what, text::ANY);
    let count = summary.statements.len();
    if count > 0 {
        message += &format!(" ({counts})");
    }
    if shown < count {
        message += &format!(
            "; {shown} of {count} statements are shown, all but {} that create or grant",
            count - shown
        );
    }
    message
}
