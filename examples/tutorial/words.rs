//! What the function itself says about its steps: the summaries in its log.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::sleep;

use crate::page::detail;
use crate::stack::Function;

/// The line of JSON at the end of a step.
#[derive(Deserialize)]
struct Summary {
    step: String,
    version: String,
    message: String,
    /// Only a summary has it, and no part of a long plan before.
    #[serde(rename = "statements")]
    _statements: usize,
    plan: Vec<String>,
}

/// Shows what the function said about a step of the rotation with this token. The emulator may write
/// it a moment after it has answered.
pub(crate) async fn show(function: &Function, step: &str, token: &str) {
    for _ in 0..50 {
        let log = function.logged();
        let mut summaries = log.lines().filter_map(|line| {
            let summary: Summary = serde_json::from_str(line).ok()?;
            (summary.step == step && summary.version == token).then_some(summary)
        });
        if let Some(summary) = summaries.next() {
            detail(&summary.message);
            for statement in summary.plan {
                detail(&format!("> {statement}"));
            }
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
}
