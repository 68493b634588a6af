//! The function's environment variables, which mean what they mean to AWS's function.

use rotation::error::ErrorType::{
    ConfigurationInvalid, SuperuserSecretUnknown, TwinNameImpossible,
};

use crate::support::account::Tenant;
use crate::support::edited::{Call, Edited};
use crate::support::refusal::refused;
use crate::support::scene::{STEPS, Scene, document, superuser_document};
use crate::support::server::Server;

/// The password that createSecret makes in this environment.
async fn new_password(tenant: &Tenant, environment: &[(&str, &str)]) -> String {
    let scene = Scene::of(&Tenant::at(tenant.address.clone()), "a password").await;
    let scene = scene.in_environment(tenant, environment).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    scene.login("AWSPENDING").await.1
}

fn has(password: &str, is: fn(&u8) -> bool) -> bool {
    password.as_bytes().iter().any(is)
}

#[tokio::test]
async fn a_new_password_is_as_the_settings_of_aws_say() {
    let tenant = Tenant::of(Server::one()).await;
    let tenant = &tenant;
    let usual = new_password(tenant, &[]).await;
    assert_eq!(usual.len(), 32);
    assert!(!usual.contains(['/', '@', '"', '\'', '\\']), "{usual}");
    for is in [
        u8::is_ascii_lowercase,
        u8::is_ascii_uppercase,
        u8::is_ascii_digit,
        u8::is_ascii_punctuation,
    ] {
        assert!(has(&usual, is), "{usual}");
    }
    for (name, is) in [
        ("EXCLUDE_LOWERCASE", u8::is_ascii_lowercase as fn(&u8) -> bool),
        ("EXCLUDE_UPPERCASE", u8::is_ascii_uppercase),
        ("EXCLUDE_NUMBERS", u8::is_ascii_digit),
        ("EXCLUDE_PUNCTUATION", u8::is_ascii_punctuation),
    ] {
        for yes in ["true", "Yes", "1"] {
            let password = new_password(tenant, &[(name, yes)]).await;
            assert!(!has(&password, is), "{name}: {password}");
        }
    }
    let long = new_password(tenant, &[("PASSWORD_LENGTH", "100"), ("EXCLUDE_CHARACTERS", "abc")]);
    let long = long.await;
    assert_eq!(long.len(), 100);
    assert!(!long.contains(['a', 'b', 'c']), "{long}");
}

#[tokio::test]
async fn a_bad_setting_is_the_error_of_every_step_and_names_the_variable() {
    let tenant = Tenant::of(Server::one()).await;
    let mut scene = Scene::of(&tenant, "a password").await;
    let token = scene.begin().await;
    for (name, value) in [
        ("PASSWORD_LENGTH", "7"),
        ("PASSWORD_LENGTH", "long"),
        ("EXCLUDE_NUMBERS", "perhaps"),
        ("USERNAME_CHARACTER_LIMIT", "0"),
        ("SECRETS_MANAGER_ENDPOINT", "secretsmanager.example.com"),
        ("IGNORE_REPLICA_STATUS", "sometimes"),
        ("RETAIN_PREVIOUS_PASSWORD", "2"),
        ("AWS_LAMBDA_LOG_LEVEL", "loud"),
    ] {
        scene = scene.in_environment(&tenant, &[(name, value)]).await;
        for step in STEPS {
            let result = scene.step(step, &token).await;
            refused(result, ConfigurationInvalid, &[name, value]);
        }
    }
}

#[tokio::test]
async fn the_limit_on_names_is_that_of_the_server_unless_it_is_set() {
    for &server in Server::all() {
        let longest = if server.is_mariadb() { 122 } else { 26 };
        let tenant = Tenant::of(server).await;
        for (length, limit, fits) in [
            (longest, None, true),
            (longest + 1, None, false),
            (10, Some("16"), true),
            (11, Some("16"), false),
            (longest + 1, Some("255"), true),
        ] {
            let place = Tenant::at(tenant.address.clone());
            let user = document(&tenant.address, &"u".repeat(length), "a password");
            let scene = Scene::with(&place, &superuser_document(&tenant.address), user).await;
            let limit = limit.map(|limit| ("USERNAME_CHARACTER_LIMIT", limit));
            let scene = scene.in_environment(&tenant, limit.as_slice()).await;
            let token = scene.begin().await;
            let result = scene.step("createSecret", &token).await;
            if fits {
                result.unwrap();
                assert!(scene.login("AWSPENDING").await.0.ends_with("u_clone"));
            } else {
                let found = format!("has {} characters", length + 6);
                refused(result, TwinNameImpossible, &[&found]);
            }
        }
    }
}

#[tokio::test]
async fn the_superusers_secret_is_that_of_the_document_and_else_that_of_the_function() {
    let tenant = Tenant::of(Server::one()).await;
    tenant.settle("a password").await;
    let user = document(&tenant.address, &tenant.user(), "a password");
    let superuser = superuser_document(&tenant.address);
    let scene = Scene::with_text(&tenant, &superuser, |_| user.to_string()).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    let result = scene.step("setSecret", &token).await;
    refused(result, SuperuserSecretUnknown, &["masterarn", "SUPERUSER_SECRET_ARN"]);
    let arn = scene.superuser_arn.clone();
    let scene = scene.in_environment(&tenant, &[("SUPERUSER_SECRET_ARN", &arn)]).await;
    scene.resume("setSecret", &token).await.unwrap();

    // What the document says comes first.
    let (tenant, scene) = Scene::settled(Tenant::of(Server::one()).await, "a password").await;
    let wrong = [("SUPERUSER_SECRET_ARN", "arn:aws:secretsmanager:eu-central-1:1:secret:no")];
    scene.in_environment(&tenant, &wrong).await.rotate().await;
}

#[tokio::test]
async fn a_superusers_secret_in_another_region_is_read_there_and_not_at_the_endpoint_of_the_home_region()
 {
    let tenant = Tenant::of(Server::one()).await;
    tenant.settle("a password").await;
    let home = Edited::aws().await;
    let scene = Scene::of(&tenant, "a password").await;
    let there = scene.secrets.config().to_builder();
    let there = there.region(aws_config::Region::new("ap-southeast-2"));
    let there = aws_sdk_secretsmanager::Client::from_conf(there.build());
    let created = there.create_secret().name(format!("{}/far", tenant.mark()));
    let created = created.secret_string(superuser_document(&tenant.address).to_string());
    let arn = created.send().await.unwrap().arn.unwrap();
    assert!(arn.contains(":ap-southeast-2:"), "{arn}");

    let mut user = document(&tenant.address, &tenant.user(), "a password");
    user["masterarn"] = arn.as_str().into();
    let put = scene.secrets.put_secret_value().secret_id(&scene.arn);
    put.secret_string(user.to_string()).send().await.unwrap();
    let environment = [("SECRETS_MANAGER_ENDPOINT", &*home.url())];
    let scene = scene.in_environment(&tenant, &environment).await;
    home.edit(|_| None);
    scene.rotate().await;
    let calls = home.calls();
    assert_eq!(home.count("DescribeSecret"), 4);
    let asks_for_it = |call: &Call| call.body.contains(&format!("\"SecretId\":\"{arn}"));
    assert!(!calls.iter().any(asks_for_it), "{calls:?}");
}
