//! A user whose host is a replica: accounts are changed at the writer, and the twin is tried at the
//! replica only when it has arrived there.

use std::time::Duration;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use rotation::error::ErrorType::{DifferentServer, ServerReadOnly};
use serde_json::{Value, json};

use crate::support::account::{Tenant, account, literal, root};
use crate::support::edited::{Edit, Edited};
use crate::support::grants::assert_equal_accounts;
use crate::support::proxy::Proxy;
use crate::support::rds::Rds;
use crate::support::refusal::refused;
use crate::support::scene::{STEPS, Scene, document, superuser_document};
use crate::support::server::{Address, Need, OwnServer, Server};
use crate::support::stack::{Function, FunctionError};

const PASSWORD: &str = "a password";

/// Two servers of the test's own, of which one receives what the other commits.
pub(crate) struct Pair {
    _servers: [OwnServer; 2],
    pub(crate) writer: Tenant,
    pub(crate) replica: Address,
    /// A session of root at the replica.
    at_replica: Conn,
}

impl Pair {
    pub(crate) async fn start(server: Server) -> Self {
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
        let Address { port, root: user, root_password: password, .. } = &source.address;
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
        } else if server.version() < (8, 0, 23) {
            format!(
                "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {port}, \
                 MASTER_USER = '{user}', MASTER_PASSWORD = '{password}', MASTER_SSL = 1, \
                 MASTER_CONNECT_RETRY = 1, MASTER_AUTO_POSITION = 1; START SLAVE"
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
        writer.sql(format!("ALTER USER '{user}'@'%' IDENTIFIED BY '{password}'")).await;
        writer.settle(PASSWORD).await;
        let mut address = replica.address.clone();
        address.root_password.clone_from(password);
        let pair = Self { _servers: [source, replica], writer, replica: address, at_replica };
        pair.arrived(&pair.writer.user(), PASSWORD).await;
        pair
    }

    /// Waits until a login works at the replica.
    async fn arrived(&self, user: &str, password: &str) {
        let replica = Tenant::at(self.replica.clone());
        for _ in 0..300 {
            // Root has the source's password there only when this has come too.
            if replica.log_in(user, password).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the replica does not follow");
    }

    fn is_mariadb(&self) -> bool {
        self.replica.server.is_mariadb()
    }

    /// Whether its statements speak of masters and slaves.
    fn is_old(&self) -> bool {
        self.is_mariadb() || self.replica.server.version() < (8, 0, 23)
    }

    pub(crate) async fn applier(&mut self, order: &str) {
        let order = if self.is_old() {
            format!("{order} SLAVE SQL_THREAD")
        } else {
            format!("{order} REPLICA SQL_THREAD")
        };
        self.at_replica.query_drop(order).await.unwrap();
    }

    pub(crate) async fn delay(&mut self, seconds: u32) {
        self.applier("STOP").await;
        let change = if self.is_old() {
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
    pub(crate) async fn failed_logins(&mut self) -> String {
        let status = "SHOW GLOBAL STATUS LIKE 'Aborted_connects'";
        let row: Option<(String, String)> = self.at_replica.query_first(status).await.unwrap();
        row.unwrap().1
    }

    /// The user's secret names the replica at this port, the superuser's the writer, each with its
    /// identifier.
    pub(crate) async fn scene(&self, port: u16, rds: &Rds) -> (Scene, String) {
        let mut superuser = superuser_document(&self.writer.address);
        let source = rds.instance(self.writer.address.port).await;
        let replica = rds.replica(&source).await;
        superuser["dbInstanceIdentifier"] = source.into();
        let mut user = self.user();
        user["port"] = port.into();
        user["dbInstanceIdentifier"] = replica.as_str().into();
        (Scene::with(&self.writer, &superuser, user).await, replica)
    }

    /// An AWS whose RDS says that its instances are where the two servers are.
    pub(crate) async fn aws(&self, replica_id: String) -> Edited {
        let aws = Edited::aws().await;
        let (source, replica) = (self.writer.address.port, self.replica.port);
        aws.edit(move |call| {
            let port = if call.body.contains(&replica_id) { replica } else { source };
            let asks = call.operation == "DescribeDBInstances";
            asks.then(|| Edit::change(move |answer| at_port(&answer, port)))
        });
        aws
    }

    /// The built function with this timeout.
    pub(crate) async fn function(&self, aws: &Edited, seconds: u64) -> Function {
        let ca_file = self.replica.ca_file.to_string_lossy().into_owned();
        let url = aws.url();
        let environment = [("AWS_ENDPOINT_URL", &*url), ("TLS_CA_FILE", &ca_file)];
        let name = format!("replica-{}-{seconds}", self.writer.mark());
        let binary = env!("CARGO_BIN_EXE_bootstrap");
        Function::start(&name, binary, &environment, Duration::from_secs(seconds)).await
    }

    fn user(&self) -> Value {
        document(&self.replica, &self.writer.user(), PASSWORD)
    }
}

/// The description of an instance, with another endpoint.
fn at_port(answer: &str, port: u16) -> String {
    let (head, rest) = answer.split_once("<Endpoint>").expect("an endpoint");
    let (_, tail) = rest.split_once("</Endpoint>").expect("its end");
    format!("{head}<Endpoint><Address>localhost</Address><Port>{port}</Port></Endpoint>{tail}")
}

pub(crate) async fn step(
    function: &Function,
    scene: &Scene,
    step: &str,
    token: &str,
) -> Option<FunctionError> {
    let event = json!({"Step": step, "SecretId": scene.arn, "ClientRequestToken": token});
    function.invoke(&event).await.err()
}

pub(crate) async fn steps(function: &Function, scene: &Scene, first: &str, token: &str) {
    for name in STEPS.iter().skip_while(|name| **name != first) {
        let error = step(function, scene, name, token).await;
        assert!(error.is_none(), "{name}: {error:?}");
    }
}

#[tokio::test]
async fn a_user_at_a_replica_is_rotated_without_a_login_before_the_twin_has_arrived() {
    for server in Server::with(&[Need::OwnServers]) {
        let mut pair = Pair::start(server).await;
        let rds = Rds::of(&pair.writer).await;
        let (scene, id) = pair.scene(pair.replica.port, &rds).await;
        let aws = pair.aws(id).await;
        let (function, hurried) = (pair.function(&aws, 30).await, pair.function(&aws, 8).await);
        let failed_before = pair.failed_logins().await;

        // The twin does not exist at the replica until the writer's statements arrive there.
        pair.delay(3).await;
        let token = scene.begin().await;
        steps(&function, &scene, "createSecret", &token).await;
        assert_equal_accounts(&pair.writer, &pair.writer.user(), &pair.writer.twin()).await;
        pair.delay(0).await;

        // The user exists there, with its replaced password.
        pair.applier("STOP").await;
        let token = scene.begin().await;
        for name in ["createSecret", "setSecret"] {
            assert!(step(&function, &scene, name, &token).await.is_none());
        }
        let error = step(&hurried, &scene, "testSecret", &token).await.unwrap();
        assert_eq!(error.error_type, "ReplicaBehind", "{error:?}");
        assert!(error.error_message.contains("is not yet what it is at the writer"));
        assert_eq!(scene.login("AWSCURRENT").await.0, pair.writer.twin());
        pair.applier("START").await;
        steps(&function, &scene, "testSecret", &token).await;

        assert_eq!(pair.failed_logins().await, failed_before, "{server:?}");
        let (user, password) = scene.login("AWSCURRENT").await;
        let replica = Tenant::at(pair.replica.clone());
        assert!(replica.logs_in(&user, &password).await);
        assert!(pair.writer.logs_in(&user, &password).await);
    }
}

#[tokio::test]
async fn the_superusers_password_goes_where_rds_says_and_not_where_the_users_secret_says() {
    let Some(server) = Server::one_with(&[Need::OwnServers]) else {
        return;
    };
    let pair = Pair::start(server).await;
    let rds = Rds::of(&pair.writer).await;
    let proxy = Proxy::mysql(&pair.replica.host, pair.replica.port).await;
    let (scene, id) = pair.scene(proxy.address.port(), &rds).await;
    let aws = pair.aws(id).await;
    let function = pair.function(&aws, 30).await;
    let token = scene.begin().await;
    for (name, connections) in [("createSecret", 0), ("setSecret", 1), ("testSecret", 2)] {
        proxy.reset();
        let error = step(&function, &scene, name, &token).await;
        assert!(error.is_none(), "{name}: {error:?}");
        // Those of the two users.
        assert_eq!(proxy.connections(), connections, "{name}");
    }

    // A server that says that it is the superuser's, and that it is read-only, is not believed.
    let place = Tenant::at(pair.writer.address.clone());
    let mut user = document(&pair.replica, &pair.writer.user(), PASSWORD);
    user["port"] = proxy.address.port().into();
    let other = Scene::with(&place, &superuser_document(&pair.writer.address), user).await;
    let token = other.begin().await;
    other.step("createSecret", &token).await.unwrap();
    let (twin, pending) = other.login("AWSPENDING").await;
    let identified = format!("IDENTIFIED BY {}", literal(&pending));
    pair.writer.sql(format!("ALTER USER {} {identified}", account(&twin, "%"))).await;
    proxy.reset();
    let result = other.step("testSecret", &token).await;
    refused(result, DifferentServer, &["is read-only", "the superuser may not log in at"]);
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn a_replica_that_rds_does_not_confirm_is_another_server_and_a_reader_is_no_writer() {
    let Some(server) = Server::one_with(&[Need::OwnServers]) else {
        return;
    };
    let mut pair = Pair::start(server).await;
    let rds = Rds::of(&pair.writer).await;
    let hosts = pair.writer.hosts(&pair.writer.twin()).await;

    let superuser = superuser_document(&pair.writer.address);
    let scene = Scene::with(&pair.writer, &superuser, pair.user()).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    let result = scene.step("setSecret", &token).await;
    refused(result, DifferentServer, &["is not the user's server", "according to RDS"]);

    // The superuser's secret names the replica: resolved once more, then refused.
    let place = Tenant::at(pair.writer.address.clone());
    let reader = superuser_document(&pair.replica);
    let scene = Scene::with(&place, &reader, pair.user()).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    let connections = connections(&mut pair.at_replica).await;
    let result = scene.step("setSecret", &token).await;
    refused(result, ServerReadOnly, &["read_only is on", "failover"]);
    // Two of the superuser: it is refused before anybody else logs in.
    let more = self::connections(&mut pair.at_replica).await - connections;
    assert_eq!(more, 2);
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
