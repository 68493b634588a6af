//! Every step proves what it promises, whoever calls it, in whatever order, in whatever sandbox.

use rotation::error::ErrorType::{
    self, FlushPrivilegesDue, PendingLoginRefused, PendingMismatch, PendingValueMissing,
    RotationSuperseded, TwinAtOtherHosts, TwinDiffers, TwinHasProxies, TwinNotOurs, UserIsRole,
};
use serde_json::Value;

use crate::races::assert_in_order;
use crate::support::account::{Tenant, account};
use crate::support::edited::{Edit, Edited};
use crate::support::refusal::refused;
use crate::support::scene::{STEPS, Scene};
use crate::support::server::{Need, Server};
use crate::support::untouched::{Traces, assert_refused};

const FIRST: &str = "first canary";

async fn settled(server: Server) -> (Tenant, Scene) {
    Scene::settled(Tenant::of(server).await, FIRST).await
}

/// Fails unless AWSCURRENT is where it was, and logs in.
async fn assert_not_promoted(tenant: &Tenant, scene: &Scene, before: Option<&String>) {
    assert_eq!(scene.version("AWSCURRENT").await.as_ref(), before);
    let (user, password) = scene.login("AWSCURRENT").await;
    assert!(tenant.logs_in(&user, &password).await);
}

#[tokio::test]
async fn finish_secret_makes_nothing_current_that_no_test_has_proven() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let before = scene.version("AWSCURRENT").await;
        let token = scene.begin().await;
        refused(scene.step("finishSecret", &token).await, PendingValueMissing, &[]);
        scene.step("createSecret", &token).await.unwrap();
        refused(scene.step("finishSecret", &token).await, TwinDiffers, &["does not exist"]);
        assert_not_promoted(&tenant, &scene, before.as_ref()).await;

        scene.step("setSecret", &token).await.unwrap();
        let revoke = format!(
            "REVOKE SELECT ON {}.* FROM {}",
            tenant.database(),
            account(&tenant.twin(), "%")
        );
        tenant.sql(revoke).await;
        refused(scene.step("testSecret", &token).await, TwinDiffers, &["SELECT"]);
        refused(scene.step("finishSecret", &token).await, TwinDiffers, &["SELECT"]);
        assert_not_promoted(&tenant, &scene, before.as_ref()).await;
        scene.resume("setSecret", &token).await.unwrap();
        assert_in_order(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn no_call_of_the_steps_makes_a_stranger_current_whatever_they_answer() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let twin = account(&tenant.twin(), "%");
        tenant
            .sql(format!(
                "CREATE USER {twin} IDENTIFIED BY 'a stranger''s password'; \
                 GRANT SELECT ON {}.* TO {twin}",
                tenant.database()
            ))
            .await;
        let before = scene.version("AWSCURRENT").await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        refused(scene.step("setSecret", &token).await, TwinNotOurs, &[]);
        for step in ["testSecret", "finishSecret"] {
            refused(scene.step(step, &token).await, PendingLoginRefused, &["not the pending one"]);
        }
        assert_not_promoted(&tenant, &scene, before.as_ref()).await;
    }
}

#[tokio::test]
async fn another_sandbox_makes_the_proof_again_and_finishes() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let token = scene.begin().await;
        for step in &STEPS[..3] {
            scene.step(step, &token).await.unwrap();
        }
        let scene = scene.in_environment(&tenant, &[]).await;
        scene.step("finishSecret", &token).await.unwrap();
        assert_eq!(scene.version("AWSCURRENT").await, Some(token));
        assert_in_order(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn a_proof_is_forgotten_when_an_earlier_step_begins_or_the_test_fails() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let before = scene.version("AWSCURRENT").await;
        let token = scene.begin().await;
        let twin = account(&tenant.twin(), "%");
        let select = format!("SELECT ON {}.*", tenant.database());
        for (step, error) in [("createSecret", None), ("testSecret", Some(TwinDiffers))] {
            for step in &STEPS[..3] {
                scene.step(step, &token).await.unwrap();
            }
            tenant.sql(format!("REVOKE {select} FROM {twin}")).await;
            let result = scene.step(step, &token).await;
            assert_eq!(result.err().map(|error| error.error_type()), error);
            refused(scene.step("finishSecret", &token).await, TwinDiffers, &["SELECT"]);
            assert_not_promoted(&tenant, &scene, before.as_ref()).await;
        }
    }
}

#[tokio::test]
async fn a_value_that_somebody_stored_after_the_test_is_never_replaced() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let token = scene.begin().await;
        for step in &STEPS[..3] {
            scene.step(step, &token).await.unwrap();
        }
        let put = scene.secrets.put_secret_value().secret_id(&scene.arn);
        let text = scene.text("AWSCURRENT").await;
        let stored = put.secret_string(text).version_stages("BYHAND").send().await.unwrap();
        let call = scene.secrets.update_secret_version_stage().secret_id(&scene.arn);
        let call =
            call.version_stage("AWSCURRENT").set_move_to_version_id(stored.version_id.clone());
        let call = call.set_remove_from_version_id(scene.version("AWSCURRENT").await);
        call.send().await.unwrap();
        refused(scene.step("finishSecret", &token).await, RotationSuperseded, &[]);
        assert_not_promoted(&tenant, &scene, stored.version_id.as_ref()).await;
    }
}

