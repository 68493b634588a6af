//! Each step on its own: run twice it ends in the same state, and what an earlier try left is taken
//! up or refused.

use rotation::error::ErrorType::{PendingMismatch, StalePending};
use serde_json::Value;

use crate::support::account::Tenant;
use crate::support::grants::{Picture, assert_equal_accounts};
use crate::support::scene::{STEPS, Scene};
use crate::support::server::Server;
use crate::support::untouched::{Traces, assert_error, give_up};

#[derive(Debug, PartialEq, Eq)]
struct State {
    user: Picture,
    twin: Picture,
    labels: std::collections::BTreeMap<String, std::collections::BTreeSet<String>>,
    current: String,
    pending: Option<String>,
}

impl State {
    async fn of(tenant: &Tenant, scene: &Scene) -> Self {
        let pending = scene.version("AWSPENDING").await;
        Self {
            user: Picture::of_tables(tenant, &tenant.user()).await,
            twin: Picture::of_tables(tenant, &tenant.twin()).await,
            labels: scene.labels().await,
            current: scene.text("AWSCURRENT").await,
            pending: match pending {
                Some(_) => Some(scene.text("AWSPENDING").await),
                None => None,
            },
        }
    }
}

#[tokio::test]
async fn every_step_done_twice_ends_in_the_same_state_and_a_finished_rotation_stays_finished() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, "first canary").await;
        let mut replaced: Option<(String, String)> = None;
        for _ in 0..2 {
            let token = scene.begin().await;
            let (user, password) = scene.login("AWSCURRENT").await;
            for step in STEPS {
                scene.step(step, &token).await.unwrap();
                let once = State::of(&tenant, &scene).await;
                scene.step(step, &token).await.unwrap();
                let twice = State::of(&tenant, &scene).await;
                assert_eq!(once, twice, "{server:?} {step}");
                assert!(tenant.logs_in(&user, &password).await, "{step}");
                if step != "createSecret" {
                    let version = &twice.labels[&token];
                    let label = version.iter().min().unwrap();
                    let (twin, pending) = scene.login(label).await;
                    assert!(tenant.logs_in(&twin, &pending).await, "{step}");
                    if let Some((user, password)) = &replaced {
                        assert!(!tenant.logs_in(user, password).await, "{step}");
                    }
                }
            }
            let traces = Traces::of(&tenant, &scene).await;
            for step in STEPS {
                scene.step(step, &token).await.unwrap();
                traces.assert_unchanged(&tenant, &scene, step).await;
            }
            assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
            replaced = Some((user, password));
        }
    }
}

#[tokio::test]
async fn a_rotation_given_up_after_any_step_leaves_the_next_one_to_succeed() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, "first canary").await;
        for done in 1..STEPS.len() {
            let token = scene.begin().await;
            for step in &STEPS[..done] {
                scene.step(step, &token).await.unwrap();
            }
            give_up(&scene, &token).await;
            assert!(tenant.logs_in(&tenant.user(), "first canary").await);
        }
        scene.rotate().await;
        let (user, password) = scene.login("AWSCURRENT").await;
        assert_eq!(user, tenant.twin());
        assert!(tenant.logs_in(&user, &password).await);
        assert!(tenant.logs_in(&tenant.user(), "first canary").await);
    }
}

/// The current document with some keys changed.
async fn changed(scene: &Scene, keys: &[(&str, &str)]) -> String {
    let mut document: Value = serde_json::from_str(&scene.text("AWSCURRENT").await).unwrap();
    for (key, value) in keys {
        document[*key] = (*value).into();
    }
    document.to_string()
}

#[tokio::test]
async fn a_pending_value_that_is_not_the_twins_is_refused_by_every_step_that_meets_it() {
    let (tenant, scene) = Scene::settled(Tenant::of(Server::one()).await, "first canary").await;
    let (user, twin) = (tenant.user(), tenant.twin());
    let stranger = format!("{user}_else");
    let planted = "a planted password";
    for (keys, found) in [
        (vec![("username", stranger.as_str())], "it is for"),
        (vec![("password", planted)], "it is for"),
        (vec![("username", &twin), ("password", planted), ("host", "db.example.com")], "\"host\""),
        (vec![("username", &twin), ("password", planted), ("new", "1")], "\"new\""),
    ] {
        let token = scene.put_pending(&changed(&scene, &keys).await).await;
        let before = Traces::of(&tenant, &scene).await;
        for (step, error_type) in [
            ("createSecret", StalePending),
            ("setSecret", PendingMismatch),
            ("testSecret", PendingMismatch),
        ] {
            let error = scene.step(step, &token).await.unwrap_err();
            assert_error(&error, error_type, &[found, &token, "AWSPENDING"]);
            assert!(!error.to_string().contains(planted), "{error}");
            before.assert_unchanged(&tenant, &scene, step).await;
        }
        give_up(&scene, &token).await;
    }
}

#[tokio::test]
async fn the_command_in_the_error_about_a_stale_value_lets_the_next_rotation_succeed() {
    let (tenant, scene) = Scene::settled(Tenant::of(Server::one()).await, "first canary").await;
    let twin = tenant.twin();
    let stale = changed(&scene, &[("username", &twin), ("dbname", "gone")]).await;
    let token = scene.put_pending(&stale).await;
    let error = scene.step("createSecret", &token).await.unwrap_err();
    let text = error.to_string();
    let command = &text[text.find("aws secretsmanager").unwrap()..];
    let (command, _) = command.rsplit_once("; ").unwrap();
    let ran = std::process::Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(ran.status.success(), "{command}: {ran:?}");
    assert_eq!(scene.version("AWSPENDING").await, None);
    scene.rotate().await;
    assert_eq!(scene.login("AWSCURRENT").await.0, twin);
}
