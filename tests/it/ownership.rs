//! Whose twin is it? Each way of owning an account that has the twin's name, and each refusal.

use rotation::error::ErrorType::{TwinAtOtherHosts, TwinNotOurs, UserIsRole};
use serde_json::Value;

use crate::support::account::{Tenant, account, identifier, literal};
use crate::support::grants::assert_equal_accounts;
use crate::support::scene::Scene;
use crate::support::server::{Need, Server};
use crate::support::untouched::{assert_refused, give_up};

const FIRST: &str = "first canary";
const STRANGER: &str = "a stranger's password";

/// A tenant with its user, and an account with the twin's name whose password no secret holds.
async fn with_a_stranger(server: Server, grants: &str) -> (Tenant, Scene) {
    let tenant = Tenant::of(server).await;
    tenant.settle(FIRST).await;
    create_twin(&tenant, "%").await;
    let twin = account(&tenant.twin(), "%");
    tenant.sql(grants.replace("{t}", &twin)).await;
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
    for &server in Server::all() {
        for grants in ["DO 0", "GRANT SELECT ON {d}.* TO {t}"] {
            let (tenant, scene) = with_a_stranger(server, "DO 0").await;
            let twin = account(&tenant.twin(), "%");
            let grants = grants.replace("{t}", &twin).replace("{d}", &tenant.database());
            tenant.sql(grants).await;
            let name = format!("'{}'@'%'", tenant.twin());
            let texts = [
                name.as_str(),
                "ACCOUNT LOCK",
                "drop it",
                "no version of this secret holds its password",
            ];
            assert_refused(&tenant, &scene, TwinNotOurs, &texts).await;
            assert!(tenant.logs_in(&tenant.twin(), STRANGER).await);
        }
    }
}

#[tokio::test]
async fn an_account_that_is_locked_was_handed_over() {
    for &server in Server::all() {
        let (tenant, scene) = with_a_stranger(server, "ALTER USER {t} ACCOUNT LOCK").await;
        let stray = format!("GRANT RELOAD ON *.* TO {}", account(&tenant.twin(), "%"));
        tenant.sql(stray).await;
        scene.rotate().await;
        assert_taken_over(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn an_account_that_has_the_pending_password_is_an_earlier_trys_whenever_it_was_made() {
    for &server in Server::all() {
        for password in [None, Some(STRANGER)] {
            let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
            let token = scene.begin().await;
            scene.step("createSecret", &token).await.unwrap();
            let (_, pending) = scene.login("AWSPENDING").await;
            let twin = account(&tenant.twin(), "%");
            let literal = literal(password.unwrap_or(&pending));
            tenant.sql(format!("CREATE USER {twin} IDENTIFIED BY {literal}")).await;
            let result = scene.resume("setSecret", &token).await;
            if password.is_none() {
                result.unwrap();
                assert_taken_over(&tenant, &scene).await;
            } else {
                // Made since the pending value was stored; that shows nothing.
                assert_eq!(result.unwrap_err().error_type(), TwinNotOurs);
                assert!(tenant.logs_in(&tenant.twin(), STRANGER).await);
            }
        }
    }
}

#[tokio::test]
async fn an_account_that_the_previous_version_names_is_this_secrets() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        scene.rotate().await;
        let replaced = scene.login("AWSPREVIOUS").await;
        scene.rotate().await;
        let (user, password) = scene.login("AWSCURRENT").await;
        assert_eq!(user, replaced.0);
        assert!(tenant.logs_in(&user, &password).await);
        assert!(!tenant.logs_in(&user, &replaced.1).await);
    }
}

/// The text of the current value with another login.
async fn with_login(scene: &Scene, user: &str, password: &str) -> String {
    let mut document: Value = serde_json::from_str(&scene.text("AWSCURRENT").await).unwrap();
    document["username"] = user.into();
    document["password"] = password.into();
    document.to_string()
}

/// Stores a version that loses its label at once, as one does that a rotation gave up.
async fn leave_version(scene: &Scene, text: &str) {
    let token = scene.put_pending(text).await;
    give_up(scene, &token).await;
}

/// A twin that nobody knows of, and a secret with its login in a version without any label, then as
/// many more versions that name the user, and then some that name the twin with other passwords.
async fn once_held_the_login(server: Server, of_user: usize, of_twin: usize) -> (Tenant, Scene) {
    let (tenant, scene) = with_a_stranger(server, "DO 0").await;
    leave_version(&scene, &with_login(&scene, &tenant.twin(), STRANGER).await).await;
    for number in 0..of_user {
        let text = with_login(&scene, &tenant.user(), &format!("user {number}")).await;
        leave_version(&scene, &text).await;
    }
    for number in 0..of_twin {
        let text = with_login(&scene, &tenant.twin(), &format!("twin {number}")).await;
        leave_version(&scene, &text).await;
    }
    (tenant, scene)
}

#[tokio::test]
async fn an_account_whose_password_one_of_the_last_ten_versions_that_name_it_holds_is_this_secrets()
{
    for &server in Server::all() {
        let (tenant, scene) = once_held_the_login(server, 11, 9).await;
        scene.rotate().await;
        assert_taken_over(&tenant, &scene).await;
        let (tenant, scene) = once_held_the_login(server, 0, 10).await;
        assert_refused(&tenant, &scene, TwinNotOurs, &["no version"]).await;
    }
}

#[tokio::test]
async fn a_version_with_a_label_of_the_owners_proves_a_login_and_cuts_nobody_off_before() {
    for &server in Server::all() {
        let (tenant, scene) = once_held_the_login(server, 0, 10).await;
        assert_refused(&tenant, &scene, TwinNotOurs, &["--version-stages HANDOVER"]).await;
        assert!(tenant.logs_in(&tenant.twin(), STRANGER).await);
        let text = with_login(&scene, &tenant.twin(), STRANGER).await;
        let put = scene.secrets.put_secret_value().secret_id(&scene.arn).secret_string(text);
        put.version_stages("HANDOVER").send().await.unwrap();
        scene.rotate().await;
        assert_taken_over(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn a_version_that_a_refused_rotation_left_does_not_make_a_stranger_ours() {
    for &server in Server::all() {
        let (tenant, scene) = with_a_stranger(server, "DO 0").await;
        for _ in 0..2 {
            assert_refused(&tenant, &scene, TwinNotOurs, &["no version"]).await;
        }
        assert!(tenant.logs_in(&tenant.twin(), STRANGER).await);
    }
}

#[tokio::test]
async fn a_role_with_the_twins_name_never_becomes_a_login() {
    for server in Server::with(&[Need::Roles]) {
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
    for &server in Server::all() {
        let (tenant, scene) = with_a_stranger(server, "ALTER USER {t} ACCOUNT LOCK").await;
        create_twin(&tenant, "10.%").await;
        let stray = format!("'{}'@'10.%'", tenant.twin());
        let texts = [stray.as_str(), "drop these accounts"];
        assert_refused(&tenant, &scene, TwinAtOtherHosts, &texts).await;

        let user = account(&tenant.user(), "10.%");
        tenant.sql(format!("CREATE USER {user} IDENTIFIED BY {}", literal(FIRST))).await;
        assert_refused(&tenant, &scene, TwinNotOurs, &["ACCOUNT LOCK"]).await;

        let twin = account(&tenant.twin(), "10.%");
        tenant.sql(format!("ALTER USER {twin} ACCOUNT LOCK")).await;
        scene.rotate().await;
        assert_taken_over(&tenant, &scene).await;
        assert_eq!(tenant.hosts(&tenant.twin()).await, ["%", "10.%"]);
    }
}
