//! TLS is verified before anything secret is said, or turned off by the secret that it concerns.

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use rotation::error::ErrorType::{ConfigurationInvalid, SecretInvalid, TlsFailed};
use rotation::tls;
use rustls::CertificateError;
use serde_json::{Value, json};

use crate::support::account::{Tenant, account};
use crate::support::grants::assert_equal_accounts;
use crate::support::proxy::Proxy;
use crate::support::refusal::refused;
use crate::support::scene::{Scene, document, superuser_document};
use crate::support::server::{Need, OwnServer, Server};
use crate::support::stack::setting;

mod aws;

const PASSWORD: &str = "a password";

/// A secret whose two logins have these further keys, tested without a rotation.
async fn preflight(
    tenant: &Tenant,
    port: u16,
    keys: &Value,
    environment: &[(&str, &str)],
) -> Result<(), rotation::error::Error> {
    let mut documents =
        [superuser_document(&tenant.address), document(&tenant.address, &tenant.user(), PASSWORD)];
    for document in &mut documents {
        document["port"] = port.into();
        for (key, value) in keys.as_object().unwrap() {
            document[key] = value.clone();
        }
    }
    let [superuser, user] = documents;
    let place = Tenant::at(tenant.address.clone());
    let scene = Scene::with(&place, &superuser, user).await;
    let scene = scene.in_environment(tenant, environment).await;
    let token = scene.put_pending(&scene.text("AWSCURRENT").await).await;
    scene.step("testSecret", &token).await
}

#[tokio::test]
async fn only_a_chain_to_a_known_authority_with_the_right_name_is_accepted() {
    let other = setting("MYSQL_OTHER_CA_FILE");
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle(PASSWORD).await;
        let proxy = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        let port = proxy.address.port();
        for (keys, environment, found) in [
            (json!({}), None, None),
            (json!({"tls_server_name": "localhost"}), None, None),
            (json!({"ssl": "yes"}), None, None),
            (json!({"ssl": null}), None, None),
            (
                json!({}),
                Some(("TLS_CA_FILE", &*other)),
                Some("signed by an authority that is not known here; put"),
            ),
            (
                json!({"tls_server_name": "db.example.com"}),
                None,
                Some("not for \"db.example.com\"; if that is an alias"),
            ),
        ] {
            proxy.reset();
            let result = preflight(&tenant, port, &keys, environment.as_slice()).await;
            match found {
                None => result.unwrap(),
                Some(found) => {
                    refused(result, TlsFailed, &["no TLS connection to 127.0.0.1", found])
                }
            }
            // Every connection turned to TLS before a name or a password was sent.
            assert_eq!(proxy.connections(), 1, "{server:?} {keys}");
            assert_eq!(proxy.calls().keys().collect::<Vec<_>>(), ["StartTls"], "{server:?} {keys}");
        }
    }
}

/// A MySQL server of the test's own whose TLS can be changed, with a log of the logins that it saw.
struct Changing {
    tenant: Tenant,
    root: Conn,
    _server: OwnServer,
}

impl Changing {
    async fn start(server: Server) -> Self {
        let server = OwnServer::start(server, &["--log-output=TABLE"]).await;
        let tenant = Tenant::at(server.address.clone());
        tenant.settle(PASSWORD).await;
        let mut root = tenant.root().await;
        root.query_drop("SET GLOBAL general_log = ON").await.unwrap();
        Self { tenant, root, _server: server }
    }

    fn file(&self, name: &str) -> String {
        let ca_file = &self.tenant.address.ca_file;
        ca_file.with_file_name(name).to_string_lossy().into_owned()
    }

    async fn show_certificate(&mut self, name: &str) {
        let [certificate, key, ca] =
            [name, "odd-key.pem", "odd-ca.pem"].map(|name| self.file(name));
        self.set(&format!(
            "ssl_cert = '{certificate}', GLOBAL ssl_key = '{key}', GLOBAL ssl_ca = '{ca}'"
        ))
        .await;
    }

