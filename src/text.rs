//! Truncates and escapes texts of others for errors and lines of the log.

use std::borrow::Cow;

/// About how many bytes of a server's message are kept.
pub(crate) const SERVER: usize = 1 << 10;
/// About how many bytes of any other text are kept: a plan, or an error with all that it names.
pub(crate) const ANY: usize = 16 << 10;

/// The beginning of a text, and how much of it was left out.
pub(crate) fn beginning(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let start = &text[..text.floor_char_boundary(most)];
    Cow::Owned(format!("{start}… ({} more bytes left out)", text.len() - start.len()))
}

/// The beginning of a text, with all characters escaped that are not shown as themselves: no name or
/// message can forge a line, or change its direction.
pub(crate) fn printable(text: &str, most: usize) -> String {
    let mut printable = String::with_capacity(text.len().min(most));
    for c in beginning(text, most).chars() {
        if matches!(c, '"' | '\'' | '\\') {
            printable.push(c);
        } else {
            printable.extend(c.escape_debug());
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_how_much_is_left_out() {
        assert_eq!(beginning("abc", 3), "abc");
        assert_eq!(beginning("abcd", 3), "abc… (1 more bytes left out)");
        assert_eq!(beginning("aäö", 2), "a… (4 more bytes left out)");
        let long = "x".repeat(1 << 20);
        assert!(printable(&long, ANY).len() < ANY + 100);
        assert!(printable(&long, ANY).ends_with("(1032192 more bytes left out)"));
    }

    #[test]
    fn no_character_ends_a_line_hides_itself_or_turns_the_text() {
        for c in "\n\r\t\0\u{1b}\u{7f}\u{85}\u{ad}\u{200b}\u{2028}\u{2029}\u{202e}\u{2066}\u{feff}\u{e0041}"
            .chars()
        {
            let text = printable(&format!("a{c}b"), ANY);
            assert!(text.starts_with("a\\") && text.ends_with('b'), "{text}");
            assert!(!text.contains(c), "{text}");
        }
        assert_eq!(printable("größer 漢字 🎉 {}", ANY), "größer 漢字 🎉 {}");
    }
}
