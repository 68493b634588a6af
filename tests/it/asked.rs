//! What the function may not conclude by itself: it asks the server, or leaves it to the login.

use serde_json::json;

use crate::support::account::{Tenant, account, identifier, literal};
use crate::support::canary::Capture;
use crate::support::grants::assert_equal_accounts;
use crate::support::scene::{Scene, document, superuser_document};
use crate::support::server::{Need, OwnServer, Server};
use crate::support::untouched::preflight;

const FIRST: &str = "first canary";

#[tokio::test]
async fn a_database_that_the_tables_do_not_decide_about_is_a_warning_and_no_refusal() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle(FIRST).await;
        let (user, database) = (tenant.user(), tenant.database());
        // The account in use holds nothing there; what the other one holds may count.
        tenant
            .sql(format!(
                "CREATE USER {} IDENTIFIED BY {}",
                account(&user, "127.0.0.1"),
                literal(FIRST)
            ))
            .await;
        let mut text = document(&tenant.address, &user, FIRST);
        text["dbname"] = json!(database);
        let scene = Scene::with(&tenant, &superuser_document(&tenant.address), text).await;
        let (result, log) = preflight(&tenant, &scene).await;
        result.unwrap();
        assert!(log.contains("its grant tables do not decide it"), "{server:?}: {log}");
        for _ in 0..2 {
            scene.rotate().await;
            let (user, password) = scene.login("AWSCURRENT").await;
            assert!(tenant.logs_in(&user, &password).await, "{server:?}");
        }
    }
}

#[tokio::test]
async fn a_comment_that_holds_statements_about_the_account_is_no_difference() {
    for server in Server::with(&[Need::Attributes]) {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
        let user = account(&tenant.user(), "%");
        for comment in [
            format!("made with GRANT SELECT ON app.t TO {user}"),
            format!("CREATE USER {user} FOR {user} FROM {user}; it's for {user}"),
        ] {
            let comment = literal(&comment);
            tenant.sql(format!("ALTER USER {user} COMMENT {comment}")).await;
            scene.rotate().await;
            scene.rotate().await;
            let (user, password) = scene.login("AWSCURRENT").await;
            assert!(tenant.logs_in(&user, &password).await, "{server:?}");
        }
    }
}

#[tokio::test]
async fn an_init_connect_that_changes_the_encoding_is_told_and_does_not_matter() {
    for server in Server::with(&[Need::OwnServers]) {
        let set = "--init-connect=SET character_set_results = utf16";
        let own = OwnServer::start(server, &[set]).await;
        let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
        let (result, log) = preflight(&tenant, &scene).await;
        result.unwrap();
        assert!(log.contains("the server has an init_connect"), "{server:?}: {log}");
        let capture = Capture::everything();
        scene.rotate().await;
        scene.rotate().await;
        drop(capture);
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
    }
}

#[tokio::test]
async fn a_key_of_an_attribute_whose_value_is_null_is_an_absent_key() {
    for server in Server::with(&[Need::Attributes]) {
        // A key with a null alone inside, the null alone, and all. A merge gives none of the nulls back.
        for lost in [r#"{"a": null}"#, r#"{"c": {"d": null}}"#, r#"{"a": null, "c": null}"#] {
            for twin_loses in [true, false] {
                let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
                let user = account(&tenant.user(), "%");
                tenant
                    .sql(format!(
                        "DROP USER {user}; CREATE USER {user} IDENTIFIED BY {} \
                         ATTRIBUTE '{{\"a\": {{\"b\": null}}, \"c\": {{\"d\": null, \"e\": 1}}}}'; \
                         GRANT SELECT ON {}.* TO {user}",
                        literal(FIRST),
                        identifier(&tenant.database())
                    ))
                    .await;
                scene.rotate().await;
                scene.rotate().await;
                let loser = if twin_loses { account(&tenant.twin(), "%") } else { user };
                tenant.sql(format!("ALTER USER {loser} ATTRIBUTE '{lost}'")).await;
                for _ in 0..2 {
                    scene.rotate().await;
                    let (user, password) = scene.login("AWSCURRENT").await;
                    assert!(tenant.logs_in(&user, &password).await, "{server:?} {lost}");
                }
            }
        }
    }
}
