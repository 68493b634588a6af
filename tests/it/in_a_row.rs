//! Statements that stand in a row: one text, one round trip, and no doubt about what was carried out.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use rotation::error::ErrorType;

use crate::races::assert_in_order;
use crate::support::account::{Tenant, account, literal};
use crate::support::grants::assert_equal_accounts;
use crate::support::proxy::{Fault, Proxy, Request};
use crate::support::scene::Scene;
use crate::support::server::{Need, OwnServer, Server};

const PASSWORD: &str = "the first password";
/// More than a text has between its first two guards, and between the next two.
const TABLES: usize = 25;

fn is_row(request: &Request) -> bool {
    request.text.starts_with("SELECT IF(") && request.text.contains("GRANT ")
}

/// Tables with these numbers, on which the user holds SELECT.
async fn make_tables(tenant: &Tenant, numbers: std::ops::Range<usize>) {
    let (database, user) = (tenant.database(), account(&tenant.user(), "%"));
    let mut sql = String::new();
    for n in numbers {
        write!(sql, "CREATE TABLE {database}.n{n:04} (id INT) ENGINE = InnoDB;").unwrap();
        write!(sql, "GRANT SELECT ON {database}.n{n:04} TO {user};").unwrap();
    }
    sql.push_str("DO 0");
    tenant.sql(sql).await;
}

/// The numbers of the tables on which the user holds privileges.
async fn held(tenant: &Tenant, user: &str) -> BTreeSet<usize> {
    let sql = format!(
        "SELECT Table_name FROM mysql.tables_priv WHERE User = {} AND Table_name LIKE 'n%'",
        literal(user)
    );
    let names: Vec<String> = tenant.root().await.query(sql).await.unwrap();
    names.iter().map(|name| name[1..].parse().unwrap()).collect()
}

async fn drop_twin(tenant: &Tenant) {
    tenant.sql(format!("DROP USER {}", account(&tenant.twin(), "%"))).await;
}

/// A text ends at its first error. What it names, and what is done after it, is not one off.
#[tokio::test]
async fn of_a_text_each_statement_may_fail_and_all_others_are_carried_out_once() {
    for &server in Server::all() {
        let (tenant, scene, proxy) = Scene::seen(server, PASSWORD).await;
        proxy.keep_texts_together();
        make_tables(&tenant, 0..TABLES).await;
        let database = tenant.database();
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        for bad in 0..TABLES {
            // The table is dropped after the function has asked which there are.
            let (meet, mut met) = tokio::sync::mpsc::unbounded_channel();
            let mut is_first = true;
            proxy.script(move |request| {
                let is_it = is_row(request) && std::mem::take(&mut is_first);
                (is_it && meet.send(()).is_ok()).then_some(Fault::Wait)
            });
            let (done, ()) = tokio::join!(scene.step("setSecret", &token), async {
                met.recv().await.unwrap();
                tenant.sql(format!("DROP TABLE {database}.n{bad:04}")).await;
                proxy.let_pass();
            });
            done.unwrap();
            proxy.reset();
            let mut expected: BTreeSet<_> = (0..TABLES).collect();
            expected.remove(&bad);
            assert_eq!(held(&tenant, &tenant.twin()).await, expected, "{server:?}");
            drop_twin(&tenant).await;
            tenant.sql(format!("CREATE TABLE {database}.n{bad:04} (id INT)")).await;
        }
        scene.resume("setSecret", &token).await.unwrap();
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
    }
}

/// The statement that is refused is named, whichever it is; the ones before it are kept.
#[tokio::test]
async fn the_error_names_the_statement_of_a_text_that_was_refused() {
    for &server in Server::all() {
        let (tenant, scene, proxy) = Scene::seen(server, PASSWORD).await;
        make_tables(&tenant, 0..TABLES).await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        for bad in [0, 1, 9, 10, 11, 19, 20, TABLES - 1] {
            // Somebody drops the twin while its text runs: what comes next fails.
            let mark = format!("`n{bad:04}`");
            let mut root = tenant.root().await;
            let drop = format!("DROP USER {}", account(&tenant.twin(), "%"));
            let (meet, mut met) = tokio::sync::mpsc::unbounded_channel();
            proxy.script(move |request| {
                let is_it = request.text.starts_with("GRANT ") && request.text.contains(&mark);
                (is_it && meet.send(()).is_ok()).then_some(Fault::Wait)
            });
            let (error, ()) = tokio::join!(scene.step("setSecret", &token), async {
                met.recv().await.unwrap();
                root.query_drop(drop).await.unwrap();
                proxy.let_pass();
            });
            let error = error.unwrap_err();
            assert_eq!(error.error_type(), ErrorType::StatementRefused, "{server:?}: {error}");
            let named = format!("`n{bad:04}` TO ");
            assert!(error.to_string().contains(&named), "{server:?} {bad}: {error}");
            proxy.reset();
        }
        scene.resume("setSecret", &token).await.unwrap();
        assert_in_order(&tenant, &scene).await;
    }
}

