//! The built program in AWS's Runtime Interface Emulator: what it answers and what it writes.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::account::{Tenant, account};
use crate::support::scene::{STEPS, Scene};
use crate::support::server::Server;
use crate::support::stack::Function;

async fn function(tenant: &Tenant, environment: &[(&str, &str)]) -> Function {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let nth = STARTED.fetch_add(1, Ordering::Relaxed);
    let name = format!("emulator-{}-{nth}", tenant.mark());
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

/// Fails unless a line has what each line of an invocation for this event has.
#[track_caller]
fn assert_line(line: &Value, event: &Value) {
    let text = |field: &str| line[field].as_str().unwrap_or_else(|| panic!("no {field}: {line}"));
    let (date, time) = text("timestamp").split_once('T').unwrap();
    assert!(date.len() == 10 && time.ends_with('Z'), "{line}");
    assert!(["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].contains(&text("level")), "{line}");
    assert_eq!(text("functionVersion"), env!("CARGO_PKG_VERSION"));
    assert!(!text("requestId").is_empty(), "{line}");
    assert_eq!(line["step"], event["Step"]);
    assert_eq!(line["secret"], event["SecretId"]);
    assert_eq!(line["version"], event["ClientRequestToken"]);
}

#[tokio::test]
async fn a_step_writes_one_line_of_what_it_did_and_one_of_metrics() {
    let (tenant, scene) = Scene::settled(Tenant::of(Server::one()).await, "first canary").await;
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
        for line in [summary, metrics] {
            assert_line(line, &event(&scene, step, &token));
            assert_eq!(line["level"], "INFO");
        }
        assert_eq!(summary["requestId"], metrics["requestId"]);
        assert!(summary["message"].as_str().is_some_and(|text| !text.is_empty()));
        assert_eq!(metrics["outcome"], "Succeeded");
        assert!(metrics["duration_ms"].as_u64().is_some());
        assert_eq!(metrics["statements"], summary["statements"]);
    }
    let users: Vec<_> = lines.iter().filter(|line| !line["user"].is_null()).collect();
    assert!(users.iter().all(|line| line["user"] == tenant.twin()), "{users:?}");
    let steps: Vec<_> = users.iter().map(|line| line["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["testSecret", "finishSecret"]);
    let planned = lines.iter().filter_map(|line| line["plan"].as_array()).flatten();
    let planned: BTreeSet<&str> = planned.filter_map(Value::as_str).collect();
    assert!(planned.iter().any(|one| one.starts_with("CREATE USER") && one.contains("<secret>")));
    let made = lines.iter().find(|line| line["creates"] == 1).unwrap();
    assert_eq!(made["shown"], made["statements"]);
    assert_eq!(made["plan"].as_array().unwrap().len() as u64, made["shown"].as_u64().unwrap());
}

#[tokio::test]
async fn a_bad_setting_is_the_answer_to_every_invocation_of_a_program_that_lives_on() {
    let (tenant, scene) = Scene::settled(Tenant::of(Server::one()).await, "first canary").await;
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
    let tenant = Tenant::of(Server::one()).await;
    tenant.settle("first canary").await;
    let scene = Scene::of(&tenant, "another canary").await;
    let function = function(&tenant, &[]).await;
    let token = scene.begin().await;
    function.invoke(&event(&scene, "createSecret", &token)).await.unwrap();
    let error = function.invoke(&event(&scene, "setSecret", &token)).await.unwrap_err();
    assert_eq!(error.error_type, "CurrentPasswordWrong");
    let text = error.error_message;
    assert!(text.contains(&scene.arn) && text.contains("no login was made"), "{text}");
    let refused = event(&scene, "setSecret", &token);
    let lines: Vec<Value> = lines(&function);
    let logged = lines.iter().filter(|line| line.to_string().contains("no login was made"));
    let logged: Vec<_> = logged.collect();
    let [failure] = logged[..] else {
        panic!("{logged:?}");
    };
    assert_line(failure, &refused);
    assert_eq!(failure["level"], "ERROR");
    assert_eq!(failure["errorType"], "CurrentPasswordWrong");
    assert_eq!(failure["message"], text);
    let panics = "lambda_runtime::layers::panic";
    assert!(lines.iter().all(|line| line["target"] != panics));
    let failed = lines.iter().filter(|line| line["outcome"] == "CurrentPasswordWrong");
    let failed: Vec<_> = failed.collect();
    assert_eq!(failed.len(), 1);
    assert_line(failed[0], &refused);
    assert_eq!(failed[0]["failures"], 1);
    assert_eq!(failed[0]["requestId"], failure["requestId"]);
}

#[tokio::test]
async fn at_every_level_a_failure_and_the_metrics_pass_lambdas_filter() {
    let tenant = Tenant::of(Server::one()).await;
    let scene = Scene::of(&tenant, "first canary").await;
    for (level, shown) in [("WARN", "WARN"), ("ERROR", "ERROR"), ("DEBUG", "INFO")] {
        let function = function(&tenant, &[("AWS_LAMBDA_LOG_LEVEL", level)]).await;
        let unknown = event(&scene, "setSecret", "no-such-version");
        let error = function.invoke(&unknown).await.unwrap_err();
        let lines = lines(&function);
        let of = |field: &str| lines.iter().find(|line| line.get(field).is_some()).unwrap();
        let (failure, metrics) = (of("errorType"), of("_aws"));
        assert_eq!(failure["errorType"], error.error_type);
        assert_eq!(failure["level"], "ERROR");
        assert_eq!(metrics["level"], shown);
        for line in [failure, metrics] {
            assert_line(line, &unknown);
        }
        assert_eq!(lines.len(), 2, "{lines:?}");
    }
}

#[tokio::test]
async fn at_debug_there_are_the_functions_own_statements_and_at_trace_the_libraries_too() {
    let (tenant, scene) = Scene::settled(Tenant::of(Server::one()).await, "first canary").await;
    for (level, has_libraries) in [("DEBUG", false), ("TRACE", true)] {
        let function = function(&tenant, &[("AWS_LAMBDA_LOG_LEVEL", level)]).await;
        let token = scene.begin().await;
        for step in STEPS {
            function.invoke(&event(&scene, step, &token)).await.unwrap();
        }
        let lines = lines(&function);
        let of_library = |line: &&Value| {
            let target = line["target"].as_str();
            target.is_some_and(|target| target.split("::").next() != Some("rotation"))
        };
        assert_eq!(lines.iter().any(|line| of_library(&line)), has_libraries, "{level}");
        let statements = lines.iter().filter(|line| line.get("statement").is_some());
        let made = lines.iter().filter_map(|line| line["shown"].as_u64());
        assert_eq!(statements.count() as u64, made.sum::<u64>(), "{level}");
    }
}

#[tokio::test]
async fn the_lines_of_a_preflight_say_so_and_its_plan_is_no_statement_in_the_metrics() {
    let (tenant, scene) = Scene::settled(Tenant::of(Server::one()).await, "first canary").await;
    let function = function(&tenant, &[]).await;
    let token = scene.put_pending(&scene.text("AWSCURRENT").await).await;
    let preflight = event(&scene, "testSecret", &token);
    function.invoke(&preflight).await.unwrap();
    tenant.sql(format!("DROP USER {}", account(&tenant.user(), "%"))).await;
    function.invoke(&preflight).await.unwrap_err();

    let lines: Vec<Value> = lines(&function);
    for line in lines.iter().filter(|line| line.get("requestId").is_some()) {
        assert_line(line, &preflight);
        assert_eq!(line["preflight"], true, "{line}");
    }
    let planned: Vec<_> = lines.iter().filter_map(|line| line["plan"][0].as_str()).collect();
    assert!(planned[0].starts_with("CREATE USER"), "{planned:?}");
    let failed = lines.iter().filter(|line| line.get("errorType").is_some());
    assert_eq!(failed.count(), 1);
    let metrics: Vec<_> = lines.iter().filter(|line| line.get("_aws").is_some()).collect();
    assert_eq!(metrics.len(), 2);
    assert!(metrics.iter().all(|line| line["statements"] == 0), "{metrics:?}");
}

#[test]
fn a_panic_is_one_line_of_the_log_without_its_message() {
    // Without the other variables of Lambda the runtime panics.
    let mut program = Command::new(env!("CARGO_BIN_EXE_bootstrap"));
    let program = program.env_clear().env("AWS_REGION", "eu-west-1");
    let output = program.env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1").output().unwrap();
    assert!(!output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["functionVersion"], env!("CARGO_PKG_VERSION"));
    let message = line["message"].as_str().unwrap();
    assert!(message.starts_with("panicked at "), "{message}");
    assert!(message.contains(".rs:") && !message.contains("AWS_LAMBDA"), "{message}");
}
