//! Servers that take no writes, that restrict the superuser, that check passwords, and that give
//! roles to everybody.

use rotation::error::ErrorType::{
    PasswordPolicy, ServerReadOnly, StatementRefused, SuperuserRestricted, WrongAccount,
};

use super::admin::{self, Through};
use crate::support::account::{Tenant, account, identifier};
use crate::support::grants::{Picture, assert_equal_accounts};
use crate::support::proxy::Fault;
use crate::support::scene::{Scene, superuser_document};
use crate::support::server::{Need, OwnServer, Server};
use crate::support::untouched::{assert_error, assert_refused, change_superuser};

const FIRST: &str = "First-canary-1";

#[tokio::test]
async fn a_server_that_is_read_only_by_any_flag_is_refused_whatever_the_superuser_may_do() {
    for server in Server::with(&[Need::OwnServers]) {
        let own = OwnServer::start(server, &[]).await;
        let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
        let flags: &[_] =
            if server.is_mariadb() { &["read_only"] } else { &["read_only", "super_read_only"] };
        for flag in flags {
            // MySQL turns both flags on and off together, as far as they imply each other.
            tenant.sql(format!("SET GLOBAL {flag} = ON")).await;
            assert_refused(&tenant, &scene, ServerReadOnly, &["read_only is on", "writer"]).await;
            tenant.sql("SET GLOBAL read_only = OFF").await;
        }
        scene.rotate().await;
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
        if server.has(Need::Mysql) {
            // The way of Aurora's readers: the other flags are off.
            own.restart_with(&["--innodb-read-only=ON"]).await;
            let texts = ["innodb_read_only is on", "writer"];
            assert_refused(&tenant, &scene, ServerReadOnly, &texts).await;
        }
    }
}

#[tokio::test]
async fn a_superuser_under_partial_revokes_that_it_would_pass_on_is_refused() {
    let Some(server) = Server::one_with(&[Need::PartialRevokes, Need::OwnServers]) else {
        return;
    };
    let own = OwnServer::start(server, &["--partial-revokes=ON"]).await;
    let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
    let admin = admin::rds(&tenant, Through::Itself).await;
    change_superuser(&scene, &admin).await;
    let as_admin = account(&format!("{}_admin", tenant.mark()), "%");
    let (user, database) = (account(&tenant.user(), "%"), tenant.database());
    tenant
        .sql(format!(
            "REVOKE INSERT ON {database}.* FROM {as_admin}; GRANT SELECT, INSERT ON *.* TO {user}"
        ))
        .await;
    let texts = [database.as_str(), "partial revoke", "<superuser>"];
    assert_refused(&tenant, &scene, SuperuserRestricted, &texts).await;

    // It cannot make such a restriction either; one that has none can.
    let restrict = format!("REVOKE INSERT ON {database}.* FROM {user}");
    tenant.sql(restrict).await;
    assert_refused(&tenant, &scene, SuperuserRestricted, &texts).await;
    change_superuser(&scene, &superuser_document(&tenant.address)).await;
    scene.rotate().await;
    assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
}

#[tokio::test]
async fn roles_that_everybody_has_are_not_missed_where_they_are_not_granted() {
    let Some(server) = Server::one_with(&[Need::MandatoryRoles, Need::OwnServers]) else {
        return;
    };
    let own = OwnServer::start(server, &[]).await;
    let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
    let [everybody, granted] = ["_all", "_one"].map(|end| format!("{}{end}", tenant.mark()));
    let user = account(&tenant.user(), "%");
    tenant
        .sql(format!(
            "CREATE ROLE {0}, {1}; GRANT {1} TO {user}; \
             SET GLOBAL mandatory_roles = '`{everybody}`@`%`,{granted}_gone'",
            identifier(&everybody),
            identifier(&granted),
        ))
        .await;
    for _ in 0..2 {
        scene.rotate().await;
        let (user, password) = scene.login("AWSCURRENT").await;
        assert!(tenant.logs_in(&user, &password).await);
    }
    let twin = Picture::of_tables(&tenant, &tenant.twin()).await;
    assert!(twin.holds(&granted) && !twin.holds(&everybody), "{twin:?}");
}

