//! Secrets Manager is eventually consistent: what was written a moment ago may not be visible yet.

use std::sync::{Arc, Mutex};

use rotation::error::ErrorType::{
    AwsCallFailed, PendingValueMissing, VersionNotPending, VersionUnknown,
};
use serde_json::Value;

use crate::support::account::Tenant;
use crate::support::edited::{Call, Edit, Edited};
use crate::support::refusal::refused;
use crate::support::scene::Scene;
use crate::support::server::Server;

async fn scene(tenant: &Tenant, secrets_manager: &Edited) -> Scene {
    tenant.settle("a password").await;
    let endpoint = secrets_manager.url();
    let scene = Scene::of(tenant, "a password").await;
    scene.in_environment(tenant, &[("SECRETS_MANAGER_ENDPOINT", &endpoint)]).await
}

/// Answers of `DescribeSecret` in which a version has no label, or does not exist.
fn without(version: &str, label_only: bool) -> Edit {
    let version = version.to_owned();
    Edit::change(move |answer| {
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        let versions = answer["VersionIdsToStages"].as_object_mut().unwrap();
        if label_only {
            versions.insert(version, Value::Array(Vec::new()));
        } else {
            versions.remove(&version);
        }
        answer.to_string()
    })
}

/// Whether a call asks for the value of the version, which is AWSPENDING.
fn asks_for(call: &Call, version: &str) -> bool {
    let names = [version, "AWSPENDING"];
    call.operation == "GetSecretValue" && names.iter().any(|name| call.body.contains(name))
}

#[tokio::test]
async fn a_version_that_is_not_visible_yet_is_waited_for() {
    let tenant = Tenant::of(Server::one()).await;
    let secrets_manager = Edited::aws().await;
    let scene = scene(&tenant, &secrets_manager).await;
    let token = scene.begin().await;
    for label_only in [false, true] {
        let version = token.clone();
        secrets_manager.edit(move |call| {
            let early = call.operation == "DescribeSecret" && call.nth < 3;
            early.then(|| without(&version, label_only))
        });
        scene.step("createSecret", &token).await.unwrap();
        assert_eq!(secrets_manager.count("DescribeSecret"), 3);
    }
}

#[tokio::test]
async fn a_version_that_stays_invisible_is_an_error_of_its_own() {
    let tenant = Tenant::of(Server::one()).await;
    let secrets_manager = Edited::aws().await;
    let scene = scene(&tenant, &secrets_manager).await;
    let token = scene.begin().await;
    for (label_only, error_type) in [(false, VersionUnknown), (true, VersionNotPending)] {
        let version = token.clone();
        secrets_manager.edit(move |call| {
            (call.operation == "DescribeSecret").then(|| without(&version, label_only))
        });
        let result = scene.step("setSecret", &token).await;
        refused(result, error_type, &[&token, "start rotations with"]);
        assert!((3..=6).contains(&secrets_manager.count("DescribeSecret")));
    }
    // testSecret asks for the value at the same time, and does not wait for it.
    let unknown = "00000000-0000-4000-8000-000000000000";
    secrets_manager.edit(|_| None);
    refused(scene.step("testSecret", unknown).await, VersionUnknown, &[unknown]);
    let asked = secrets_manager.calls().iter().filter(|call| asks_for(call, unknown)).count();
    assert_eq!(asked, secrets_manager.count("DescribeSecret"));
}

#[tokio::test]
async fn a_value_and_a_description_that_do_not_fit_are_both_read_again() {
    let tenant = Tenant::of(Server::one()).await;
    let secrets_manager = Edited::aws().await;
    let scene = scene(&tenant, &secrets_manager).await;
    let old = scene.version("AWSCURRENT").await.unwrap();
    scene.rotate().await;
    let new = scene.version("AWSCURRENT").await.unwrap();
    let token = scene.begin().await;
    for (step, stale) in [
        ("createSecret", "DescribeSecret"),
        ("setSecret", "GetSecretValue"),
        ("testSecret", "DescribeSecret"),
    ] {
        // One of the two answers is as it was before the label was moved, until the third time.
        let (old, new) = (old.clone(), new.clone());
        secrets_manager.edit(move |call| {
            let (old, new) = (old.clone(), new.clone());
            let is_first = call.body.contains("/user") && call.nth < 3;
            (call.operation == stale && is_first && !asks_for(call, &old)).then(|| {
                Edit::change(move |answer| {
                    let other = "00000000-0000-4000-8000-000000000000";
                    answer.replace(&new, other).replace(&old, &new).replace(other, &old)
                })
            })
        });
        scene.step(step, &token).await.unwrap();
        assert_eq!(secrets_manager.count("DescribeSecret"), 3, "{step}");
    }
}

