//! What a step does before it does anything: it looks at the event and at the secret's labels.

use std::time::Duration;

use rotation::error::ErrorType::{
    EventInvalid, RotationDisabled, RotationSuperseded, VersionNotPending, VersionUnknown,
};
use serde_json::{Value, json};

use crate::support::account::Tenant;
use crate::support::proxy::{Fault, Proxy};
use crate::support::scene::{STEPS, Scene};
use crate::support::server::Server;
use crate::support::stack::{Function, setting};
use crate::support::untouched::{Traces, assert_error};

/// A scene whose calls to Secrets Manager can be seen.
async fn seen(tenant: &Tenant) -> (Scene, Proxy) {
    tenant.settle("first canary").await;
    let api = Proxy::http(&setting("AWS_ENDPOINT_URL")).await;
    let url = api.url();
    let scene = Scene::of(tenant, "first canary").await;
    let environment = [("SECRETS_MANAGER_ENDPOINT", url.as_str())];
    (scene.in_environment(tenant, &environment).await, api)
}

const TOKEN: &str = "canary-token-f2d1e1a6-0c5f-4b56-9d4e-aa12bb34cc56";

/// Events that Secrets Manager does not send, and what is said of them.
fn bad_events(arn: &str, version: &str) -> Vec<(Value, &'static str)> {
    let event = |changes: &[(&str, Value)]| {
        let mut event = json!({
            "Step": "createSecret",
            "SecretId": arn,
            "ClientRequestToken": version,
            "RotationToken": TOKEN,
        });
        let fields = event.as_object_mut().unwrap();
        for (field, value) in changes {
            match value {
                Value::Null => drop(fields.remove(*field)),
                value => drop(fields.insert((*field).to_owned(), value.clone())),
            }
        }
        event
    };
    vec![
        (event(&[("Step", json!("create_secret"))]), "\"Step\" is \"create_secret\""),
        (event(&[("Step", json!("CREATESECRET"))]), "must be one of createSecret, setSecret"),
        (event(&[("Step", Value::Null)]), "it has no \"Step\""),
        (event(&[("Step", json!(1))]), "\"Step\" is a number"),
        (event(&[("SecretId", Value::Null)]), "it has no \"SecretId\""),
        (event(&[("SecretId", json!(""))]), "\"SecretId\" is empty"),
        (event(&[("ClientRequestToken", Value::Null)]), "it has no \"ClientRequestToken\""),
        (event(&[("ClientRequestToken", json!([version]))]), "is an array"),
        (event(&[("RotationToken", json!({"text": TOKEN}))]), "\"RotationToken\" is an object"),
        (json!([TOKEN]), "it is an array"),
        (json!(TOKEN), "it is a string"),
    ]
}

