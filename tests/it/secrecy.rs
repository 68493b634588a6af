//! No password, no token and no hash of one is in what the function writes or makes others write.

use std::time::Duration;

use aws_sdk_secretsmanager::types::RotationRulesType;
use mysql_async::prelude::Queryable;
use rotation::error::ErrorType::CurrentPasswordWrong;
use serde_json::{Value, json};

use crate::support::account::{Tenant, account};
use crate::support::canary::{Capture, assert_absent};
use crate::support::proxy::Proxy;
use crate::support::scene::{STEPS, Scene};
use crate::support::server::{Need, OwnServer, Server};
use crate::support::stack::{Function, Rotations, setting};
use crate::support::untouched::{assert_refused, passwords};

mod superuser;

const FIRST: &str = "first\"Canary'\\1";
const WRONG: &str = "wrong Canary 1";
const SESSION: &str = "session-Canary-4711";
const KEY: &str = "key-Canary-4711";
const TOKEN: &str = "rotation-token-Canary-2b9c6a2e-1d3f-4f7e";

/// A function whose log has everything, and the calls that it makes.
async fn loud(tenant: &Tenant, api: &Proxy) -> Function {
    let name = format!("secrecy-{}", tenant.mark());
    let (url, ca_file) = (api.url(), tenant.address.ca_file.display().to_string());
    let environment = [
        ("SECRETS_MANAGER_ENDPOINT", url.as_str()),
        ("TLS_CA_FILE", ca_file.as_str()),
        ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
        ("AWS_SECRET_ACCESS_KEY", KEY),
        ("AWS_SESSION_TOKEN", SESSION),
        // The libraries' own switches.
        ("LOG_SENSITIVE_BODIES", "true"),
        ("RUST_LOG", "trace"),
        ("SSLKEYLOGFILE", "/dev/stdout"),
    ];
    let binary = env!("CARGO_BIN_EXE_bootstrap");
    Function::start(&name, binary, &environment, Duration::from_secs(30)).await
}

/// What the database stores in the place of the passwords, as it would be shown.
async fn hashes(tenant: &Tenant) -> Vec<String> {
    let mut root = tenant.root().await;
    let rows: Vec<(Vec<u8>, String)> = root
        .query(format!(
            "SELECT authentication_string, HEX(authentication_string) FROM mysql.user \
             WHERE User LIKE '%{}%' AND authentication_string <> ''",
            tenant.mark()
        ))
        .await
        .unwrap();
    root.disconnect().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // The end of MySQL's hash is plain text, whatever its salt is.
    rows.iter()
        .flat_map(|(raw, hex)| [text(&raw[raw.len().saturating_sub(40)..]), hex.clone()])
        .collect()
}

#[tokio::test]
async fn the_built_program_logs_no_secret_at_its_finest_level_whatever_happens() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        Rotations::set(&scene.arn, json!({"attempts": 1})).await;
        let api = Proxy::http(&setting("AWS_ENDPOINT_URL")).await;
        let function = loud(&tenant, &api).await;
        let mut secrets = passwords(&scene).await;
        secrets.extend([FIRST, SESSION, KEY, TOKEN].map(str::to_owned));
        let mut errors = String::new();

        for _ in 0..2 {
            let rules = RotationRulesType::builder().automatically_after_days(30);
            let call = scene.secrets.rotate_secret().secret_id(&scene.arn);
            let call = call.rotation_lambda_arn(&function.arn);
            call.rotation_rules(rules.build()).send().await.unwrap();
            let rotations = Rotations::ended(&scene.arn).await;
            assert_eq!(rotations.state, "succeeded", "{rotations:?}");
            secrets.extend(passwords(&scene).await);
            secrets.extend(hashes(&tenant).await);
        }
        for put in api.seen().iter().filter(|call| call.operation == "PutSecretValue") {
            let body: Value = serde_json::from_str(&put.text).unwrap();
            secrets.push(body["RotationToken"].as_str().unwrap().to_owned());
        }
        assert!(api.seen().len() > 20);

        // A token that is refused, events that are none, and a user that is locked.
        Rotations::set(&scene.arn, json!({"attempts": 0})).await;
        let token = scene.begin().await;
        let user = account(&scene.login("AWSCURRENT").await.0, "%");
        for (step, sql) in [
            ("createSecret", "DO 0".to_owned()),
            ("create\nSecret", "DO 0".to_owned()),
            ("setSecret", "DO 0".to_owned()),
            ("testSecret", format!("ALTER USER {user} ACCOUNT LOCK")),
        ] {
            tenant.sql(sql).await;
            let event = json!({
                "Step": step,
                "SecretId": scene.arn,
                "ClientRequestToken": token,
                "RotationToken": TOKEN,
            });
            let error = function.invoke(&event).await.unwrap_err();
            errors += &format!("{}: {}\n", error.error_type, error.error_message);
        }
        let call = scene.secrets.put_secret_value().secret_id(&scene.arn);
        let text = format!("{{\"password\": \"{SESSION}\" \"{FIRST}\"");
        call.secret_string(text).send().await.unwrap();
        let token = scene.begin().await;
        let event = json!({"Step": STEPS[0], "SecretId": scene.arn, "ClientRequestToken": token});
        let error = function.invoke(&event).await.unwrap_err();
        errors += &error.error_message;

        let log = function.logged();
        let of_sdk = |line: &str| line.contains("DEBUG") && line.contains("\"aws_smithy_runtime");
        assert!(log.lines().any(of_sdk), "the log is not at its finest level");
        assert!(log.contains("IDENTIFIED"), "the log has no statement");
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        assert_absent(&secrets, &log, "the function's log");
        assert_absent(&secrets, &errors, "the function's errors");
    }
}

