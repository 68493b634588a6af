//! Tables that are absent at the moment of a rotation, databases that are gone, and views that are
//! invalid: nothing is lost by them, and nothing is left half done.

use mysql_async::prelude::Queryable;
use serde_json::Value;

use crate::support::account::{Tenant, account};
use crate::support::canary::Capture;
use crate::support::grants::{Picture, assert_equal_accounts};
use crate::support::scene::{Scene, document};
use crate::support::server::Server;
use crate::support::untouched::{change_superuser, preflight};

const FIRST: &str = "first canary";

/// A user whose twin exists, and which has got privileges on a table since that is gone now.
async fn with_absent_table(server: Server) -> (Tenant, Scene) {
    let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
    scene.rotate().await;
    scene.rotate().await;
    let (database, user) = (tenant.database(), account(&tenant.user(), "%"));
    tenant
        .sql(format!(
            "CREATE TABLE {database}.base (id INT); INSERT INTO {database}.base VALUES (1); \
             GRANT SELECT, INSERT ON {database}.base TO {user} WITH GRANT OPTION; \
             DROP TABLE {database}.base"
        ))
        .await;
    (tenant, scene)
}

/// What a session of this login may do with the table, which is made again.
async fn insert(tenant: &Tenant, (user, password): &(String, String)) -> Result<(), String> {
    let database = tenant.database();
    tenant.sql(format!("CREATE TABLE IF NOT EXISTS {database}.base (id INT)")).await;
    let mut session = tenant.log_in(user, password).await.unwrap();
    let inserted = session.query_drop(format!("INSERT INTO {database}.base VALUES (2)")).await;
    session.disconnect().await.unwrap();
    inserted.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_table_that_is_gone_for_a_moment_costs_neither_user_a_privilege() {
    for &server in Server::all() {
        let (tenant, scene) = with_absent_table(server).await;
        let (_, log) = preflight(&tenant, &scene).await;
        for part in [
            "ACCOUNT LOCK",
            "GRANT CREATE, INSERT, SELECT ON",
            "REVOKE CREATE ON",
            "ACCOUNT UNLOCK",
        ] {
            assert!(log.contains(part), "{server:?} {part}: {log}");
        }
        scene.rotate().await;
        let (user, twin) = (tenant.user(), tenant.twin());
        assert_equal_accounts(&tenant, &user, &twin).await;
        assert!(!Picture::of_tables(&tenant, &twin).await.holds(",Create"), "{server:?}");
        let promoted = scene.login("AWSCURRENT").await;
        assert_eq!(insert(&tenant, &promoted).await, Ok(()), "{server:?}");
        scene.rotate().await;
        assert_equal_accounts(&tenant, &user, &twin).await;
        let promoted = scene.login("AWSCURRENT").await;
        assert_eq!(insert(&tenant, &promoted).await, Ok(()), "{server:?}");
    }
}

#[tokio::test]
async fn a_twin_with_an_open_session_gets_no_create_and_the_warning_has_the_grant_to_run() {
    for &server in Server::all() {
        let (tenant, scene) = with_absent_table(server).await;
        let (user, twin) = (tenant.user(), tenant.twin());
        let (_, password) = scene.login("AWSPREVIOUS").await;
        let mut session = tenant.log_in(&twin, &password).await.unwrap();
        let warning = "while the twin has open sessions";
        let (_, log) = preflight(&tenant, &scene).await;
        assert!(log.contains(warning) && !log.contains("REVOKE CREATE"), "{server:?}: {log}");
        let capture = Capture::everything();
        scene.rotate().await;
        let log = capture.text();
        drop(capture);
        let line = log.lines().find(|line| line.contains(warning)).expect("the warning");
        assert!(!Picture::of_tables(&tenant, &twin).await.holds("base"), "{server:?}");
        session.query_drop("DO 1").await.unwrap();
        session.disconnect().await.unwrap();

        // The statement that it names repairs the twin.
        let from = line.find("run GRANT").expect("a statement") + "run ".len();
        let statement = &line[from..];
        let statement = &statement[..statement.find("; otherwise").expect("its end")];
        tenant.sql(format!("CREATE TABLE {}.base (id INT)", tenant.database())).await;
        tenant.sql(statement).await;
        assert_equal_accounts(&tenant, &user, &twin).await;
        let promoted = scene.login("AWSCURRENT").await;
        assert_eq!(insert(&tenant, &promoted).await, Ok(()), "{server:?}");
    }
}

#[tokio::test]
async fn a_superuser_that_cannot_see_sessions_or_grant_create_says_so_and_rotates_all_the_same() {
    for &server in Server::all() {
        for (lacking, warning) in [
            ("PROCESS", "the superuser cannot see the twin's sessions"),
            ("CREATE", "the superuser may not grant CREATE there"),
        ] {
            let (tenant, scene) = with_absent_table(server).await;
            change_superuser(&scene, &weaker(&tenant, lacking).await).await;
            let (result, log) = preflight(&tenant, &scene).await;
            result.unwrap();
            assert!(log.contains(warning), "{server:?} {lacking}: {log}");
            scene.rotate().await;
            let promoted = scene.login("AWSCURRENT").await;
            assert!(tenant.logs_in(&promoted.0, &promoted.1).await);
        }
    }
}

/// A superuser with what a rotation needs here, except one privilege.
async fn weaker(tenant: &Tenant, lacking: &str) -> Value {
    let name = format!("{}w", tenant.mark());
    let (user, password) = (account(&name, "%"), "Supercanary'1");
    let all = ["CREATE USER", "SELECT", "INSERT", "CREATE", "PROCESS"];
    let all: Vec<_> = all.into_iter().filter(|privilege| *privilege != lacking).collect();
    let literal = crate::support::account::literal(password);
    tenant
        .sql(format!(
            "CREATE USER {user} IDENTIFIED BY {literal}; \
             GRANT {} ON *.* TO {user} WITH GRANT OPTION",
            all.join(", ")
        ))
        .await;
    document(&tenant.address, &name, password)
}

#[tokio::test]
async fn a_dropped_database_and_an_invalid_view_leave_nothing_half_done() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        let (database, user) = (tenant.database(), account(&tenant.user(), "%"));
        let other = format!("{database}2");
        tenant
            .sql(format!(
                "CREATE DATABASE {other}; CREATE TABLE {other}.x (id INT, name INT); \
                 CREATE TABLE {other}.y (id INT, name INT); CREATE VIEW {other}.v AS SELECT 1 AS id; \
                 GRANT SELECT, INSERT ON {other}.x TO {user}; GRANT SELECT ON {other}.v TO {user}; \
                 GRANT SELECT (id), UPDATE (name) ON {other}.y TO {user}; DROP DATABASE {other}; \
                 CREATE TABLE {database}.base (id INT); \
                 CREATE VIEW {database}.whole AS SELECT id FROM {database}.base; \
                 CREATE VIEW {database}.part AS SELECT id FROM {database}.base; \
                 GRANT SELECT ON {database}.whole TO {user}; \
                 GRANT SELECT (id) ON {database}.part TO {user}; DROP TABLE {database}.base"
            ))
            .await;
        for _ in 0..2 {
            let capture = Capture::everything();
            scene.rotate().await;
            let log = capture.text();
            drop(capture);
            let twin = Picture::of_tables(&tenant, &scene.login("AWSCURRENT").await.0).await;
            for name in ["\"x\"", "\"v\"", "whole"] {
                assert!(twin.holds(name), "{server:?} {name}: {twin:?}");
            }
            for name in ["\"y\"", "part"] {
                assert!(!twin.holds(name), "{server:?} {name}: {twin:?}");
            }
            // Only the first twin could not get them; by the next rotation the user has lost them.
            let warned = log.contains("is a view that is invalid now");
            assert_eq!(warned, scene.login("AWSCURRENT").await.0 == tenant.twin(), "{log}");
        }
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
    }
}

/// Of both the server shows the columns all the same.
#[tokio::test]
async fn a_view_whose_definer_is_gone_or_may_not_read_its_table_leaves_nothing_half_done() {
    for &server in Server::all() {
        for loss in ["DROP USER", "REVOKE SELECT ON {}.base FROM"] {
            let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
            let (database, user) = (tenant.database(), account(&tenant.user(), "%"));
            let definer = account(&format!("{}_d", tenant.mark()), "%");
            tenant
                .sql(format!(
                    "CREATE TABLE {database}.base (id INT); CREATE USER {definer}; \
                     GRANT SELECT ON {database}.base TO {definer}; \
                     CREATE DEFINER = {definer} VIEW {database}.v AS SELECT id FROM {database}.base; \
                     GRANT SELECT (id) ON {database}.v TO {user}; {} {definer}",
                    loss.replace("{}", &database)
                ))
                .await;
            let (result, log) = preflight(&tenant, &scene).await;
            result.unwrap();
            assert!(log.contains("is a view that is invalid now"), "{server:?} {loss}: {log}");
            scene.rotate().await;
            scene.rotate().await;
            assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
        }
    }
}
