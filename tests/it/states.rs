//! Stale and strange states: what other tries, people and servers leave behind.

use std::time::Duration;

use mysql_async::Error::Server as Refused;
use rotation::error::ErrorType;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::mirror_fuzz::number;
use crate::races::{assert_in_order, withdraw};
use crate::support::account::{Tenant, account};
use crate::support::proxy::Fault;
use crate::support::scene::{STEPS, Scene};
use crate::support::server::{Need, OwnServer, Server};
use crate::support::untouched::assert_refused;

async fn settled(server: Server) -> (Tenant, Scene) {
    Scene::settled(Tenant::of(server).await, "a password").await
}

/// Stores the current document with one more key, as a person does.
async fn edit(scene: &Scene) {
    let mut document: Value = serde_json::from_str(&scene.text("AWSCURRENT").await).unwrap();
    document["note"] = "edited".into();
    let call = scene.secrets.put_secret_value().secret_id(&scene.arn);
    call.secret_string(document.to_string()).send().await.unwrap();
}

#[tokio::test]
async fn a_rotation_given_up_after_any_step_is_taken_up_with_its_token_and_its_value() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        for done in 1..STEPS.len() {
            let token = scene.begin().await;
            for step in &STEPS[..done] {
                scene.step(step, &token).await.unwrap();
            }
            let value = scene.text("AWSPENDING").await;
            let again = scene.secrets.rotate_secret().secret_id(&scene.arn);
            let refused = again.send().await.unwrap_err().into_service_error();
            assert!(refused.is_invalid_request_exception(), "it goes on with the old token");
            scene.resume("createSecret", &token).await.unwrap();
            assert_eq!(scene.text("AWSCURRENT").await, value);
            assert_in_order(&tenant, &scene).await;
        }
    }
}

#[tokio::test]
async fn a_value_from_before_an_edit_is_stale_and_its_remedy_helps() {
    let (tenant, scene) = settled(Server::one()).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    edit(&scene).await;
    // Secrets Manager takes the label away then, and somebody puts it back.
    let call = scene.secrets.update_secret_version_stage();
    let call = call.secret_id(&scene.arn).version_stage("AWSPENDING");
    call.move_to_version_id(&token).send().await.unwrap();
    let stale = scene.step("createSecret", &token).await.unwrap_err();
    assert_eq!(stale.error_type(), ErrorType::StalePending, "{stale}");
    let remedy = format!(
        "--secret-id {} --version-stage AWSPENDING --remove-from-version-id {token}",
        scene.arn
    );
    assert!(stale.to_string().contains(&remedy), "{stale}");
    for step in ["setSecret", "testSecret"] {
        let refused = scene.step(step, &token).await.unwrap_err();
        assert_eq!(refused.error_type(), ErrorType::PendingMismatch, "{refused}");
    }
    withdraw(&scene, &token).await;
    scene.rotate().await;
    assert!(scene.text("AWSCURRENT").await.contains("edited"));
    assert_in_order(&tenant, &scene).await;
}

#[tokio::test]
async fn a_pending_value_for_another_user_is_refused_before_anything_is_written() {
    let (tenant, scene) = settled(Server::one()).await;
    scene.begin().await;
    let other = scene.text("AWSCURRENT").await.replace(&tenant.user(), "somebody");
    let token = scene.put_pending(&other).await;
    for step in ["setSecret", "testSecret"] {
        let refused = scene.step(step, &token).await.unwrap_err();
        assert_eq!(refused.error_type(), ErrorType::PendingMismatch, "{refused}");
    }
    assert!(tenant.hosts(&tenant.twin()).await.is_empty());
}

#[tokio::test]
async fn a_secret_without_awsprevious_or_with_the_same_user_there_is_rotated() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        scene.rotate().await;
        // An edit by hand leaves AWSPREVIOUS to a version of the same user.
        edit(&scene).await;
        assert_eq!(scene.login("AWSPREVIOUS").await.0, tenant.twin());
        scene.rotate().await;
        assert_in_order(&tenant, &scene).await;

        let previous = scene.version("AWSPREVIOUS").await.unwrap();
        let call = scene.secrets.update_secret_version_stage();
        let call = call.secret_id(&scene.arn).version_stage("AWSPREVIOUS");
        call.remove_from_version_id(previous).send().await.unwrap();
        scene.rotate().await;
        assert_in_order(&tenant, &scene).await;
    }
}