#[tokio::test]
async fn a_test_of_the_configuration_is_no_proof() {
    let (tenant, scene) = settled(Server::one()).await;
    let before = scene.version("AWSCURRENT").await;
    let token = scene.put_pending(&scene.text("AWSCURRENT").await).await;
    scene.step("testSecret", &token).await.unwrap();
    refused(scene.step("finishSecret", &token).await, PendingMismatch, &[]);
    assert_not_promoted(&tenant, &scene, before.as_ref()).await;
}

/// The answer of `DescribeSecret` in which these labels are on these versions.
fn with_labels(labels: &[(&str, &str)]) -> Edit {
    let labels: Vec<_> = labels.iter().map(|(l, v)| ((*l).to_owned(), (*v).to_owned())).collect();
    Edit::change(move |answer| {
        let mut answer: Value = serde_json::from_str(&answer).unwrap();
        let versions = answer["VersionIdsToStages"].as_object_mut().unwrap();
        for (label, holder) in labels {
            for stages in versions.values_mut() {
                stages.as_array_mut().unwrap().retain(|stage| *stage != label);
            }
            let stages = versions.entry(holder).or_insert_with(|| Value::Array(Vec::new()));
            stages.as_array_mut().unwrap().push(label.into());
        }
        answer.to_string()
    })
}

async fn edited(server: Server) -> (Tenant, Scene, Edited) {
    let (tenant, scene) = settled(server).await;
    let secrets_manager = Edited::aws().await;
    let endpoint = secrets_manager.url();
    let environment = [("SECRETS_MANAGER_ENDPOINT", endpoint.as_str())];
    let scene = scene.in_environment(&tenant, &environment).await;
    (tenant, scene, secrets_manager)
}

#[tokio::test]
async fn a_rotation_that_has_ended_is_a_success_also_where_the_description_is_a_moment_old() {
    let (tenant, scene, secrets_manager) = edited(Server::one()).await;
    let before = scene.version("AWSCURRENT").await.unwrap();
    let token = scene.begin().await;
    scene.resume("createSecret", &token).await.unwrap();
    let pending = token.clone();
    secrets_manager.edit(move |call| {
        let labels = [("AWSCURRENT", before.as_str()), ("AWSPENDING", pending.as_str())];
        (call.operation == "DescribeSecret").then(|| with_labels(&labels))
    });
    scene.step("finishSecret", &token).await.unwrap();
    assert_eq!(secrets_manager.count("UpdateSecretVersionStage"), 0);
    assert_eq!(scene.version("AWSCURRENT").await, Some(token));
    assert_in_order(&tenant, &scene).await;
}

