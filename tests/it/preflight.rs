//! `RotateImmediately=false`: Secrets Manager tests the settings of a rotation that is not to happen
//! now. It shows the plan, changes nothing, and is no way around the proof of a real rotation.

use std::time::Duration;

use aws_sdk_secretsmanager::types::RotationRulesType;
use rotation::error::ErrorType::{
    self, AccountUnusable, GrantImpossible, PendingMismatch, PendingValueMissing, ProxyHost,
    StalePending, TwinNotOurs,
};
use serde_json::{Value, json};

use crate::support::account::{Tenant, account};
use crate::support::canary::assert_absent;
use crate::support::edited::{Edit, Edited};
use crate::support::refusal::refused;
use crate::support::scene::{Scene, document, superuser_document};
use crate::support::server::{Need, Server};
use crate::support::stack::{Function, Rotations, setting};
use crate::support::untouched::{Traces, give_up, preflight};

const PASSWORD: &str = "pa55word-of-the-user";

#[track_caller]
fn assert_logged(log: &str, texts: &[&str]) {
    for text in texts {
        assert!(log.contains(text), "{text:?} is not in:\n{log}");
    }
}

#[tokio::test]
async fn it_shows_the_plan_and_every_finding_and_changes_nothing() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle(PASSWORD).await;
        let scene = Scene::of(&tenant, PASSWORD).await;
        let (user, twin) = (tenant.user(), tenant.twin());
        let (result, log) = preflight(&tenant, &scene).await;
        result.unwrap();
        let database = tenant.database();
        assert_logged(
            &log,
            &[
                "nothing was changed: a rotation now would make",
                "CREATE USER",
                &format!("GRANT SELECT ON {}.*", crate::support::account::identifier(&database)),
                "check passed: the superuser",
                "accepts writes",
                "logged in",
                &format!("the twin \"{twin}\" does not exist yet"),
                "the superuser may grant all that the twin needs",
                // A twin that does not exist has not drifted.
                " drift=0 planned_drift=0",
            ],
        );

        // A twin that differs: what it lacks, and what it has too much.
        scene.rotate().await;
        tenant
            .sql(format!(
                "GRANT INSERT ON {database}.* TO {}; GRANT DELETE ON {database}.* TO {}",
                account(&user, "%"),
                account(&twin, "%"),
            ))
            .await;
        let (user_before, _) = scene.login("AWSCURRENT").await;
        assert_eq!(user_before, twin);
        let (result, log) = preflight(&tenant, &scene).await;
        result.unwrap();
        assert_logged(
            &log,
            &[
                "plan=[\"REVOKE INSERT ON",
                "\"GRANT DELETE ON",
                "with 2 statements and then set its password (create 0, grants 1, revokes 1, settings 0)",
                " drift=0 planned_drift=2",
                "is that of version",
            ],
        );
        tenant.sql(format!("REVOKE INSERT ON {database}.* FROM {}", account(&user, "%"))).await;
        let (result, log) = preflight(&tenant, &scene).await;
        result.unwrap();
        assert_logged(&log, &["with 1 statement and then", "planned_drift=1"]);
    }
}

#[tokio::test]
async fn secrets_manager_gets_success_for_a_copy_and_a_failure_for_no_value() {
    let tenant = Tenant::of(Server::one()).await;
    tenant.settle(PASSWORD).await;
    let scene = Scene::of(&tenant, PASSWORD).await;
    let ca_file = tenant.address.ca_file.to_string_lossy().into_owned();
    let endpoint = setting("AWS_ENDPOINT_URL");
    let environment = [("TLS_CA_FILE", &*ca_file), ("SECRETS_MANAGER_ENDPOINT", &endpoint)];
    let name = format!("preflight-{}", tenant.mark());
    let binary = env!("CARGO_BIN_EXE_bootstrap");
    let timeout = Duration::from_secs(30);
    let function = Function::start(&name, binary, &environment, timeout).await;
    let labels = scene.labels().await;
    for (value, state, error) in
        [("copy", "succeeded", None), ("empty", "failed", Some("PendingValueMissing"))]
    {
        Rotations::set(&scene.arn, json!({"test_value": value})).await;
        let rules = RotationRulesType::builder().automatically_after_days(30);
        let call = scene.secrets.rotate_secret().secret_id(&scene.arn);
        let call = call.rotation_lambda_arn(&function.arn).rotate_immediately(false);
        call.rotation_rules(rules.build()).send().await.unwrap();
        let rotations = Rotations::ended(&scene.arn).await;
        assert_eq!(rotations.state, state, "{rotations:?}");
        let last = rotations.steps.last().unwrap();
        assert_eq!(last.step, "testSecret");
        assert_eq!(last.error.as_ref().map(|e| e.error_type.as_str()), error);
        let log = function.logged();
        for text in ["CREATE USER", "check passed", "nothing was changed"] {
            let times = log.matches(text).count();
            assert!(times > 0, "{text:?} is not in:\n{log}");
        }
        assert_absent(&[PASSWORD, &tenant.address.root_password], &log, "the log");
        assert_eq!(scene.labels().await, labels);
        assert!(tenant.hosts(&tenant.twin()).await.is_empty());
    }
}

