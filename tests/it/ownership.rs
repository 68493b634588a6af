//! Whose twin is it? Each way of owning an account that has the twin's name, and each refusal.

use std::time::Duration;

use rotation::error::ErrorType::{TwinAtOtherHosts, TwinNotOurs, UserIsRole};

use crate::support::account::{Tenant, account, identifier};
use crate::support::grants::assert_equal_accounts;
use crate::support::scene::Scene;
use crate::support::stack::Server;
use crate::support::untouched::{assert_refused, give_up};

const FIRST: &str = "first kanarienvogel";
const STRANGER: &str = "a stranger's password";

/// A tenant with its user, and an account with the twin's name whose password is a day old.
async fn with_a_stranger(server: Server, grants: &str) -> (Tenant, Scene) {
    let tenant = Tenant::of(server).await;
    tenant.settle(FIRST).await;
    create_twin(&tenant, "%").await;
    let twin = account(&tenant.twin(), "%");
    tenant.sql(grants.replace("{t}", &twin)).await;
    tenant.grow_old().await;
    let scene = Scene::of(&tenant, FIRST).await;
    (tenant, scene)
}

async fn create_twin(tenant: &Tenant, host: &str) {
    let twin = account(&tenant.twin(), host);
    let password = STRANGER.replace('\'', "''");
    tenant.sql(format!("CREATE USER {twin} IDENTIFIED BY '{password}'")).await;
}

async fn assert_taken_over(tenant: &Tenant, scene: &Scene) {
    let (user, password) = scene.login("AWSCURRENT").await;
    assert_eq!(user, tenant.twin());
    assert!(tenant.logs_in(&user, &password).await);
    assert!(!tenant.logs_in(&user, STRANGER).await);
    assert!(tenant.logs_in(&tenant.user(), FIRST).await);
    assert_equal_accounts(tenant, &tenant.user(), &tenant.twin()).await;
}

#[tokio::test]
async fn a_stranger_is_left_alone_also_one_that_is_equal_to_the_user() {
    for server in Server::ALL {
        for grants in ["DO 0", "GRANT SELECT ON {d}.* TO {t}"] {
            let (tenant, scene) = with_a_stranger(server, "DO 0").await;
            let twin = account(&tenant.twin(), "%");
            let grants = grants.replace("{t}", &twin).replace("{d}", &tenant.database());
            tenant.sql(grants).await;
            let name = format!("\"{}\"", tenant.twin());
            let texts = [name.as_str(), "ACCOUNT LOCK", "drop it", "no version"];
            assert_refused(&tenant, &scene, TwinNotOurs, &texts).await;
            assert!(tenant.logs_in(&tenant.twin(), STRANGER).await);
        }
    }
}

