use std::convert::Infallible;

use super::{AuthString, Format, Meaning, StoredHash};
use crate::family::Family;
use crate::plugin::{Plugin, find};
use proptest::prelude::*;
use vectors::{ODD, RETAINED, VECTORS};

mod mysql_sha2;
mod plain;
mod shown;
mod vectors;

const SALT: [u8; 20] = *b"\0\x01\x02\x03\xfc\xfd\xfe\xff?@012345ABCD";

/// The format of a plugin by the table, MySQL's before MariaDB's.
fn format(plugin: &str) -> Option<Format> {
    let families = [Family::MySql((9, 7, 4)), Family::MariaDb((11, 8, 9))];
    families.into_iter().find_map(|family| find(family, plugin)).and_then(Plugin::format)
}

/// Whether the password matches; `None` if the string is no hash.
fn matches(plugin: &str, string: &[u8], password: &[u8]) -> Option<bool> {
    match AuthString::new(string).meaning(format(plugin)) {
        Meaning::Hash(hash) => Some(prove(&hash, password)),
        _ => None,
    }
}

fn prove(hash: &StoredHash, password: &[u8]) -> bool {
    let Ok(matches) = hash.matches(password, |_, _| Ok::<_, Infallible>(()));
    matches
}

fn vector(plugin: &str, prefix: &str) -> (&'static [u8], &'static [u8]) {
    let (_, _, password, string) = VECTORS
        .iter()
        .find(|(_, p, _, string)| *p == plugin && string.starts_with(prefix.as_bytes()))
        .unwrap();
    (password.as_bytes(), string)
}

#[test]
fn the_password_behind_a_string_of_a_real_server_matches_and_no_other_does() {
    for (server, plugin, password, string) in VECTORS {
        let password = password.as_bytes();
        let matches = |password: &[u8]| matches(plugin, string, password);
        let case = format!("{server} {plugin} {}", password.len());
        assert_eq!(matches(password), Some(true), "{case}");
        let longer = [password, b"x"].concat();
        let shorter = &password[..password.len() - 1];
        for wrong in [&longer, shorter, b"secret"] {
            assert_eq!(matches(wrong), Some(false), "{case}");
        }
    }
}

#[test]
fn a_retained_password_matches_the_string_in_the_attributes() {
    for (server, plugin, attributes) in RETAINED {
        let attributes: serde_json::Value = serde_json::from_str(attributes).unwrap();
        let string = AuthString::from_json(&attributes["additional_password"]).unwrap();
        assert_eq!(matches(plugin, string.as_bytes(), b"first"), Some(true), "{server}");
        assert_eq!(matches(plugin, string.as_bytes(), b"second"), Some(false), "{server}");
    }
    assert!(AuthString::from_json(&serde_json::json!(["*"])).is_none());
}

#[test]
fn the_hashes_made_for_mariadb_are_those_that_it_makes() {
    let made = |plugin, password: &str| {
        AuthString::of_password(format(plugin)?, password.as_bytes(), &SALT)
    };
    let mut compared = 0;
    for (server, plugin, password, string) in VECTORS {
        match made(plugin, password) {
            Some(made) => {
                assert_eq!(made.as_bytes(), *string, "{server} {plugin}");
                compared += 1;
            }
            None => assert!(plugin.contains("sha"), "{plugin}"),
        }
    }
    assert!(compared >= 8, "{compared}");
    assert!(made("ED25519", ODD).is_some());
    assert!(made("parsec", ODD).is_none());
}

#[test]
fn what_servers_read_as_the_same_hash_matches() {
    let (password, string) = vector("mysql_native_password", "*");
    let lower = string.to_ascii_lowercase();
    assert_eq!(matches("mysql_native_password", &lower, password), Some(true));
    assert_eq!(matches("MySQL_Native_Password", string, password), Some(true));

    let (password, string) = vector("ed25519", "Gv2JI8Env2fd5YGonZ082tX3UAW+yJYldOlj4R1bfK4");
    let trailing_bits = [&string[..42], b"5"].concat();
    assert_eq!(matches("ed25519", &trailing_bits, password), Some(true));
    assert_eq!(matches("ED25519", string, password), Some(true));
}