/// What people and failed logins do to a twin between two rotations; `{twin}` is the account.
const MISHAPS: &[&str] = &[
    "DROP USER {twin}",
    "ALTER USER {twin} ACCOUNT LOCK",
    "ALTER USER {twin} PASSWORD EXPIRE",
    "DROP USER {twin}; CREATE USER {twin} IDENTIFIED BY 'by hand' ACCOUNT LOCK",
];

#[tokio::test]
async fn a_twin_that_was_dropped_locked_or_expired_by_hand_is_repaired() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        scene.rotate().await;
        for mishap in MISHAPS {
            let (twin, _) = scene.login("AWSPREVIOUS").await;
            tenant.sql(mishap.replace("{twin}", &account(&twin, "%"))).await;
            scene.rotate().await;
            assert_in_order(&tenant, &scene).await;
        }
    }
}

#[tokio::test]
async fn a_twin_whose_password_was_changed_by_hand_is_refused_until_it_is_handed_over() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        scene.rotate().await;
        for change in ["ALTER USER", "DROP USER {twin}; CREATE USER"] {
            let (twin, _) = scene.login("AWSPREVIOUS").await;
            let name = account(&twin, "%");
            let change = change.replace("{twin}", &name);
            tenant.sql(format!("{change} {name} IDENTIFIED BY 'by hand'")).await;
            assert_refused(&tenant, &scene, ErrorType::TwinNotOurs, &["ACCOUNT LOCK"]).await;
            assert!(tenant.logs_in(&twin, "by hand").await);
            tenant.sql(format!("ALTER USER {name} ACCOUNT LOCK")).await;
            scene.rotate().await;
            assert_in_order(&tenant, &scene).await;
        }
    }
}

