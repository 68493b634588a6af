//! Nothing outlives an invocation, and nothing that was given up is carried out later.

use std::time::Duration;

use rotation::error::{Error, ErrorType};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::races::assert_in_order;
use crate::support::account::{Tenant, account};
use crate::support::grants::Picture;
use crate::support::proxy::Fault;
use crate::support::scene::{Scene, document, superuser_document};
use crate::support::server::{Need, OwnServer, Server};

/// What setSecret says of a server at this port, before its time is over.
async fn set_secret_at(port: u16, timeout: Duration) -> Error {
    set_secret_with(port, Whose::Both, timeout).await
}

/// Whose login is to be made at a port.
#[derive(PartialEq)]
enum Whose {
    Both,
    Users,
}

async fn set_secret_with(port: u16, whose: Whose, timeout: Duration) -> Error {
    let tenant = Tenant::of(Server::one()).await;
    tenant.settle("a password").await;
    let at = |mut document: Value| {
        document["port"] = port.into();
        document
    };
    let user = at(document(&tenant.address, &tenant.user(), "a password"));
    let superuser = superuser_document(&tenant.address);
    let superuser = if whose == Whose::Both { at(superuser) } else { superuser };
    let mut scene = Scene::with(&tenant, &superuser, user).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    scene.timeout = timeout;
    let ended = tokio::time::timeout(timeout, scene.step("setSecret", &token)).await;
    ended.expect("it outlived its invocation").unwrap_err()
}

#[tokio::test]
async fn a_host_that_swallows_packets_is_told_from_wrong_credentials() {
    // A listener whose queue is full: what comes next has no answer at all.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queue = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        queue.push(stream);
    }
    let error = set_secret_at(address.port(), Duration::from_secs(10)).await;
    assert_eq!(error.error_type(), ErrorType::ServerUnreachable, "{error}");
    assert!(error.to_string().contains("not the login"), "{error}");

    // With little time left nothing is concluded from the silence.
    let error = set_secret_at(address.port(), Duration::from_secs(3)).await;
    assert_eq!(error.error_type(), ErrorType::DeadlineExceeded, "{error}");
}

#[tokio::test]
async fn a_server_that_takes_the_connection_and_never_speaks_is_called_silent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let taking = tokio::spawn(async move {
        let mut taken = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            taken.push(stream);
        }
    });
    let error = set_secret_at(port, Duration::from_secs(9)).await;
    assert_eq!(error.error_type(), ErrorType::ServerSilent, "{error}");
    // So it is where only the user's secret leads there.
    let error = set_secret_with(port, Whose::Users, Duration::from_secs(9)).await;
    assert_eq!(error.error_type(), ErrorType::ServerSilent, "{error}");
    taking.abort();
}

