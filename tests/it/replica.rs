//! A user whose host is a replica: accounts are changed at the writer, and the twin is tried at the
//! replica only when it has arrived there.

use std::time::Duration;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use rotation::error::ErrorType::{DifferentServer, ReplicaBehind, ServerReadOnly};
use serde_json::Value;

use crate::support::account::{Tenant, root};
use crate::support::grants::assert_equal_accounts;
use crate::support::rds::Rds;
use crate::support::refusal::refused;
use crate::support::scene::{Scene, document, superuser_document};
use crate::support::stack::{Address, OwnServer, Server};

const PASSWORD: &str = "a password";

/// Two servers of the test's own, of which one receives what the other commits.
struct Pair {
    _servers: [OwnServer; 2],
    writer: Tenant,
    replica: Address,
    /// A session of root at the replica.
    at_replica: Conn,
}

impl Pair {
    async fn start(server: Server) -> Self {
        let (source_args, replica_args) = if server.is_mariadb() {
            (
                vec!["--log-bin=binlog", "--server-id=1"],
                vec!["--log-bin=binlog", "--server-id=2", "--read-only=ON"],
            )
        } else {
            let gtid = ["--gtid-mode=ON", "--enforce-gtid-consistency=ON"];
            let [mut source, mut replica] = [1, 2].map(|_| gtid.to_vec());
            source.extend(["--log-bin=binlog", "--server-id=1"]);
            replica.extend(["--log-bin=binlog", "--server-id=2", "--read-only=ON"]);
            (source, replica)
        };
        let (source, replica) = tokio::join!(
            OwnServer::start(server, &source_args),
            OwnServer::start(server, &replica_args)
        );
        let Address {
            port,
            root: user,
            root_password: password,
            ..
        } = &source.address;
        let mut at_replica = root(&replica.address).await;
        // The replica comes to have the accounts of the source, root's among them.
        let follow = if server.is_mariadb() {
            format!(
                "RESET MASTER; SET GLOBAL gtid_slave_pos = ''; \
                 CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, \
                 MASTER_USER = '{user}', MASTER_PASSWORD = '{password}', MASTER_SSL = 1, \
                 MASTER_SSL_VERIFY_SERVER_CERT = 0, MASTER_CONNECT_RETRY = 1, \
                 MASTER_USE_GTID = slave_pos; START SLAVE"
            )
        } else {
            format!(
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {port}, \
                 SOURCE_USER = '{user}', SOURCE_PASSWORD = '{password}', SOURCE_SSL = 1, \
                 SOURCE_CONNECT_RETRY = 1, SOURCE_AUTO_POSITION = 1; START REPLICA"
            )
        };
        at_replica.query_drop(follow).await.unwrap();
        let writer = Tenant::at(source.address.clone());
        writer
            .sql(format!(
                "ALTER USER '{user}'@'%' IDENTIFIED BY '{password}'"
            ))
            .await;
        writer.settle(PASSWORD).await;
        let mut address = replica.address.clone();
        address.root_password.clone_from(password);
        let pair = Self {
            _servers: [source, replica],
            writer,
            replica: address,
            at_replica,
        };
        pair.arrived(&pair.writer.user(), PASSWORD).await;
        pair
    }

