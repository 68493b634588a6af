//! Nodes that are behind, out of order, or another one than the superuser's.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use rotation::error::ErrorType;

use super::Stage;
use crate::support::account::{Tenant, account, root};
use crate::support::cluster::{Cluster, Kind};
use crate::support::refusal::refused;
use crate::support::scene::{Scene, document, superuser_document};

const PASSWORD: &str = "a password";

/// A transaction at the first member that the second one needs a moment for: what comes after it
/// comes later there.
async fn keep_the_second_busy(stage: &Stage) {
    let busy = format!("{}.busy", stage.tenant.database());
    stage
        .tenant
        .sql(format!("CREATE TABLE {busy} (id INT AUTO_INCREMENT PRIMARY KEY, t TEXT)"))
        .await;
    let mut root = stage.tenant.root().await;
    let insert = format!("INSERT INTO {busy} (t) VALUES (REPEAT('x', 100))");
    root.query_drop(format!("START TRANSACTION; {insert}")).await.unwrap();
    for _ in 0..15 {
        root.query_drop(format!("INSERT INTO {busy} (t) SELECT t FROM {busy}")).await.unwrap();
    }
    root.query_drop("COMMIT").await.unwrap();
    root.disconnect().await.unwrap();
}

#[tokio::test]
async fn a_rotation_at_a_node_that_is_behind_copies_what_another_one_has_granted() {
    for kind in Kind::WRITABLE {
        let Some(cluster) = Cluster::shared(kind).await else { continue };
        let stage = Stage::set(cluster, PASSWORD).await;
        stage.scene.rotate().await;
        let token = stage.scene.begin().await;
        stage.scene.step("createSecret", &token).await.unwrap();
        let (in_use, _) = stage.scene.login("AWSCURRENT").await;
        keep_the_second_busy(&stage).await;
        let database = stage.tenant.database();
        stage
            .tenant
            .sql(format!("GRANT DELETE ON {database}.* TO {}", account(&in_use, "%")))
            .await;
        stage.turn_to(1);
        stage.scene.resume("setSecret", &token).await.unwrap();
        stage.assert_in_order().await;
    }
}

#[tokio::test]
async fn a_version_is_tested_when_the_other_node_takes_its_login() {
    for kind in Kind::ALL {
        let Some(cluster) = Cluster::shared(kind).await else { continue };
        let stage = Stage::set(cluster, PASSWORD).await;
        for _ in 0..2 {
            let token = stage.scene.begin().await;
            stage.scene.step("createSecret", &token).await.unwrap();
            keep_the_second_busy(&stage).await;
            stage.scene.resume_from_to("setSecret", "testSecret", &token).await;
            let (user, password) = stage.scene.login("AWSPENDING").await;
            let there = cluster.view(&stage.tenant, 1);
            assert!(there.logs_in(&user, &password).await, "{kind:?}");
            stage.scene.step("finishSecret", &token).await.unwrap();
            stage.tenant.sql(format!("DROP TABLE {}.busy", stage.tenant.database())).await;
            stage.assert_in_order().await;
        }
    }
}