#[tokio::test]
async fn a_current_value_of_another_version_than_the_described_one_changes_nobody() {
    for &server in Server::all() {
        let (tenant, scene, secrets_manager) = edited(server).await;
        let first = scene.version("AWSCURRENT").await.unwrap();
        scene.rotate().await;
        let value = scene.secrets.get_secret_value().secret_id(&scene.arn).version_id(&first);
        let text = value.send().await.unwrap().secret_string.unwrap();
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        // Somebody rolled the label back, and forward again, while the value was read.
        secrets_manager.edit(move |call| {
            let reads = call.operation == "GetSecretValue" && call.body.contains("AWSCURRENT");
            let (first, text) = (first.clone(), text.clone());
            (reads && call.body.contains("/user")).then(|| {
                Edit::change(move |answer| {
                    let mut answer: Value = serde_json::from_str(&answer).unwrap();
                    answer["VersionId"] = first.into();
                    answer["SecretString"] = text.into();
                    answer.to_string()
                })
            })
        });
        let before = Traces::of(&tenant, &scene).await;
        for step in ["createSecret", "setSecret", "testSecret"] {
            refused(scene.step(step, &token).await, RotationSuperseded, &[]);
        }
        before.assert_unchanged(&tenant, &scene, "a value of another version").await;
        secrets_manager.edit(|_| None);
        scene.resume("createSecret", &token).await.unwrap();
        assert_in_order(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn a_version_is_judged_by_its_own_labels_where_two_are_pending() {
    let (tenant, scene, secrets_manager) = edited(Server::one()).await;
    let token = scene.begin().await;
    let own = token.clone();
    secrets_manager.edit(move |call| {
        let own = own.clone();
        (call.operation == "DescribeSecret").then(|| {
            Edit::change(move |answer| {
                let mut answer: Value = serde_json::from_str(&answer).unwrap();
                let versions = answer["VersionIdsToStages"].as_object_mut().unwrap();
                if versions.contains_key(&own) {
                    versions.insert("00000000-other".to_owned(), vec!["AWSPENDING"].into());
                }
                answer.to_string()
            })
        })
    });
    scene.resume("createSecret", &token).await.unwrap();
    assert_in_order(&tenant, &scene).await;
}

/// What somebody does between `setSecret` and `testSecret`, how the test fails, and how it is undone.
fn meddling(server: Server) -> Vec<(&'static str, ErrorType, &'static str)> {
    let mut cases = vec![
        (
            "CREATE USER `{twin}`@`10.9.%` IDENTIFIED BY 'x'",
            TwinAtOtherHosts,
            "DROP USER `{twin}`@`10.9.%`",
        ),
        (
            "GRANT PROXY ON `{twin}`@`%` TO `{mark}_m`@`%`",
            TwinHasProxies,
            "REVOKE PROXY ON `{twin}`@`%` FROM `{mark}_m`@`%`",
        ),
        (
            "INSERT INTO mysql.db (Host, User, Db, Delete_priv) \
             VALUES ('%', '{twin}', '{db}_other', 'Y')",
            FlushPrivilegesDue,
            "DELETE FROM mysql.db WHERE User = '{twin}' AND Db = '{db}_other'",
        ),
        (
            "GRANT DELETE ON `{db}`.* TO `{twin}`@`%`",
            TwinDiffers,
            "REVOKE DELETE ON `{db}`.* FROM `{twin}`@`%`",
        ),
        (
            "ALTER USER `{twin}`@`%` IDENTIFIED BY 'Another-canary-1'",
            PendingLoginRefused,
            "DROP USER `{twin}`@`%`",
        ),
    ];
    if server.has(Need::Roles) && !server.is_mariadb() {
        cases.push((
            "GRANT `{twin}`@`%` TO `{mark}_m`@`%`",
            UserIsRole,
            "REVOKE `{twin}`@`%` FROM `{mark}_m`@`%`",
        ));
    }
    // With a password that no version holds, the twin is nobody's.
    cases.sort_by_key(|(_, error, _)| *error == PendingLoginRefused);
    cases
}

#[tokio::test]
async fn what_somebody_does_between_set_secret_and_test_secret_is_found_by_both_steps_after_it() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let before = scene.version("AWSCURRENT").await;
        tenant.sql(format!("CREATE USER `{}_m`@`%`", tenant.mark())).await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        scene.step("setSecret", &token).await.unwrap();
        for (done, error, undone) in meddling(server) {
            let filled = |statement: &str| {
                statement
                    .replace("{twin}", &tenant.twin())
                    .replace("{mark}", tenant.mark())
                    .replace("{db}", &tenant.database())
            };
            tenant.sql(filled(done)).await;
            for step in ["testSecret", "finishSecret"] {
                refused(scene.step(step, &token).await, error, &[]);
            }
            assert_not_promoted(&tenant, &scene, before.as_ref()).await;
            tenant.sql(filled(undone)).await;
        }
        scene.resume("setSecret", &token).await.unwrap();
        assert_in_order(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn privileges_that_were_written_into_the_tables_and_are_not_in_force_stop_a_rotation() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        scene.rotate().await;
        for user in [tenant.user(), tenant.twin()] {
            let row = format!("User = '{user}' AND Db = '{}_other'", tenant.database());
            tenant
                .sql(format!(
                    "INSERT INTO mysql.db (Host, User, Db, Delete_priv) \
                     VALUES ('%', '{user}', '{}_other', 'Y')",
                    tenant.database()
                ))
                .await;
            let texts = [user.as_str(), "_other", "run FLUSH PRIVILEGES"];
            assert_refused(&tenant, &scene, FlushPrivilegesDue, &texts).await;
            tenant.sql(format!("DELETE FROM mysql.db WHERE {row}")).await;
        }
        scene.rotate().await;
        assert_in_order(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn a_label_that_moves_while_finish_secret_proves_keeps_it_from_the_move() {
    let (tenant, scene, secrets_manager) = edited(Server::one()).await;
    let before = scene.version("AWSCURRENT").await;
    let token = scene.begin().await;
    for step in ["createSecret", "setSecret"] {
        scene.step(step, &token).await.unwrap();
    }
    secrets_manager.edit(|call| {
        let is_second = call.operation == "DescribeSecret" && call.nth == 2;
        is_second.then(|| with_labels(&[("AWSPENDING", "another-version")]))
    });
    refused(scene.step("finishSecret", &token).await, RotationSuperseded, &["AWSPENDING moved"]);
    assert_eq!(secrets_manager.count("UpdateSecretVersionStage"), 0);
    assert_not_promoted(&tenant, &scene, before.as_ref()).await;
    secrets_manager.edit(|_| None);
    scene.step("finishSecret", &token).await.unwrap();
    assert_in_order(&tenant, &scene).await;
}
