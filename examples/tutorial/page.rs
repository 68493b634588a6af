//! How the tutorial's output looks.

use std::time::Duration;

const WIDTH: usize = 96;

pub(crate) fn title(text: &str) {
    println!("{text}\n{}\n", "=".repeat(text.len()));
}

pub(crate) fn chapter(text: &str) {
    println!("\n{text}\n");
}

pub(crate) fn line(text: &str) {
    println!("{}", format!("  {text}").trim_end());
}

/// Something that was done, and how long it took.
pub(crate) fn timed(what: &str, time: Duration) {
    line(&format!("{what:<83}{:>6} ms", time.as_millis()));
}

/// What belongs to the line before it, on as many lines as it needs.
pub(crate) fn detail(text: &str) {
    let mut row = String::new();
    for word in text.split_whitespace() {
        if row.len() + word.len() > WIDTH - 8 {
            line(&format!("    {row}"));
            row = "  ".to_owned();
        }
        row += word;
        row.push(' ');
    }
    line(&format!("    {row}"));
}

pub(crate) fn yes(so: bool) -> &'static str {
    if so { "yes" } else { "NO" }
}
