//! A superuser that RDS manages: its secret is a name and a password, and its tags say where.

use std::time::Duration;

use serde_json::{Value, json};

use super::{PASSWORD, rds_arn};
use crate::support::account::Tenant;
use crate::support::edited::{Call, Edit, Edited};
use crate::support::rds::Rds;
use crate::support::scene::{STEPS, Scene, document};
use crate::support::server::Server;
use crate::support::stack::{Function, FunctionError};

/// A secret whose superuser's secret is a name and a password, and the built function before which
/// RDS says that the server of any instance is on loopback.
struct Managed {
    tenant: Tenant,
    scene: Scene,
    token: String,
    aws: Edited,
    function: Function,
}

impl Managed {
    async fn start() -> Self {
        let tenant = Tenant::of(Server::one()).await;
        tenant.settle(PASSWORD).await;
        let address = &tenant.address;
        let superuser = json!({"username": address.root, "password": address.root_password});
        let user = document(address, &tenant.user(), PASSWORD);
        let scene = Scene::with(&tenant, &superuser, user).await;
        let aws = Edited::aws().await;
        let url = aws.url();
        let ca_file = address.ca_file.to_string_lossy().into_owned();
        let environment = [("AWS_ENDPOINT_URL", &*url), ("TLS_CA_FILE", &ca_file)];
        let name = format!("managed-{}", tenant.mark());
        let binary = env!("CARGO_BIN_EXE_bootstrap");
        let function = Function::start(&name, binary, &environment, Duration::from_secs(30)).await;
        let token = scene.begin().await;
        let managed = Self { tenant, scene, token, aws, function };
        managed.aws.edit(on_loopback);
        managed
    }

    async fn tag(&self) {
        let id = Rds::of(&self.tenant).await.instance(self.tenant.address.port).await;
        let arn = rds_arn("eu-central-1", "db", &id);
        let tag = aws_sdk_secretsmanager::types::Tag::builder();
        let tag = tag.key("aws:rds:primaryDBInstanceArn").value(arn);
        let call = self.scene.secrets.tag_resource();
        let call = call.secret_id(&self.scene.superuser_arn).tags(tag.build());
        call.send().await.unwrap();
    }

    async fn step(&self, step: &str) -> Result<Value, FunctionError> {
        let event = json!({
            "Step": step,
            "SecretId": self.scene.arn,
            "ClientRequestToken": self.token,
        });
        self.function.invoke(&event).await
    }

    /// What setSecret fails with.
    #[track_caller]
    fn assert_refused(result: Result<Value, FunctionError>, error_type: &str, texts: &[&str]) {
        let error = result.expect_err("the step succeeded");
        assert_eq!(error.error_type, error_type, "{}", error.error_message);
        for text in texts {
            assert!(error.error_message.contains(text), "{text:?}: {}", error.error_message);
        }
    }
}

fn on_loopback(call: &Call) -> Option<Edit> {
    (call.operation == "DescribeDBInstances").then(|| {
        Edit::change(|answer| {
            let (head, rest) = answer.split_once("<Address>").expect("an address");
            let (_, tail) = rest.split_once("</Address>").expect("its end");
            format!("{head}<Address>127.0.0.1</Address>{tail}")
        })
    })
}

#[tokio::test]
async fn a_superuser_that_rds_manages_is_found_and_what_is_missing_is_named() {
    let managed = Managed::start().await;
    managed.step("createSecret").await.unwrap();
    let texts = ["no tag aws:rds:primaryDBInstanceArn", "add \"engine\", \"host\" and \"port\""];
    Managed::assert_refused(managed.step("setSecret").await, "DatabaseNotFound", &texts);

    managed.tag().await;
    let superuser = managed.scene.superuser_arn.clone();
    let is_superuser =
        move |call: &Call| call.operation == "DescribeSecret" && call.body.contains(&superuser);
    managed.aws.edit(move |call| {
        is_superuser(call).then(|| Edit::refuse("AccessDeniedException", "not authorized"))
    });
    let action = format!("allow secretsmanager:DescribeSecret on {}", managed.scene.superuser_arn);
    Managed::assert_refused(managed.step("setSecret").await, "AccessDenied", &[&action]);
    for (error, error_type, texts) in [
        ("AccessDenied", "AccessDenied", ["allow rds:DescribeDBInstances on", "-db"]),
        ("DBInstanceNotFound", "DatabaseNotFound", ["RDS knows no address", "in another account"]),
        ("Throttling", "Throttled", ["DescribeDBInstances", "every attempt"]),
        ("InternalFailure", "AwsCallFailed", ["InternalFailure", "DescribeDBInstances"]),
    ] {
        managed.aws.refuse("DescribeDBInstances", error, "The service says so.");
        Managed::assert_refused(managed.step("setSecret").await, error_type, &texts);
    }
    assert!(managed.tenant.hosts(&managed.tenant.twin()).await.is_empty());

    managed.aws.edit(on_loopback);
    for step in STEPS {
        managed.step(step).await.unwrap();
    }
    let (user, password) = managed.scene.login("AWSCURRENT").await;
    assert!(managed.tenant.logs_in(&user, &password).await);
    // In each of two steps one DescribeSecret and one call of RDS more than with an address in the
    // secret.
    assert_eq!(managed.aws.count("DescribeDBInstances"), 2);
    let superuser = &managed.scene.superuser_arn;
    let calls = managed.aws.calls();
    let about_it = calls.iter().filter(|call| call.body.contains(superuser.as_str()));
    let operations: Vec<_> = about_it
        .map(|call| call.operation.as_str())
        .filter(|operation| *operation != "PutSecretValue")
        .collect();
    assert_eq!(operations, ["GetSecretValue", "DescribeSecret"].repeat(2));
}
