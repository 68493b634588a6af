//! The built program in AWS's Runtime Interface Emulator: what it answers and what it writes.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::account::Tenant;
use crate::support::scene::{STEPS, Scene};
use crate::support::stack::{Function, Server};

async fn function(tenant: &Tenant, environment: &[(&str, &str)]) -> Function {
    let what = environment.first().map_or("plain", |(name, _)| name);
    let name = format!("emulator-{}-{what}", tenant.mark());
    let ca_file = tenant.address.ca_file.display().to_string();
    let mut all = vec![("TLS_CA_FILE", ca_file.as_str())];
    all.extend(environment);
    let binary = env!("CARGO_BIN_EXE_bootstrap");
    Function::start(&name, binary, &all, Duration::from_secs(30)).await
}

fn event(scene: &Scene, step: &str, token: &str) -> Value {
    json!({"Step": step, "SecretId": scene.arn, "ClientRequestToken": token})
}

/// The lines of JSON in a function's log; the emulator adds others.
fn lines(function: &Function) -> Vec<Value> {
    let log = function.logged();
    log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[tokio::test]
async fn a_step_writes_one_line_of_what_it_did_and_one_of_metrics() {
    let tenant = Tenant::of(Server::Mysql).await;
    tenant.settle("first kanarienvogel").await;
    let scene = Scene::of(&tenant, "first kanarienvogel").await;
    let function = function(&tenant, &[]).await;
    let token = scene.begin().await;
    for step in STEPS {
        assert_eq!(function.invoke(&event(&scene, step, &token)).await.unwrap(), Value::Null);
    }
    let lines = lines(&function);
    for step in STEPS {
        let of_step = |line: &&Value| line["step"] == step && line["version"] == token.as_str();
        let of_step: Vec<_> = lines.iter().filter(of_step).collect();
        let [summary, metrics] = of_step[..] else {
            panic!("{step}: {of_step:?}");
        };
        assert_eq!(summary["level"], "INFO");
        assert_eq!(summary["secret"], scene.arn);
        assert!(summary["message"].as_str().is_some_and(|text| !text.is_empty()));
        assert_eq!(metrics["outcome"], "Succeeded");
        assert!(metrics["duration_ms"].as_u64().is_some());
        assert_eq!(metrics["statements"], summary["statements"]);
    }
    let plans: BTreeSet<&str> = lines.iter().filter_map(|line| line["plan"].as_str()).collect();
    assert!(plans.iter().any(|plan| plan.contains("CREATE USER") && plan.contains("<secret>")));
}

#[tokio::test]
async fn a_bad_setting_is_the_answer_to_every_invocation_of_a_program_that_lives_on() {
    let tenant = Tenant::of(Server::Mysql).await;
    tenant.settle("first kanarienvogel").await;
    let scene = Scene::of(&tenant, "first kanarienvogel").await;
    let token = scene.begin().await;
    for (setting, value, found) in [
        ("PASSWORD_LENGTH", "7", "8 to 256"),
        ("TLS_CA_FILE", "/nowhere/roots.pem", "/nowhere/roots.pem"),
    ] {
        let function = function(&tenant, &[(setting, value)]).await;
        for step in STEPS {
            let error = function.invoke(&event(&scene, step, &token)).await.unwrap_err();
            assert_eq!(error.error_type, "ConfigurationInvalid");
            for text in [setting, value, found] {
                assert!(error.error_message.contains(text), "{}", error.error_message);
            }
        }
        let failed = |line: &&Value| line["outcome"] == "ConfigurationInvalid";
        assert_eq!(lines(&function).iter().filter(failed).count(), STEPS.len());
    }
}

#[tokio::test]
async fn a_refusal_is_answered_and_logged_once_and_counted() {
    let tenant = Tenant::of(Server::Mysql).await;
    tenant.settle("first kanarienvogel").await;
    let scene = Scene::of(&tenant, "another kanarienvogel").await;
    let function = function(&tenant, &[]).await;
    let token = scene.begin().await;
    function.invoke(&event(&scene, "createSecret", &token)).await.unwrap();
    let error = function.invoke(&event(&scene, "setSecret", &token)).await.unwrap_err();
    assert_eq!(error.error_type, "CurrentLoginRefused");
    let text = error.error_message;
    assert!(text.contains(&scene.arn) && text.contains("MySQL error 1045"), "{text}");
    let lines = lines(&function);
    let logged = lines.iter().filter(|line| line.to_string().contains("MySQL error 1045"));
    assert_eq!(logged.count(), 1);
    let failed = lines.iter().filter(|line| line["outcome"] == "CurrentLoginRefused");
    let failed: Vec<_> = failed.collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["failures"], 1);
}
