//! No value of the superuser's secret is in what the function and the command write: a user's secret may
//! name any secret that they can read.

use mysql_async::prelude::Queryable;
use rotation::error::ErrorType::{
    self, DifferentServer, GrantImpossible, HostUnknown, PluginUnsupported, ProtocolError,
    RotationInProgress, SecretInvalid, ServerReadOnly, ServerUnreachable, SuperuserLoginRefused,
    SuperuserTooWeak, TlsFailed,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::support::account::{Tenant, account, literal};
use crate::support::canary::{Capture, assert_absent};
use crate::support::command::Person;
use crate::support::proxy::Proxy;
use crate::support::scene::{Scene, document};
use crate::support::server::{Need, OwnServer, Server};
use crate::support::untouched::{change_superuser, give_up};

const FIRST: &str = "First-canary-1";
const USER: &str = "superuserCanary";
const PASSWORD: &str = "Password-canary-4711";
/// 127.0.0.1, as nobody else spells it.
const HOST: &str = "0x7f.0.0.0x00000001";
const DATABASE: &str = "databaseCanary";
const IDENTIFIER: &str = "identifierCanary";
const OTHER: &str = "otherCanary4711";

/// What is wrong with the superuser's secret or its server, and what comes of it.
struct Case {
    /// None, if nothing is wrong; one of several, where that depends on the server.
    errors: &'static [ErrorType],
    document: fn(&mut Value),
    given: &'static str,
    undone: &'static str,
}

/// What a server says of a user that does not exist: some ask for the plugin of a user that they make up.
const NOBODY: &[ErrorType] = &[SuperuserLoginRefused, PluginUnsupported, ProtocolError];

fn case(errors: &'static [ErrorType], document: fn(&mut Value)) -> Case {
    Case { errors, document, given: "DO 0", undone: "DO 0" }
}

fn given(errors: &'static [ErrorType], given: &'static str, undone: &'static str) -> Case {
    Case { given, undone, ..case(errors, |_| {}) }
}

fn cases() -> Vec<Case> {
    vec![
        case(&[], |_| {}),
        case(&[], |it| it["ssl"] = false.into()),
        case(&[SuperuserLoginRefused], |it| it["password"] = OTHER.into()),
        case(NOBODY, |it| it["username"] = OTHER.into()),
        case(NOBODY, |it| it["username"] = format!("{USER}\u{a0}").into()),
        case(&[ServerUnreachable], |it| it["port"] = 47113.into()),
        case(&[HostUnknown], |it| it["host"] = format!("{OTHER}.invalid").into()),
        case(&[TlsFailed], |it| it["tls_server_name"] = format!("{OTHER}.example").into()),
        case(&[SecretInvalid], |it| it["port"] = OTHER.into()),
        case(&[SecretInvalid], |it| it["engine"] = OTHER.into()),
        case(&[SecretInvalid], |it| it["host"] = format!("https://{OTHER}:4711").into()),
        case(&[SecretInvalid], |it| it["host"] = format!("{OTHER} ").into()),
        case(&[SecretInvalid], |it| it["username"] = format!("{OTHER}\n").into()),
        case(&[SecretInvalid], |it| it["password"] = json!([OTHER])),
        case(&[SecretInvalid], |it| it["tls_server_name"] = format!("{OTHER} example").into()),
        case(&[SecretInvalid], |it| *it = json!(OTHER)),
        given(&[ServerReadOnly], "SET GLOBAL read_only = ON", "SET GLOBAL read_only = OFF"),
        given(
            &[SuperuserTooWeak],
            "REVOKE ALL PRIVILEGES, GRANT OPTION FROM {}; GRANT CREATE USER ON *.* TO {}",
            "GRANT ALL PRIVILEGES ON *.* TO {} WITH GRANT OPTION",
        ),
        given(
            &[SuperuserTooWeak],
            "REVOKE CREATE USER ON *.* FROM {}",
            "GRANT CREATE USER ON *.* TO {} WITH GRANT OPTION",
        ),
        given(
            &[GrantImpossible],
            "REVOKE GRANT OPTION ON *.* FROM {}",
            "GRANT ALL PRIVILEGES ON *.* TO {} WITH GRANT OPTION",
        ),
        given(NOBODY, "RENAME USER {} TO 'gone'@'%'", "RENAME USER 'gone'@'%' TO {}"),
        given(
            &[SuperuserLoginRefused],
            "CREATE USER ''@'127.0.0.1' IDENTIFIED BY 'Password-canary-4711'",
            "DROP USER ''@'127.0.0.1'",
        ),
    ]
}

/// A secret of a superuser with a value that is told from all other text in each of its keys.
async fn superuser(tenant: &Tenant, proxy: &Proxy) -> Value {
    let name = account(USER, "%");
    tenant
        .sql(format!(
            "CREATE USER {name} IDENTIFIED BY {}; GRANT ALL PRIVILEGES ON *.* TO {name} WITH GRANT OPTION",
            literal(PASSWORD)
        ))
        .await;
    let mut it = document(&tenant.address, USER, PASSWORD);
    it["host"] = HOST.into();
    it["port"] = proxy.address.port().into();
    it["tls_server_name"] = "localhost".into();
    it["dbname"] = DATABASE.into();
    it["dbInstanceIdentifier"] = IDENTIFIER.into();
    it["dbClusterIdentifier"] = format!("cluster-{IDENTIFIER}").into();
    it["masterarn"] = format!("arn:{OTHER}").into();
    it["apiKey"] = OTHER.into();
    it["nested"] = json!({"token": [OTHER]});
    it
}

/// Fails if a value of the superuser's secret is there.
fn assert_untold(it: &Value, text: &str, place: &str) {
    let mut values = vec![USER, PASSWORD, HOST, DATABASE, IDENTIFIER, OTHER];
    let port = format!(":{}", it["port"]);
    assert!(!text.contains(&port), "{place} holds the port: {text}");
    values.extend(it["username"].as_str().filter(|name| name.len() >= 8));
    assert_absent(&values, text, place);
}

/// What the function's log keeps of everything: of the libraries nothing finer than DEBUG.
fn as_kept(log: &str) -> String {
    let is_kept = |line: &&str| !line.contains(" TRACE ") || line.contains(" rotation::");
    log.lines().filter(is_kept).collect::<Vec<_>>().join("\n")
}

async fn refused_preflight(scene: &Scene, it: &Value, expected: &[ErrorType]) {
    let token = scene.put_pending(&scene.text("AWSCURRENT").await).await;
    let log = Capture::everything();
    let result = scene.step("testSecret", &token).await;
    let log = as_kept(&log.text());
    give_up(scene, &token).await;
    let said = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
    match result {
        Ok(()) => assert!(expected.is_empty(), "{expected:?}"),
        Err(error) => assert!(expected.contains(&error.error_type()), "{said}: {expected:?}"),
    }
    assert_untold(it, &said, "the error");
    assert_untold(it, &log, "the log");
    let told = if expected.is_empty() { &log } else { &said };
    assert!(told.contains(&scene.superuser_arn), "no secret is named: {told}");
}

#[tokio::test]
async fn no_value_of_the_superusers_secret_is_told_whatever_is_wrong() {
    for server in Server::with(&[Need::OwnServers, Need::LocalClients]) {
        let own = OwnServer::start(server, &[]).await;
        let (tenant, scene) = Scene::settled(Tenant::at(own.address.clone()), FIRST).await;
        tenant.keep_root().await;
        let proxy = Proxy::mysql(&own.address.host, own.address.port).await;
        let good = superuser(&tenant, &proxy).await;
        let person = Person::with(&tenant.address);
        for case in cases() {
            let mut it = good.clone();
            (case.document)(&mut it);
            change_superuser(&scene, &it).await;
            tenant.sql(case.given.replace("{}", &account(USER, "%"))).await;
            refused_preflight(&scene, &it, case.errors).await;
            // A refused login is tried again for some seconds, by each command too.
            let said = person.types(&["check", &scene.arn, "--login"]).await;
            assert_eq!(said.status == 1, !case.errors.is_empty(), "{said:?}");
            assert_untold(&it, &(said.stdout + &said.stderr), "check");
            if !case.errors.contains(&SuperuserLoginRefused) {
                let said = person.types(&["status", &scene.arn]).await;
                assert_eq!(said.status, 0, "{said:?}");
                assert_untold(&it, &(said.stdout + &said.stderr), "status");
            }
            tenant.sql(case.undone.replace("{}", &account(USER, "%"))).await;
        }

        // Something else answers there.
        let mut it = good.clone();
        it["port"] = strange_server().await.into();
        change_superuser(&scene, &it).await;
        refused_preflight(&scene, &it, &[ProtocolError]).await;
        change_superuser(&scene, &good).await;
        in_progress(&tenant, &scene, &good).await;
        different_server(server, &tenant, &good).await;
    }
}

/// A port at which something speaks another protocol.
async fn strange_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        }
    });
    port
}