#[tokio::test]
async fn a_source_that_changes_while_it_is_mirrored_is_mirrored_as_it_is_in_the_end() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        let user = account(&tenant.user(), "%");
        let changes = async {
            for privilege in ["INSERT", "UPDATE", "DELETE", "INDEX", "DROP"] {
                let grant = format!("GRANT {privilege} ON {}.* TO {user}", tenant.database());
                tenant.sql(grant).await;
            }
        };
        let (first, ()) = tokio::join!(scene.step("setSecret", &token), changes);
        if let Err(error) = first {
            assert_eq!(error.error_type(), ErrorType::MirrorIncomplete, "{error}");
        }
        scene.step("setSecret", &token).await.unwrap();
        scene.resume("testSecret", &token).await.unwrap();
        assert_in_order(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn a_source_that_changes_at_the_last_statement_is_found_out_by_set_secret_itself() {
    for &server in Server::all() {
        let (tenant, scene, proxy) = Scene::seen(server, "a password").await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        let (last, mut lasts) = mpsc::unbounded_channel();
        proxy.script(move |request| {
            let unlocks = request.text.contains("ACCOUNT UNLOCK");
            (unlocks && last.send(()).is_ok()).then_some(Fault::Delay(Duration::from_secs(2)))
        });
        let change = async {
            lasts.recv().await.unwrap();
            drop(lasts);
            let user = account(&tenant.user(), "%");
            let grant = format!("GRANT INSERT ON {}.* TO {user}", tenant.database());
            tenant.sql(grant).await;
        };
        let (result, ()) = tokio::join!(scene.step("setSecret", &token), change);
        let error = result.expect_err("the change was not found out");
        assert_eq!(error.error_type(), ErrorType::MirrorIncomplete, "{error}");
        assert!(tenant.logs_in(&tenant.user(), "a password").await);
        scene.resume("createSecret", &token).await.unwrap();
        assert_in_order(&tenant, &scene).await;
    }
}

/// Whether the server refuses the login because the account is locked.
async fn is_locked(tenant: &Tenant, user: &str, password: &str) -> bool {
    let attempt = tenant.log_in(user, password).await;
    matches!(attempt, Err(Refused(refusal)) if [3118, 4151].contains(&refusal.code))
}

#[tokio::test]
async fn nobody_logs_in_as_a_twin_that_is_half_made() {
    for &server in Server::all() {
        let (tenant, scene, proxy) = Scene::seen(server, "a password").await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        let (twin, pending) = scene.login("AWSPENDING").await;
        proxy.script(|request| request.text.starts_with("GRANT").then_some(Fault::Cut));
        scene.step("setSecret", &token).await.unwrap_err();
        proxy.reset();
        assert!(is_locked(&tenant, &twin, &pending).await, "{server:?}");
        assert!(tenant.logs_in(&tenant.user(), "a password").await);

        // What an operator hands over is locked, so that who had its password is out.
        let twin = account(&twin, "%");
        tenant
            .sql(format!(
                "DROP USER {twin}; CREATE USER {twin} IDENTIFIED BY 'of the operator' ACCOUNT LOCK"
            ))
            .await;
        proxy.script(|request| {
            let is_it = request.text.starts_with("ALTER USER");
            (is_it && request.text.contains("IDENTIFIED")).then_some(Fault::Cut)
        });
        scene.step("setSecret", &token).await.unwrap_err();
        proxy.reset();
        assert!(is_locked(&tenant, &tenant.twin(), "of the operator").await);
        assert!(tenant.logs_in(&tenant.user(), "a password").await);
        scene.resume("createSecret", &token).await.unwrap();
        assert!(!tenant.logs_in(&tenant.twin(), "of the operator").await);
        assert_in_order(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn a_server_may_restart_between_any_two_steps() {
    for server in Server::with(&[Need::OwnServers]) {
        let own = OwnServer::start(server, &[]).await;
        let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), "a password").await;
        let token = scene.begin().await;
        for step in STEPS {
            scene.step(step, &token).await.unwrap();
            own.restart().await;
        }
        assert_in_order(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn a_server_that_is_read_only_for_a_while_is_left_alone_and_rotated_later() {
    for server in Server::with(&[Need::OwnServers]) {
        let own = OwnServer::start(server, &[]).await;
        let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), "a password").await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        tenant.sql("SET GLOBAL read_only = 1").await;
        let refused = scene.step("setSecret", &token).await.unwrap_err();
        assert_eq!(refused.error_type(), ErrorType::ServerReadOnly, "{refused}");
        assert!(tenant.hosts(&tenant.twin()).await.is_empty());
        tenant.sql("SET GLOBAL read_only = 0").await;
        scene.resume("createSecret", &token).await.unwrap();
        assert_in_order(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn rotations_in_a_row_never_fail_a_login_on_mysql() {
    let Some(server) = Server::one_with(&[Need::FailedLogins]) else {
        return;
    };
    let (tenant, scene) = settled(server).await;
    let user = account(&tenant.user(), "%");
    tenant
        .sql(format!("ALTER USER {user} FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME UNBOUNDED"))
        .await;
    rotations_in_a_row(&tenant, &scene).await;
}

#[tokio::test]
async fn rotations_in_a_row_never_fail_a_login_on_mariadb() {
    let Some(server) = Server::one_with(&[Need::Mariadb, Need::OwnServers]) else {
        return;
    };
    let own = OwnServer::start(server, &["--max-password-errors=1"]).await;
    let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), "a password").await;
    rotations_in_a_row(&tenant, &scene).await;
}

/// One failed login of either user would block it, and it would be refused from then on. `ROTATIONS`
/// says how many there are; of four that follow one another, each has a first try that ends after
/// another step.
async fn rotations_in_a_row(tenant: &Tenant, scene: &Scene) {
    for n in 0..number("ROTATIONS").unwrap_or(32) {
        let token = scene.begin().await;
        // Some are given up somewhere, and tried again from the start.
        for step in STEPS.iter().take(usize::try_from(n).unwrap() % STEPS.len()) {
            scene.step(step, &token).await.unwrap();
        }
        scene.resume("createSecret", &token).await.unwrap();
    }
    assert_in_order(tenant, scene).await;
}
