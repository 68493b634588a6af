//! Rows of the grant tables that are easily overlooked, or mistaken for others: they are mirrored, or
//! the rotation is refused before anything is written.

use rotation::error::ErrorType::{
    AccountNotUnderstood, GrantImpossible, PasswordPolicy, SystemUserProtected, TwinDiffers,
    UserIsRole,
};

use crate::support::account::{Tenant, account, literal};
use crate::support::canary::Capture;
use crate::support::grants::{Picture, assert_equal_accounts};
use crate::support::scene::{Scene, document, superuser_document};
use crate::support::server::{Need, OwnServer, Server};
use crate::support::untouched::{Traces, assert_error, assert_refused, change_superuser, give_up};

const PASSWORD: &str = "canary of the user: 1";

async fn settled(server: Server) -> (Tenant, Scene) {
    of(Tenant::of(server).await).await
}

async fn of(tenant: Tenant) -> (Tenant, Scene) {
    tenant.settle(PASSWORD).await;
    let scene = Scene::of(&tenant, PASSWORD).await;
    (tenant, scene)
}

/// Rotates, and gives what the function logged.
async fn rotate(scene: &Scene) -> String {
    let capture = Capture::everything();
    scene.rotate().await;
    capture.text()
}

#[tokio::test]
async fn a_partial_revoke_of_an_empty_host_from_what_another_host_has_is_refused() {
    for server in Server::with(&[Need::OwnServers, Need::PartialRevokes]) {
        let own = OwnServer::start(server, &["--partial-revokes=ON"]).await;
        let (tenant, scene) = of(Tenant::at(own.address.clone())).await;
        let [user, other] = ["", "%"].map(|host| account(&tenant.user(), host));
        let (database, password) = (tenant.database(), literal(PASSWORD));
        tenant
            .sql(format!(
                "CREATE USER {user} IDENTIFIED BY {password}; GRANT SELECT ON *.* TO {user}; \
                 REVOKE SELECT ON {database}.* FROM {other}; \
                 REVOKE SELECT ON {database}.* FROM {user}; GRANT SELECT ON {database}.* TO {other}"
            ))
            .await;
        let texts = ["'@''", "partial revoke on schema", "use '%'"];
        assert_refused(&tenant, &scene, AccountNotUnderstood, &texts).await;
        tenant.sql(format!("DROP USER {user}")).await;
        scene.rotate().await;
    }
}

#[tokio::test]
async fn privileges_on_a_table_to_come_are_granted_together_with_create() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let (user, table) = (account(&tenant.user(), "%"), format!("{}.later", tenant.database()));
        tenant.sql(format!("GRANT CREATE ON {table} TO {user}")).await;
        scene.rotate().await;
        scene.rotate().await;
        // The twin has CREATE already, and lacks the rest.
        tenant.sql(format!("GRANT INSERT, CREATE ON {table} TO {user} WITH GRANT OPTION")).await;
        let log = rotate(&scene).await;
        assert!(!log.contains("no longer exists"), "{log}");
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
        assert!(Picture::of_tables(&tenant, &tenant.twin()).await.holds("Insert,Create,Grant"));

        // What somebody takes from the twin meanwhile is missed, though there is no such table.
        let token = scene.begin().await;
        scene.resume_until("testSecret", &token).await;
        let (twin, _) = scene.login("AWSPENDING").await;
        tenant.sql(format!("REVOKE INSERT ON {table} FROM {}", account(&twin, "%"))).await;
        let error = scene.step("testSecret", &token).await.unwrap_err();
        assert_error(&error, TwinDiffers, &["INSERT"]);
    }
}

#[tokio::test]
async fn columns_and_routines_in_another_letter_case_are_equal_and_their_privileges_stay_usable() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let database = tenant.database();
        let names = [tenant.user(), tenant.twin()].map(|user| account(&user, "%"));
        tenant.sql(format!("CREATE PROCEDURE {database}.Run() SELECT 1")).await;
        scene.rotate().await;
        for (user, [column, routine]) in names.iter().zip([["Name", "Run"], ["nAME", "rUN"]]) {
            tenant
                .sql(format!(
                    "REVOKE SELECT ON {database}.* FROM {user}; \
                     GRANT SELECT ({column}), UPDATE (id) ON {database}.items TO {user}; \
                     GRANT EXECUTE ON PROCEDURE {database}.{routine} TO {user}"
                ))
                .await;
        }
        let before = Picture::of_tables(&tenant, &tenant.user()).await;
        // The twin is in use, so the user is changed.
        let log = rotate(&scene).await;
        assert!(log.contains("drift=0"), "{server:?}: {log}");
        assert_eq!(Picture::of_tables(&tenant, &tenant.user()).await, before);

        // What differs is granted and revoked by the spelling that the row has.
        let [user, twin] = &names;
        tenant
            .sql(format!(
                "GRANT UPDATE (Name) ON {database}.items TO {user}; \
                 REVOKE UPDATE (id) ON {database}.items FROM {user}; \
                 GRANT ALTER ROUTINE ON PROCEDURE {database}.run TO {user}"
            ))
            .await;
        scene.rotate().await;
        tenant.sql(format!("REVOKE SELECT (nAME) ON {database}.items FROM {twin}")).await;
        scene.rotate().await;
        let (user, password) = scene.login("AWSCURRENT").await;
        let mut session = tenant.log_in(&user, &password).await.unwrap();
        let mut allowed = Vec::new();
        for attempt in [
            format!("SELECT name FROM {database}.items"),
            format!("UPDATE {database}.items SET name = 'x'"),
            format!("UPDATE {database}.items SET id = 1"),
            format!("CALL {database}.run()"),
        ] {
            use mysql_async::prelude::Queryable;
            allowed.push(session.query_drop(attempt).await.is_ok());
        }
        session.disconnect().await.unwrap();
        assert_eq!(allowed, [false, true, false, true], "{server:?}");
    }
}

