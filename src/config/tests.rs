use super::*;

fn config(variables: &[(&str, &str)]) -> Result<Config, Error> {
    Config::from_lookup(|name| {
        let (_, value) = variables.iter().find(|(n, _)| *n == name)?;
        Some((*value).to_owned())
    })
}

#[test]
fn everything_has_a_default() {
    let all_empty = config(&[
        ("PASSWORD_LENGTH", ""),
        ("USERNAME_CHARACTER_LIMIT", ""),
        ("SUPERUSER_SECRET_ARN", ""),
        ("SECRETS_MANAGER_ENDPOINT", ""),
        ("TLS_CA_FILE", ""),
        ("IGNORE_REPLICA_STATUS", ""),
        ("AWS_LAMBDA_LOG_LEVEL", ""),
        ("REQUIRE_EACH_INCLUDED_TYPE", ""),
    ]);
    for config in [config(&[]).unwrap(), all_empty.unwrap()] {
        assert_eq!(config.superuser_secret, None);
        assert_eq!(config.secrets_manager_endpoint, None);
        assert_eq!(config.tls_ca_file, None);
        assert!(!config.ignore_replica_status && !config.retain_previous_password);
        assert_eq!(config.username_limit(Engine::AuroraMysql), 32);
        assert_eq!(config.username_limit(Engine::Mariadb), 128);
        let password = config.passwords.generate();
        assert_eq!(password.expose().len(), 32);
    }
}

#[test]
fn a_default_password_has_letters_digits_and_the_six_signs_that_nothing_reads_otherwise() {
    let passwords = config(&[]).unwrap().passwords;
    let seen: String = (0..200).map(|_| passwords.generate().expose().to_owned()).collect();
    let mut signs: Vec<char> = seen.chars().filter(|c| !c.is_ascii_alphanumeric()).collect();
    signs.sort_unstable();
    signs.dedup();
    assert_eq!(signs, [',', '-', '.', '=', '^', '_']);
}

#[test]
fn every_variable_is_read() {
    let config = config(&[
        ("PASSWORD_LENGTH", "64"),
        ("EXCLUDE_CHARACTERS", "a"),
        ("EXCLUDE_NUMBERS", "True"),
        ("EXCLUDE_PUNCTUATION", "yes"),
        ("EXCLUDE_UPPERCASE", "1"),
        ("EXCLUDE_LOWERCASE", "false"),
        ("REQUIRE_EACH_INCLUDED_TYPE", "FALSE"),
        ("USERNAME_CHARACTER_LIMIT", "16"),
        ("SUPERUSER_SECRET_ARN", "arn:x"),
        ("SECRETS_MANAGER_ENDPOINT", "https://vpce"),
        ("TLS_CA_FILE", "/opt/ca.pem"),
        ("IGNORE_REPLICA_STATUS", "true"),
        ("RETAIN_PREVIOUS_PASSWORD", "TRUE"),
        ("AWS_LAMBDA_LOG_LEVEL", "debug"),
    ])
    .unwrap();
    let password = config.passwords.generate();
    assert_eq!(password.expose().len(), 64);
    assert!(password.expose().bytes().all(|c| (b'b'..=b'z').contains(&c)));
    assert_eq!(config.username_limit(Engine::Mariadb), 16);
    assert_eq!(config.superuser_secret, Some(SecretId::new("arn:x")));
    assert_eq!(config.secrets_manager_endpoint.as_deref(), Some("https://vpce"));
    assert_eq!(config.tls_ca_file, Some("/opt/ca.pem".into()));
    assert!(config.ignore_replica_status && config.retain_previous_password);
}

#[test]
fn the_log_has_the_level_that_lambda_names_and_info_without_one() {
    let level = |value: &'static str| {
        Environment(move |_: &str| Some(value.to_owned())).log_level().unwrap()
    };
    assert_eq!(level(""), LevelFilter::INFO);
    assert_eq!(level("debug"), LevelFilter::DEBUG);
    assert_eq!(level("FATAL"), LevelFilter::OFF);
}

#[test]
fn an_endpoint_without_tls_is_taken_only_on_this_machine() {
    for url in
        ["http://127.0.0.1", "http://127.0.0.2:5000/", "http://[::1]:5000", "http://localhost:4566"]
    {
        let config = config(&[("SECRETS_MANAGER_ENDPOINT", url)]).unwrap();
        assert_eq!(config.secrets_manager_endpoint.as_deref(), Some(url));
        assert!(config.without_tls.is_empty());
    }
}