#[test]
fn an_empty_password_matches_where_a_server_lets_it_in() {
    // MariaDB 11.8 stores this key where no password was given, and takes a login without one.
    let key = b"4LH+dBF+G5W2CKTyId8xR3SyDqZoQjUNUVNxx8aWbG4";
    assert_eq!(matches("ed25519", key, b""), Some(true));
    // The hash of the empty password: every server refuses the login.
    let native = b"*BE1BDEC0AA74B4DCB079943E70528096CCA985F8";
    assert_eq!(matches("mysql_native_password", native, b""), Some(false));
    assert_eq!(AuthString::of_password(Format::Native, b"", &SALT).unwrap().as_bytes(), native);
    for plugin in ["caching_sha2_password", "sha256_password"] {
        assert_eq!(matches(plugin, vector(plugin, "$").1, b""), Some(false));
    }
}

fn stored(plugin: &str, string: &[u8]) -> &'static str {
    match AuthString::new(string).meaning(format(plugin)) {
        Meaning::Hash(_) => "hash",
        Meaning::Empty => "empty",
        Meaning::Disabled => "disabled",
        Meaning::Unprovable => "unprovable",
    }
}

/// Each of these was stored on real servers, and logins tried.
#[test]
fn a_string_that_is_no_hash_is_empty_disabled_or_unprovable() {
    for plugin in ["caching_sha2_password", "mysql_native_password", "sha256_password"] {
        assert_eq!(stored(plugin, b""), "empty", "{plugin}");
    }
    for plugin in ["", "parsec", "mysql_old_password", "auth_socket", "ed25519_"] {
        assert_eq!(stored(plugin, b""), "unprovable", "{plugin}");
        assert_eq!(stored(plugin, b"$A$005$"), "unprovable", "{plugin}");
    }

    let native = |string: &[u8]| stored("mysql_native_password", string);
    let digits = b"7B9EBEED26AA52ED10C0F549FA863F13C39E0209";
    assert_eq!(native(&[b"*", &digits[..]].concat()), "hash");
    assert_eq!(native(&[b"!", &digits[..]].concat()), "unprovable");
    assert_eq!(native(&[b"*", &digits[..], b"0"].concat()), "disabled");
    assert_eq!(native(digits), "disabled");
    assert_eq!(native(b"*THISISNOTAVALIDPASSWORDTHATCANBEUSEDHERE"), "disabled");
    assert_eq!(native(b"invalid"), "disabled");

    let (_, key) = vector("ed25519", "");
    let key_with = |byte: u8| [&key[..20], &[byte], &key[21..]].concat();
    assert_eq!(stored("ed25519", b""), "disabled");
    assert_eq!(stored("ed25519", b"invalid"), "disabled");
    assert_eq!(stored("ed25519", &key[..42]), "disabled");
    assert_eq!(stored("ed25519", &[key, b"="].concat()), "disabled");
    assert_eq!(stored("ed25519", &key_with(b' ')), "disabled");
    assert_eq!(stored("ed25519", &key_with(b'!')), "disabled");
}

#[test]
fn what_caching_sha2_password_may_read_otherwise_is_unprovable() {
    let (_, string) = vector("caching_sha2_password", "$A$005$");
    let (_, pbkdf2) = vector("caching_sha2_password", "$B$");
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = string.to_vec();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        stored("caching_sha2_password", &changed)
    };
    let whole = |parts: &[&[u8]]| stored("caching_sha2_password", &parts.concat());
    let reserved = b"$A$005$THISISACOMBINATIONOFINVALIDSALTANDPASSWORDTHATMUSTNEVERBRBEUSED";

    assert_eq!(with(3, b"0ff"), "hash");
    for rounds in [b"5zz", b"0x5", b"  5", b" +5"] {
        assert_eq!(with(3, rounds), "unprovable");
    }
    assert_eq!(with(7, b"$"), "unprovable");
    assert_eq!(with(26, b"\0"), "unprovable");
    assert_eq!(whole(&[b"xyz", string]), "unprovable");
    assert_eq!(whole(&[b"$Axyz", &string[2..]]), "unprovable");

    assert_eq!(with(3, b"000"), "disabled");
    assert_eq!(with(40, b"!"), "disabled");
    assert_eq!(with(69, b"E"), "disabled");
    assert_eq!(whole(&[reserved]), "disabled");
    assert_eq!(whole(&[&string[..69]]), "disabled");
    assert_eq!(whole(&[&[b'x'; 70]]), "disabled");
    assert_eq!(whole(&[&pbkdf2[..114], b"!"]), "disabled");
    assert_eq!(whole(&[b"$A$005$"]), "disabled");
}

