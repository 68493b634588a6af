//! How results are printed: for people, or as one JSON object.

use std::io::{self, IsTerminal, Write};

use anstream::{eprint, print, println};
use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, Table, TableStyle};
use rotation::error::Error;
use serde::Serialize;

use crate::arguments::Output;

/// What takes something away, or must be looked at.
pub(crate) const ALARM: Style = AnsiColor::Red.on_default().bold();
/// What adds something, or is well.
pub(crate) const WELL: Style = AnsiColor::Green.on_default();
/// What should be known.
pub(crate) const NOTICE: Style = AnsiColor::Yellow.on_default();
/// Headings.
pub(crate) const HEADING: Style = Style::new().bold();

/// The widest that lines of text become, on a terminal or elsewhere.
const WIDEST: usize = 100;

/// A result that can be shown.
pub(crate) trait Result: Serialize {
    /// Prints it for people.
    fn print(&self);
}

/// Prints a result.
pub(crate) fn show(output: Output, result: &impl Result) {
    match output {
        Output::Text => result.print(),
        Output::Json => println!("{}", serde_json::to_string_pretty(result).unwrap_or_default()),
    }
}

/// Prints an error: for people on the error stream, as JSON where the result would be.
pub(crate) fn show_error(output: Output, error: &Error) {
    match output {
        Output::Text => {
            let mut lines = textwrap(&error.to_string(), width());
            eprint!("{ALARM}{}{ALARM:#}: ", error.error_type());
            for line in lines.drain(..) {
                eprintln(&line);
            }
            eprintln(&format!("See: mysql-rotation explain {}", error.error_type()));
        }
        Output::Json => println!("{}", serde_json::json!({ "error": Described::from(error) })),
    }
}

fn eprintln(line: &str) {
    anstream::eprintln!("{line}");
}

/// An error as JSON has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Described {
    pub(crate) error_type: String,
    error_message: String,
}

impl std::fmt::Display for Described {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.error_type, self.error_message)
    }
}

impl From<&Error> for Described {
    fn from(error: &Error) -> Self {
        Self { error_type: error.error_type().to_string(), error_message: error.to_string() }
    }
}

/// A heading, with an empty line before it.
pub(crate) fn heading(text: &str) {
    println!("\n{HEADING}{text}{HEADING:#}");
}

/// A paragraph, each line after the first indented below a mark such as `- `.
pub(crate) fn item(style: Style, mark: &str, text: &str) {
    let indent = " ".repeat(mark.len());
    for (n, line) in textwrap(text, width().saturating_sub(mark.len() + 2)).iter().enumerate() {
        let before = if n == 0 { mark } else { &indent };
        println!("  {style}{before}{line}{style:#}");
    }
}

/// A table without lines, as wide as the terminal.
pub(crate) fn table(columns: &[&str], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
    if !io::stdout().is_terminal() {
        // A pipe has no width; what reads it wants whole words.
        table.set_content_arrangement(ContentArrangement::Disabled);
    }
    table.set_header(columns.iter().map(|column| column.to_uppercase()));
    table.add_rows(rows);
    println!("{}", table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n"));
}

/// Asks whether to go on. Without a terminal the answer is no.
pub(crate) fn confirm(question: &str) -> bool {
    if !io::stdin().is_terminal() {
        return false;
    }
    print!("{question} [y/N] ");
    let _ = io::stdout().flush();
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).is_ok()
        && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

fn width() -> usize {
    let table = Table::new();
    usize::from(table.width().unwrap_or(80)).min(WIDEST)
}

/// The lines of a text that is at most so wide, broken at spaces; a longer word keeps its line.
fn textwrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_broken_at_spaces_and_a_long_word_is_kept() {
        assert_eq!(textwrap("one two three", 7), ["one two", "three"]);
        assert_eq!(
            textwrap("arn:aws:secretsmanager is long", 5),
            ["arn:aws:secretsmanager", "is", "long"]
        );
    }
}
