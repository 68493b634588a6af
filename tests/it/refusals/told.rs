//! What a server answers is told as it said it, with the remedy, and without a secret.

use mysql_async::prelude::Queryable;
use rotation::error::ErrorType::{self, StatementRefused, SuperuserTooWeak};

use super::admin::{self, Through};
use crate::support::account::{Tenant, account};
use crate::support::canary::{Capture, assert_absent};
use crate::support::scene::Scene;
use crate::support::server::{Need, OwnServer, Server};
use crate::support::untouched::{
    assert_error, assert_refused, change_superuser, give_up, passwords,
};

const FIRST: &str = "First-canary-1";

/// Where only the last of the grant tables may not be read, the answers to the queries before it have
/// come.
#[tokio::test]
async fn a_superuser_that_may_read_two_of_the_grant_tables_is_told_which_it_lacks() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        let user = if server.is_mariadb() { "global_priv" } else { "user" };
        let grants = format!(
            "GRANT CREATE USER ON *.* TO {{}}; \
             GRANT SELECT ON {0}.* TO {{}} WITH GRANT OPTION; \
             GRANT SELECT ON mysql.{user} TO {{}}; GRANT SELECT ON mysql.db TO {{}}",
            tenant.database()
        );
        let admin = admin::with(&tenant, Through::Itself, &grants).await;
        change_superuser(&scene, &admin).await;
        let name = account(&format!("{}_admin", tenant.mark()), "%").replace('\'', "`");
        let grant = format!("GRANT SELECT ON mysql.* TO {name}");
        let texts = ["reading mysql.", "1142", "denied", grant.as_str()];
        assert_refused(&tenant, &scene, SuperuserTooWeak, &texts).await;
    }
}

/// Fails in `setSecret`, after a preflight that could not see it. Gives up the rotation.
async fn assert_fails(tenant: &Tenant, scene: &Scene, error_type: ErrorType, texts: &[&str]) {
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    let log = Capture::everything();
    let error = scene.step("setSecret", &token).await.unwrap_err();
    let log = log.text();
    assert_error(&error, error_type, texts);
    let secrets = passwords(scene).await;
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    assert_absent(&secrets, &error.to_string(), "the error");
    assert_absent(&secrets, &log, "the log");
    let (user, password) = scene.login("AWSCURRENT").await;
    assert!(tenant.logs_in(&user, &password).await);
    give_up(scene, &token).await;
}

#[tokio::test]
async fn grant_tables_of_another_version_are_told_with_the_servers_own_words() {
    for server in Server::with(&[Need::OwnServers, Need::ProtectedUsers]) {
        let own = OwnServer::start(server, &[]).await;
        let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
        tenant
            .sql("ALTER TABLE mysql.procs_priv MODIFY Grantor VARCHAR(30) NOT NULL DEFAULT ''")
            .await;
        let texts = ["1728", "Cannot load from mysql.procs_priv", "--upgrade=FORCE"];
        assert_fails(&tenant, &scene, StatementRefused, &texts).await;
    }
}

#[tokio::test]
async fn a_digest_that_the_server_cannot_make_is_no_password_policy() {
    for server in Server::with(&[Need::OwnServers, Need::CachingSha2, Need::Mysql]) {
        let own = OwnServer::start(server, &[]).await;
        let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
        let mut root = tenant.root().await;
        let set = "SET GLOBAL caching_sha2_password_digest_rounds = DEFAULT";
        if server.version() < (9, 0, 0) || root.query_drop(set).await.is_err() {
            continue;
        }
        root.disconnect().await.unwrap();
        let texts = ["1396", "gives no reason", "caching_sha2_password_digest_rounds = 10000"];
        assert_fails(&tenant, &scene, StatementRefused, &texts).await;
        tenant.sql("SET GLOBAL caching_sha2_password_digest_rounds = 10000").await;
        scene.rotate().await;
    }
}