#[test]
fn a_string_of_sha256_password_without_its_whole_hash_is_unprovable() {
    let (_, string) = vector("sha256_password", "$5$");
    let stored = |string: &[u8]| stored("sha256_password", string);
    // MySQL lets in any password with the first two, and the right one with the third.
    for length in [23, 24, 64, 3] {
        assert_eq!(stored(&string[..length]), "unprovable");
    }
    assert_eq!(stored(&[string, b"x"].concat()), "unprovable");
    assert_eq!(stored(b"invalid"), "disabled");
}

#[test]
fn nothing_of_a_string_is_printed() {
    for (_, plugin, _, string) in VECTORS {
        let string = AuthString::new(*string);
        assert_eq!(format!("{string:?}"), "AuthString([redacted])");
        let stored = string.meaning(format(plugin));
        assert_eq!(format!("{stored:?}"), "Hash(StoredHash([redacted]))");
    }
}

#[test]
fn only_equal_strings_are_equal() {
    let string = AuthString::new("*AB");
    assert_eq!(string, AuthString::new(b"*AB"));
    for other in ["*AC", "*A", "*ABB", "*ab", ""] {
        assert_ne!(string, AuthString::new(other));
    }
}

#[test]
fn a_proof_asks_before_each_thousand_rounds_whether_to_go_on() {
    let (password, string) = vector("caching_sha2_password", "$A$00A$");
    let Meaning::Hash(hash) = AuthString::new(string).meaning(format("caching_sha2_password"))
    else {
        panic!("a hash")
    };
    let asked_until = |end: u32| {
        let mut asked = Vec::new();
        let result = hash.matches(password, |left, rounds| {
            asked.push((left, rounds));
            if left > end { Ok(()) } else { Err(()) }
        });
        (result, asked)
    };
    let asked: Vec<_> = (1..=10).rev().map(|thousands| (thousands * 1000, 10_000)).collect();
    assert_eq!(asked_until(0), (Ok(true), asked.clone()));
    assert_eq!(asked_until(8000), (Err(()), asked[..3].to_vec()));
}

#[test]
fn a_password_of_more_than_256_bytes_is_computed_only_where_servers_take_it() {
    let long = vec![b'y'; 65_536];
    for (plugin, format) in
        [("mysql_native_password", Format::Native), ("ed25519", Format::Ed25519)]
    {
        let string = AuthString::of_password(format, &long, &SALT).unwrap();
        assert_eq!(matches(plugin, string.as_bytes(), &long), Some(true));
    }
    for (plugin, prefix) in [
        ("caching_sha2_password", "$A$"),
        ("caching_sha2_password", "$B$"),
        ("sha256_password", "$5$"),
    ] {
        let Meaning::Hash(hash) = AuthString::new(vector(plugin, prefix).1).meaning(format(plugin))
        else {
            panic!("a hash")
        };
        let before_rounds = |length| hash.matches(&long[..length], |_, _| Err(()));
        assert_eq!(before_rounds(256), Err(()));
        assert_eq!(before_rounds(257), Ok(false));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_password_with_another_byte_never_matches(
        vector in prop::sample::select(VECTORS),
        at: prop::sample::Index,
        change in 1..=u8::MAX,
    ) {
        let (_, plugin, password, string) = vector;
        let mut password = password.as_bytes().to_vec();
        let at = at.index(password.len());
        password[at] ^= change;
        prop_assert_eq!(matches(plugin, string, &password), Some(false));
    }

    #[test]
    fn a_string_with_another_salt_or_hash_never_matches(
        vector in prop::sample::select(VECTORS),
        at: prop::sample::Index,
        change in 1..=u8::MAX,
    ) {
        let (_, plugin, password, string) = vector;
        // The rounds below 5,000 count as that, and the last character of a key has two idle bits.
        let bytes = match plugin {
            "caching_sha2_password" => 7..string.len(),
            "ed25519" => 0..string.len() - 1,
            _ => 0..string.len(),
        };
        let at = bytes.start + at.index(bytes.len());
        let mut changed = string.to_vec();
        changed[at] ^= change;
        let same_digit = plugin == "mysql_native_password" && changed.eq_ignore_ascii_case(string);
        let expected = same_digit.then_some(true);
        prop_assert_eq!(matches(plugin, &changed, password.as_bytes()).filter(|&m| m), expected);
    }
}
