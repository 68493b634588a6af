//! Names that look like SQL, and names of every length: of users, hosts, roles, databases and all
//! that is in them.

use rotation::error::ErrorType::TwinNameImpossible;

use crate::support::account::{Tenant, account, identifier};
use crate::support::grants::assert_equal_accounts;
use crate::support::scene::{Scene, document, superuser_document};
use crate::support::server::{Need, OwnServer, Server};
use crate::support::untouched::{Traces, assert_error};

const FIRST: &str = "first canary";

/// Fifteen characters at most, after the eleven of a mark: `_clone` then still fits on MySQL.
const HOSTILE: &[&str] =
    &["'\"`\\", " TO x@%", "'@'%' -- x", "%_\\_é漢ß", "`; DROP USER x;", "_CLONE"];

/// A secret of this user, who may do a thing or two on things that have the same kind of name.
async fn scene_of(tenant: &Tenant, name: &str, hosts: &[&str]) -> Scene {
    let ending = name.strip_prefix(tenant.mark()).unwrap_or(name);
    let short: String = ending.chars().take(15).collect();
    // No server keeps privileges on a routine with another name than these.
    let ascii: String = short.chars().filter(char::is_ascii).collect();
    let [database, role] =
        ["d", "r"].map(|kind| identifier(&format!("{}{kind}{short}", tenant.mark())));
    let routines = identifier(&format!("{}e{ascii}", tenant.mark()));
    let (table, routine) = (identifier(&format!("t{short}")), identifier(&format!("p{ascii}")));
    tenant
        .sql(format!(
            "CREATE DATABASE {database}; CREATE TABLE {database}.{table} ({table} INT, b INT); \
             CREATE DATABASE {routines}; CREATE PROCEDURE {routines}.{routine}() SELECT 1"
        ))
        .await;
    let server = tenant.address.server;
    if server.has(Need::Roles) {
        tenant.sql(format!("CREATE ROLE {role}")).await;
    }
    for host in hosts {
        let user = account(name, host);
        // Nor of a user.
        let routine = if name.is_ascii() {
            format!("PROCEDURE {routines}.{routine}")
        } else {
            format!("{routines}.*")
        };
        tenant
            .sql(format!(
                "CREATE USER {user} IDENTIFIED BY '{FIRST}'; \
                 GRANT SELECT ON {database}.* TO {user} WITH GRANT OPTION; \
                 GRANT INSERT, UPDATE ({table}) ON {database}.{table} TO {user}; \
                 GRANT EXECUTE ON {routine} TO {user}"
            ))
            .await;
        if server.has(Need::Roles) {
            let default_role = if server.is_mariadb() {
                format!("SET DEFAULT ROLE {role} FOR {user}")
            } else {
                format!("ALTER USER {user} DEFAULT ROLE {role}")
            };
            tenant.sql(format!("GRANT {role} TO {user}; {default_role}")).await;
        }
    }
    let superuser = superuser_document(&tenant.address);
    Scene::with(tenant, &superuser, document(&tenant.address, name, FIRST)).await
}

/// Two rotations, so that each of the two names was the source and the twin.
async fn assert_rotates(tenant: &Tenant, scene: &Scene, name: &str) {
    let twin = format!("{name}_clone");
    for expected in [twin.as_str(), name] {
        scene.rotate().await;
        let (user, password) = scene.login("AWSCURRENT").await;
        assert_eq!(user, expected);
        assert!(tenant.logs_in(&user, &password).await, "{user}");
        let (other, before) = scene.login("AWSPREVIOUS").await;
        assert!(tenant.logs_in(&other, &before).await, "{other}");
        assert_equal_accounts(tenant, name, &twin).await;
    }
    assert!(!tenant.logs_in(name, FIRST).await, "{name}");
}

#[tokio::test]
async fn a_user_whose_name_looks_like_sql_is_rotated_like_any_other() {
    for &server in Server::all() {
        for ending in HOSTILE {
            let tenant = Tenant::of(server).await;
            let name = format!("{}{ending}", tenant.mark());
            let scene = scene_of(&tenant, &name, &["%", "10.%", "192.168.0.0/255.255.0.0"]).await;
            assert_rotates(&tenant, &scene, &name).await;
        }
    }
}

#[tokio::test]
async fn a_server_that_reads_quotes_and_backslashes_otherwise_is_rotated_like_any_other() {
    for server in Server::with(&[Need::OwnServers]) {
        let modes = "--sql-mode=NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PIPES_AS_CONCAT,IGNORE_SPACE";
        let own = OwnServer::start(server, &[modes]).await;
        for ending in &HOSTILE[..3] {
            let tenant = Tenant::at(own.address.clone());
            let name = format!("{}{ending}", tenant.mark());
            let scene = scene_of(&tenant, &name, &["%"]).await;
            let all = [("EXCLUDE_CHARACTERS", ""), ("PASSWORD_LENGTH", "64")];
            let scene = scene.in_environment(&tenant, &all).await;
            assert_rotates(&tenant, &scene, &name).await;
        }
    }
}

#[tokio::test]
async fn names_may_be_as_long_as_the_server_allows_and_not_longer() {
    for &server in Server::all() {
        let limit = if server.is_mariadb() { 128 } else { 32 };
        let longest = limit - "_clone".len();
        for filling in ["x", "é"] {
            let tenant = Tenant::of(server).await;
            let fill = |length: usize| {
                let rest = length - tenant.mark().len();
                format!("{}{}", tenant.mark(), filling.repeat(rest))
            };
            let name = fill(longest);
            let scene = scene_of(&tenant, &name, &["%"]).await;
            assert_rotates(&tenant, &scene, &name).await;

            let name = fill(longest + 1);
            let user = document(&tenant.address, &name, FIRST);
            let tenant = Tenant::of(server).await;
            let scene = Scene::with(&tenant, &superuser_document(&tenant.address), user).await;
            let token = scene.begin().await;
            let before = Traces::of(&tenant, &scene).await;
            let error = scene.step("createSecret", &token).await.unwrap_err();
            let found = format!("has {} characters; the server allows {limit}", limit + 1);
            assert_error(&error, TwinNameImpossible, &[&name, &found]);
            before.assert_unchanged(&tenant, &scene, "createSecret").await;
        }
    }
}