#[tokio::test]
async fn what_a_rotation_would_die_of_is_the_error_and_the_findings_before_it_are_logged() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle(PASSWORD).await;
        let user = account(&tenant.user(), "%");

        let weak = format!("{}_admin", tenant.mark());
        let admin = account(&weak, "%");
        tenant
            .sql(format!(
                "CREATE USER {admin} IDENTIFIED BY 'Weak-canary-1'; \
                 GRANT CREATE USER ON *.* TO {admin}; GRANT SELECT ON mysql.* TO {admin}"
            ))
            .await;
        let superuser = document(&tenant.address, &weak, "Weak-canary-1");
        let place = Tenant::at(tenant.address.clone());
        let current = || document(&tenant.address, &tenant.user(), PASSWORD);
        let scene = Scene::with(&place, &superuser, current()).await;
        let (result, log) = preflight(&tenant, &scene).await;
        refused(result, GrantImpossible, &["testSecret of secret"]);
        // The plan is shown, with the statement that cannot be run.
        assert_logged(
            &log,
            &["check passed: the superuser", "GRANT SELECT ON", "would be refused"],
        );

        let scene = Scene::of(&tenant, PASSWORD).await;
        let stranger = account(&tenant.twin(), "%");
        tenant.sql(format!("CREATE USER {stranger} IDENTIFIED BY 'of a stranger'")).await;
        let (result, log) = preflight(&tenant, &scene).await;
        refused(result, TwinNotOurs, &["no version of this secret holds its password"]);
        assert_logged(&log, &["by the hash that the server stores", "would be refused"]);

        tenant.sql(format!("DROP USER {stranger}; ALTER USER {user} ACCOUNT LOCK")).await;
        let (result, log) = preflight(&tenant, &scene).await;
        refused(result, AccountUnusable, &["locked"]);
        assert_logged(&log, &["accepts writes", "would be refused"]);
    }
}

#[tokio::test]
async fn an_rds_proxy_is_refused_by_the_test_and_by_the_first_step() {
    let tenant = Tenant::of(Server::one()).await;
    let mut user = document(&tenant.address, &tenant.user(), PASSWORD);
    user["host"] = "app.proxy-abc.eu-central-1.rds.amazonaws.com".into();
    let scene = Scene::with(&tenant, &superuser_document(&tenant.address), user).await;
    let (result, _) = preflight(&tenant, &scene).await;
    let texts = ["RDS Proxy", "accepts only logins that are AWSCURRENT"];
    refused(result, ProxyHost, &texts);
    let token = scene.begin().await;
    refused(scene.step("createSecret", &token).await, ProxyHost, &texts);
}

#[tokio::test]
async fn a_real_rotation_whose_pending_value_is_hidden_from_the_test_is_not_promoted() {
    let tenant = Tenant::of(Server::one()).await;
    tenant.settle(PASSWORD).await;
    let secrets_manager = Edited::aws().await;
    let endpoint = secrets_manager.url();
    let scene = Scene::of(&tenant, PASSWORD).await;
    let environment = [("SECRETS_MANAGER_ENDPOINT", &*endpoint)];
    let scene = scene.in_environment(&tenant, &environment).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    scene.step("setSecret", &token).await.unwrap();
    let version = token.clone();
    secrets_manager.edit(move |call| {
        let hides = call.operation == "GetSecretValue" && call.body.contains(&version);
        hides.then(Edit::no_value)
    });
    let result = scene.step("testSecret", &token).await;
    refused(result, PendingValueMissing, &["was not tested: it has no value"]);
    secrets_manager.edit(|_| None);
    assert_eq!(scene.login("AWSCURRENT").await.0, tenant.user());
    scene.resume("createSecret", &token).await.unwrap();
}