    /// Waits until a login works at the replica.
    async fn arrived(&self, user: &str, password: &str) {
        let replica = Tenant::at(self.replica.clone());
        for _ in 0..300 {
            if replica.logs_in(user, password).await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the replica does not follow");
    }

    fn is_mariadb(&self) -> bool {
        self.replica.server.is_mariadb()
    }

    async fn applier(&mut self, order: &str) {
        let order = if self.is_mariadb() {
            format!("{order} SLAVE SQL_THREAD")
        } else {
            format!("{order} REPLICA SQL_THREAD")
        };
        self.at_replica.query_drop(order).await.unwrap();
    }

    async fn delay(&mut self, seconds: u32) {
        self.applier("STOP").await;
        let change = if self.is_mariadb() {
            format!("CHANGE MASTER TO MASTER_DELAY = {seconds}")
        } else {
            format!("CHANGE REPLICATION SOURCE TO SOURCE_DELAY = {seconds}")
        };
        if self.is_mariadb() {
            self.at_replica.query_drop("STOP SLAVE").await.unwrap();
        }
        self.at_replica.query_drop(change).await.unwrap();
        if self.is_mariadb() {
            self.at_replica.query_drop("START SLAVE").await.unwrap();
        } else {
            self.applier("START").await;
        }
    }

    /// How many logins have failed at the replica since it started.
    async fn failed_logins(&mut self) -> String {
        let status = "SHOW GLOBAL STATUS LIKE 'Aborted_connects'";
        let row: Option<(String, String)> = self.at_replica.query_first(status).await.unwrap();
        row.unwrap().1
    }

    /// The user's secret names the replica, the superuser's the writer, each with its identifier.
    async fn scene(&self, rds: &Rds) -> Scene {
        let mut superuser = superuser_document(&self.writer.address);
        superuser["dbInstanceIdentifier"] = rds.instance(self.writer.address.port).await.into();
        let id = rds
            .replica(superuser["dbInstanceIdentifier"].as_str().unwrap())
            .await;
        let mut user = self.user();
        user["dbInstanceIdentifier"] = id.into();
        Scene::with(&self.writer, &superuser, user).await
    }

    fn user(&self) -> Value {
        document(&self.replica, &self.writer.user(), PASSWORD)
    }
}

#[tokio::test]
async fn a_user_at_a_replica_is_rotated_without_a_login_before_the_twin_has_arrived() {
    for server in [Server::Mysql, Server::Mariadb118] {
        let mut pair = Pair::start(server).await;
        let rds = Rds::of(&pair.writer).await;
        let mut scene = pair.scene(&rds).await;
        let failed_before = pair.failed_logins().await;

        // The twin does not exist at the replica until the writer's statements arrive there.
        pair.delay(3).await;
        scene.rotate().await;
        assert_equal_accounts(&pair.writer, &pair.writer.user(), &pair.writer.twin()).await;
        pair.delay(0).await;

        // The user exists there, with its replaced password.
        pair.applier("STOP").await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        scene.step("setSecret", &token).await.unwrap();
        scene.timeout = Duration::from_secs(6);
        let result = scene.step("testSecret", &token).await;
        refused(
            result,
            ReplicaBehind,
            &["is not yet what it is at the writer", "replication"],
        );
        assert_eq!(scene.login("AWSCURRENT").await.0, pair.writer.twin());
        pair.applier("START").await;
        scene.timeout = Duration::from_secs(30);
        scene.resume("testSecret", &token).await.unwrap();

        assert_eq!(pair.failed_logins().await, failed_before, "{server:?}");
        let (user, password) = scene.login("AWSCURRENT").await;
        let replica = Tenant::at(pair.replica.clone());
        assert!(replica.logs_in(&user, &password).await);
        assert!(pair.writer.logs_in(&user, &password).await);
    }
}

#[tokio::test]
async fn a_replica_that_rds_does_not_confirm_is_another_server_and_a_reader_is_no_writer() {
    let mut pair = Pair::start(Server::Mysql).await;
    let rds = Rds::of(&pair.writer).await;
    let hosts = pair.writer.hosts(&pair.writer.twin()).await;

    let superuser = superuser_document(&pair.writer.address);
    let scene = Scene::with(&pair.writer, &superuser, pair.user()).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    let result = scene.step("setSecret", &token).await;
    refused(
        result,
        DifferentServer,
        &["is not the user's server", "RDS API"],
    );

    // The superuser's secret names the replica: resolved once more, then refused.
    let place = Tenant::at(pair.writer.address.clone());
    let reader = superuser_document(&pair.replica);
    let scene = Scene::with(&place, &reader, pair.user()).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    let connections = connections(&mut pair.at_replica).await;
    let result = scene.step("setSecret", &token).await;
    refused(result, ServerReadOnly, &["read_only is on", "failover"]);
    // One of the user, and two of the superuser.
    let more = self::connections(&mut pair.at_replica).await - connections;
    assert_eq!(more, 3);
    assert_eq!(pair.writer.hosts(&pair.writer.twin()).await, hosts);

    // Without a replica in RDS's books, an identifier of another instance does not help either.
    let place = Tenant::at(pair.writer.address.clone());
    let mut superuser = superuser_document(&pair.writer.address);
    superuser["dbInstanceIdentifier"] = rds.instance(pair.writer.address.port).await.into();
    let mut user = pair.user();
    let other = Rds::of(&place).await.instance(pair.replica.port).await;
    user["dbInstanceIdentifier"] = other.into();
    let scene = Scene::with(&place, &superuser, user).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    let result = scene.step("setSecret", &token).await;
    refused(result, DifferentServer, &["is not the user's server"]);
}

/// How many connections the server has taken since it started.
async fn connections(conn: &mut Conn) -> u64 {
    let status = "SHOW GLOBAL STATUS LIKE 'Connections'";
    let row: Option<(String, u64)> = conn.query_first(status).await.unwrap();
    row.unwrap().1
}
