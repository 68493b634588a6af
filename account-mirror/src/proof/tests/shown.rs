//! Strings as `SHOW CREATE USER` shows them.

use super::AuthString;

#[test]
fn a_string_is_shown_as_it_is_with_doubled_quotes_or_in_hexadecimal() {
    let string = AuthString::new(b"$5$it's".to_vec());
    for line in ["AS '$5$it's' REQUIRE", "AS '$5$it''s' REQUIRE", "AS 0x24352469742773 REQUIRE"] {
        assert!(string.is_shown_in(line.as_bytes()), "{line}");
    }
    let escaped = AuthString::new(b"$A$005$a\\b\nc'".to_vec());
    assert!(escaped.is_shown_in(br"USING '$A$005$a\\b\nc'''"));
    assert!(!escaped.is_shown_in(br"USING '$A$005$a\b\nc'''"));
    for line in ["AS '$5$it' REQUIRE", "AS '$5$its' REQUIRE", "AS 0x243524697427 REQUIRE", ""] {
        assert!(!string.is_shown_in(line.as_bytes()), "{line}");
    }
}
