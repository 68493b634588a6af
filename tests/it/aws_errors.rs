//! What a call to AWS that fails means to the person who repairs it.

use std::time::Duration;

use rotation::error::ErrorType::{
    self, AccessDenied, AwsCallFailed, AwsUnreachable, KmsDenied, SecretNotFound, Throttled,
    VersionUnknown,
};
use serde_json::json;

use crate::support::account::Tenant;
use crate::support::edited::{Edit, Edited};
use crate::support::refusal::refused;
use crate::support::scene::Scene;
use crate::support::server::Server;

mod cases;

use cases::{CASES, DELETED, NOT_AUTHORIZED, NOT_FOUND};

/// A scene whose calls to Secrets Manager can be edited.
async fn scene(tenant: &Tenant, secrets_manager: &Edited) -> Scene {
    let endpoint = secrets_manager.url();
    let scene = Scene::of(tenant, "a password").await;
    scene.in_environment(tenant, &[("SECRETS_MANAGER_ENDPOINT", &endpoint)]).await
}

#[tokio::test]
async fn each_error_of_secrets_manager_names_its_remedy() {
    let tenant = Tenant::of(Server::one()).await;
    tenant.settle("a password").await;
    let secrets_manager = Edited::aws().await;
    let scene = scene(&tenant, &secrets_manager).await;
    let token = scene.begin().await;
    for (operation, step, error, message, error_type, text) in CASES {
        if *step == "finishSecret" {
            // It refuses a version that it has not proven.
            secrets_manager.edit(|_| None);
            scene.resume_until("finishSecret", &token).await;
        }
        secrets_manager.refuse(operation, error, message);
        let result = scene.step(step, &token).await;
        refused(result, *error_type, &[text, step]);
        // The SDK takes a quota for throttling.
        let attempts = if *error == "LimitExceededException" { 5 } else { 1 };
        assert_eq!(secrets_manager.count(operation), attempts, "{operation}: {error}");
    }
    assert_eq!(scene.login("AWSCURRENT").await.0, tenant.user());
}

#[tokio::test]
async fn the_description_decides_and_not_the_answer_that_comes_first() {
    let tenant = Tenant::of(Server::one()).await;
    let secrets_manager = Edited::aws().await;
    let scene = scene(&tenant, &secrets_manager).await;
    let token = scene.begin().await;
    for step in ["createSecret", "setSecret", "testSecret"] {
        // The call for the value is refused at once, and the other one only after repetitions.
        secrets_manager.edit(|call| match call.operation.as_str() {
            "DescribeSecret" => {
                Some(Edit::Refuse(500, "InternalServiceError".to_owned(), "Oh.".to_owned()))
            }
            _ => Some(Edit::refuse("AccessDeniedException", NOT_AUTHORIZED)),
        });
        refused(scene.step(step, &token).await, AwsCallFailed, &["DescribeSecret of"]);

        secrets_manager.refuse("GetSecretValue", "AccessDeniedException", NOT_AUTHORIZED);
        let unknown = "00000000-0000-4000-8000-000000000000";
        refused(scene.step(step, unknown).await, VersionUnknown, &[unknown]);
        refused(scene.step(step, &token).await, AccessDenied, &["GetSecretValue of"]);
    }
}

#[tokio::test]
async fn an_error_about_the_superusers_secret_names_that_secret() {
    let tenant = Tenant::of(Server::one()).await;
    tenant.settle("a password").await;
    let secrets_manager = Edited::aws().await;
    let scene = scene(&tenant, &secrets_manager).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    for (error, message, error_type, text) in [
        (
            "AccessDeniedException",
            NOT_AUTHORIZED,
            AccessDenied,
            "allow secretsmanager:GetSecretValue on ",
        ),
        ("AccessDeniedException", "Access to KMS is not allowed", KmsDenied, "GetSecretValue of "),
        ("ResourceNotFoundException", NOT_FOUND, SecretNotFound, "secret "),
        ("InvalidRequestException", DELETED, SecretNotFound, "secret "),
    ] {
        let superuser = scene.superuser_arn.clone();
        secrets_manager.edit(move |call| {
            let is_it = call.operation == "GetSecretValue" && call.body.contains(&superuser);
            is_it.then(|| Edit::refuse(error, message))
        });
        let result = scene.step("setSecret", &token).await;
        refused(result, error_type, &[&format!("{text}{}", scene.superuser_arn)]);
    }
    assert!(tenant.hosts(&tenant.twin()).await.is_empty());
}

