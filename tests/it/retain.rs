//! `RETAIN_PREVIOUS_PASSWORD`: the password that a rotation replaces keeps working until its
//! account's next turn.

use rotation::error::ErrorType::RetainImpossible;

use crate::support::account::{Tenant, account, literal};
use crate::support::proxy::{Fault, Proxy};
use crate::support::scene::{Scene, document, superuser_document, through};
use crate::support::server::{Need, Server};
use crate::support::untouched::assert_refused;

const FIRST: &str = "first canary";
const RETAIN: &[(&str, &str)] = &[("RETAIN_PREVIOUS_PASSWORD", "true")];

async fn scene(tenant: &Tenant) -> Scene {
    tenant.settle(FIRST).await;
    let scene = Scene::of(tenant, FIRST).await;
    scene.in_environment(tenant, RETAIN).await
}

/// A rotation, and the login that it made current.
async fn rotate(scene: &Scene) -> (String, String) {
    scene.rotate().await;
    scene.login("AWSCURRENT").await
}

#[tokio::test]
async fn a_client_that_slept_through_a_whole_period_still_logs_in() {
    let Some(server) = Server::one_with(&[Need::SecondPasswords]) else {
        return;
    };
    let tenant = Tenant::of(server).await;
    let scene = scene(&tenant).await;
    let mut logins = vec![scene.login("AWSCURRENT").await];
    for _ in 0..5 {
        logins.push(rotate(&scene).await);
        let age = |(login, (user, password)): (usize, &(String, String))| {
            (logins.len() - 1 - login, user.clone(), password.clone())
        };
        for (age, user, password) in logins.iter().enumerate().map(age) {
            // Each of the two accounts has its password and the one before.
            let works = tenant.logs_in(&user, &password).await;
            assert_eq!(works, age <= 3, "{user}, {age} rotations later");
        }
    }
}

#[tokio::test]
async fn a_retry_does_not_push_the_retained_password_out() {
    let Some(server) = Server::one_with(&[Need::SecondPasswords]) else {
        return;
    };
    let tenant = Tenant::of(server).await;
    let scene = scene(&tenant).await;
    rotate(&scene).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    for _ in 0..3 {
        scene.step("setSecret", &token).await.unwrap();
        assert!(tenant.logs_in(&tenant.user(), FIRST).await);
    }
    scene.resume("testSecret", &token).await.unwrap();
    let (user, password) = scene.login("AWSCURRENT").await;
    assert_eq!(user, tenant.user());
    assert!(tenant.logs_in(&user, &password).await);
    assert!(tenant.logs_in(&user, FIRST).await);
}

#[tokio::test]
async fn a_lost_answer_does_not_push_the_retained_password_out() {
    let Some(server) = Server::one_with(&[Need::SecondPasswords]) else {
        return;
    };
    let tenant = Tenant::of(server).await;
    let first = scene(&tenant).await;
    rotate(&first).await;
    rotate(&first).await;
    let (user, password) = first.login("AWSCURRENT").await;
    let replaced = first.login("AWSPREVIOUS").await;

    // The same logins in a secret whose superuser goes through a proxy, without TLS.
    let proxy = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
    let tenant_through = Tenant::at(tenant.address.clone());
    let superuser = through(&proxy, superuser_document(&tenant.address));
    let scene = Scene::with(
        &tenant_through,
        &superuser,
        document(&tenant.address, &replaced.0, &replaced.1),
    )
    .await
    .in_environment(&tenant, RETAIN)
    .await;
    let current = document(&tenant.address, &user, &password);
    let text = with_superuser(&scene, current);
    let put = scene.secrets.put_secret_value().secret_id(&scene.arn);
    put.secret_string(text).send().await.unwrap();

    proxy.script(|request| {
        let sets = request.text.contains("RETAIN CURRENT PASSWORD");
        sets.then_some(Fault::LoseAnswer)
    });
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    scene.step("setSecret", &token).await.unwrap_err();
    proxy.reset();
    scene.resume("createSecret", &token).await.unwrap();
    let (user, password) = scene.login("AWSCURRENT").await;
    assert_eq!(user, replaced.0);
    assert!(tenant.logs_in(&user, &password).await);
    assert!(tenant.logs_in(&user, &replaced.1).await);
}

fn with_superuser(scene: &Scene, mut document: serde_json::Value) -> String {
    document["masterarn"] = scene.superuser_arn.as_str().into();
    document.to_string()
}

#[tokio::test]
async fn turning_the_option_off_ends_a_retained_password_at_the_next_turn() {
    let Some(server) = Server::one_with(&[Need::SecondPasswords]) else {
        return;
    };
    let tenant = Tenant::of(server).await;
    let scene = scene(&tenant).await;
    rotate(&scene).await;
    let (user, password) = rotate(&scene).await;
    assert!(tenant.logs_in(&user, FIRST).await);
    let scene = scene.in_environment(&tenant, &[]).await;
    rotate(&scene).await;
    // The account is current still when the other one is set, so that nothing of it is written.
    assert!(tenant.logs_in(&user, FIRST).await);
    let (user, newest) = rotate(&scene).await;
    assert!(tenant.logs_in(&user, &newest).await);
    assert!(!tenant.logs_in(&user, &password).await);
    assert!(!tenant.logs_in(&user, FIRST).await);
}

#[tokio::test]
async fn the_password_of_an_account_that_was_handed_over_is_not_retained() {
    let Some(server) = Server::one_with(&[Need::SecondPasswords]) else {
        return;
    };
    let tenant = Tenant::of(server).await;
    let scene = scene(&tenant).await;
    let twin = account(&tenant.twin(), "%");
    tenant.sql(format!("CREATE USER {twin} IDENTIFIED BY 'of the operator' ACCOUNT LOCK")).await;
    let (user, password) = rotate(&scene).await;
    assert_eq!(user, tenant.twin());
    assert!(tenant.logs_in(&user, &password).await);
    assert!(!tenant.logs_in(&user, "of the operator").await);
}

#[tokio::test]
async fn a_server_that_keeps_one_password_is_refused_before_anything_is_written() {
    for &server in Server::all().iter().filter(|server| !server.has(Need::SecondPasswords)) {
        let tenant = Tenant::of(server).await;
        let scene = scene(&tenant).await;
        let name = if server.is_mariadb() { "MariaDB" } else { "MySQL" };
        let texts = ["has no second password", name, "turn the option off"];
        assert_refused(&tenant, &scene, RetainImpossible, &texts).await;
    }
}

#[tokio::test]
async fn a_twin_whose_plugin_must_change_is_refused_before_anything_is_written() {
    let Some(server) = Server::one_with(&[Need::SecondPasswords]) else {
        return;
    };
    let tenant = Tenant::of(server).await;
    let scene = scene(&tenant).await;
    rotate(&scene).await;
    let twin = account(&tenant.user(), "%");
    let (_, known) = scene.login("AWSPREVIOUS").await;
    let identified = format!("IDENTIFIED WITH sha256_password BY {}", literal(&known));
    tenant.sql(format!("ALTER USER {twin} {identified}")).await;
    let texts = ["the authentication plugin must change", "for one rotation"];
    assert_refused(&tenant, &scene, RetainImpossible, &texts).await;
    scene.in_environment(&tenant, &[]).await.rotate().await;
}