#[tokio::test]
async fn a_value_that_is_not_visible_yet_is_waited_for_in_each_step() {
    let tenant = Tenant::of(Server::one()).await;
    let secrets_manager = Edited::aws().await;
    let scene = scene(&tenant, &secrets_manager).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    // The second createSecret finds the value of the first.
    for step in ["createSecret", "setSecret", "testSecret"] {
        let version = token.clone();
        let mut hidden = 2;
        secrets_manager.edit(move |call| {
            let hide = asks_for(call, &version) && hidden > 0;
            hide.then(|| {
                hidden -= 1;
                Edit::no_value()
            })
        });
        scene.step(step, &token).await.unwrap();
        let calls = secrets_manager.calls();
        assert_eq!(calls.iter().filter(|call| asks_for(call, &token)).count(), 3, "{step}");
    }
    scene.step("finishSecret", &token).await.unwrap();
    assert_eq!(scene.login("AWSCURRENT").await.0, tenant.twin());
}

#[tokio::test]
async fn a_value_that_stays_invisible_is_an_error_that_says_so() {
    let tenant = Tenant::of(Server::one()).await;
    let secrets_manager = Edited::aws().await;
    let scene = scene(&tenant, &secrets_manager).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    // setSecret asks by the label first.
    for (step, text, asked) in
        [("createSecret", "not visible yet", 4), ("setSecret", "not visible yet", 5)]
    {
        let version = token.clone();
        secrets_manager.edit(move |call| asks_for(call, &version).then(Edit::no_value));
        let result = scene.step(step, &token).await;
        refused(result, PendingValueMissing, &[text]);
        let calls = secrets_manager.calls();
        assert_eq!(calls.iter().filter(|call| asks_for(call, &token)).count(), asked, "{step}");
    }
    assert!(tenant.hosts(&tenant.twin()).await.is_empty());
}

#[tokio::test]
async fn a_label_that_was_moved_but_seems_not_to_be_is_looked_at_again() {
    let tenant = Tenant::of(Server::one()).await;
    let secrets_manager = Edited::aws().await;
    let scene = scene(&tenant, &secrets_manager).await;
    let token = scene.begin().await;
    scene.resume("createSecret", &token).await.unwrap();
    assert_eq!(scene.version("AWSCURRENT").await, Some(token));

    // The next rotation sees the labels as they were before its own call to move one, which the service
    // carried out already: it refuses to do it again, and shows the truth at the second look.
    let token = scene.begin().await;
    let before = scene.version("AWSCURRENT").await.unwrap();
    for step in ["createSecret", "setSecret"] {
        scene.step(step, &token).await.unwrap();
    }
    let described = Arc::new(Mutex::new(None::<String>));
    let keep = described.clone();
    secrets_manager.edit(move |call| {
        let keep = keep.clone();
        (call.operation == "DescribeSecret").then(|| {
            Edit::change(move |answer| {
                *keep.lock().unwrap() = Some(answer.clone());
                answer
            })
        })
    });
    scene.step("testSecret", &token).await.unwrap();
    let call = scene.secrets.update_secret_version_stage().secret_id(&scene.arn);
    let call = call.version_stage("AWSCURRENT").move_to_version_id(&token);
    call.remove_from_version_id(before).send().await.unwrap();
    secrets_manager.edit(move |call| {
        let described = described.clone();
        (call.operation == "DescribeSecret" && call.nth < 3)
            .then(|| Edit::change(move |_| described.lock().unwrap().clone().unwrap()))
    });
    scene.step("finishSecret", &token).await.unwrap();
    assert_eq!(secrets_manager.count("DescribeSecret"), 3);
    assert_eq!(secrets_manager.count("UpdateSecretVersionStage"), 1);
    assert_eq!(scene.version("AWSCURRENT").await, Some(token));
}

#[tokio::test]
async fn a_label_that_will_not_move_is_an_error() {
    let tenant = Tenant::of(Server::one()).await;
    let secrets_manager = Edited::aws().await;
    let scene = scene(&tenant, &secrets_manager).await;
    let token = scene.begin().await;
    for step in ["createSecret", "setSecret", "testSecret"] {
        scene.step(step, &token).await.unwrap();
    }
    secrets_manager.refuse("UpdateSecretVersionStage", "InvalidParameterException", "No.");
    let result = scene.step("finishSecret", &token).await;
    refused(result, AwsCallFailed, &["refused to move AWSCURRENT", &token]);
}
