//! The one thing that stands between the function and a server: it counts, and it makes trouble.
//!
//! A proxy knows where a request begins: an HTTP request with its body, or a packet of a MySQL
//! client. Before a request is passed on, the test's script is asked what is to happen to it. A MySQL
//! connection that turns to TLS is passed on unread from there: only its traffic is counted.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use self::link::Link;
use super::traffic::Traffic;

mod apart;
mod link;

/// What the proxied connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Http,
    Mysql,
}

/// A request that has arrived at the proxy, or a connection that has.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Counts within its connection; 0 is the connection itself, before either side has spoken.
    pub(crate) position: usize,
    /// `Connect`; then the API's operation, or `Login`, `Query` or `Command` for MySQL.
    pub(crate) operation: String,
    /// The API call's body, or the SQL.
    pub(crate) text: String,
}

/// What happens to a request in place of being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is closed; the server never sees the request.
    Cut,
    /// The server never sees the request, and the connection stays open without a word.
    Stall,
    /// The server never sees the request, and this HTTP answer is given: status and error type.
    Answer(u16, &'static str),
    /// MySQL: the server is asked this in place of the request.
    Instead(&'static str),
    /// The request is passed on later.
    Delay(Duration),
    /// The request is passed on when the test says so.
    Wait,
    /// The server carries the request out; then the connection is closed in place of its answer.
    LoseAnswer,
    /// The server carries the request out, and the client hears nothing more. The server's side
    /// stays open even when the client goes: it is a client that vanished without a farewell.
    HoldAnswer,
}

type Script = Box<dyn FnMut(&Request) -> Option<Fault> + Send>;

/// A proxy before one server. It ends, with all its connections, when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    framing: Framing,
    upstream: Mutex<String>,
    state: Mutex<State>,
    passing: Notify,
}

#[derive(Default)]
struct State {
    seen: Vec<Request>,
    connections: usize,
    traffic: Traffic,
    /// When each HTTP request that was answered arrived, and when its answer was there.
    spans: Vec<(Instant, Instant)>,
    script: Option<Script>,
    together: bool,
    tasks: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} to {}", self.framing, self.upstream.lock().unwrap())
    }
}

impl Shared {
    fn is_together(&self) -> bool {
        self.state.lock().unwrap().together
    }
}

impl Proxy {
    /// A proxy before the HTTP server at this URL.
    pub(crate) async fn http(url: &str) -> Self {
        let upstream = url.trim_start_matches("http://").trim_end_matches('/');
        Self::start(Framing::Http, upstream.to_owned()).await
    }

    /// A proxy before the database server at this address.
    pub(crate) async fn mysql(host: &str, port: u16) -> Self {
        Self::start(Framing::Mysql, format!("{host}:{port}")).await
    }

    async fn start(framing: Framing, upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shared = Arc::new(Shared {
            framing,
            upstream: Mutex::new(upstream),
            state: Mutex::default(),
            passing: Notify::new(),
        });
        Self {
            address: listener.local_addr().unwrap(),
            listening: tokio::spawn(listen(listener, shared.clone())),
            shared,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks `script` about each request from now on. It may also do something of its own, such as
    /// to kill a process.
    pub(crate) fn script(&self, script: impl FnMut(&Request) -> Option<Fault> + Send + 'static) {
        self.shared.state.lock().unwrap().script = Some(Box::new(script));
    }

    /// Passes a text with several account statements on as it is, from now on. Otherwise each of them is
    /// a request of its own, before which the script is asked.
    pub(crate) fn keep_texts_together(&self) {
        self.shared.state.lock().unwrap().together = true;
    }

    /// Leads new connections to another server, as a name that has moved does. Those that are open stay.
    pub(crate) fn turn_to(&self, host: &str, port: u16) {
        *self.shared.upstream.lock().unwrap() = format!("{host}:{port}");
    }

    /// Passes on the one request that waits.
    pub(crate) fn let_pass(&self) {
        self.shared.passing.notify_one();
    }

    /// Lets everything pass from now on, and forgets what was counted.
    pub(crate) fn reset(&self) {
        let mut state = self.shared.state.lock().unwrap();
        state.script = None;
        state.seen.clear();
        state.connections = 0;
        state.traffic = Traffic::default();
        state.spans.clear();
    }

    /// Ends all connections, on both sides: a client that has gone is noticed.
    pub(crate) fn hang_up(&self) {
        for task in self.shared.state.lock().unwrap().tasks.drain(..) {
            task.abort();
        }
    }

    /// All requests in the order of their arrival.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.shared.state.lock().unwrap().seen.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.state.lock().unwrap().connections
    }

    /// What passed on all MySQL connections.
    pub(crate) fn traffic(&self) -> Traffic {
        self.shared.state.lock().unwrap().traffic
    }

    /// How many HTTP requests were made after one another: of those that overlap, one counts.
    pub(crate) fn in_sequence(&self) -> usize {
        let mut spans = self.shared.state.lock().unwrap().spans.clone();
        spans.sort_by_key(|&(_, answered)| answered);
        let mut last = None;
        let after = spans.iter().filter(|&&(arrived, answered)| {
            let is_after = last.is_none_or(|last| arrived >= last);
            last = if is_after { Some(answered) } else { last };
            is_after
        });
        after.count()
    }

    /// How often each operation was asked for.
    pub(crate) fn calls(&self) -> BTreeMap<String, usize> {
        let mut calls = BTreeMap::new();
        for request in self.seen().into_iter().filter(|r| r.position > 0) {
            *calls.entry(request.operation).or_default() += 1;
        }
        calls
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
        self.hang_up();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let mut state = shared.state.lock().unwrap();
        state.connections += 1;
        let link = Link::new(shared.clone());
        state.tasks.push(tokio::spawn(async move {
            // An end of either side ends the other; there is nobody to tell.
            let _ = link.run(client).await;
        }));
    }
}
