//! A service of AWS whose answers a test edits, between the function and the stack's service.
//!
//! It shows the function what the stack's service never says: a refusal, a value that is not
//! visible yet, a replica that is behind.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::stack::setting;
use super::wire;

/// A call of the function.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) operation: String,
    pub(crate) body: String,
    /// How many calls of this operation there were, this one among them.
    pub(crate) nth: usize,
}

/// What the function gets in place of the answer.
pub(crate) enum Edit {
    /// An error: status, type and message. The service never sees the call.
    Refuse(u16, String, String),
    /// The answer with another body.
    Change(Box<dyn FnOnce(String) -> String + Send>),
    /// Nothing, ever. The service never sees the call.
    Silence,
}

impl Edit {
    pub(crate) fn refuse(error: &str, message: &str) -> Self {
        Self::Refuse(400, error.to_owned(), message.to_owned())
    }

    pub(crate) fn change(change: impl FnOnce(String) -> String + Send + 'static) -> Self {
        Self::Change(Box::new(change))
    }

    /// What Secrets Manager says of a version or label that has no value.
    pub(crate) fn no_value() -> Self {
        Self::refuse(
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret value for VersionId.",
        )
    }
}

type Editor = Box<dyn FnMut(&Call) -> Option<Edit> + Send>;

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    editor: Option<Editor>,
    tasks: Vec<JoinHandle<()>>,
}

/// An edited service. It ends, with all its connections, when dropped.
pub(crate) struct Edited {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    listening: JoinHandle<()>,
}

impl Edited {
    /// The stack's services, all on one address.
    pub(crate) async fn aws() -> Self {
        Self::before(&setting("AWS_ENDPOINT_URL")).await
    }

    /// The HTTP server at this URL.
    pub(crate) async fn before(url: &str) -> Self {
        let upstream = url.trim_start_matches("http://").trim_end_matches('/');
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state: Arc<Mutex<State>> = Arc::default();
        Self {
            address: listener.local_addr().unwrap(),
            listening: tokio::spawn(listen(listener, upstream.to_owned(), state.clone())),
            state,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks `editor` about each call from now on, and counts anew.
    pub(crate) fn edit(&self, editor: impl FnMut(&Call) -> Option<Edit> + Send + 'static) {
        let mut state = self.state.lock().unwrap();
        state.calls.clear();
        state.editor = Some(Box::new(editor));
    }

    /// Refuses every call of an operation from now on, and counts anew.
    pub(crate) fn refuse(&self, operation: &'static str, error: &str, message: &str) {
        let (error, message) = (error.to_owned(), message.to_owned());
        self.edit(move |call| {
            (call.operation == operation).then(|| Edit::refuse(&error, &message))
        });
    }

    /// All calls since the editor was set.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.lock().unwrap().calls.clone()
    }

    /// How often an operation was called since then.
    pub(crate) fn count(&self, operation: &str) -> usize {
        let calls = self.calls();
        calls.iter().filter(|c| c.operation == operation).count()
    }
}

impl Drop for Edited {
    fn drop(&mut self) {
        self.listening.abort();
        for task in &self.state.lock().unwrap().tasks {
            task.abort();
        }
    }
}

async fn listen(listener: TcpListener, upstream: String, state: Arc<Mutex<State>>) {
    while let Ok((client, _)) = listener.accept().await {
        let link = link(client, upstream.clone(), state.clone());
        let task = tokio::spawn(async move {
            // An end of either side ends the other; there is nobody to tell.
            let _ = link.await;
        });
        state.lock().unwrap().tasks.push(task);
    }
}

async fn link(
    client: TcpStream,
    upstream: String,
    state: Arc<Mutex<State>>,
) -> std::io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    let (from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let (mut from_client, mut from_server) =
        (BufReader::new(from_client), BufReader::new(from_server));
    loop {
        let request = wire::http_message(&mut from_client).await?;
        let is_query = request.operation.is_empty();
        let operation = if is_query { action(&request.text) } else { request.operation };
        let answer = match judge(&state, operation, request.text) {
            Some(Edit::Silence) => std::future::pending().await,
            Some(Edit::Refuse(status, error, message)) => {
                refusal(status, &error, &message, is_query)
            }
            edit => {
                to_server.write_all(&request.bytes).await?;
                let answer = wire::http_message(&mut from_server).await?;
                match edit {
                    Some(Edit::Change(change)) => changed(&answer, change(answer.text.clone())),
                    _ => answer.bytes,
                }
            }
        };
        to_client.write_all(&answer).await?;
    }
}

/// The operation in the form of RDS, which is the only one without a header for it.
fn action(body: &str) -> String {
    let mut fields = body.split('&');
    let action = fields.find_map(|field| field.strip_prefix("Action="));
    action.unwrap_or_default().to_owned()
}

fn judge(state: &Mutex<State>, operation: String, body: String) -> Option<Edit> {
    let mut state = state.lock().unwrap();
    let earlier = state.calls.iter().filter(|c| c.operation == operation);
    let call = Call { nth: earlier.count() + 1, operation, body };
    state.calls.push(call.clone());
    state.editor.as_mut().and_then(|editor| editor(&call))
}

fn refusal(status: u16, error: &str, message: &str, is_query: bool) -> Vec<u8> {
    let (kind, body) = if is_query {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{error}</Code>\
             <Message>{message}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"
        );
        ("text/xml", body)
    } else {
        let body = serde_json::json!({"__type": error, "message": message}).to_string();
        ("application/x-amz-json-1.1", body)
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Refused\r\nContent-Type: {kind}\r\nx-amzn-requestid: r-1\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// The answer's head with another body.
fn changed(answer: &wire::Message, body: String) -> Vec<u8> {
    let head = &answer.bytes[..answer.bytes.len() - answer.text.len()];
    let head = String::from_utf8_lossy(head);
    let kept: String = head
        .split_inclusive("\r\n")
        .filter(|line| !line.to_ascii_lowercase().starts_with("content-length:"))
        .filter(|line| !line.trim().is_empty())
        .collect();
    format!("{kept}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
