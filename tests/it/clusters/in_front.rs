//! What stands in front of a server: HAProxy and MySQL Router.

use std::time::Duration;

use rotation::error::ErrorType;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::races::assert_in_order;
use crate::replica::{self, Pair};
use crate::support::account::{Tenant, account};
use crate::support::cluster::{Cluster, Front, Kind};
use crate::support::rds::Rds;
use crate::support::refusal::refused;
use crate::support::scene::{Scene, document, superuser_document};
use crate::support::server::{Address, Need, OwnServer, Server};

const PASSWORD: &str = "a password";
/// A Router that has a certificate, and TLS to the server as well.
const ENDS_TLS: &[&str] = &[
    "client_ssl_mode=PREFERRED",
    "server_ssl_mode=REQUIRED",
    "client_ssl_cert={certificates}/server.pem",
    "client_ssl_key={certificates}/server-key.pem",
];
const PLAIN: &[&str] = &["client_ssl_mode=DISABLED", "server_ssl_mode=DISABLED"];
const SHARED: &[&str] = &[
    "client_ssl_mode=PREFERRED",
    "server_ssl_mode=PREFERRED",
    "client_ssl_cert={certificates}/server.pem",
    "client_ssl_key={certificates}/server-key.pem",
    "connection_sharing=1",
];

/// A settled tenant, and its secret whose logins go through the front.
async fn behind(front: &Front, address: Address, ssl: Option<bool>) -> (Tenant, Scene) {
    let tenant = Tenant::at(address);
    tenant.settle(PASSWORD).await;
    let through = |mut document: Value| {
        document["port"] = front.port.into();
        if let Some(ssl) = ssl {
            document["ssl"] = ssl.into();
        }
        document
    };
    let user = through(document(&tenant.address, &tenant.user(), PASSWORD));
    let superuser = through(superuser_document(&tenant.address));
    let scene = Scene::with(&tenant, &superuser, user).await;
    (tenant, scene)
}

/// Two rotations and a preflight, with logins straight at the server.
async fn rotates(tenant: &Tenant, scene: &Scene) {
    for _ in 0..2 {
        scene.rotate().await;
        assert_in_order(tenant, scene).await;
    }
    let current = scene.text("AWSCURRENT").await;
    let test = scene.put_pending(&current).await;
    scene.step("testSecret", &test).await.unwrap();
    assert_in_order(tenant, scene).await;
}

/// Waits until a server's greeting comes through the front, several times in a row.
async fn reachable(port: u16) {
    let mut greeted = 0;
    for _ in 0..100 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let mut greeting = [0; 5];
        let greets = stream.read_exact(&mut greeting).await.is_ok() && greeting[4] == 10;
        greeted = if greets { greeted + 1 } else { 0 };
        if greeted == 3 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no greeting comes through the front");
}

fn servers() -> impl Iterator<Item = Server> {
    Server::with(&[Need::OwnServers])
}

