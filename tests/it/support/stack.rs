//! The stack's control endpoint, Secrets Manager, and functions.
//!
//! The stack gives the addresses in the environment. A test that needs more than the shared servers
//! (one with other settings, one to restart or freeze, a function around the built binary) asks the
//! control endpoint, and what it was given goes away when the test ends, however it ends.

use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_secretsmanager::config::BehaviorVersion;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A value that the stack gives to the command that it runs.
#[expect(clippy::disallowed_methods, reason = "only the function's variables are its config's")]
pub(crate) fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set. This needs real servers, which `make test` starts; for a part of \
             the tests: python3 dev/stack.py run -- cargo test --test it NAME"
        )
    })
}

/// The built function in AWS's Runtime Interface Emulator, removed when dropped.
#[derive(Debug)]
pub(crate) struct Function {
    name: String,
    pub(crate) arn: String,
    url: String,
    /// All that the function and the emulator around it wrote.
    pub(crate) log: PathBuf,
}

impl Function {
    /// Starts `binary` as the function `name`, with the environment and the timeout of a deployment.
    pub(crate) async fn start(
        name: &str,
        binary: &str,
        env: &[(&str, &str)],
        timeout: Duration,
    ) -> Self {
        #[derive(Deserialize)]
        struct Started {
            name: String,
            arn: String,
            url: String,
            log: PathBuf,
        }
        let env: serde_json::Map<_, _> =
            env.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        let wish = json!({
            "name": name,
            "binary": binary,
            "env": env,
            "timeout": timeout.as_secs(),
            "memory": 128,
        });
        let started: Started = control("POST", "/functions", Some(wish)).await;
        Self { name: started.name, arn: started.arn, url: started.url, log: started.log }
    }

    /// The function's answer, or the `errorType` and `errorMessage` that it failed with.
    pub(crate) async fn invoke(&self, event: &Value) -> Result<Value, FunctionError> {
        let (_, body) = request("POST", &self.url, Some(event)).await;
        let answer: Value = serde_json::from_str(&body).unwrap_or(Value::String(body));
        match FunctionError::deserialize(&answer) {
            Ok(error) => Err(error),
            Err(_) => Ok(answer),
        }
    }

    /// Where it is invoked.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn logged(&self) -> String {
        let bytes = std::fs::read(&self.log).expect("the function's log can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let path = format!("/functions/{}", self.name);
        finally(async move {
            let _: Value = control("DELETE", &path, None).await;
        });
    }
}

/// How a function says that it failed.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FunctionError {
    pub(crate) error_type: String,
    pub(crate) error_message: String,
}

/// One invocation that Secrets Manager has made.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Invocation {
    pub(crate) token: String,
    pub(crate) attempt: u32,
    pub(crate) step: String,
    /// What the function failed with.
    pub(crate) error: Option<FunctionError>,
    pub(crate) seconds: f64,
}

/// What Secrets Manager did about the rotations of a secret.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Rotations {
    /// How the last one stands: `running`, `succeeded`, `failed` or `abandoned`.
    pub(crate) state: String,
    /// The invocations of all, oldest first.
    pub(crate) steps: Vec<Invocation>,
}

impl Rotations {
    /// As they are now.
    pub(crate) async fn of(secret_arn: &str) -> Self {
        control("GET", &format!("/rotations?secret={secret_arn}"), None).await
    }

    /// When none is running any more.
    pub(crate) async fn ended(secret_arn: &str) -> Self {
        let path = format!("/rotations?secret={secret_arn}&wait=120");
        let rotations: Self = control("GET", &path, None).await;
        assert!(rotations.state != "running", "the rotation does not end");
        rotations
    }

    /// Settles how rotations of this secret go: see `dev/rotations.py`.
    pub(crate) async fn set(secret_arn: &str, mut settings: Value) {
        settings["secret"] = secret_arn.into();
        let _: Value = control("POST", "/rotations/settings", Some(settings)).await;
    }
}

/// A client of the stack's Secrets Manager. A test's own, for its connections live in its runtime.
pub(crate) async fn secrets_manager() -> aws_sdk_secretsmanager::Client {
    setting("AWS_ENDPOINT_URL");
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
    aws_sdk_secretsmanager::Client::new(&config)
}

pub(super) async fn control<T: DeserializeOwned>(
    method: &str,
    path: &str,
    body: Option<Value>,
) -> T {
    let url = format!("{}{path}", setting("STACK_URL").trim_end_matches('/'));
    let (status, answer) = request(method, &url, body.as_ref()).await;
    assert!(
        (200..300).contains(&status),
        "the stack answered {status} to {method} {path}: {answer}"
    );
    let answer = if answer.is_empty() { "null" } else { &answer };
    serde_json::from_str(answer)
        .unwrap_or_else(|error| panic!("{method} {path}: {error}: {answer}"))
}

/// Status and body of the answer to one HTTP request on a connection of its own.
pub(super) async fn request(method: &str, url: &str, body: Option<&Value>) -> (u16, String) {
    let body = body.map(Value::to_string).unwrap_or_default();
    send(method, url, "Content-Type: application/json", &body).await
}

/// The same with headers, and a body of any type.
pub(super) async fn send(method: &str, url: &str, headers: &str, body: &str) -> (u16, String) {
    let (host, path) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .expect("the stack's URLs are http://HOST:PORT/PATH");
    let head = format!(
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\n{headers}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream =
        TcpStream::connect(host).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{method} {url}: no HTTP answer: {answer:?}"));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.expect("an HTTP status"), body.to_owned())
}

/// Runs `future` to its end from where one cannot wait: on a thread with a runtime of its own.
pub(crate) fn on_a_thread<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> T {
    let thread = std::thread::spawn(move || run(future));
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The same from a `Drop`. A test that has failed already must not abort the others by a second panic.
pub(crate) fn finally(future: impl Future<Output = ()> + Send + 'static) {
    let thread = std::thread::spawn(move || run(future));
    if thread.join().is_err() && !std::thread::panicking() {
        panic!("cleaning up failed");
    }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// Past the test harness, which keeps what a test that passes prints to itself.
pub(crate) fn tell(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}