/// The superuser of another rotation holds the lock.
async fn in_progress(tenant: &Tenant, scene: &Scene, it: &Value) {
    let digest = Sha256::new()
        .chain_update(tenant.user())
        .chain_update([0])
        .chain_update(&scene.superuser_arn)
        .finalize();
    let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let mut other = tenant.log_in(USER, PASSWORD).await.unwrap();
    other.query_drop(format!("DO GET_LOCK('rotation:{name}', 0)")).await.unwrap();
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    let log = Capture::everything();
    let error = scene.step("setSecret", &token).await.unwrap_err();
    let log = log.text();
    assert_eq!(error.error_type(), RotationInProgress, "{error}");
    assert!(error.to_string().contains("of '<superuser>' from"), "{error}");
    assert_untold(it, &error.to_string(), "the error");
    assert_untold(it, &log, "the log");
    other.disconnect().await.unwrap();
    give_up(scene, &token).await;
}

/// The user's secret names another server.
async fn different_server(server: Server, tenant: &Tenant, it: &Value) {
    let there = Tenant::at(server.address());
    let name = account(&tenant.user(), "%");
    there.sql(format!("CREATE USER {name} IDENTIFIED BY {}", literal(FIRST))).await;
    let user = document(&there.address, &tenant.user(), FIRST);
    let place = Tenant::at(tenant.address.clone());
    let scene = Scene::with(&place, it, user).await;
    refused_preflight(&scene, it, &[DifferentServer]).await;
    there.sql(format!("DROP USER {name}")).await;
}