#[tokio::test]
async fn a_rotation_goes_through_haproxy() {
    for server in servers() {
        let Some(front) = Front::start("haproxy", &[&server.address()], &[]).await else { return };
        let (tenant, scene) = behind(&front, server.address(), None).await;
        rotates(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn behind_a_proxy_that_tells_the_clients_address_that_address_decides_which_account_is_used()
{
    for server in Server::with(&[Need::OwnServers, Need::Mariadb]) {
        let own = OwnServer::start(server, &["--proxy-protocol-networks=127.0.0.3"]).await;
        let settings = ["source 127.0.0.3", "send-proxy-v2"];
        let front = Front::start("haproxy", &[&own.address], &settings).await;
        let Some(front) = front else { return };
        let (tenant, scene) = behind(&front, own.address.clone(), None).await;
        // Nobody logs in from where the proxy is.
        let (anywhere, exact) =
            (account(&tenant.user(), "%"), account(&tenant.user(), "127.0.0.1"));
        tenant.sql(format!("RENAME USER {anywhere} TO {exact}")).await;
        rotates(&tenant, &scene).await;
        assert_eq!(tenant.hosts(&tenant.twin()).await, ["127.0.0.1"]);
    }
}

#[tokio::test]
async fn a_rotation_goes_through_a_router_that_passes_tls_on_and_one_that_ends_it_and_one_without()
{
    for server in Server::with(&[Need::OwnServers, Need::CachingSha2, Need::Mysql]) {
        for (settings, ssl) in [(&[][..], None), (ENDS_TLS, None), (PLAIN, Some(false))] {
            let front = Front::start("router", &[&server.address()], settings).await;
            let Some(front) = front else { return };
            let (tenant, scene) = behind(&front, server.address(), ssl).await;
            rotates(&tenant, &scene).await;
        }
    }
}

#[tokio::test]
async fn a_router_that_shares_connections_is_named_as_what_takes_no_texts_of_several_statements() {
    for server in Server::with(&[Need::OwnServers, Need::CachingSha2, Need::Mysql]) {
        let Some(front) = Front::start("router", &[&server.address()], SHARED).await else {
            return;
        };
        let (tenant, scene) = behind(&front, server.address(), None).await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        let result = scene.step("setSecret", &token).await;
        refused(result, ErrorType::ServerError, &["4501", "connection_sharing"]);
        assert!(tenant.logs_in(&tenant.user(), PASSWORD).await);
        assert!(tenant.hosts(&tenant.twin()).await.is_empty());
    }
}

#[tokio::test]
async fn a_front_whose_server_is_gone_is_an_unreachable_server_and_not_a_refused_login() {
    for server in servers() {
        for kind in ["haproxy", "router"] {
            if kind == "router" && server.is_mariadb() {
                continue;
            }
            let own = OwnServer::start(server, &[]).await;
            let Some(front) = Front::start(kind, &[&own.address], &[]).await else { return };
            let (tenant, scene) = behind(&front, own.address.clone(), None).await;
            let token = scene.begin().await;
            scene.step("createSecret", &token).await.unwrap();
            own.kill().await;
            let error = scene.step("setSecret", &token).await.unwrap_err();
            let found = error.error_type();
            assert_eq!(found, ErrorType::ServerUnreachable, "{kind}: {error}");
            own.restart().await;
            reachable(front.port).await;
            scene.resume("setSecret", &token).await.unwrap();
            assert_in_order(&tenant, &scene).await;
        }
    }
}

#[tokio::test]
async fn of_two_servers_behind_a_front_the_one_that_answers_is_rotated() {
    for server in servers() {
        let (dead, alive) =
            tokio::join!(OwnServer::start(server, &[]), OwnServer::start(server, &[]));
        let servers = [&dead.address, &alive.address];
        let Some(front) = Front::start("haproxy", &servers, &[]).await else { return };
        dead.kill().await;
        // HAProxy looks every half second; it sends connections to the second when it misses the first.
        reachable(front.port).await;
        let (tenant, scene) = behind(&front, alive.address.clone(), None).await;
        rotates(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn a_replica_behind_a_front_is_where_the_twin_is_tried_when_it_has_arrived_there() {
    for server in servers() {
        for kind in ["haproxy", "router"] {
            if kind == "router" && server.is_mariadb() {
                continue;
            }
            let mut pair = Pair::start(server).await;
            let Some(front) = Front::start(kind, &[&pair.replica], &[]).await else { return };
            let rds = Rds::of(&pair.writer).await;
            let (scene, id) = pair.scene(front.port, &rds).await;
            let aws = pair.aws(id).await;
            let (function, hurried) = (pair.function(&aws, 30).await, pair.function(&aws, 8).await);
            let failed_before = pair.failed_logins().await;
            replica::steps(&function, &scene, "createSecret", &scene.begin().await).await;

            pair.applier("STOP").await;
            let token = scene.begin().await;
            for name in ["createSecret", "setSecret"] {
                assert!(replica::step(&function, &scene, name, &token).await.is_none());
            }
            let behind = replica::step(&hurried, &scene, "testSecret", &token).await.unwrap();
            assert_eq!(behind.error_type, "ReplicaBehind", "{behind:?}");
            pair.applier("START").await;
            replica::steps(&function, &scene, "testSecret", &token).await;

            assert_eq!(pair.failed_logins().await, failed_before, "{server:?} {kind}");
            let (user, password) = scene.login("AWSCURRENT").await;
            let mut through = pair.replica.clone();
            through.port = front.port;
            assert!(Tenant::at(through).logs_in(&user, &password).await);
            assert!(pair.writer.logs_in(&user, &password).await);
        }
    }
}

#[tokio::test]
async fn a_secondary_of_a_group_behind_a_front_is_known_by_its_group() {
    let Some(cluster) = Cluster::shared(Kind::OnePrimary).await else { return };
    for kind in ["haproxy", "router"] {
        let Some(front) = Front::start(kind, &[&cluster.address(1)], &[]).await else { return };
        let tenant = Tenant::at(cluster.address(0));
        tenant.settle(PASSWORD).await;
        cluster.await_user(&tenant).await;
        let mut user = document(&cluster.address(1), &tenant.user(), PASSWORD);
        user["port"] = front.port.into();
        let scene = Scene::with(&tenant, &superuser_document(&tenant.address), user).await;
        for _ in 0..2 {
            scene.rotate().await;
            for at in 0..2 {
                let (user, password) = scene.login("AWSCURRENT").await;
                assert!(cluster.view(&tenant, at).logs_in(&user, &password).await, "{kind}");
            }
        }
    }
}