/// With 300 grants there were 300 round trips.
#[tokio::test]
async fn a_first_clone_takes_a_round_trip_for_many_statements() {
    for &server in Server::all() {
        let (tenant, scene, proxy) = Scene::seen(server, PASSWORD).await;
        proxy.keep_texts_together();
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        scene.step("setSecret", &token).await.unwrap();
        let few = proxy.traffic().round_trips;
        drop_twin(&tenant).await;
        make_tables(&tenant, 0..300).await;
        proxy.reset();
        scene.step("setSecret", &token).await.unwrap();
        let many = proxy.traffic().round_trips;
        assert!(many <= few + 300_usize.div_ceil(64), "{server:?}: {few}, {many}");
        scene.resume("testSecret", &token).await.unwrap();
        assert_in_order(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn dropped_tables_cost_one_question_together() {
    for &server in Server::all() {
        let (tenant, scene, proxy) = Scene::seen(server, PASSWORD).await;
        proxy.keep_texts_together();
        make_tables(&tenant, 0..200).await;
        let database = tenant.database();
        let dropped: Vec<_> = (0..200).filter(|n| n % 4 != 0).collect();
        let names: Vec<_> = dropped.iter().map(|n| format!("{database}.n{n:04}")).collect();
        tenant.sql(format!("DROP TABLE {}", names.join(", "))).await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        proxy.reset();
        scene.step("setSecret", &token).await.unwrap();
        let round_trips = proxy.traffic().round_trips;
        // Asked for one by one they would be 150; older servers are asked once for each of their schemas.
        assert!(round_trips < 75, "{server:?}: {round_trips}");
        let twin = held(&tenant, &tenant.twin()).await;
        assert_eq!(twin, (0..200).collect(), "{server:?}");
        let (user, password) = scene.login("AWSCURRENT").await;
        assert!(tenant.logs_in(&user, &password).await);
    }
}

/// The client has gone, and the server carries the text out to its end.
#[tokio::test]
async fn a_text_whose_answer_is_lost_is_carried_out_and_the_next_try_goes_on() {
    for &server in Server::all() {
        for fault in [Fault::LoseAnswer, Fault::Cut] {
            let (tenant, scene, proxy) = Scene::seen(server, PASSWORD).await;
            proxy.keep_texts_together();
            make_tables(&tenant, 0..TABLES).await;
            let token = scene.begin().await;
            scene.step("createSecret", &token).await.unwrap();
            proxy.script(move |request| is_row(request).then_some(fault));
            let error = scene.step("setSecret", &token).await.unwrap_err();
            assert_eq!(error.error_type(), ErrorType::ConnectionLost, "{server:?}: {error}");
            assert!(tenant.logs_in(&tenant.user(), PASSWORD).await);
            proxy.reset();
            scene.resume("setSecret", &token).await.unwrap();
            let texts = proxy.seen().iter().filter(|request| is_row(request)).count();
            let is_done = fault == Fault::LoseAnswer;
            assert_eq!(texts, usize::from(!is_done), "{server:?} {fault:?}");
            assert_in_order(&tenant, &scene).await;
        }
    }
}

/// The network holds the text back until the server must not begin it any more.
#[tokio::test]
async fn a_text_that_reaches_the_server_too_late_changes_nothing() {
    for &server in Server::all() {
        let (tenant, mut scene, proxy) = Scene::seen(server, PASSWORD).await;
        proxy.keep_texts_together();
        make_tables(&tenant, 0..TABLES).await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        // A statement may take a second, so that the last second and a quarter is for no new one.
        scene.timeout = Duration::from_secs(6);
        let late = Duration::from_millis(4600);
        proxy.script(move |request| is_row(request).then_some(Fault::Delay(late)));
        let error = scene.step("setSecret", &token).await.unwrap_err();
        assert_eq!(error.error_type(), ErrorType::DeadlineExceeded, "{server:?}: {error}");
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(held(&tenant, &tenant.twin()).await, BTreeSet::new(), "{server:?}");
        proxy.reset();
        scene.timeout = Duration::from_secs(30);
        scene.resume("setSecret", &token).await.unwrap();
        assert_in_order(&tenant, &scene).await;
    }
}

/// A longer text is refused as a whole, and nothing of it is carried out.
#[tokio::test]
async fn a_text_is_no_longer_than_the_server_takes() {
    for server in Server::with(&[Need::OwnServers]) {
        let own = OwnServer::start(server, &["--max-allowed-packet=8192"]).await;
        let tenant = Tenant::at(own.address.clone());
        tenant.settle(PASSWORD).await;
        for n in 0..80 {
            let table = format!("{}.n{n:063}", tenant.database());
            let user = account(&tenant.user(), "%");
            let sql = format!("CREATE TABLE {table} (id INT); GRANT SELECT ON {table} TO {user}");
            tenant.sql(sql).await;
        }
        let proxy = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        proxy.keep_texts_together();
        let scene = Scene::through(&proxy, &tenant, PASSWORD).await;
        scene.rotate().await;
        assert_in_order(&tenant, &scene).await;
        let seen = proxy.seen();
        let lengths: Vec<_> = seen.iter().filter(|r| is_row(r)).map(|r| r.text.len()).collect();
        assert!(lengths.len() == 2 && lengths[0] > 7000, "{server:?}: {lengths:?}");
    }
}