#[tokio::test]
async fn a_password_that_the_servers_policy_will_refuse_is_found_out_before_anything_is_written() {
    const COMPONENT: &str = "INSTALL COMPONENT 'file://component_validate_password'; \
         SET GLOBAL validate_password.policy = 'MEDIUM'; \
         SET GLOBAL validate_password.special_char_count = 2";
    const PLUGIN: &str = "INSTALL PLUGIN validate_password SONAME 'validate_password.so'; \
         SET GLOBAL validate_password_policy = 'MEDIUM'; \
         SET GLOBAL validate_password_special_char_count = 2";
    const MARIADB: &str = "INSTALL SONAME 'simple_password_check'; \
         SET GLOBAL simple_password_check_other_characters = 2";
    for server in Server::with(&[Need::OwnServers]) {
        let policy = match server.version() {
            _ if server.is_mariadb() => MARIADB,
            (8.., ..) => COMPONENT,
            _ => PLUGIN,
        };
        let own = OwnServer::start(server, &[]).await;
        let tenant = Tenant::at(own.address.clone());
        tenant.sql(policy).await;
        tenant.settle(FIRST).await;
        let scene = Scene::of(&tenant, FIRST).await;
        let plain = [("EXCLUDE_PUNCTUATION", "true")];
        let scene = scene.in_environment(&tenant, &plain).await;
        assert_refused(&tenant, &scene, PasswordPolicy, &["is 2", "PASSWORD_…", "AWSPENDING"])
            .await;

        let scene = scene.in_environment(&tenant, &[]).await;
        for _ in 0..2 {
            scene.rotate().await;
            let (user, password) = scene.login("AWSCURRENT").await;
            assert!(tenant.logs_in(&user, &password).await);
        }
    }
}

#[tokio::test]
async fn a_login_that_an_anonymous_account_catches_is_told_from_the_users() {
    for server in Server::with(&[Need::OwnServers]) {
        let own = OwnServer::start(server, &[]).await;
        let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
        tenant.keep_root().await;
        tenant.sql(format!("CREATE USER ''@`127.0.0.1` IDENTIFIED BY '{FIRST}'")).await;
        let texts = ["from '127.0.0.1' would end in an anonymous account", &tenant.user()];
        assert_refused(&tenant, &scene, WrongAccount, &texts).await;
    }
}

#[tokio::test]
async fn what_every_session_begins_with_does_not_change_what_the_statements_mean() {
    for server in Server::with(&[Need::OwnServers]) {
        let own = OwnServer::start(server, &[]).await;
        let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
        // Root's sessions are spared, those of this one are not.
        change_superuser(&scene, &admin::rds(&tenant, Through::Itself).await).await;
        tenant
            .sql(
                "SET GLOBAL init_connect = \"SET NAMES latin1, sql_mode = 'ANSI_QUOTES', \
                 autocommit = 0, sql_quote_show_create = OFF\"",
            )
            .await;
        for _ in 0..2 {
            scene.rotate().await;
            assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
            let (user, password) = scene.login("AWSCURRENT").await;
            assert!(tenant.logs_in(&user, &password).await);
        }
        // Where it fails, nobody but root gets in; that is no matter of any password.
        tenant.sql("SET GLOBAL init_connect = 'NONSENSE'").await;
        let texts = ["the login of the superuser", "1184", "correct that variable"];
        assert_refused(&tenant, &scene, StatementRefused, &texts).await;
        change_superuser(&scene, &superuser_document(&tenant.address)).await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        scene.step("setSecret", &token).await.unwrap();
        let error = scene.step("testSecret", &token).await.unwrap_err();
        let texts = ["the login of the user of AWSPENDING", "1184", "correct that variable"];
        assert_error(&error, StatementRefused, &texts);
    }
}

#[tokio::test]
async fn a_session_whose_settings_are_undone_on_the_way_to_the_server_writes_nothing() {
    for &server in Server::all() {
        let (tenant, scene, router) = Scene::seen(server, FIRST).await;
        router.script(|request| {
            let (pinned, other) = ("NO_BACKSLASH_ESCAPES", "NO_ZERO_IN_DATE");
            let without: &str = request.text.replace(pinned, other).leak();
            request.text.contains(pinned).then_some(Fault::Instead(without))
        });
        let texts = ["did not keep the session's settings: mode is", "NO_ZERO_IN_DATE"];
        assert_refused(&tenant, &scene, StatementRefused, &texts).await;
        router.reset();
        scene.rotate().await;
    }
}