/// Begins a rotation and stores this as its pending value, in the place of createSecret.
async fn plant(scene: &Scene, text: &str) -> String {
    let token = scene.begin().await;
    let put = scene.secrets.put_secret_value().secret_id(&scene.arn);
    let put = put.client_request_token(&token).version_stages("AWSPENDING");
    put.secret_string(text).send().await.unwrap();
    token
}

#[tokio::test]
async fn a_planted_value_stops_a_real_rotation_at_its_first_step() {
    for &server in Server::all() {
        for (key, value, tested) in [
            // A copy of the current value is a test of the settings, which passes.
            ("password", PASSWORD, None),
            ("password", "another password", Some(PendingMismatch)),
            ("host", "db.example.com", Some(PendingMismatch)),
            ("username", "somebody", Some(PendingMismatch)),
        ] {
            let tenant = Tenant::of(server).await;
            tenant.settle(PASSWORD).await;
            let scene = Scene::of(&tenant, PASSWORD).await;
            let mut planted: Value = serde_json::from_str(&scene.text("AWSCURRENT").await).unwrap();
            planted[key] = value.into();
            let token = plant(&scene, &planted.to_string()).await;
            let before = Traces::of(&tenant, &scene).await;
            let user = tenant.user();
            for (step, error_type) in [
                ("createSecret", Some(StalePending)),
                ("setSecret", Some(PendingMismatch)),
                ("testSecret", tested),
            ] {
                let result = scene.step(step, &token).await;
                let found: Option<ErrorType> = result.err().map(|error| error.error_type());
                assert_eq!(found, error_type, "{server:?} {key} {value} {step}");
            }
            before.assert_unchanged(&tenant, &scene, "the steps").await;
            give_up(&scene, &token).await;
            assert!(tenant.logs_in(&user, PASSWORD).await);
        }
    }
}

#[tokio::test]
async fn a_rotation_within_an_hour_of_the_last_one_is_warned_of() {
    let tenant = Tenant::of(Server::one()).await;
    let secrets_manager = Edited::aws().await;
    let endpoint = secrets_manager.url();
    tenant.settle(PASSWORD).await;
    let scene = Scene::of(&tenant, PASSWORD).await;
    let environment = [("SECRETS_MANAGER_ENDPOINT", &*endpoint)];
    let scene = scene.in_environment(&tenant, &environment).await;
    let (_, log) = preflight(&tenant, &scene).await;
    assert!(!log.contains("AWSCURRENT was stored"), "nobody has used the twin: {log}");
    scene.rotate().await;
    for (seconds, is_warned_of) in [(0.0, true), (3000.0, true), (4000.0, false)] {
        secrets_manager.edit(move |call| {
            let is_current = call.operation == "GetSecretValue" && call.body.contains("AWSCURRENT");
            is_current.then(|| {
                Edit::change(move |answer| {
                    let mut answer: Value = serde_json::from_str(&answer).unwrap();
                    let stored = answer["CreatedDate"].as_f64().unwrap();
                    answer["CreatedDate"] = (stored - seconds).into();
                    answer.to_string()
                })
            })
        });
        let (result, log) = preflight(&tenant, &scene).await;
        result.unwrap();
        assert_eq!(log.contains("AWSCURRENT was stored"), is_warned_of, "{seconds}: {log}");
    }
}

#[tokio::test]
async fn a_limit_that_one_stale_pool_reaches_is_warned_of_with_a_retained_password_too() {
    let Some(server) = Server::one_with(&[Need::FailedLogins]) else {
        return;
    };
    for (limit, retain, is_warned_of) in
        [(10, "true", true), (11, "true", false), (11, "false", true), (0, "false", false)]
    {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, PASSWORD).await;
        let user = account(&tenant.user(), "%");
        let sql = format!("ALTER USER {user} FAILED_LOGIN_ATTEMPTS {limit} PASSWORD_LOCK_TIME 1");
        tenant.sql(sql).await;
        let scene = scene.in_environment(&tenant, &[("RETAIN_PREVIOUS_PASSWORD", retain)]).await;
        let (result, log) = preflight(&tenant, &scene).await;
        result.unwrap();
        let warning = format!("has FAILED_LOGIN_ATTEMPTS {limit}:");
        assert_eq!(log.contains(&warning), is_warned_of, "{limit} {retain}: {log}");
    }
}
