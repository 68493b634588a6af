//! The program, started by a person or in an unusual environment.

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::stack::Function;

const BINARY: &str = env!("CARGO_BIN_EXE_bootstrap");

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.env_remove("AWS_LAMBDA_RUNTIME_API").args(arguments).output().unwrap()
}

#[test]
fn a_person_who_starts_the_program_is_told_in_two_lines_what_it_is() {
    for (arguments, code) in
        [(&["--help"][..], 0), (&["--version"], 0), (&[], 2), (&["--no-such"], 2)]
    {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let (said, silent) = match code {
            0 => (output.stdout, output.stderr),
            _ => (output.stderr, output.stdout),
        };
        let said = String::from_utf8(said).unwrap();
        assert!(silent.is_empty(), "{silent:?}");
        assert_eq!(said.lines().count(), 2, "{said}");
        assert!(said.contains(concat!("version ", env!("CARGO_PKG_VERSION"), ".")), "{said}");
        assert!(said.contains("README.md"), "{said}");
    }
}

async fn function(name: &str, environment: &[(&str, &str)]) -> Function {
    Function::start(name, BINARY, environment, Duration::from_secs(15)).await
}

fn event() -> Value {
    json!({"Step": "createSecret", "SecretId": "app", "ClientRequestToken": "1"})
}

/// Sends a body as it is, and gives the answer.
async fn post(url: &str, body: &[u8]) -> String {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /{path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    connection.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn what_cannot_be_read_as_json_is_an_error_with_a_page_and_never_shown() {
    let function = function("unreadable", &[("AWS_LAMBDA_LOG_LEVEL", "TRACE")]).await;
    let deep = "[".repeat(10_000);
    for body in
        [b"{\"RotationToken\": \"canary-4711".as_slice(), b"\"canary-4711\xff\"", deep.as_bytes()]
    {
        let answer = post(function.url(), body).await;
        assert!(answer.contains("\"EventInvalid\""), "{answer}");
        assert!(answer.contains("cannot be read as JSON"), "{answer}");
        assert!(!answer.contains("canary"), "{answer}");
    }
    let log = function.logged();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let failed = lines.filter(|line| line["errorType"] == "EventInvalid").count();
    assert_eq!(failed, 3, "{log}");
    assert!(!log.contains("canary"), "{log}");
}

#[tokio::test]
async fn each_invocation_warns_of_an_address_of_aws_without_encryption() {
    let environment = [
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://emulator.invalid:4566"),
        ("ALLOW_HTTP_ENDPOINTS", "true"),
    ];
    let function = function("without-tls", &environment).await;
    for _ in 0..2 {
        let error = function.invoke(&event()).await.unwrap_err();
        assert_eq!(error.error_type, "AwsUnreachable", "{error:?}");
    }
    let log = function.logged();
    let warnings =
        log.lines().filter(|line| line.contains("\"WARN\"") && line.contains("emulator"));
    assert_eq!(warnings.count(), 2, "{log}");
}

/// What a proxy is asked first by a function in this environment.
async fn asked(name: &str, variable: &str, endpoint: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut head = [0; 4096];
        let read = client.read(&mut head).await.unwrap();
        String::from_utf8_lossy(&head[..read]).into_owned()
    });
    let environment = [("SECRETS_MANAGER_ENDPOINT", endpoint), (variable, proxy.as_str())];
    let function = function(name, &environment).await;
    let error = function.invoke(&event()).await.unwrap_err();
    assert_eq!(error.error_type, "AwsUnreachable", "{error:?}");
    assert!(error.error_message.contains("HTTPS_PROXY"), "{error:?}");
    asked.await.unwrap()
}

#[tokio::test]
async fn calls_to_aws_go_through_the_proxy_that_the_environment_names_and_name_the_program() {
    let head = asked("https-proxy", "HTTPS_PROXY", "https://vpce.example").await;
    assert!(head.starts_with("CONNECT vpce.example:443 "), "{head}");
    let head = asked("http-proxy", "HTTP_PROXY", "http://127.0.0.2:1").await;
    assert!(head.starts_with("POST http://127.0.0.2:1/ "), "{head}");
    // In the user agent, and so in CloudTrail.
    let name = concat!("app/", env!("CARGO_PKG_NAME"), "-", env!("CARGO_PKG_VERSION"));
    assert!(head.contains(name), "{head}");
}
