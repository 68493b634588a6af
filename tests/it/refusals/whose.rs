//! An error about an account says of the applications what is so of the user in use alone: no other
//! account keeps them out.

use rotation::error::Applications;
use rotation::error::ErrorType::{
    AccountUnusable, PendingLoginRefused, StalePending, SuperuserLoginRefused,
};
use serde_json::Value;

use super::admin::{self, Through};
use crate::support::account::{Tenant, account};
use crate::support::command::Person;
use crate::support::scene::{Scene, superuser_document};
use crate::support::server::Server;
use crate::support::untouched::{
    assert_error, assert_refused, change_superuser, give_up, preflight,
};

const FIRST: &str = "First-canary-1";

/// What makes an account unusable, and its opposite.
const STATES: &[[&str; 2]] =
    &[["ACCOUNT LOCK", "ACCOUNT UNLOCK"], ["PASSWORD EXPIRE", "IDENTIFIED BY 'Supercanary''1'"]];

#[tokio::test]
async fn a_superuser_that_is_locked_or_expired_says_nothing_of_the_applications() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        let superuser = admin::rds(&tenant, Through::Itself).await;
        let name = account(superuser["username"].as_str().unwrap(), "%");
        change_superuser(&scene, &superuser).await;
        for [unusable, usable] in STATES {
            tenant.sql(format!("ALTER USER {name} {unusable}")).await;
            let error = preflight(&tenant, &scene).await.0.unwrap_err();
            assert_error(&error, SuperuserLoginRefused, &["of the superuser", "MySQL error"]);
            assert_eq!(error.error_type().applications(), Applications::Served);
            assert!(!error.to_string().contains("applications"), "{error}");
            assert!(tenant.logs_in(&tenant.user(), FIRST).await);
            tenant.sql(format!("ALTER USER {name} {usable}")).await;
        }
        scene.rotate().await;
        let (user, password) = scene.login("AWSCURRENT").await;
        assert!(tenant.logs_in(&user, &password).await);
        assert!(tenant.logs_in(&tenant.user(), FIRST).await);
    }
}

#[tokio::test]
async fn a_twin_whose_password_has_expired_says_nothing_of_the_applications() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        let token = scene.begin().await;
        scene.resume_until("testSecret", &token).await;
        let twin = account(&tenant.twin(), "%");
        tenant.sql(format!("ALTER USER {twin} PASSWORD EXPIRE")).await;
        for step in ["testSecret", "finishSecret"] {
            let error = scene.step(step, &token).await.unwrap_err();
            assert_error(&error, PendingLoginRefused, &["has expired", "rotate again"]);
            assert_eq!(error.error_type().applications(), Applications::Served);
            assert!(!error.to_string().contains("applications"), "{error}");
        }
        assert!(tenant.logs_in(&tenant.user(), FIRST).await);
        scene.resume("createSecret", &token).await.unwrap();
        let (user, password) = scene.login("AWSCURRENT").await;
        assert_eq!(user, tenant.twin());
        assert!(tenant.logs_in(&user, &password).await);
        assert!(tenant.logs_in(&tenant.user(), FIRST).await);
    }
}

#[tokio::test]
async fn a_user_in_use_that_is_locked_does_say_that_applications_may_be_refused() {
    let (tenant, scene) = Scene::settled(Tenant::of(Server::one()).await, FIRST).await;
    tenant.sql(format!("ALTER USER {} ACCOUNT LOCK", account(&tenant.user(), "%"))).await;
    assert_refused(&tenant, &scene, AccountUnusable, &["applications may be refused now"]).await;
}

#[tokio::test]
async fn an_error_that_another_text_tells_says_there_nothing_of_trying_again() {
    let (tenant, scene) = Scene::settled(Tenant::of(Server::one()).await, FIRST).await;
    let mut pending: Value = serde_json::from_str(&scene.text("AWSCURRENT").await).unwrap();
    pending["username"] = tenant.twin().into();
    pending["password"] = "".into();
    scene.begin().await;
    let token = scene.put_pending(&pending.to_string()).await;
    let error = scene.step("createSecret", &token).await.unwrap_err();
    assert_error(&error, StalePending, &["\"password\" is empty", "--remove-from-version-id"]);
    assert_eq!(error.to_string().matches("retry after fixing this").count(), 1, "{error}");
    give_up(&scene, &token).await;

    let there = account(&tenant.user(), "10.9.9.9");
    tenant.sql(format!("CREATE USER {there} IDENTIFIED BY '{FIRST}' ACCOUNT LOCK")).await;
    let checked = Person::with(&tenant.address).types(&["check", &scene.arn]).await;
    let warned = checked.stdout.contains("if logins end in") && checked.stdout.contains("locked");
    assert!(warned, "{checked:?}");
    for of_the_error in ["retry after fixing this", "applications may be refused now"] {
        assert!(!checked.stdout.contains(of_the_error), "{checked:?}");
    }
}

/// Where the host in use is not known, each account is judged: from a person's place, and where the two
/// secrets name the server by two names.
#[tokio::test]
async fn a_user_that_is_locked_is_called_so_and_not_said_to_have_another_password() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        scene.rotate().await;
        let person = Person::with(&tenant.address);
        let [user, twin] = [tenant.user(), tenant.twin()].map(|name| account(&name, "%"));

        tenant.sql(format!("ALTER USER {user} ACCOUNT LOCK")).await;
        let rollback = person.types(&["rollback", &scene.arn, "--yes", "--output", "json"]).await;
        assert_eq!(rollback.status, 1, "{rollback:?}");
        let error = rollback.json()["error"].to_string();
        assert!(error.contains("is locked") && !error.contains("password"), "{error}");
        let told = person.types(&["status", &scene.arn]).await.stdout;
        assert!(told.contains("locked") && !told.contains("replaced"), "{told}");

        tenant.sql(format!("ALTER USER {twin} ACCOUNT LOCK")).await;
        let told = person.types(&["status", &scene.arn]).await.stdout;
        assert!(told.contains("the user of AWSCURRENT is locked: applications are"), "{told}");
        assert!(!told.contains("is not the server's"), "{told}");
        let checked = person.types(&["check", &scene.arn, "--output", "json"]).await.json();
        assert_eq!(checked["refusal"]["errorType"], "AccountUnusable", "{checked}");

        let mut superuser = superuser_document(&tenant.address);
        superuser["host"] = "localhost".into();
        change_superuser(&scene, &superuser).await;
        let error = preflight(&tenant, &scene).await.0.unwrap_err();
        assert_error(&error, AccountUnusable, &["it is locked", "make it usable"]);

        tenant.sql(format!("ALTER USER {user} ACCOUNT UNLOCK")).await;
        tenant.sql(format!("ALTER USER {twin} ACCOUNT UNLOCK")).await;
        change_superuser(&scene, &superuser_document(&tenant.address)).await;
        scene.rotate().await;
        for label in ["AWSCURRENT", "AWSPREVIOUS"] {
            let (user, password) = scene.login(label).await;
            assert!(tenant.logs_in(&user, &password).await, "{label}");
        }
    }
}
