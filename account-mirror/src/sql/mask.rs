//! Takes secrets out of what a server says of a statement.

use std::collections::HashSet;

use super::quote::quote_literal;

/// What stands in the place of a secret.
pub(super) const PLACEHOLDER: &str = "<secret>";

/// As many characters of a secret as may stand in a text by chance.
const RUN: usize = 8;

/// The text with each run of [`RUN`] characters and more of a secret replaced, whatever the case of its
/// letters, as itself and as the servers quote it. A shorter secret is replaced as a whole.
pub(super) fn masked(text: &str, secrets: &[&str]) -> String {
    let chars: Vec<char> = text.chars().collect();
    let folded: Vec<char> = chars.iter().map(char::to_ascii_lowercase).collect();
    let mut is_secret = vec![false; chars.len()];
    for form in secrets.iter().flat_map(|secret| forms(secret)) {
        let form: Vec<char> = form.to_ascii_lowercase().chars().collect();
        let width = form.len().min(RUN);
        if width == 0 {
            continue;
        }
        let runs: HashSet<&[char]> = form.windows(width).collect();
        for (start, window) in folded.windows(width).enumerate() {
            if runs.contains(window) {
                is_secret[start..start + width].fill(true);
            }
        }
    }
    let mut masked = String::with_capacity(text.len());
    for (n, c) in chars.into_iter().enumerate() {
        match is_secret[n] {
            false => masked.push(c),
            true if n == 0 || !is_secret[n - 1] => masked.push_str(PLACEHOLDER),
            true => {}
        }
    }
    masked
}

/// As itself, with quotes doubled, and with backslashes before what they escape.
fn forms(secret: &str) -> [String; 3] {
    let doubled = quote_literal(secret);
    let mut escaped = String::with_capacity(secret.len());
    for c in secret.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\0' => escaped.push_str("\\0"),
            '\'' | '"' | '\\' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    [secret.to_owned(), doubled[1..doubled.len() - 1].to_owned(), escaped]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_a_secret_is_taken_out_however_it_is_quoted_and_cut() {
        let secret = "it's a \"Canary\" \\ 4711";
        for (text, left) in [
            ("near 'it's a \"Canary\" \\ 4711' at line 1", "near '<secret>' at line 1"),
            ("near 'it''s a \"Canary\" \\ 4711'", "near '<secret>'"),
            ("near 'it\\'s a \\\"Canary\\\" \\\\ 4711'", "near '<secret>'"),
            ("near 's a \"CANARY\" \\ 47' and more", "near <secret>' and more"),
            ("seven: it's a of them", "seven: it's a of them"),
            ("eight: it's a \"C of them", "eight: <secret> of them"),
        ] {
            assert_eq!(masked(text, &[secret]), left);
        }
    }

    #[test]
    fn a_short_secret_is_taken_out_as_a_whole_and_an_empty_one_takes_nothing() {
        assert_eq!(masked("Operation x1y failed", &["x1y", ""]), "Operation <secret> failed");
        assert_eq!(masked("Operation failed", &[""]), "Operation failed");
        assert_eq!(masked("größer als größer-1", &["größer-1"]), "größer als <secret>");
    }
}
