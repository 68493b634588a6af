use super::*;
use crate::error::ErrorType;

/// Every value that must come through a rotation as it is written here.
const HOSTILE: &str = "{ \"engine\" : \"mysql\",\n\t\"host\":\"db.example\", \"password\": \"p\\u0061ss\\\"canary\",
 \"big\":9223372036854775813, \"tenth\":0.1,\"huge\" : 1e400, \"minus\":-0.0,\"esc\":\"\\u00e9\\/\\ud800\", \"k\\u0065y\":\"é😀\",
 \"nested\":{\"b\":[1, 2 ,{\"a\":null}],\"b\":1}, \"username\":\"app\" , \"last\":[ ] }\n";

fn id() -> SecretId {
    SecretId::new("app")
}

fn parse(text: &str) -> Result<UserSecret, Error> {
    UserSecret::parse(&id(), Document::new(text.to_owned()))
}

/// A good document with one more pair, or with another value of a key.
fn with(key: &str, value: &str) -> Result<UserSecret, Error> {
    let mut pairs = vec![
        ("engine", "\"mysql\""),
        ("host", "\"db.example\""),
        ("username", "\"app\""),
        ("password", "\"canary\""),
    ];
    pairs.retain(|(k, _)| *k != key);
    if !value.is_empty() {
        pairs.push((key, value));
    }
    let pairs: Vec<_> = pairs.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
    parse(&format!("{{{}}}", pairs.join(",")))
}

#[test]
fn only_the_login_changes_in_a_new_document() {
    let current = parse(HOSTILE).unwrap();
    let password = Password::new("new \"\\\n\u{7f}é".to_owned());
    let new = current.with_login(&Username::parse("app_\"clone").unwrap(), &password);
    let expected = HOSTILE
        .replace("\"p\\u0061ss\\\"canary\"", "\"new \\\"\\\\\\n\u{7f}é\"")
        .replace("\"app\"", "\"app_\\\"clone\"");
    assert_eq!(new.expose(), expected);

    let new = UserSecret::parse(&id(), new).unwrap();
    assert_eq!(new.password.expose(), password.expose());
    assert_eq!(new.username.as_str(), "app_\"clone");
    assert_eq!(current.first_difference(&new), None);
    assert!(!current.is_identical_to(&new));
    assert!(current.is_identical_to(&parse(HOSTILE).unwrap()));
    let back = new.with_login(&current.username, &current.password);
    assert_eq!(
        back.expose(),
        HOSTILE.replace("p\\u0061ss", "pass"),
        "the spelling of the login itself is ours"
    );
}

#[test]
fn known_keys_are_read() {
    let secret = parse(
        r#"{"engine":"aurora-mysql","host":"h","username":"app","password":"p","port":"3307",
            "dbname":"d","masterarn":"arn:x","ssl":"False","tls_server_name":"n",
            "dbInstanceIdentifier":"i","dbClusterIdentifier":"c"}"#,
    )
    .unwrap();
    assert_eq!(secret.engine, Engine::AuroraMysql);
    assert_eq!(secret.address.endpoint.to_string(), "h:3307");
    assert_eq!(secret.dbname.as_deref(), Some("d"));
    assert_eq!(secret.superuser_secret, Some(SecretId::new("arn:x")));
    assert_eq!((secret.tls.ssl, secret.tls.server_name.as_deref()), (false, Some("n")));
    assert_eq!(secret.address.instance.as_deref(), Some("i"));
    assert_eq!(secret.address.cluster.as_deref(), Some("c"));
}

#[test]
fn null_and_empty_mean_absent_for_optional_keys() {
    for empty in ["null", "\"\""] {
        for key in ["dbname", "masterarn", "tls_server_name", "port", "ssl"] {
            let secret = with(key, empty).unwrap();
            assert!(secret.dbname.is_none() && secret.superuser_secret.is_none());
            assert!(secret.tls.server_name.is_none() && secret.tls.ssl);
            assert_eq!(secret.address.endpoint.port, 3306);
        }
    }
}

#[test]
fn nothing_but_false_turns_tls_off() {
    for (value, ssl) in [
        ("false", false),
        ("\"false\"", false),
        ("\"FALSE\"", false),
        ("true", true),
        ("\"true\"", true),
        ("0", true),
        ("\"no\"", true),
        ("\"false \"", true),
        ("[false]", true),
    ] {
        assert_eq!(with("ssl", value).unwrap().tls.ssl, ssl, "{value}");
    }
}

