//! Whatever comes in, from Secrets Manager, its owner, or a server: no panic, no leak, no flood.
//!
//! `FUZZ_CASES` says how many inputs are tried.

use account_mirror::family::Family;
use account_mirror::password::Password;
use account_mirror::username::Username;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rotation::config::Config;
use rotation::event::{RotationEvent, SecretId};
use rotation::secret::{Document, UserSecret};
use serde_json::{Value, json};

use crate::support::canary::assert_absent;

const CANARY: &str = "canary-5b1f0c9d27e84a63";

mod hostile;

fn runner() -> TestRunner {
    let cases = cases(400);
    TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    })
}

/// How many cases are tried, unless `FUZZ_CASES` says so.
#[expect(clippy::disallowed_methods, reason = "no setting of the function")]
pub(crate) fn cases(usual: u32) -> u32 {
    let asked = std::env::var("FUZZ_CASES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Any JSON, with the canary in some places.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        Just(Value::from(CANARY)),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((key(), inner), 0..8).prop_map(|entries| {
                let entries = entries.into_iter().filter(|(key, value)| !is_said(key, value));
                Value::Object(entries.collect())
            }),
        ]
    })
}

/// Whether an error would say the canary because it stands where no secret does.
fn is_said(key: &str, value: &Value) -> bool {
    ["engine", "port", "username"].contains(&key) && value.to_string().contains(CANARY)
}

fn key() -> impl Strategy<Value = String> {
    let known = vec![
        "Step",
        "SecretId",
        "ClientRequestToken",
        "RotationToken",
        "engine",
        "host",
        "port",
        "username",
        "password",
        "dbname",
        "masterarn",
        "ssl",
        "tls_server_name",
    ];
    prop_oneof![3 => proptest::sample::select(known).prop_map(str::to_owned), 1 => ".{0,8}"]
}

#[test]
fn no_event_makes_it_panic_or_say_the_rotation_token() {
    runner()
        .run(&(any_json(), any_json()), |(mut event, token)| {
            if let Some(event) = event.as_object_mut() {
                // Only the token is a secret of an event.
                event.retain(|_, value| !value.to_string().contains(CANARY));
                event.insert("RotationToken".to_owned(), token);
            }
            let said = match RotationEvent::parse(&event) {
                Ok(parsed) => format!("{parsed:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            if event.is_object() {
                assert_absent(&[CANARY], &said, "what is said of an event");
            }
            Ok(())
        })
        .unwrap();
}

/// The text of a document, or what is left of one.
fn document_text() -> impl Strategy<Value = String> {
    let document = (any_json(), vec((key(), any_json()), 0..4)).prop_map(|(other, changes)| {
        let mut document = json!({
            "engine": "mysql", "host": "db", "port": 3306, "username": "app",
            "password": CANARY, "other": other,
        });
        for (key, value) in changes {
            if !is_said(&key, &value) {
                document[key] = value;
            }
        }
        document.to_string()
    });
    let document = document.boxed();
    let broken = (document.clone(), any::<prop::sample::Index>(), ".{0,3}");
    let broken = broken.prop_map(|(text, at, more)| {
        let at = at.index(text.len());
        let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        format!("{}{more}{}", &text[..at], &text[at..].get(1..).unwrap_or(""))
    });
    prop_oneof![document, broken, any_json().prop_map(|json| json.to_string()), ".*"]
}

#[test]
fn no_document_makes_it_panic_or_say_what_is_in_it() {
    let id = SecretId::new("arn:aws:secretsmanager:eu-central-1:1:secret:app");
    runner()
        .run(&(document_text(), document_text()), |(text, other)| {
            // What a server's name or a user is called is said, and is no secret.
            let parse = |text: &str| UserSecret::parse(&id, Document::new(text.to_owned()));
            let mut said = String::new();
            match (parse(&text), parse(&other)) {
                (Ok(one), Ok(other)) => {
                    said += &format!("{one:?} {:?}", one.first_difference(&other));
                    let new = one.with_login(&other.username, &other.password);
                    let new = parse(new.expose()).expect("a new document can be read again");
                    prop_assert_eq!(&new.username, &other.username);
                    prop_assert_eq!(new.password.expose(), other.password.expose());
                    let mine = one.with_login(&one.username, &one.password);
                    prop_assert!(parse(mine.expose()).unwrap().first_difference(&one).is_none());
                }
                (one, other) => {
                    for error in [one.err(), other.err()].into_iter().flatten() {
                        said += &format!("{error} {error:?}");
                    }
                }
            }
            assert_absent(&[CANARY], &said, "what is said of a document");
            Ok(())
        })
        .unwrap();
}

#[test]
fn no_environment_makes_it_panic_and_what_it_accepts_makes_passwords() {
    let names = vec![
        "PASSWORD_LENGTH",
        "EXCLUDE_CHARACTERS",
        "EXCLUDE_LOWERCASE",
        "EXCLUDE_UPPERCASE",
        "EXCLUDE_NUMBERS",
        "EXCLUDE_PUNCTUATION",
        "REQUIRE_EACH_INCLUDED_TYPE",
        "USERNAME_CHARACTER_LIMIT",
        "SUPERUSER_SECRET_ARN",
        "SECRETS_MANAGER_ENDPOINT",
        "TLS_CA_FILE",
        "AWS_LAMBDA_LOG_LEVEL",
    ];
    let value = prop_oneof![
        ".*",
        "[0-9]{1,4}",
        "[a-zA-Z0-9]*",
        proptest::sample::select(vec!["true", "false", "", "TRACE"]).prop_map(str::to_owned),
    ];
    let name = proptest::sample::select(names);
    runner()
        .run(&vec((name, value), 0..6), |variables| {
            let lookup = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| value.clone())
            };
            if let Ok(config) = Config::from_lookup(lookup) {
                let password = config.passwords.generate();
                let excluded = lookup("EXCLUDE_CHARACTERS").unwrap_or_default();
                prop_assert!(!password.expose().contains(|c| excluded.contains(c)));
                let shown = format!("{password:?}");
                prop_assert!(!shown.contains(password.expose()));
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn no_name_password_or_version_makes_it_panic() {
    runner()
        .run(&(".*", ".*", 0..300_usize), |(name, version, limit)| {
            if let Ok(user) = Username::parse(&name)
                && let Ok(twin) = user.twin(limit)
            {
                prop_assert_ne!(&twin, &user);
                prop_assert_eq!(twin.twin(usize::MAX).unwrap(), user);
            }
            let _ = Family::parse(&version);
            let password = Password::new(name.clone());
            let shown = format!("{password:?}");
            prop_assert!(name.len() < 12 || !shown.contains(&name));
            Ok(())
        })
        .unwrap();
}