#[tokio::test]
async fn a_mandatory_role_that_the_user_was_granted_is_copied_and_one_of_the_twin_alone_is_left() {
    let Some(server) = Server::one_with(&[Need::MandatoryRoles, Need::OwnServers]) else {
        return;
    };
    let own = OwnServer::start(server, &[]).await;
    let (tenant, scene) = of(Tenant::at(own.address.clone())).await;
    let (mark, user, twin) = (tenant.mark(), tenant.user(), tenant.twin());
    tenant
        .sql(format!(
            "CREATE ROLE {mark}a, {mark}b, {mark}c; \
             SET GLOBAL mandatory_roles = '{mark}a,`{mark}b`@`%`,{mark}c'; \
             GRANT {mark}a TO {user}; GRANT {mark}b TO {user} WITH ADMIN OPTION"
        ))
        .await;
    scene.rotate().await;
    assert_equal_accounts(&tenant, &user, &twin).await;
    assert!(Picture::of_tables(&tenant, &twin).await.holds("WITH_ADMIN_OPTION=\"Y\""));

    // The twin is in use, so what it is granted is copied; what the user has alone cannot be revoked.
    tenant.sql(format!("GRANT {mark}c TO {user}; GRANT {mark}a TO {user} WITH ADMIN OPTION")).await;
    let log = rotate(&scene).await;
    for warning in [
        format!("has the mandatory role '{mark}c'@'%'"),
        format!("ADMIN OPTION of the mandatory role '{mark}a'@'%'"),
    ] {
        assert!(log.contains(&warning), "{warning}: {log}");
    }
    scene.rotate().await;
    assert_equal_accounts(&tenant, &user, &twin).await;
}

#[tokio::test]
async fn the_last_of_two_hundred_mandatory_roles_is_one_too() {
    let Some(server) = Server::one_with(&[Need::MandatoryRoles, Need::OwnServers]) else {
        return;
    };
    let own = OwnServer::start(server, &[]).await;
    let (tenant, scene) = of(Tenant::at(own.address.clone())).await;
    let (mark, user, twin) = (tenant.mark(), tenant.user(), tenant.twin());
    let roles: Vec<String> = (0..200).map(|n| format!("{mark}_mandatory{n}")).collect();
    let roles = roles.join(",");
    tenant.sql(format!("CREATE ROLE {roles}; SET GLOBAL mandatory_roles = '{roles}'")).await;
    scene.rotate().await;
    assert_equal_accounts(&tenant, &user, &twin).await;

    tenant.sql(format!("SET GLOBAL mandatory_roles = '{roles},{user}'")).await;
    assert_refused(&tenant, &scene, UserIsRole, &["mandatory_roles"]).await;
}

#[tokio::test]
async fn a_default_role_that_was_revoked_or_dropped_is_left_out_with_a_warning() {
    for server in Server::with(&[Need::Mariadb]) {
        for end in ["REVOKE {r} FROM {u}", "DROP ROLE {r}"] {
            let (tenant, scene) = settled(server).await;
            let (role, user) = (format!("{}r", tenant.mark()), tenant.user());
            tenant
                .sql(format!(
                    "CREATE ROLE {role}; GRANT {role} TO {user}; SET DEFAULT ROLE {role} FOR {user}"
                ))
                .await;
            tenant.sql(end.replace("{r}", &role).replace("{u}", &user)).await;
            let log = rotate(&scene).await;
            let warning = format!("the default role {role} of '{user}'@'%' is not granted");
            assert!(log.contains(&warning), "{server:?}: {log}");
            let twin = Picture::of_tables(&tenant, &tenant.twin()).await;
            assert!(!twin.holds("default_role"), "{twin:?}");
            // On the way back the user loses it.
            scene.rotate().await;
            assert_equal_accounts(&tenant, &user, &tenant.twin()).await;
        }
    }
}

/// A superuser that may create users and grant what the tenant's user has, and this.
async fn admin(tenant: &Tenant, scene: &Scene, more: &str) {
    let name = format!("{}_admin", tenant.mark());
    tenant
        .sql(format!(
            "CREATE USER {name} IDENTIFIED BY 'of the admin: 1'; \
             GRANT SELECT, CREATE USER{more} ON *.* TO {name} WITH GRANT OPTION"
        ))
        .await;
    change_superuser(scene, &document(&tenant.address, &name, "of the admin: 1")).await;
}

