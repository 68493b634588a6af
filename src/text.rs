//! Truncates and escapes texts of others for errors and lines of the log.

use std::borrow::Cow;

use account_mirror::powers::SUPERUSER;

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

/// As many characters of a name as every server shows of it.
const SHOWN: usize = 32;

/// What a server says, with [`SUPERUSER`] in the place of the superuser's name, if that is given: as a word
/// of its own, and also where the server cuts it off.
pub(crate) fn without_superuser(text: &str, name: Option<&str>) -> String {
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return text.to_owned();
    };
    let stem = &name[..name.char_indices().nth(SHOWN).map_or(name.len(), |(end, _)| end)];
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let (mut told, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(stem) {
        let (before, from) = rest.split_at(at);
        let same = from.chars().zip(name.chars()).take_while(|(one, other)| one == other);
        let (found, after) = from.split_at(same.map(|(c, _)| c.len_utf8()).sum());
        let is_word = !before.ends_with(is_part) && !after.starts_with(is_part);
        told.push_str(before);
        told.push_str(if is_word { SUPERUSER } else { found });
        rest = after;
    }
    told + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_superuser_is_not_told_where_a_server_says_it() {
        for (name, text, told) in [
            ("root", "user 'root'@'10.0.0.1'", "user '<superuser>'@'10.0.0.1'"),
            ("root", "User root already has root_1", "User <superuser> already has root_1"),
            ("größe", "'größe'@'größer'", "'<superuser>'@'größer'"),
            ("", "user ''@'h'", "user ''@'h'"),
        ] {
            assert_eq!(without_superuser(text, Some(name)), told);
        }
        let (long, cut) = ("n".repeat(80), "n".repeat(48));
        assert_eq!(without_superuser(&format!("'{cut}'@"), Some(&long)), "'<superuser>'@");
        assert_eq!(without_superuser("user 'root'", None), "user 'root'");
    }

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