    async fn set(&mut self, variables: &str) {
        let set = format!("SET GLOBAL {variables}");
        self.root.query_drop(set).await.unwrap();
        // The server says that an expired certificate is one, and shows it all the same.
        let reload = "ALTER INSTANCE RELOAD TLS NO ROLLBACK ON ERROR";
        let reloaded = self.root.query_drop(reload).await;
        assert!(reloaded.is_ok() || variables.contains("expired"), "{reloaded:?}");
        self.root.query_drop("TRUNCATE mysql.general_log").await.unwrap();
    }

    /// The names that clients have shown since the last change.
    async fn logins(&mut self) -> Vec<String> {
        let sql = "SELECT argument FROM mysql.general_log WHERE command_type = 'Connect'";
        let rows: Vec<Vec<u8>> = self.root.query(sql).await.unwrap();
        let text = |row: &Vec<u8>| String::from_utf8_lossy(row).into_owned();
        rows.iter().map(text).collect()
    }

    async fn preflight(&self, keys: Value) -> Result<(), rotation::error::Error> {
        let odd = self.file("odd-ca.pem");
        let port = self.tenant.address.port;
        preflight(&self.tenant, port, &keys, &[("TLS_CA_FILE", &odd)]).await
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_accepted_learns_no_name_and_no_password() {
    let Some(server) = Server::one_with(&[Need::TlsReload, Need::OwnServers]) else {
        return;
    };
    let mut server = Changing::start(server).await;
    server.show_certificate("expired.pem").await;
    refused(server.preflight(json!({})).await, TlsFailed, &["is out of date; renew it"]);
    assert!(server.logins().await.is_empty());

    server.show_certificate("elsewhere.pem").await;
    let found = ["not for \"127.0.0.1\"", "\"tls_server_name\"", "db.example.com"];
    refused(server.preflight(json!({})).await, TlsFailed, &found);
    assert!(server.logins().await.is_empty());
    let alias = json!({"tls_server_name": "db.example.com"});
    server.preflight(alias.clone()).await.unwrap();
    assert_eq!(server.logins().await.len(), 1);

    // A common name counts for nothing, so nobody is sent to `tls_server_name`, in a circle.
    for (certificate, found) in [
        ("nameless.pem", "has no alternative name, and a common name (CN) does not count; give it"),
        ("version-1.pem", "(UnsupportedCertVersion)); replace it by one of X.509 version 3"),
    ] {
        server.show_certificate(certificate).await;
        for keys in [json!({}), json!({"tls_server_name": "localhost"})] {
            let error = server.preflight(keys).await.unwrap_err();
            assert!(!error.to_string().contains("if that is an alias"), "{error}");
            refused(Err(error), TlsFailed, &[found]);
        }
        assert!(server.logins().await.is_empty());
    }
    let no_name = json!({"tls_server_name": "db example"});
    let texts = ["\"tls_server_name\"", "is no name that a certificate could hold"];
    refused(server.preflight(no_name).await, SecretInvalid, &texts);
    server.show_certificate("elsewhere.pem").await;

    // What came before TLS 1.2 is gone from servers and clients alike.
    server.set("tls_version = 'TLSv1.2'").await;
    server.preflight(alias.clone()).await.unwrap();
    assert!(server.logins().await.iter().all(|login| login.contains("SSL/TLS")));
}

#[tokio::test]
async fn a_server_without_tls_learns_no_name_and_no_password() {
    for server in Server::with(&[Need::OwnServers]) {
        let own = OwnServer::start(server, &[]).await;
        let tenant = Tenant::at(own.address.clone());
        tenant.settle(PASSWORD).await;
        let has_switch = server.is_mariadb() || server.version() < (8, 4, 0);
        own.restart_with(&[if has_switch { "--skip-ssl" } else { "--tls-version=" }]).await;
        let proxy = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        let port = proxy.address.port();
        let result = preflight(&tenant, port, &json!({}), &[]).await;
        refused(result, TlsFailed, &["does not offer TLS", "\"ssl\": false"]);
        assert_eq!(proxy.connections(), 1);
        assert!(proxy.calls().is_empty(), "{server:?}: {:?}", proxy.calls());
        preflight(&tenant, port, &json!({"ssl": false}), &[]).await.unwrap();
        assert_eq!(proxy.connections(), 2);
    }
}

#[tokio::test]
async fn an_account_that_demands_tls_gets_a_twin_that_does() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle(PASSWORD).await;
        let user = account(&tenant.user(), "%");
        tenant.sql(format!("ALTER USER {user} REQUIRE SSL")).await;
        let scene = Scene::of(&tenant, PASSWORD).await;
        scene.rotate().await;
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
        scene.rotate().await;

        let mut plain =
            document(&tenant.address, &tenant.user(), &scene.login("AWSCURRENT").await.1);
        plain["ssl"] = false.into();
        let place = Tenant::at(tenant.address.clone());
        let scene = Scene::with(&place, &superuser_document(&tenant.address), plain).await;
        let token = scene.put_pending(&scene.text("AWSCURRENT").await).await;
        let result = scene.step("testSecret", &token).await;
        refused(result, TlsFailed, &["requires TLS", "\"ssl\": false"]);
    }
}

