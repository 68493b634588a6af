//! Superusers that are no root: what they can do, and what they are refused for in time.

use rotation::error::ErrorType::{GrantImpossible, SuperuserTooWeak};

use super::admin::{self, Through};
use crate::support::account::{Tenant, account, identifier};
use crate::support::grants::assert_equal_accounts;
use crate::support::scene::Scene;
use crate::support::server::{Need, Server};
use crate::support::untouched::{assert_refused, change_superuser};

/// The superuser in an error, which does not tell its name.
const SUPERUSER: &str = "superuser <superuser>@'%'";
const FIRST: &str = "first canary";

async fn settled(server: Server) -> (Tenant, Scene, String) {
    let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
    let user = account(&tenant.user(), "%");
    (tenant, scene, user)
}

#[tokio::test]
async fn a_superuser_of_a_managed_service_rotates_what_it_could_grant_itself() {
    for &server in Server::all() {
        for &through in Through::all(server) {
            let (tenant, scene, user) = settled(server).await;
            let admin = admin::rds(&tenant, through).await;
            change_superuser(&scene, &admin).await;
            let (database, role) = (tenant.database(), identifier(&format!("{}_r", tenant.mark())));
            let as_admin = account(&format!("{}_admin", tenant.mark()), "%");
            tenant
                .sql(format!(
                    "CREATE PROCEDURE {database}.p() SELECT 1; GRANT RELOAD, PROCESS ON *.* TO {user}; \
                     GRANT SELECT, INSERT ON {database}.* TO {user} WITH GRANT OPTION; \
                     GRANT UPDATE (name), DELETE ON {database}.items TO {user}; \
                     GRANT EXECUTE ON PROCEDURE {database}.p TO {user}; \
                     ALTER USER {user} REQUIRE SSL WITH MAX_USER_CONNECTIONS 5"
                ))
                .await;
            if server.has(Need::Roles) {
                let to = if server.is_mariadb() { "FOR" } else { "TO" };
                tenant
                    .sql(format!(
                        "CREATE ROLE {role}; GRANT {role} TO {as_admin} WITH ADMIN OPTION; \
                         GRANT {role} TO {user} WITH ADMIN OPTION; \
                         SET DEFAULT ROLE {role} {to} {user}"
                    ))
                    .await;
            }
            if server.has(Need::DynamicPrivileges) {
                tenant.sql(format!("GRANT XA_RECOVER_ADMIN ON *.* TO {user}")).await;
            }
            scene.rotate().await;
            assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;

            // What the user lost, the twin loses by the same hand.
            let twin = account(&tenant.twin(), "%");
            tenant
                .sql(format!(
                    "REVOKE PROCESS ON *.* FROM {twin}; \
                     REVOKE GRANT OPTION ON {database}.* FROM {twin}; \
                     REVOKE UPDATE (name) ON {database}.items FROM {twin}"
                ))
                .await;
            if server.has(Need::Roles) {
                tenant.sql(format!("REVOKE {role} FROM {twin}")).await;
            }
            scene.rotate().await;
            assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
            let (user, password) = scene.login("AWSCURRENT").await;
            assert!(tenant.logs_in(&user, &password).await);
        }
    }
}

#[tokio::test]
async fn what_the_superuser_cannot_grant_is_refused_with_the_privilege_the_account_and_the_remedy()
{
    for &server in Server::all() {
        for &through in Through::all(server) {
            let (tenant, scene, user) = settled(server).await;
            let admin = admin::rds(&tenant, through).await;
            change_superuser(&scene, &admin).await;
            let mark = tenant.mark();
            let role = identifier(&format!("{mark}_r"));
            let proxied = account(&format!("{mark}_p"), "%");
            tenant.sql(format!("CREATE USER {proxied}")).await;
            let mut cases = vec![
                ("FILE ON *.*".to_owned(), "FILE"),
                ("SUPER ON *.*".to_owned(), "SUPER"),
                ("SHUTDOWN ON *.*".to_owned(), "SHUTDOWN"),
                (format!("PROXY ON {proxied}"), "PROXY"),
            ];
            if server.is_mariadb() {
                tenant.sql(format!("CREATE ROLE {role}")).await;
                cases.push(("READ_ONLY ADMIN ON *.*".to_owned(), "READ_ONLY ADMIN"));
                cases.push((role.clone(), "ADMIN OPTION on role"));
            }
            let holder = format!("'{}'@'%'", tenant.user());
            for (grant, privilege) in cases {
                tenant.sql(format!("GRANT {grant} TO {user}")).await;
                let option = if grant == role { "WITH ADMIN OPTION" } else { "WITH GRANT OPTION" };
                let texts = [privilege, SUPERUSER, &holder, option, "revoke it from the account"];
                assert_refused(&tenant, &scene, GrantImpossible, &texts).await;
                tenant.sql(format!("REVOKE {grant} FROM {user}")).await;
            }
        }
    }
}

#[tokio::test]
async fn what_the_superuser_cannot_revoke_is_refused_too() {
    for &server in Server::all() {
        let (tenant, scene, _) = settled(server).await;
        let admin = admin::rds(&tenant, Through::Itself).await;
        change_superuser(&scene, &admin).await;
        let twin = account(&tenant.twin(), "%");
        tenant
            .sql(format!(
                "CREATE USER {twin} IDENTIFIED BY 'locked away' ACCOUNT LOCK; \
                 GRANT FILE ON *.* TO {twin}"
            ))
            .await;
        let texts = ["lacks FILE on", SUPERUSER];
        assert_refused(&tenant, &scene, GrantImpossible, &texts).await;
    }
}

#[tokio::test]
async fn a_superuser_that_lacks_what_every_rotation_needs_is_refused_with_the_privilege() {
    for &server in Server::all() {
        let (tenant, scene, _) = settled(server).await;
        let database = tenant.database();
        let some = format!("GRANT SELECT ON {database}.* TO {{}} WITH GRANT OPTION");
        for (grants, error_type, texts) in [
            (
                "GRANT CREATE USER ON *.* TO {}".to_owned(),
                SuperuserTooWeak,
                vec!["SELECT ON mysql.*"],
            ),
            (
                format!("{some}; GRANT SELECT ON mysql.* TO {{}}"),
                SuperuserTooWeak,
                vec!["CREATE USER", "GRANT CREATE USER ON *.* TO", SUPERUSER],
            ),
            (
                "GRANT CREATE USER ON *.* TO {}; GRANT SELECT ON mysql.* TO {}".to_owned(),
                GrantImpossible,
                vec![SUPERUSER, "WITH GRANT OPTION"],
            ),
        ] {
            let admin = admin::with(&tenant, Through::Itself, &grants).await;
            change_superuser(&scene, &admin).await;
            assert_refused(&tenant, &scene, error_type, &texts).await;
        }
    }
}

#[tokio::test]
async fn a_superuser_with_the_least_that_is_enough_rotates() {
    for &server in Server::all() {
        let (tenant, scene, _) = settled(server).await;
        let database = tenant.database();
        let grants = format!(
            "GRANT CREATE USER ON *.* TO {{}}; GRANT SELECT ON mysql.* TO {{}}; \
             GRANT SELECT ON {database}.* TO {{}} WITH GRANT OPTION"
        );
        let admin = admin::with(&tenant, Through::Itself, &grants).await;
        change_superuser(&scene, &admin).await;
        for _ in 0..2 {
            scene.rotate().await;
            assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
            let (user, password) = scene.login("AWSCURRENT").await;
            assert!(tenant.logs_in(&user, &password).await);
        }
    }
}