#[tokio::test]
async fn a_stranger_stays_refused_where_older_versions_may_not_be_listed() {
    let tenant = Tenant::of(Server::one()).await;
    tenant.settle("a password").await;
    tenant.sql(format!("CREATE USER {} IDENTIFIED BY 'of a stranger'", tenant.twin())).await;
    let secrets_manager = Edited::aws().await;
    let scene = scene(&tenant, &secrets_manager).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    secrets_manager.refuse("ListSecretVersionIds", "AccessDeniedException", NOT_AUTHORIZED);
    let result = scene.step("setSecret", &token).await;
    let texts =
        ["those without a label could not be listed", "secretsmanager:ListSecretVersionIds"];
    refused(result, ErrorType::TwinNotOurs, &texts);
    assert!(tenant.logs_in(&tenant.twin(), "of a stranger").await);
}

#[tokio::test]
async fn a_throttled_call_is_repeated_and_then_given_up() {
    let tenant = Tenant::of(Server::one()).await;
    let secrets_manager = Edited::aws().await;
    let scene = scene(&tenant, &secrets_manager).await;
    let token = scene.begin().await;
    secrets_manager.edit(|call| {
        let early = call.operation == "DescribeSecret" && call.nth < 3;
        early.then(|| Edit::refuse("ThrottlingException", "Rate exceeded"))
    });
    scene.step("createSecret", &token).await.unwrap();
    assert_eq!(secrets_manager.count("DescribeSecret"), 3);

    secrets_manager.refuse("DescribeSecret", "ThrottlingException", "Rate exceeded");
    let result = scene.step("createSecret", &token).await;
    refused(result, Throttled, &["DescribeSecret of arn:", "every attempt", "Rate exceeded"]);
    assert_eq!(secrets_manager.count("DescribeSecret"), 5);

    // An internal error is repeated as well.
    secrets_manager.edit(|call| {
        let early = call.operation == "DescribeSecret" && call.nth < 3;
        early.then(|| Edit::Refuse(500, "InternalServiceError".to_owned(), "Oh.".to_owned()))
    });
    scene.step("createSecret", &token).await.unwrap();
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_reached_is_named() {
    let tenant = Tenant::of(Server::one()).await;
    let secrets_manager = Edited::aws().await;
    let mut silent = scene(&tenant, &secrets_manager).await;
    let token = silent.begin().await;
    secrets_manager.edit(|_| Some(Edit::Silence));
    silent.timeout = Duration::from_secs(4);
    let texts = ["got no response", "a VPC endpoint for the service or a NAT gateway"];
    refused(silent.step("createSecret", &token).await, AwsUnreachable, &texts);

    let nobody = [("SECRETS_MANAGER_ENDPOINT", "http://127.0.0.1:1")];
    let closed = silent.in_environment(&tenant, &nobody).await;
    refused(closed.step("createSecret", &token).await, AwsUnreachable, &texts);
}

#[tokio::test]
async fn a_deleted_secret_is_told_from_a_missing_one() {
    let tenant = Tenant::of(Server::one()).await;
    let scene = Scene::of(&tenant, "a password").await;
    let token = scene.begin().await;
    let missing = json!({
        "Step": "createSecret",
        "SecretId": format!("{}-no", scene.arn),
        "ClientRequestToken": token,
    });
    refused(scene.invoke(missing).await, SecretNotFound, &["-no does not exist"]);
    scene.secrets.delete_secret().secret_id(&scene.arn).send().await.unwrap();
    let result = scene.step("createSecret", &token).await;
    refused(result, SecretNotFound, &["is scheduled for deletion", "restore-secret"]);
}
