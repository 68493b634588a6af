//! The whole job, as its user sees it: Secrets Manager calls the built program, the two users take
//! turns, and nobody who reads the secret is ever refused.

use std::time::Duration;

use aws_sdk_secretsmanager::types::RotationRulesType;
use serde_json::json;

use crate::support::account::Tenant;
use crate::support::grants::assert_equal_accounts;
use crate::support::proxy::Proxy;
use crate::support::scene::{STEPS, Scene};
use crate::support::server::Server;
use crate::support::stack::{Function, Rotations, setting};

/// The built program, or another build of it that `BOOTSTRAP` names.
#[expect(clippy::disallowed_methods, reason = "only the function's variables are its config's")]
fn bootstrap() -> String {
    std::env::var("BOOTSTRAP").unwrap_or_else(|_| env!("CARGO_BIN_EXE_bootstrap").to_owned())
}

/// Fails unless the server takes the first logins and refuses the others.
async fn assert_logins(tenant: &Tenant, taken: &[&(String, String)], refused: &[(String, String)]) {
    for (user, password) in taken {
        assert!(tenant.logs_in(user, password).await, "{user} is refused");
    }
    for (user, password) in refused {
        let taken = tenant.logs_in(user, password).await;
        assert!(!taken, "{user} logs in with a replaced password");
    }
}

#[tokio::test]
async fn secrets_manager_and_the_built_program_rotate_twice() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, "first canary").await;
        Rotations::set(&scene.arn, json!({"attempts": 1})).await;
        let api = Proxy::http(&setting("AWS_ENDPOINT_URL")).await;
        let name = format!("main-job-{}", tenant.mark());
        let env = [
            ("SECRETS_MANAGER_ENDPOINT", api.url()),
            ("TLS_CA_FILE", tenant.address.ca_file.display().to_string()),
        ];
        let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
        let function = Function::start(&name, &bootstrap(), &env, Duration::from_secs(30)).await;

        for user in [tenant.twin(), tenant.user()] {
            let before = scene.login("AWSCURRENT").await;
            api.reset();
            let call = scene.secrets.rotate_secret().secret_id(&scene.arn);
            let rules = RotationRulesType::builder().automatically_after_days(30);
            let call = call.rotation_lambda_arn(&function.arn);
            let call = call.rotation_rules(rules.build());
            let version = call.send().await.unwrap().version_id.unwrap();
            let rotations = Rotations::ended(&scene.arn).await;
            assert_eq!(rotations.state, "succeeded", "{rotations:?}");
            let steps = rotations.steps.iter().filter(|step| step.token == version);
            assert!(steps.map(|step| step.step.as_str()).eq(STEPS));

            let after = scene.login("AWSCURRENT").await;
            assert_eq!(scene.version("AWSCURRENT").await, Some(version));
            assert_eq!(scene.login("AWSPREVIOUS").await, before);
            assert_eq!(after.0, user);
            assert_logins(&tenant, &[&before, &after], &[]).await;
            assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
            assert_eq!(api.seen().iter().filter(|r| r.position > 0).count(), 14);
            let put = api.seen().into_iter();
            let mut put = put.filter(|call| call.operation == "PutSecretValue");
            // Secrets Manager here refuses a token that is not the rotation's.
            assert!(put.next().unwrap().text.contains("\"RotationToken\""));
        }
        let first = (tenant.user(), "first canary".to_owned());
        assert_logins(&tenant, &[], &[first]).await;
    }
}

#[tokio::test]
async fn five_rotations_in_a_row_replace_each_password_once_and_refuse_nobody() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, "first canary").await;
        let mut logins = vec![scene.login("AWSCURRENT").await];
        for _ in 0..5 {
            let token = scene.begin().await;
            let (in_use, replaced) = logins.split_last().unwrap();
            for step in STEPS {
                scene.step(step, &token).await.unwrap();
                // Whatever the step did, the login that clients read before is good.
                assert!(tenant.logs_in(&in_use.0, &in_use.1).await, "after {step}");
            }
            let new = scene.login("AWSCURRENT").await;
            assert_ne!(new.0, in_use.0);
            assert!(logins.iter().all(|(_, password)| *password != new.1));
            assert_logins(&tenant, &[in_use, &new], replaced).await;
            assert_eq!(scene.version("AWSCURRENT").await, Some(token));
            logins.push(new);
        }
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
    }
}
