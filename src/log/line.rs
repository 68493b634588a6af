//! How a line of the log is formatted.

use std::fmt;

use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// The target of the span whose fields are on every line of an invocation. Fields of other spans,
/// which dependencies make, are left out.
pub(super) const INVOCATION: &str = "rotation::invocation";

/// The version of this program.
const FUNCTION_VERSION: &str = env!("CARGO_PKG_VERSION");

/// Formats an event as one JSON object, with the fields of its invocation beside its own.
pub(super) struct Format;

impl<S> FormatEvent<S, JsonFields> for Format
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut own = String::new();
        context.format_fields(Writer::new(&mut own), event)?;
        let mut fields = parse(&own);
        for span in context.event_scope().into_iter().flatten() {
            if span.metadata().target() == INVOCATION
                && let Some(of_invocation) = span.extensions().get::<FormattedFields<JsonFields>>()
            {
                fields.extend(parse(&of_invocation.fields));
            }
        }
        if let Some(statements) = fields.get("plan").and_then(list) {
            fields.insert("plan".to_owned(), statements);
        }
        fields.insert("target".to_owned(), event.metadata().target().into());
        writeln!(writer, "{}", line(event.metadata().level().as_str(), fields))
    }
}

/// The array in a text: a field of the log's library can be no array.
fn list(text: &Value) -> Option<Value> {
    serde_json::from_str(text.as_str()?).ok()
}

/// The fields with those that every line has.
pub(super) fn line(level: &str, mut fields: Map<String, Value>) -> Value {
    fields.insert("timestamp".to_owned(), timestamp().into());
    fields.insert("level".to_owned(), level.into());
    fields.insert("functionVersion".to_owned(), FUNCTION_VERSION.into());
    Value::Object(fields)
}

/// The present moment as RFC 3339 has it. Lambda takes a line without one for a line of level INFO,
/// whatever level it names.
fn timestamp() -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

fn parse(fields: &str) -> Map<String, Value> {
    serde_json::from_str(fields).unwrap_or_default()
}
