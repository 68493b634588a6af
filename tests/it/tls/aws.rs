//! Whose certificates are accepted where the function calls AWS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use serde_json::json;

use crate::support::stack::{Function, setting};
use crate::support::wire::http_error;

/// A stand-in for Secrets Manager that denies every call, with the certificate of the databases.
fn start_https() -> SocketAddr {
    let certificate = Path::new(&setting("MYSQL_CA_FILE")).with_file_name("server.pem");
    let key = certificate.with_file_name("server-key.pem");
    let certificates = CertificateDer::pem_file_iter(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            certificates.map(Result::unwrap).collect(),
            PrivateKeyDer::from_pem_file(key).unwrap(),
        );
    let config = Arc::new(config.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            // A client that does not accept the certificate goes away.
            let _ = deny(client.unwrap(), config.clone());
        }
    });
    address
}

fn deny(mut client: TcpStream, config: Arc<ServerConfig>) -> std::io::Result<()> {
    let mut tls = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = Stream::new(&mut tls, &mut client);
    let mut request = Vec::new();
    while !request.ends_with(b"}") {
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes)?;
        if length == 0 {
            return Ok(());
        }
        request.extend_from_slice(&bytes[..length]);
    }
    stream.write_all(&http_error(400, "AccessDeniedException"))
}

#[tokio::test]
async fn aws_is_trusted_by_the_authorities_of_the_system_and_not_by_those_of_databases() {
    let url = format!("https://{}", start_https());
    let (known, other) = (setting("MYSQL_CA_FILE"), setting("MYSQL_OTHER_CA_FILE"));
    for (name, system, databases, found) in
        [("system", &known, &other, "AccessDenied"), ("file", &other, &known, "AwsUnreachable")]
    {
        let environment = [
            ("SECRETS_MANAGER_ENDPOINT", url.as_str()),
            ("SSL_CERT_FILE", system),
            ("TLS_CA_FILE", databases),
        ];
        let name = format!("trust-{name}-{}", std::process::id());
        let binary = env!("CARGO_BIN_EXE_bootstrap");
        let function = Function::start(&name, binary, &environment, Duration::from_secs(30)).await;
        let event = json!({"Step": "createSecret", "SecretId": "app", "ClientRequestToken": "1"});
        let error = function.invoke(&event).await.unwrap_err();
        assert_eq!(error.error_type, found, "{name}: {}", error.error_message);
    }
}
