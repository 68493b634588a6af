//! Patterns with `%` and `_`, as in host parts of accounts and names of schemas.

/// Whether a text matches a pattern, in any letter case. A backslash takes the next character as it is.
pub(crate) fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.as_bytes(), pattern.as_bytes());
    let (mut at, mut next) = (0, 0);
    // Where to go on when what follows the last `%` did not match.
    let mut last: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(next) {
            Some(b'%') => {
                last = Some((at, next));
                next += 1;
            }
            Some(b'\\')
                if pattern.get(next + 1).is_some_and(|c| c.eq_ignore_ascii_case(&text[at])) =>
            {
                (at, next) = (at + 1, next + 2);
            }
            Some(c) if *c == b'_' || c.eq_ignore_ascii_case(&text[at]) => {
                (at, next) = (at + 1, next + 1);
            }
            _ => {
                let Some((from, percent)) = last else {
                    return false;
                };
                last = Some((from + 1, percent));
                (at, next) = (from + 1, percent + 1);
            }
        }
    }
    pattern[next..].iter().all(|c| *c == b'%')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_sql() {
        for (pattern, matches) in [
            ("127.%", true),
            ("%1", true),
            ("%.%.1", true),
            ("1_7.0.0._", true),
            ("%2", false),
            ("127.0.0.1_", false),
            ("%0%0%1%", true),
            ("127.0\\.0.1", true),
            ("127.0.0.\\_", false),
        ] {
            assert_eq!(like("127.0.0.1", pattern), matches, "{pattern}");
        }
    }
}