#[tokio::test]
async fn a_user_whose_host_is_another_node_than_the_superusers_is_rotated() {
    for kind in Kind::ALL {
        let Some(cluster) = Cluster::shared(kind).await else { continue };
        let tenant = Tenant::at(cluster.address(0));
        tenant.settle(PASSWORD).await;
        cluster.await_user(&tenant).await;
        let user = document(&cluster.address(1), &tenant.user(), PASSWORD);
        let scene = Scene::with(&tenant, &superuser_document(&tenant.address), user).await;
        for _ in 0..2 {
            scene.rotate().await;
            for at in 0..2 {
                let (user, password) = scene.login("AWSCURRENT").await;
                assert!(cluster.view(&tenant, at).logs_in(&user, &password).await, "{kind:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_server_that_is_no_node_of_the_superusers_cluster_is_another_server() {
    for kind in Kind::WRITABLE {
        let Some(cluster) = Cluster::shared(kind).await else { continue };
        let Some(other) = Cluster::start(kind, &[]).await else { continue };
        let tenant = Tenant::at(cluster.address(0));
        tenant.settle(PASSWORD).await;
        let elsewhere = cluster.view(&tenant, 0).elsewhere(other.address(0));
        elsewhere.settle(PASSWORD).await;
        let user = document(&other.address(0), &tenant.user(), PASSWORD);
        let scene = Scene::with(&tenant, &superuser_document(&tenant.address), user).await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        let result = scene.step("setSecret", &token).await;
        refused(result, ErrorType::DifferentServer, &["is not the user's server"]);
    }
}

/// The step is refused, and ends well when the node is in order again.
async fn not_ready(stage: &Stage, token: &str, wrong: &str, right: &str, texts: &[&str]) {
    stage.tenant.sql(wrong).await;
    let result = stage.scene.step("setSecret", token).await;
    refused(result, ErrorType::NodeNotReady, texts);
    let mut root = root(&stage.tenant.address).await;
    root.query_drop(right).await.unwrap();
    root.disconnect().await.unwrap();
}

#[tokio::test]
async fn a_node_of_galera_without_a_quorum_or_the_clusters_data_is_not_used_and_its_own_settings_do_not_count()
 {
    let Some(cluster) = Cluster::start(Kind::Galera, &[]).await else { return };
    let cluster: &'static Cluster = Box::leak(Box::new(cluster));
    let stage = Stage::set(cluster, PASSWORD).await;
    stage.tenant.sql("SET GLOBAL wsrep_OSU_method = 'RSU'").await;
    stage.scene.rotate().await;
    stage.assert_in_order().await;

    let token = stage.scene.begin().await;
    stage.scene.step("createSecret", &token).await.unwrap();
    let [on, off] = ["ON", "OFF"].map(|value| format!("SET GLOBAL wsrep_desync = {value}"));
    not_ready(&stage, &token, &on, &off, &["Donor/Desynced", "use another node, or wait"]).await;
    cluster.await_members(0, 2).await;
    let mut keeps = root(&stage.tenant.address).await;
    keeps.query_drop("SET GLOBAL wsrep_reject_queries = 'ALL'").await.unwrap();
    let rejected = stage.scene.step("setSecret", &token).await;
    keeps.query_drop("SET GLOBAL wsrep_reject_queries = 'NONE'").await.unwrap();
    keeps.disconnect().await.unwrap();
    refused(rejected, ErrorType::NodeNotReady, &["wsrep_reject_queries is ALL", "another node"]);

    cluster.members[1].kill().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    not_ready(&stage, &token, "SELECT 1", "SELECT 1", &["non-Primary"]).await;
    cluster.members[1].restart().await;
    cluster.await_members(0, 2).await;
    stage.scene.resume("setSecret", &token).await.unwrap();
    stage.assert_in_order().await;
}

#[tokio::test]
async fn a_node_of_galera_that_gives_or_gets_the_clusters_data_or_looks_for_another_cluster_is_not_used()
 {
    let Some(cluster) = Cluster::start(Kind::Galera, &[]).await else { return };
    let cluster: &'static Cluster = Box::leak(Box::new(cluster));
    let stage = Stage::set(cluster, PASSWORD).await;
    stage.scene.rotate().await;
    let token = stage.scene.begin().await;
    stage.scene.step("createSecret", &token).await.unwrap();

    cluster.members[1].kill().await;
    let joins = cluster.members[1].restart_adding(&["--wsrep-sst-method=slow"]);
    let meanwhile = async {
        await_state(cluster, 0, "Donor/Desynced").await;
        let at_donor = stage.scene.step("setSecret", &token).await;
        stage.turn_to(1);
        let at_joiner = stage.scene.step("setSecret", &token).await.unwrap_err();
        refused(
            at_donor,
            ErrorType::NodeNotReady,
            &["Donor/Desynced", "use another node, or wait"],
        );
        assert_eq!(at_joiner.error_type(), ErrorType::ServerUnreachable, "it does not listen yet");
    };
    tokio::join!(joins, meanwhile);
    cluster.await_members(1, 2).await;
    stage.scene.step("setSecret", &token).await.unwrap();

    stage.turn_to(0);
    let elsewhere = "SET GLOBAL wsrep_cluster_address = 'gcomm://127.0.0.1:1'";
    stage.tenant.sql(elsewhere).await;
    // A session that waits for the others by itself is refused at its first query.
    for waits in [0, 15] {
        stage.tenant.sql(format!("SET GLOBAL wsrep_sync_wait = {waits}")).await;
        let result = stage.scene.step("setSecret", &token).await;
        refused(result, ErrorType::NodeNotReady, &["use another node, or wait"]);
    }
}

/// Waits until this node of Galera is in this state.
async fn await_state(cluster: &Cluster, at: usize, wanted: &str) {
    let state = "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS \
         WHERE VARIABLE_NAME = 'wsrep_local_state_comment'";
    let mut root = root(&cluster.address(at)).await;
    loop {
        let found: Option<String> = root.query_first(state).await.unwrap();
        if found.as_deref() == Some(wanted) {
            return root.disconnect().await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_member_of_a_group_in_error_or_that_still_recovers_is_not_used() {
    let Some(cluster) = Cluster::start(Kind::TwoPrimaries, &[]).await else { return };
    let cluster: &'static Cluster = Box::leak(Box::new(cluster));
    let stage = Stage::set(cluster, PASSWORD).await;
    stage.scene.rotate().await;
    let token = stage.scene.begin().await;
    stage.scene.step("createSecret", &token).await.unwrap();
    let table = format!("{}.diverges", stage.tenant.database());
    stage.tenant.sql(format!("CREATE TABLE {table} (id INT PRIMARY KEY)")).await;
    cluster.await_user(&stage.tenant).await;

    // What the second one has alone makes it fail at the next change of the first.
    let mut second = root(&cluster.address(1)).await;
    second.query_drop("SET SESSION group_replication_consistency = 'BEFORE'").await.unwrap();
    second.query_drop(format!("SELECT * FROM {table}; SET SESSION sql_log_bin = 0")).await.unwrap();
    second.query_drop(format!("DROP TABLE {table}")).await.unwrap();
    stage.tenant.sql(format!("INSERT INTO {table} VALUES (1)")).await;
    cluster.await_members(0, 1).await;
    stage.turn_to(1);
    for level in ["EVENTUAL", "BEFORE"] {
        let global = format!("SET GLOBAL group_replication_consistency = '{level}'");
        second.query_drop(global).await.unwrap();
        let result = stage.scene.step("setSecret", &token).await;
        refused(result, ErrorType::NodeNotReady, &["use another member, or wait"]);
    }
    stage.turn_to(0);
    stage.scene.step("setSecret", &token).await.unwrap();

    let mend = format!(
        "STOP GROUP_REPLICATION; SET GLOBAL super_read_only = OFF; \
         SET GLOBAL group_replication_consistency = 'EVENTUAL'; \
         SET SESSION group_replication_consistency = 'EVENTUAL'; \
         CREATE TABLE {table} (id INT PRIMARY KEY)"
    );
    second.query_drop(mend).await.unwrap();
    let mut holds = root(&cluster.address(1)).await;
    holds.query_drop(format!("LOCK TABLES {table} READ")).await.unwrap();
    second.query_drop("START GROUP_REPLICATION").await.unwrap();
    stage.turn_to(1);
    let result = stage.scene.step("testSecret", &token).await;
    refused(result, ErrorType::NodeNotReady, &["RECOVERING", "use another member, or wait"]);
    holds.disconnect().await.unwrap();
    cluster.await_members(1, 2).await;
    // It refuses all but those who may connect to a server that is offline, and does not end that itself.
    let result = stage.scene.step("testSecret", &token).await;
    refused(result, ErrorType::ServerBusy, &["SET GLOBAL offline_mode = OFF"]);
    second.query_drop("SET GLOBAL offline_mode = OFF").await.unwrap();
    stage.scene.resume("testSecret", &token).await.unwrap();
    stage.assert_in_order().await;
}

#[tokio::test]
async fn a_member_that_left_its_group_is_not_used_and_after_a_failover_the_new_primary_goes_on() {
    let Some(cluster) = Cluster::start(Kind::OnePrimary, &[]).await else { return };
    let cluster: &'static Cluster = Box::leak(Box::new(cluster));
    let stage = Stage::set(cluster, PASSWORD).await;
    stage.scene.rotate().await;

    let token = stage.scene.begin().await;
    stage.scene.step("createSecret", &token).await.unwrap();
    let second = cluster.view(&stage.tenant, 1);
    second.sql("SELECT group_replication_set_as_primary(@@server_uuid)").await;
    let result = stage.scene.step("setSecret", &token).await;
    refused(result, ErrorType::ServerReadOnly, &["read_only is on", "failover"]);
    stage.turn_to(1);
    stage.scene.step("setSecret", &token).await.unwrap();

    stage.turn_to(0);
    stage.tenant.sql("STOP GROUP_REPLICATION").await;
    let result = stage.scene.step("testSecret", &token).await;
    refused(result, ErrorType::NodeNotReady, &["OFFLINE", "use another member, or wait"]);
    stage.tenant.sql("START GROUP_REPLICATION").await;
    cluster.await_members(1, 2).await;
    stage.turn_to(1);
    stage.scene.resume("testSecret", &token).await.unwrap();
    stage.assert_in_order().await;
}