#[tokio::test]
async fn an_event_that_secrets_manager_does_not_send_is_refused_without_a_single_call() {
    let tenant = Tenant::of(Server::one()).await;
    let (scene, api) = seen(&tenant).await;
    let version = scene.begin().await;
    let before = Traces::of(&tenant, &scene).await;
    for (event, found) in bad_events(&scene.arn, &version) {
        let error = scene.invoke(event).await.unwrap_err();
        assert_error(&error, EventInvalid, &[found, "aws secretsmanager rotate-secret"]);
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    assert!(api.calls().is_empty());
    before.assert_unchanged(&tenant, &scene, "bad events").await;
}

#[tokio::test]
async fn the_built_program_answers_with_the_type_and_the_text_and_lives_on() {
    let (tenant, scene) = Scene::settled(Tenant::of(Server::one()).await, "first canary").await;
    let version = scene.begin().await;
    let name = format!("guard-{}", tenant.mark());
    let binary = env!("CARGO_BIN_EXE_bootstrap");
    let ca_file = tenant.address.ca_file.display().to_string();
    let environment = [("TLS_CA_FILE", ca_file.as_str())];
    let function = Function::start(&name, binary, &environment, Duration::from_secs(20)).await;
    for (event, found) in bad_events(&scene.arn, &version) {
        let error = function.invoke(&event).await.unwrap_err();
        assert_eq!(error.error_type, "EventInvalid");
        assert!(error.error_message.contains(found), "{}", error.error_message);
    }
    let event = json!({
        "Step": "createSecret",
        "SecretId": scene.arn,
        "ClientRequestToken": version,
    });
    assert_eq!(function.invoke(&event).await.unwrap(), Value::Null);
    assert_eq!(scene.login("AWSPENDING").await.0, tenant.twin());
    assert!(!function.logged().contains("canary"));
}

#[tokio::test]
async fn a_version_that_is_not_being_made_is_refused_by_every_step() {
    let tenant = Tenant::of(Server::one()).await;
    let (scene, api) = seen(&tenant).await;
    let first = scene.version("AWSCURRENT").await.unwrap();
    scene.rotate().await;
    let before = Traces::of(&tenant, &scene).await;
    api.reset();
    let unknown = "00000000-0000-4000-8000-000000000000";
    let [create, set, test, finish] = STEPS;
    let refusals = tokio::join!(
        scene.step(create, unknown),
        scene.step(set, unknown),
        scene.step(test, unknown),
        scene.step(finish, unknown),
        scene.step(create, &first),
        scene.step(set, &first),
        scene.step(test, &first),
        scene.step(finish, &first),
    );
    let (a, b, c, d, e, f, g, h) = refusals;
    for refusal in [a, b, c, d] {
        let error = refusal.unwrap_err();
        assert_error(&error, VersionUnknown, &[unknown, &scene.arn, "start rotations with"]);
    }
    for refusal in [e, f, g, h] {
        let error = refusal.unwrap_err();
        assert_error(&error, VersionNotPending, &[&first, "AWSPREVIOUS"]);
    }
    // The values are read at the same time as the description, and not used.
    assert!(api.calls().keys().eq(["DescribeSecret", "GetSecretValue"]), "{:?}", api.calls());
    before.assert_unchanged(&tenant, &scene, "other versions").await;
}

#[tokio::test]
async fn a_secret_with_rotation_turned_off_is_not_rotated() {
    let tenant = Tenant::of(Server::one()).await;
    let (scene, _api) = seen(&tenant).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    let call = scene.secrets.cancel_rotate_secret().secret_id(&scene.arn);
    call.send().await.unwrap();
    let before = Traces::of(&tenant, &scene).await;
    for step in STEPS {
        let error = scene.step(step, &token).await.unwrap_err();
        assert_error(&error, RotationDisabled, &["rotation is turned off", "rotate-secret"]);
        before.assert_unchanged(&tenant, &scene, step).await;
    }
}

#[tokio::test]
async fn a_version_that_is_current_already_is_a_success_of_every_step_and_only_read() {
    let tenant = Tenant::of(Server::one()).await;
    let (scene, api) = seen(&tenant).await;
    let token = scene.rotate().await;
    let before = Traces::of(&tenant, &scene).await;
    for step in STEPS {
        api.reset();
        scene.step(step, &token).await.unwrap();
        let values = match step {
            "createSecret" | "setSecret" => Some(1),
            "testSecret" => Some(2),
            _ => None,
        };
        let calls = api.calls();
        assert_eq!(calls["DescribeSecret"], 1, "{step}");
        assert_eq!(calls.get("GetSecretValue").copied(), values, "{step}");
        assert!(
            calls.keys().all(|call| ["DescribeSecret", "GetSecretValue"].contains(&call.as_str()))
        );
        before.assert_unchanged(&tenant, &scene, step).await;
    }
}

#[tokio::test]
async fn a_secret_can_be_named_by_its_arn_and_by_its_name() {
    let tenant = Tenant::of(Server::one()).await;
    let (scene, _api) = seen(&tenant).await;
    let name = format!("{}/user", tenant.mark());
    for id in [&name, &scene.arn] {
        let token = scene.begin().await;
        for step in STEPS {
            let event = json!({"Step": step, "SecretId": id, "ClientRequestToken": token});
            scene.invoke(event).await.unwrap();
        }
        assert_eq!(scene.version("AWSCURRENT").await, Some(token));
    }
}

#[tokio::test]
async fn a_lost_answer_to_the_last_call_is_no_failure() {
    let tenant = Tenant::of(Server::one()).await;
    let (scene, api) = seen(&tenant).await;
    let before = scene.version("AWSCURRENT").await;
    let token = scene.begin().await;
    for step in &STEPS[..3] {
        scene.step(step, &token).await.unwrap();
    }
    let mut lost = false;
    api.script(move |request| {
        let last = request.operation == "UpdateSecretVersionStage";
        (last && !std::mem::replace(&mut lost, true)).then_some(Fault::LoseAnswer)
    });
    scene.step("finishSecret", &token).await.unwrap();
    assert!(api.calls()["UpdateSecretVersionStage"] > 1, "no answer was lost");
    assert_eq!(scene.version("AWSCURRENT").await, Some(token));
    assert_eq!(scene.version("AWSPREVIOUS").await, before);
}

#[tokio::test]
async fn a_value_that_became_current_meanwhile_stays_current() {
    let tenant = Tenant::of(Server::one()).await;
    let (scene, api) = seen(&tenant).await;
    let token = scene.begin().await;
    for step in &STEPS[..3] {
        scene.step(step, &token).await.unwrap();
    }
    let text = scene.text("AWSCURRENT").await;
    let (reached, mut moving) = tokio::sync::mpsc::unbounded_channel();
    api.script(move |request| {
        let last = request.operation == "UpdateSecretVersionStage";
        (last && reached.send(()).is_ok()).then_some(Fault::Delay(Duration::from_secs(1)))
    });
    let overtake = async {
        moving.recv().await.unwrap();
        let call = scene.secrets.put_secret_value().secret_id(&scene.arn);
        let call = call.secret_string(text.replace("first", "other"));
        call.send().await.unwrap().version_id.unwrap()
    };
    let (finish, overtaker) = tokio::join!(scene.step("finishSecret", &token), overtake);
    assert_error(&finish.unwrap_err(), RotationSuperseded, &[&overtaker, &token]);
    assert_eq!(scene.version("AWSCURRENT").await, Some(overtaker));
}