#[tokio::test]
async fn a_role_with_system_user_is_refused_before_a_superuser_without_it_fails_to_grant_it() {
    let Some(server) = Server::one_with(&[Need::ProtectedUsers]) else {
        return;
    };
    let (tenant, scene) = settled(server).await;
    let (role, user) = (format!("{}r", tenant.mark()), tenant.user());
    admin(&tenant, &scene, "").await;
    tenant
        .sql(format!(
            "GRANT ROLE_ADMIN ON *.* TO {}_admin WITH GRANT OPTION; CREATE ROLE {role}; \
             GRANT SYSTEM_USER ON *.* TO {role}; GRANT {role} TO {user}",
            tenant.mark()
        ))
        .await;
    let text = format!("cannot grant the role '{role}'@'%'");
    assert_refused(&tenant, &scene, SystemUserProtected, &[&text, "SYSTEM_USER"]).await;
    tenant.sql(format!("REVOKE SYSTEM_USER ON *.* FROM {role}")).await;
    scene.rotate().await;
    assert_equal_accounts(&tenant, &user, &tenant.twin()).await;
}

#[tokio::test]
async fn a_twin_that_the_server_protects_as_a_definer_is_refused_before_it_cannot_be_created() {
    let Some(server) = Server::one_with(&[Need::ProtectedUsers]) else {
        return;
    };
    let (tenant, scene) = settled(server).await;
    let (database, twin) = (tenant.database(), tenant.twin());
    tenant
        .sql(format!(
            "CREATE USER {twin}; \
             CREATE DEFINER = {twin} SQL SECURITY INVOKER VIEW {database}.v AS SELECT 1; \
             CREATE DEFINER = {twin} PROCEDURE {database}.p() SQL SECURITY INVOKER SELECT 1; \
             DROP USER {twin}"
        ))
        .await;
    admin(&tenant, &scene, "").await;
    let objects = [format!("{database}.v"), format!("{database}.p")];
    let texts = [&*objects[0], &*objects[1], "ALLOW_NONEXISTENT_DEFINER"];
    assert_refused(&tenant, &scene, GrantImpossible, &texts).await;
    change_superuser(&scene, &superuser_document(&tenant.address)).await;
    scene.rotate().await;
    assert_equal_accounts(&tenant, &tenant.user(), &twin).await;
}

#[tokio::test]
async fn what_is_unknown_of_the_superuser_at_another_host_does_not_matter() {
    for &server in Server::all() {
        let (tenant, scene) = settled(server).await;
        let name = format!("{}_admin", tenant.mark());
        admin(&tenant, &scene, "").await;
        let unknown = if server.is_mariadb() {
            "UPDATE mysql.global_priv SET Priv = JSON_SET(Priv, '$.teleports', TRUE) \
             WHERE Host = '10.%' AND User"
        } else {
            "INSERT INTO mysql.procs_priv (Host, User, Db, Routine_name, Routine_type, Grantor, \
             Proc_priv) SELECT Host, User, 'd', 'é', 'FUNCTION', '', 'Execute' FROM mysql.user \
             WHERE Host = '10.%' AND User"
        };
        tenant.sql(format!("CREATE USER {name}@'10.%' IDENTIFIED BY 'of the admin: 1'")).await;
        tenant.sql(format!("{unknown} = '{name}'")).await;
        scene.rotate().await;
    }
}

#[tokio::test]
async fn a_password_that_rsa_cannot_carry_without_tls_is_refused_before_it_is_set() {
    let Some(server) = Server::one_with(&[Need::CachingSha2]) else {
        return;
    };
    let tenant = Tenant::of(server).await;
    tenant.settle(PASSWORD).await;
    let mut user = document(&tenant.address, &tenant.user(), PASSWORD);
    user["ssl"] = false.into();
    let scene = Scene::with(&tenant, &superuser_document(&tenant.address), user).await;
    for (length, fits) in [(214, false), (213, true)] {
        let token = scene.begin().await;
        let mut pending: serde_json::Value =
            serde_json::from_str(&scene.text("AWSCURRENT").await).unwrap();
        pending["username"] = tenant.twin().into();
        pending["password"] = "p1".repeat(length).split_at(length).0.into();
        let call = scene.secrets.put_secret_value().secret_id(&scene.arn);
        let call = call.client_request_token(&token).secret_string(pending.to_string());
        call.version_stages("AWSPENDING").send().await.unwrap();
        if fits {
            scene.resume("createSecret", &token).await.unwrap();
            continue;
        }
        scene.step("createSecret", &token).await.unwrap();
        let before = Traces::of(&tenant, &scene).await;
        let refused = scene.step("setSecret", &token).await.unwrap_err();
        assert_error(&refused, PasswordPolicy, &["213", "214"]);
        before.assert_unchanged(&tenant, &scene, "the refusal").await;
        give_up(&scene, &token).await;
    }
    assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
}