#[tokio::test]
async fn the_library_logs_no_secret_at_any_level_in_a_rotation_that_succeeds() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        for _ in 0..2 {
            let token = scene.begin().await;
            let log = Capture::everything();
            scene.step(STEPS[0], &token).await.unwrap();
            let mut secrets = passwords(&scene).await;
            scene.resume("setSecret", &token).await.unwrap();
            let log = log.text();
            secrets.extend(hashes(&tenant).await);
            secrets.push(FIRST.to_owned());
            let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
            assert!(log.contains("TRACE") && log.contains("IDENTIFIED"));
            assert_absent(&secrets, &log, "the log");
        }
    }
}

/// All that a server of one's own has written down of the statements that it was sent.
async fn written_down(tenant: &Tenant) -> String {
    let mut root = tenant.root().await;
    let mut queries =
        vec!["SELECT argument FROM mysql.general_log", "SELECT sql_text FROM mysql.slow_log"];
    if !tenant.address.server.is_mariadb() {
        queries.extend([
            "SELECT SQL_TEXT FROM performance_schema.events_statements_history_long",
            "SELECT SQL_TEXT FROM performance_schema.events_statements_history",
            "SELECT DIGEST_TEXT FROM performance_schema.events_statements_summary_by_digest",
        ]);
    }
    if tenant.address.server.has(Need::SampleStatements) {
        queries.push(
            "SELECT QUERY_SAMPLE_TEXT FROM performance_schema.events_statements_summary_by_digest",
        );
    }
    let mut text = String::new();
    for query in queries {
        let rows: Vec<Option<Vec<u8>>> = root.query(query).await.unwrap();
        for row in rows.into_iter().flatten() {
            text.push_str(&String::from_utf8_lossy(&row));
            text.push('\n');
        }
    }
    root.disconnect().await.unwrap();
    text
}

#[tokio::test]
async fn no_server_writes_a_password_down() {
    for server in Server::with(&[Need::OwnServers]) {
        let own = OwnServer::start(server, &[]).await;
        let tenant = Tenant::at(own.address.clone());
        tenant.settle(FIRST).await;
        tenant
            .sql(
                "SET GLOBAL log_output = 'TABLE'; SET GLOBAL long_query_time = 0; \
                 SET GLOBAL slow_query_log = ON; SET GLOBAL general_log = ON",
            )
            .await;
        let scene = Scene::of(&tenant, FIRST).await;
        let mut secrets = passwords(&scene).await;
        for _ in 0..2 {
            scene.rotate().await;
            secrets.extend(passwords(&scene).await);
        }
        // And a password that is not the one.
        let mut document: Value = serde_json::from_str(&scene.text("AWSCURRENT").await).unwrap();
        document["password"] = json!(WRONG);
        let call = scene.secrets.put_secret_value().secret_id(&scene.arn);
        call.secret_string(document.to_string()).send().await.unwrap();
        assert_refused(&tenant, &scene, CurrentPasswordWrong, &["no login was made"]).await;
        secrets.push(WRONG.to_owned());

        let written = written_down(&tenant).await;
        let created = written.lines().find(|line| line.starts_with("CREATE USER"));
        let created = created.expect("the twin was created while all was written down");
        assert!(created.contains(&tenant.twin()), "{created}");
        if server.is_mariadb() {
            // A hash that the function made, so that the password itself was never sent.
            assert!(created.contains("VIA `mysql_native_password` USING '*"), "{created}");
        } else {
            assert!(created.contains("<secret>"), "{created}");
        }
        for secret in &secrets {
            for form in [secret.clone(), secret.replace('\'', "''")] {
                assert!(!written.contains(&form), "{server:?} wrote a password down");
            }
        }
    }
}
