//! Copies of the secret in other regions, and rotations across accounts.

use std::time::Duration;

use aws_sdk_secretsmanager::types::{ReplicaRegionType, RotationRulesType};
use rotation::error::ErrorType::ReplicationIncomplete;
use serde_json::{Value, json};

use crate::support::account::Tenant;
use crate::support::canary::assert_absent;
use crate::support::edited::{Call, Edit, Edited};
use crate::support::refusal::refused;
use crate::support::scene::{STEPS, Scene};
use crate::support::server::Server;
use crate::support::stack::{Function, Rotations};

async fn scene(tenant: &Tenant, aws: &Edited, ignore: &str) -> Scene {
    tenant.settle("a password").await;
    let endpoint = aws.url();
    let environment = [("SECRETS_MANAGER_ENDPOINT", &*endpoint), ("IGNORE_REPLICA_STATUS", ignore)];
    let scene = Scene::of(tenant, "a password").await;
    scene.in_environment(tenant, &environment).await
}

async fn replicate(scene: &Scene, region: &str) {
    let region = ReplicaRegionType::builder().region(region).build();
    let call = scene.secrets.replicate_secret_to_regions();
    call.secret_id(&scene.arn).add_replica_regions(region).send().await.unwrap();
}

/// The description, with the replicas in this status.
fn with_status(status: &'static str) -> Edit {
    Edit::change(move |answer| {
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        for replica in answer["ReplicationStatus"].as_array_mut().unwrap() {
            replica["Status"] = status.into();
        }
        answer.to_string()
    })
}

#[tokio::test]
async fn a_replica_in_sync_is_no_obstacle_and_a_failing_one_is_refused_by_its_region() {
    let tenant = Tenant::of(Server::one()).await;
    let aws = Edited::aws().await;
    let scene = scene(&tenant, &aws, "false").await;
    replicate(&scene, "us-west-2").await;
    scene.rotate().await;

    // A secret of the same name is there already, so that the replica fails.
    let there = scene.secrets.config().to_builder();
    let there = there.region(aws_config::Region::new("eu-west-3")).build();
    let there = aws_sdk_secretsmanager::Client::from_conf(there);
    let name = format!("{}/user", tenant.mark());
    there.create_secret().name(name).secret_string("{}").send().await.unwrap();
    replicate(&scene, "eu-west-3").await;
    let token = scene.begin().await;
    for step in STEPS {
        let result = scene.step(step, &token).await;
        let texts = ["to eu-west-3 fails", "already exists", "IGNORE_REPLICA_STATUS=true"];
        refused(result, ReplicationIncomplete, &texts);
    }
    let environment = [("IGNORE_REPLICA_STATUS", "true")];
    let scene = scene.in_environment(&tenant, &environment).await;
    scene.resume("createSecret", &token).await.unwrap();
    assert_eq!(scene.version("AWSCURRENT").await, Some(token));
}

#[tokio::test]
async fn a_replica_that_is_on_its_way_is_waited_for_where_labels_change() {
    let tenant = Tenant::of(Server::one()).await;
    let aws = Edited::aws().await;
    let mut scene = scene(&tenant, &aws, "false").await;
    replicate(&scene, "us-west-2").await;
    let token = scene.begin().await;
    for (step, looks) in STEPS.into_iter().zip([3, 1, 1, 3]) {
        aws.edit(|call| {
            let early = call.operation == "DescribeSecret" && call.nth < 3;
            early.then(|| with_status("InProgress"))
        });
        scene.step(step, &token).await.unwrap();
        assert_eq!(aws.count("DescribeSecret"), looks, "{step}");
    }

    let token = scene.begin().await;
    aws.edit(|call| (call.operation == "DescribeSecret").then(|| with_status("InProgress")));
    scene.timeout = Duration::from_secs(3);
    let result = scene.step("createSecret", &token).await;
    refused(result, ReplicationIncomplete, &["to us-west-2 is still in progress"]);
}