#[tokio::test]
async fn an_account_that_is_locked_was_handed_over() {
    for server in Server::ALL {
        let (tenant, scene) = with_a_stranger(server, "ALTER USER {t} ACCOUNT LOCK").await;
        let stray = format!("GRANT RELOAD ON *.* TO {}", account(&tenant.twin(), "%"));
        tenant.sql(stray).await;
        scene.rotate().await;
        assert_taken_over(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn an_account_made_since_the_pending_value_was_stored_is_an_earlier_trys() {
    for server in Server::ALL {
        let tenant = Tenant::of(server).await;
        tenant.settle(FIRST).await;
        let scene = Scene::of(&tenant, FIRST).await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        create_twin(&tenant, "%").await;
        scene.resume("setSecret", &token).await.unwrap();
        assert_taken_over(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn an_account_that_the_previous_version_names_is_this_secrets() {
    for server in Server::ALL {
        let tenant = Tenant::of(server).await;
        tenant.settle(FIRST).await;
        let scene = Scene::of(&tenant, FIRST).await;
        scene.rotate().await;
        let replaced = scene.login("AWSPREVIOUS").await;
        tenant.grow_old().await;
        scene.rotate().await;
        let (user, password) = scene.login("AWSCURRENT").await;
        assert_eq!(user, replaced.0);
        assert!(tenant.logs_in(&user, &password).await);
        assert!(!tenant.logs_in(&user, &replaced.1).await);
    }
}

/// A secret with a version without any label that names the twin, then as many more that name the
/// user, and then the twin.
async fn once_named_the_twin(server: Server, later: usize) -> (Tenant, Scene) {
    let tenant = Tenant::of(server).await;
    tenant.settle(FIRST).await;
    let scene = Scene::of(&tenant, FIRST).await;
    let text = scene.text("AWSCURRENT").await;
    let named = |name: String| format!("\"username\":\"{name}\"");
    let twins = text.replace(&named(tenant.user()), &named(tenant.twin()));
    assert_ne!(text, twins);
    for text in std::iter::once(&twins).chain(std::iter::repeat_n(&text, later)) {
        let token = scene.put_pending(text).await;
        give_up(&scene, &token).await;
    }
    create_twin(&tenant, "%").await;
    // So much later that the twin is not taken for one that the next rotation has made.
    tokio::time::sleep(Duration::from_secs(7)).await;
    (tenant, scene)
}

#[tokio::test]
async fn an_account_made_after_one_of_the_last_ten_versions_that_names_it_is_this_secrets() {
    let [mysql, old, new] = Server::ALL;
    let (a, b, c, d) = tokio::join!(
        once_named_the_twin(mysql, 9),
        once_named_the_twin(old, 9),
        once_named_the_twin(new, 9),
        once_named_the_twin(mysql, 10),
    );
    for (tenant, scene) in [a, b, c] {
        scene.rotate().await;
        assert_taken_over(&tenant, &scene).await;
    }
    let (tenant, scene) = d;
    assert_refused(&tenant, &scene, TwinNotOurs, &["no version"]).await;
}

#[tokio::test]
async fn a_version_that_a_refused_rotation_left_does_not_make_a_stranger_ours() {
    for server in Server::ALL {
        let (tenant, scene) = with_a_stranger(server, "DO 0").await;
        for _ in 0..2 {
            assert_refused(&tenant, &scene, TwinNotOurs, &["no version"]).await;
        }
        assert!(tenant.logs_in(&tenant.twin(), STRANGER).await);
    }
}

#[tokio::test]
async fn a_role_with_the_twins_name_never_becomes_a_login() {
    for server in Server::ALL {
        let tenant = Tenant::of(server).await;
        tenant.settle(FIRST).await;
        let role = identifier(&tenant.twin());
        tenant.sql(format!("CREATE ROLE {role}")).await;
        let scene = Scene::of(&tenant, FIRST).await;
        let host = if server.is_mariadb() { "" } else { "%" };
        let name = format!("'{}'@'{host}'", tenant.twin());
        assert_refused(&tenant, &scene, UserIsRole, &[&name, "is a role"]).await;
        tenant.sql(format!("DROP ROLE {role}")).await;
    }
}

#[tokio::test]
async fn every_account_of_the_twins_name_must_be_owned_and_be_where_the_user_is() {
    for server in Server::ALL {
        let (tenant, scene) = with_a_stranger(server, "ALTER USER {t} ACCOUNT LOCK").await;
        create_twin(&tenant, "10.%").await;
        let stray = format!("'{}'@'10.%'", tenant.twin());
        let texts = [stray.as_str(), "drop these accounts"];
        assert_refused(&tenant, &scene, TwinAtOtherHosts, &texts).await;

        let user = account(&tenant.user(), "10.%");
        tenant.sql(format!("CREATE USER {user} IDENTIFIED BY 'elsewhere'")).await;
        tenant.grow_old().await;
        assert_refused(&tenant, &scene, TwinNotOurs, &["ACCOUNT LOCK"]).await;

        let twin = account(&tenant.twin(), "10.%");
        tenant.sql(format!("ALTER USER {twin} ACCOUNT LOCK")).await;
        scene.rotate().await;
        assert_taken_over(&tenant, &scene).await;
        assert_eq!(tenant.hosts(&tenant.twin()).await, ["%", "10.%"]);
    }
}