#[test]
fn a_bad_document_is_refused_with_secret_key_and_finding_but_no_value() {
    let cases = [
        (with("engine", ""), "lacks the key \"engine\""),
        (with("host", "null"), "\"host\" is null"),
        (with("username", "\"\""), "\"username\" is empty"),
        (with("password", "\"\""), "\"password\" is empty"),
        (with("password", "17"), "\"password\" is a number, not a string"),
        (with("password", "{\"canary\":1}"), "\"password\" is an object"),
        (with("host", "true"), "\"host\" is a boolean, not a string"),
        (with("dbname", "[]"), "\"dbname\" is an array, not a string"),
        (with("username", "\"app \""), "\"username\" ends with a blank"),
        (with("engine", "\"canary\""), "\"engine\" is another text; it must be one of mysql, "),
        (with("engine", "\"mysql \""), "another text (ends with the invisible character U+0020)"),
        (with("port", "0"), "\"port\" is a number; it must be a number from 1 to 65535"),
        (with("port", "3306.0"), "\"port\" is a number; it must"),
        (with("port", "\"canary\""), "\"port\" is a string; it must"),
        (with("password", "\"\\ud800canary\""), "is a text with half of a surrogate pair"),
        (with("password", "1e999"), "\"password\" is a number, not a string"),
        (with("host", "\"h:3306\""), "\"host\" has a port or a part of a URL in it"),
        (with("host", "\"mysql://h\""), "\"host\" has a port or a part of a URL in it"),
        (with("host", "\"[::1]:3306\""), "and the port into \"port\""),
        (with("host", "\"\\ufeffh\""), "\"host\" begins with the invisible character U+FEFF"),
        (with("tls_server_name", "\"a canary\""), "\"tls_server_name\" is no name that"),
        (with("port", "{}"), "\"port\" is an object; it must"),
        (with("host\":\"x\",\"host", "\"canary\""), "has the key \"host\" twice"),
        (with("h\\u006fst", "\"canary\""), "has the key \"host\" twice"),
        (parse(""), "is not JSON (line 1, column 0)"),
        (parse("canary"), "is not JSON (line 1, column 1)"),
        (parse("{\"password\":\"canary\","), "is not JSON (line 1, column 21)"),
        (parse("{\"password\":\"canary\" \"x\"}"), "is not JSON"),
        (parse("\"canary\""), "is JSON, but not an object"),
        (parse("[\"canary\"]"), "is JSON, but not an object"),
    ];
    for (result, found) in cases {
        let error = result.err().unwrap();
        assert_eq!(error.error_type(), ErrorType::SecretInvalid);
        let text = error.to_string();
        assert!(text.starts_with("the document of secret app "), "{text}");
        assert!(text.contains(found), "{text} <> {found}");
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn an_address_of_ipv6_is_a_host() {
    assert_eq!(with("host", "\"fd00::1\"").unwrap().address.endpoint.host, "fd00::1");
}

#[test]
fn what_nobody_sees_at_the_ends_of_a_login_is_named() {
    assert_eq!(with("password", "\"p w\"").unwrap().invisible(), None);
    for (key, value, found) in [
        ("password", "\"pass\\n\"", "\"password\" in the secret ends with the invisible"),
        (
            "password",
            "\"\\ufeffpass \"",
            "begins and ends with the invisible characters U+FEFF and",
        ),
        ("username", "\"app\\u00a0\"", "\"username\" in the secret ends with the invisible"),
    ] {
        let invisible = with(key, value).unwrap().invisible().unwrap();
        assert!(invisible.contains(found) && !invisible.contains("pass "), "{invisible}");
    }
}

#[test]
fn a_superuser_secret_may_be_a_login_only() {
    let parse = |text: &str| SuperuserSecret::parse(&id(), &Document::new(text.to_owned()));
    let login = parse(r#"{"username":"admin","password":"canary"}"#).unwrap();
    assert!(login.address.is_none());
    assert!(parse(r#"{"username":"admin"}"#).is_err());
}

#[test]
fn a_difference_besides_the_login_is_named() {
    let current = with("x", "1").unwrap();
    for (other, difference) in [
        (with("x", "1.0"), Some("\"x\" has another value")),
        (with("y", "1"), Some("only one of them has \"x\"")),
        (with("host", "\"other\""), Some("\"host\" has another value")),
        (with("username", "\"app_clone\""), Some("only one of them has \"x\"")),
        (with("x", "1"), None),
    ] {
        let found = current.first_difference(&other.unwrap());
        assert_eq!(found.as_deref(), difference);
    }
    let moved = with("username", "\"app_clone\"").unwrap();
    let difference = with("z", "").unwrap().first_difference(&moved);
    assert_eq!(difference.as_deref(), Some("their keys are in another order"));
}

#[test]
fn debug_shows_key_names_only() {
    let secret = parse(HOSTILE).unwrap();
    let shown = format!("{secret:?} {:?}", Document::new(HOSTILE.to_owned()));
    assert!(shown.contains("\"nested\"") && !shown.contains("canary"), "{shown}");
}
