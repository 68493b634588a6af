use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

fn policy_parts() -> impl Strategy<Value = (usize, Vec<CharacterType>, String, bool)> {
    (
        8..=64_usize,
        subsequence(CharacterType::ALL.to_vec(), 1..=4),
        vec(select((' '..='~').chain(['é']).collect::<Vec<_>>()), 0..120)
            .prop_map(String::from_iter),
        any::<bool>(),
    )
}

fn type_of(c: char) -> CharacterType {
    CharacterType::ALL
        .into_iter()
        .find(|t| t.characters().any(|of_type| char::from(of_type) == c))
        .unwrap()
}

proptest! {
    #[test]
    fn a_password_obeys_its_policy((length, types, excluded, require) in policy_parts()) {
        let left: Vec<_> = types
            .iter()
            .filter(|t| t.characters().any(|c| !excluded.contains(char::from(c))))
            .collect();
        let Some(policy) = Generator::new(length, &types, &excluded, require) else {
            prop_assert!(left.is_empty());
            return Ok(());
        };
        let password = policy.generate();
        let text = password.expose();
        prop_assert_eq!(text.len(), length);
        prop_assert!(text.chars().all(|c| types.contains(&type_of(c)) && !excluded.contains(c)));
        if require {
            let least = if length < 16 { 1 } else { 2 };
            let count = |t| text.chars().filter(|c| type_of(*c) == t).count();
            prop_assert!(left.iter().all(|&&t| count(t) >= least));
        }
    }
}

#[test]
fn every_character_is_equally_likely() {
    let policy = Generator::new(256, &CharacterType::ALL, "/@\"'\\", true).unwrap();
    let mut counts = [0_i64; 128];
    let passwords = 1000;
    for _ in 0..passwords {
        for c in policy.generate().expose().bytes() {
            counts[usize::from(c)] += 1;
        }
    }
    let expected = passwords * 256 / 89;
    for c in (b'!'..=b'~').filter(|c| !b"/@\"'\\".contains(c)) {
        // Six standard deviations of about 54.
        assert!((counts[usize::from(c)] - expected).abs() < 330, "{c}");
    }
}

#[test]
fn requiring_each_type_favors_no_place() {
    // A digit is as likely in the first place as in the last.
    let policy = Generator::new(8, &CharacterType::ALL, "", true).unwrap();
    let (mut first, mut last) = (0_i32, 0_i32);
    for _ in 0..20_000 {
        let password = policy.generate();
        first += i32::from(password.expose().as_bytes()[0].is_ascii_digit());
        last += i32::from(password.expose().as_bytes()[7].is_ascii_digit());
    }
    assert!((first - last).abs() < 500, "{first} {last}");
}

#[test]
fn the_worst_policy_still_ends() {
    let excluded: String =
        ('!'..='~').filter(|c| !"aB3".contains(*c) && !c.is_ascii_punctuation()).collect();
    let policy = Generator::new(8, &CharacterType::ALL, &excluded, true).unwrap();
    for _ in 0..100 {
        let password = policy.generate();
        assert!("aB3".chars().all(|c| password.expose().contains(c)));
    }
}

#[test]
fn types_are_those_of_secrets_manager() {
    let text = |t: CharacterType| String::from_utf8(t.characters().collect()).unwrap();
    assert_eq!(text(CharacterType::Numbers), "0123456789");
    assert_eq!(text(CharacterType::Lowercase), "abcdefghijklmnopqrstuvwxyz");
    assert_eq!(text(CharacterType::Uppercase), "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    assert_eq!(text(CharacterType::Punctuation), "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");
}

#[test]
fn a_password_is_never_shown() {
    let password = Password::new("canary".to_owned());
    assert_eq!(format!("{password:?}"), "Password(SecretBox<str>([REDACTED]))");
}