#[tokio::test]
async fn a_statement_that_was_given_up_under_a_global_read_lock_never_commits() {
    for server in Server::with(&[Need::OwnServers]) {
        let own = OwnServer::start(server, &[]).await;
        let tenant = Tenant::at(own.address.clone());
        tenant.settle("a password").await;
        let mut scene = Scene::of(&tenant, "a password").await;
        scene.rotate().await;
        // The twin needs a grant, so that not only the password is at stake.
        let (user, _) = scene.login("AWSCURRENT").await;
        let (twin, password) = scene.login("AWSPREVIOUS").await;
        let grant = format!("GRANT INSERT ON {}.* TO {}", tenant.database(), account(&user, "%"));
        tenant.sql(grant).await;
        let before = Picture::of_shown(&tenant, &twin).await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();

        use mysql_async::prelude::Queryable;
        let mut backup = tenant.root().await;
        backup.query_drop("FLUSH TABLES WITH READ LOCK").await.unwrap();
        scene.timeout = Duration::from_secs(6);
        let error = scene.step("setSecret", &token).await.unwrap_err();
        let expected = [ErrorType::StatementRefused, ErrorType::DeadlineExceeded];
        assert!(expected.contains(&error.error_type()), "{server:?}: {error}");
        scene.timeout = Duration::from_secs(30);
        if server.has(Need::LockTimeouts) {
            backup.query_drop("UNLOCK TABLES").await.unwrap();
            assert!(tenant.logs_in(&twin, &password).await, "{server:?}");
            assert_eq!(Picture::of_shown(&tenant, &twin).await, before);
        } else {
            // The statement waits in its session, which keeps the pair: nobody else begins.
            let refused = scene.step("setSecret", &token).await.unwrap_err();
            assert_eq!(refused.error_type(), ErrorType::RotationInProgress, "{refused}");
            backup.query_drop("UNLOCK TABLES").await.unwrap();
            is_free(&tenant, &scene, 20).await;
        }
        backup.disconnect().await.unwrap();

        scene.resume("createSecret", &token).await.unwrap();
        assert_in_order(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn no_change_of_an_account_is_begun_that_may_outlast_the_invocation() {
    for &server in Server::all() {
        let (tenant, mut scene, proxy) = Scene::seen(server, "a password").await;
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        // A statement may take a second at the server; when the lock is there, that is all that is
        // left.
        proxy.script(|request| {
            let locks = request.text.contains("GET_LOCK");
            locks.then_some(Fault::Delay(Duration::from_millis(2200)))
        });
        scene.timeout = Duration::from_secs(4);
        let error = scene.step("setSecret", &token).await.unwrap_err();
        assert_eq!(error.error_type(), ErrorType::DeadlineExceeded, "{error}");
        let seen = proxy.seen();
        let changes = seen.iter().find(|request| request.text.starts_with("CREATE USER"));
        assert!(changes.is_none(), "{server:?}: {changes:?}");
        assert!(tenant.hosts(&tenant.twin()).await.is_empty());
        assert!(tenant.logs_in(&tenant.user(), "a password").await);
        proxy.reset();
        scene.timeout = Duration::from_secs(30);
        scene.resume("createSecret", &token).await.unwrap();
        assert_in_order(&tenant, &scene).await;
    }
}

#[tokio::test]
async fn a_connection_that_died_without_a_farewell_keeps_the_next_try_out_for_a_minute_at_most() {
    for &server in Server::all() {
        die_without_a_farewell(server).await;
    }
}

async fn die_without_a_farewell(server: Server) {
    let (tenant, mut scene, proxy) = Scene::seen(server, "a password").await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    proxy.script(|request| {
        let is_create = request.text.starts_with("CREATE USER");
        is_create.then_some(Fault::HoldAnswer)
    });
    scene.timeout = Duration::from_secs(8);
    let ended = tokio::time::timeout(scene.timeout, scene.step("setSecret", &token)).await;
    ended.expect("it outlived its invocation").unwrap_err();
    proxy.reset();

    // The server's side of it is still there, and ends by itself.
    scene.timeout = Duration::from_secs(30);
    let refused = scene.step("setSecret", &token).await.unwrap_err();
    let found = refused.error_type();
    assert_eq!(found, ErrorType::RotationInProgress, "{server:?}: {refused}");
    is_free(&tenant, &scene, 90).await;
    scene.resume("createSecret", &token).await.unwrap();
    assert_in_order(&tenant, &scene).await;
}

/// Waits until nobody holds the lock of the pair.
async fn is_free(tenant: &Tenant, scene: &Scene, seconds: u64) {
    use mysql_async::prelude::Queryable;
    let mut root = tenant.root().await;
    let digest =
        Sha256::digest([tenant.user().as_bytes(), b"\0", scene.superuser_arn.as_bytes()].concat());
    let digits: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let lock = format!("SELECT IS_USED_LOCK('rotation:{digits}')");
    let free = async {
        while let Some(Some(_)) = root.query_first::<Option<u64>, _>(&lock).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let freed = tokio::time::timeout(Duration::from_secs(seconds), free).await;
    assert!(freed.is_ok(), "{:?}: the lock is still held", tenant.address.server);
    root.disconnect().await.unwrap();
}