/// The description, with a copy in another account in this status.
fn with_copy(status: &'static str) -> Edit {
    Edit::change(move |answer| {
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        answer["CrossAccountReplicas"] = json!([{
            "ReplicaSecretARN": COPY,
            "ReplicationRoleARN": "arn:aws:iam::123456789012:role/replication",
            "ReplicationStatus": status,
            "StatusMessage": "the key is disabled",
        }]);
        answer.to_string()
    })
}

const COPY: &str = "arn:aws:secretsmanager:eu-central-1:210987654321:secret:copy-AbCdEf";

#[tokio::test]
async fn a_copy_in_another_account_is_waited_for_and_refused_as_one_in_another_region_is() {
    let tenant = Tenant::of(Server::one()).await;
    let aws = Edited::aws().await;
    let mut scene = scene(&tenant, &aws, "false").await;
    let token = scene.begin().await;
    for status in ["Failed", "Detached"] {
        aws.edit(move |call| (call.operation == "DescribeSecret").then(|| with_copy(status)));
        for step in STEPS {
            let result = scene.step(step, &token).await;
            refused(result, ReplicationIncomplete, &[COPY, "the key is disabled"]);
        }
    }
    for (step, looks) in STEPS.into_iter().zip([3, 1, 1, 3]) {
        aws.edit(|call| {
            let status = ["InProgress", "Pending", "InSync"][(call.nth - 1).min(2)];
            (call.operation == "DescribeSecret").then(|| with_copy(status))
        });
        scene.step(step, &token).await.unwrap();
        assert_eq!(aws.count("DescribeSecret"), looks, "{step}");
    }
    assert_eq!(scene.version("AWSCURRENT").await, Some(token));

    let token = scene.begin().await;
    aws.edit(|call| (call.operation == "DescribeSecret").then(|| with_copy("Paused")));
    scene.timeout = Duration::from_secs(3);
    let result = scene.step("createSecret", &token).await;
    refused(result, ReplicationIncomplete, &[COPY, "\"Paused\"", "does not know"]);
}

#[tokio::test]
async fn the_rotation_token_goes_with_the_value_and_into_no_log() {
    let tenant = Tenant::of(Server::one()).await;
    let aws = Edited::aws().await;
    let scene = scene(&tenant, &aws, "false").await;
    let ca_file = tenant.address.ca_file.to_string_lossy().into_owned();
    let endpoint = aws.url();
    let environment = [
        ("TLS_CA_FILE", &*ca_file),
        ("SECRETS_MANAGER_ENDPOINT", &endpoint),
        ("AWS_LAMBDA_LOG_LEVEL", "TRACE"),
    ];
    let name = format!("token-{}", tenant.mark());
    let binary = env!("CARGO_BIN_EXE_bootstrap");
    let function = Function::start(&name, binary, &environment, Duration::from_secs(30)).await;
    aws.edit(|_| None);
    Rotations::set(&scene.arn, json!({"attempts": 1})).await;
    let rules = RotationRulesType::builder().automatically_after_days(30).build();
    let call = scene.secrets.rotate_secret().secret_id(&scene.arn);
    let call = call.rotation_lambda_arn(&function.arn).rotation_rules(rules);
    call.send().await.unwrap();
    // Secrets Manager refuses a token that is not that of the rotation.
    let rotations = Rotations::ended(&scene.arn).await;
    assert_eq!(rotations.state, "succeeded", "{rotations:?}");
    let calls = aws.calls();
    let token = |call: &Call| {
        let body: Value = serde_json::from_str(&call.body).unwrap();
        body["RotationToken"].as_str().map(str::to_owned)
    };
    let tokens: Vec<_> = calls.iter().filter_map(token).collect();
    assert_eq!(tokens.len(), 1);
    let put = calls.iter().find(|call| call.operation == "PutSecretValue").unwrap();
    assert_eq!(token(put).as_ref(), tokens.first());
    assert_absent(&[&tokens[0]], &function.logged(), "the log");
}