#[tokio::test]
async fn each_login_obeys_its_own_secret() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle(PASSWORD).await;
        let proxy = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        for plain in ["user", "superuser"] {
            let mut superuser = superuser_document(&tenant.address);
            let mut user = document(&tenant.address, &tenant.user(), PASSWORD);
            for document in [&mut superuser, &mut user] {
                document["port"] = proxy.address.port().into();
            }
            let document = if plain == "user" { &mut user } else { &mut superuser };
            document["ssl"] = "FALSE".into();
            let place = Tenant::at(tenant.address.clone());
            let scene = Scene::with(&place, &superuser, user).await;
            let token = scene.put_pending(&scene.text("AWSCURRENT").await).await;
            proxy.reset();
            let capture = crate::support::canary::Capture::everything();
            scene.step("testSecret", &token).await.unwrap();
            let warned = capture.text().contains("is not encrypted, because its secret has");
            assert!(warned, "{}", capture.text());
            let calls = proxy.calls();
            assert_eq!(calls["StartTls"], 1, "{server:?} {plain}: {calls:?}");
            let sql: Vec<_> = proxy.seen().into_iter().map(|request| request.text).collect();
            let superusers = sql.iter().any(|text| text.contains("FROM mysql."));
            assert_eq!(superusers, plain == "superuser", "{server:?} {plain}");
        }
    }
}

#[tokio::test]
async fn a_file_of_authorities_that_cannot_be_used_is_named() {
    let tenant = Tenant::of(Server::one()).await;
    tenant.settle(PASSWORD).await;
    let port = tenant.address.port;
    for (file, found) in [
        ("/nowhere/ca.pem", "reading it failed"),
        (concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"), "it holds no certificate"),
    ] {
        let result = preflight(&tenant, port, &json!({}), &[("TLS_CA_FILE", file)]).await;
        refused(result, ConfigurationInvalid, &["TLS_CA_FILE", file, found]);
    }
}

#[test]
fn an_unknown_authority_on_a_host_of_rds_says_which_region_this_build_lacks() {
    let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
    for (host, found) in [
        ("a.x.eu-west-1.rds.amazonaws.com", "this build has the RDS roots of eu-west-1"),
        ("A.cluster-x.EU-WEST-1.rds.amazonaws.com.", "this build has the RDS roots of eu-west-1"),
        ("a.x.mx-central-1.rds.amazonaws.com", "this build has the RDS roots of mx-central-1"),
        ("a.x.us-gov-west-1.rds.amazonaws.com", "this build lacks the RDS roots of us-gov-west-1"),
        ("a.x.rds.cn-north-1.amazonaws.com.cn", "this build lacks the RDS roots of cn-north-1"),
        ("db.example.com", "is not known here; put the authority's certificate into a file"),
    ] {
        let text = tls::explain(&unknown, Some((host, host))).unwrap();
        assert!(text.contains(found) && text.contains("TLS_CA_FILE"), "{host}: {text}");
    }
}