#[test]
fn each_variable_that_names_an_address_of_aws_obeys_one_rule_and_another_needs_a_setting() {
    for name in ENDPOINTS {
        let url = "http://localstack:4566";
        let error = config(&[(name, url)]).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("ALLOW_HTTP_ENDPOINTS=true"), "{error}");
        let allowed = config(&[(name, url), ("ALLOW_HTTP_ENDPOINTS", "true")]).unwrap();
        let [warning] = &allowed.without_tls[..] else { panic!("{allowed:?}") };
        assert!(warning.contains(url) && warning.contains(name), "{warning}");
        for url in ["localstack:4566", "ftp://localstack", "http:/localstack"] {
            assert!(config(&[(name, url), ("ALLOW_HTTP_ENDPOINTS", "true")]).is_err(), "{url}");
        }
        for url in ["https://vpce.example", "http://localhost", "http://127.0.0.1:1"] {
            assert!(config(&[(name, url)]).unwrap().without_tls.is_empty(), "{url}");
        }
    }
}

#[test]
fn set_and_empty_excludes_no_character() {
    let variables = [
        ("EXCLUDE_CHARACTERS", ""),
        ("EXCLUDE_LOWERCASE", "true"),
        ("EXCLUDE_UPPERCASE", "true"),
        ("EXCLUDE_NUMBERS", "true"),
        ("PASSWORD_LENGTH", "256"),
    ];
    let policy = config(&variables).unwrap().passwords;
    let seen: String = (0..20).map(|_| policy.generate().expose().to_owned()).collect();
    assert!("/@\"'\\".chars().all(|c| seen.contains(c)));
}

#[test]
fn a_bad_value_is_refused_with_name_value_and_what_is_allowed() {
    for (name, value, allowed) in [
        ("PASSWORD_LENGTH", "7", "a number from 8 to 256"),
        ("PASSWORD_LENGTH", "257", "a number from 8 to 256"),
        ("PASSWORD_LENGTH", "32.0", "a number from 8 to 256"),
        ("PASSWORD_LENGTH", "-1", "a number from 8 to 256"),
        ("EXCLUDE_NUMBERS", "maybe", "be true or false"),
        ("IGNORE_REPLICA_STATUS", " true", "be true or false"),
        ("USERNAME_CHARACTER_LIMIT", "0", "a number from 7 to 255"),
        ("AWS_LAMBDA_LOG_LEVEL", "verbose", "be one of TRACE, "),
        ("SECRETS_MANAGER_ENDPOINT", "vpce.example", "a URL that starts with https://"),
        ("SECRETS_MANAGER_ENDPOINT", "http://vpce.example", "a URL that starts with https://"),
        ("SECRETS_MANAGER_ENDPOINT", "http://localhost.vpce", "a URL that starts with https://"),
        ("AWS_ENDPOINT_URL", "http://localhost@vpce.example", "a URL that starts with https://"),
        (
            "SECRETS_MANAGER_ENDPOINT",
            "http://127.0.0.1@vpce.example",
            "a URL that starts with https://",
        ),
        (
            "SECRETS_MANAGER_ENDPOINT",
            "http://127.0.0.1:1@vpce.example",
            "a URL that starts with https://",
        ),
    ] {
        let error = config(&[(name, value)]).unwrap_err();
        assert_eq!(error.error_type(), ErrorType::ConfigurationInvalid);
        let text = error.to_string();
        assert!(text.contains(&format!("{name} is {value:?}")), "{text}");
        assert!(text.contains(allowed), "{text}");
    }
}

#[test]
fn excluding_every_character_is_refused() {
    let all: String = ('!'..='~').collect();
    assert!(config(&[("EXCLUDE_CHARACTERS", &all)]).is_err());
    let none = [
        ("EXCLUDE_LOWERCASE", "true"),
        ("EXCLUDE_UPPERCASE", "true"),
        ("EXCLUDE_NUMBERS", "true"),
        ("EXCLUDE_PUNCTUATION", "true"),
    ];
    assert!(config(&none).is_err());
    // A type that is excluded character by character is not required either.
    let digits = config(&[("EXCLUDE_CHARACTERS", "0123456789")]).unwrap();
    let password = digits.passwords.generate();
    assert!(!password.expose().contains(|c: char| c.is_ascii_digit()));
}
