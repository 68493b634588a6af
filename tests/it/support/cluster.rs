//! Clusters of two servers, and what stands in front of a server: HAProxy and MySQL Router.
//!
//! `make clusters` sets up what they need. Elsewhere a test that needs one is told to be skipped.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::account::{Tenant, root};
use super::server::{Address, OwnServer};
use super::stack::{control, finally, tell};

/// How long members may take to find each other.
const TOGETHER: Duration = Duration::from_secs(60);

/// What joins the two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// MariaDB, two writable nodes.
    Galera,
    /// MySQL's Group Replication, two writable members.
    TwoPrimaries,
    /// MySQL's Group Replication, the second member follows the first.
    OnePrimary,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Galera, Self::TwoPrimaries, Self::OnePrimary];
    /// Those of which both members take writes.
    pub(crate) const WRITABLE: [Self; 2] = [Self::Galera, Self::TwoPrimaries];

    fn name(self) -> &'static str {
        match self {
            Self::Galera => "galera",
            Self::TwoPrimaries => "group-replication",
            Self::OnePrimary => "group-replication-with-one-primary",
        }
    }

    /// A query that gives how many members are in order.
    fn members_in_order(self) -> &'static str {
        match self {
            Self::Galera => {
                "SELECT IF(SUM(VARIABLE_VALUE = 'Synced') = 1, \
                 SUM(IF(VARIABLE_NAME = 'WSREP_CLUSTER_SIZE', VARIABLE_VALUE, 0)), 0) \
                 FROM information_schema.GLOBAL_STATUS \
                 WHERE VARIABLE_NAME IN ('wsrep_local_state_comment', 'wsrep_cluster_size')"
            }
            Self::TwoPrimaries | Self::OnePrimary => {
                "SELECT COUNT(*) FROM performance_schema.replication_group_members \
                 WHERE MEMBER_STATE = 'ONLINE'"
            }
        }
    }
}

/// Two servers that are one cluster. They go when it is dropped.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) kind: Kind,
    pub(crate) members: [OwnServer; 2],
}

impl Cluster {
    /// The cluster of this kind that all tests share, or a word that the test is skipped.
    pub(crate) async fn shared(kind: Kind) -> Option<&'static Self> {
        static SHARED: [OnceCell<Option<Cluster>>; 3] = [const { OnceCell::const_new() }; 3];
        let shared = SHARED[kind as usize].get_or_init(|| Self::start(kind, &[]));
        shared.await.as_ref().or_else(|| skipped(kind.name()))
    }

    /// A cluster of the test's own, whose members have these arguments.
    pub(crate) async fn start(kind: Kind, args: &[&str]) -> Option<Self> {
        let kinds: Vec<String> = control("GET", "/clusters", None).await;
        if !kinds.iter().any(|name| name == kind.name()) {
            return skipped(kind.name());
        }
        let wish = json!({"kind": kind.name(), "args": args});
        let [first, second]: [Value; 2] = control("POST", "/clusters", Some(wish)).await;
        let cluster = Self {
            kind,
            members: [OwnServer::of_answer(first).await, OwnServer::of_answer(second).await],
        };
        for at in 0..2 {
            cluster.await_members(at, 2).await;
        }
        if kind != Kind::Galera {
            // The first one has founded the group, and must not found another when it joins again.
            let mut root = root(&cluster.members[0].address).await;
            root.query_drop("SET GLOBAL group_replication_bootstrap_group = OFF").await.unwrap();
            root.disconnect().await.unwrap();
        }
        Some(cluster)
    }

    /// Waits until the second member has the tenant's user.
    pub(crate) async fn await_user(&self, tenant: &Tenant) {
        let there = self.view(tenant, 1);
        while there.hosts(&tenant.user()).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn address(&self, at: usize) -> Address {
        self.members[at].address.clone()
    }

    /// The tenant, seen at this member.
    pub(crate) fn view(&self, tenant: &Tenant, at: usize) -> Tenant {
        tenant.elsewhere(self.address(at))
    }

    /// Waits until this member sees so many in order.
    pub(crate) async fn await_members(&self, at: usize, wanted: u64) {
        let started = std::time::Instant::now();
        loop {
            let mut root = root(&self.members[at].address).await;
            let found: Option<u64> = root.query_first(self.kind.members_in_order()).await.unwrap();
            root.disconnect().await.unwrap();
            if found == Some(wanted) {
                return;
            }
            assert!(started.elapsed() < TOGETHER, "{:?}: {found:?} members", self.kind);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// HAProxy or MySQL Router before servers: the first that answers gets the connections.
#[derive(Debug)]
pub(crate) struct Front {
    id: String,
    pub(crate) port: u16,
}

impl Front {
    /// A front with these settings (see `dev/fronts.py`), or a word that the test is skipped.
    pub(crate) async fn start(kind: &str, servers: &[&Address], settings: &[&str]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Started {
            id: String,
            port: u16,
        }
        let kinds: Vec<String> = control("GET", "/fronts", None).await;
        if !kinds.iter().any(|name| name == kind) {
            return skipped(kind);
        }
        let ports: Vec<_> = servers.iter().map(|address| address.port).collect();
        let wish = json!({"kind": kind, "ports": ports, "settings": settings});
        let Started { id, port } = control("POST", "/fronts", Some(wish)).await;
        Some(Self { id, port })
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let path = format!("/fronts/{}", self.id);
        finally(async move {
            let _: Value = control("DELETE", &path, None).await;
        });
    }
}

/// Runs a program of MySQL or MariaDB, and gives what it printed, or what it complained of.
pub(crate) async fn client(program: &str, args: &[&str], input: &str) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Done {
        code: i32,
        output: String,
        error: String,
    }
    let wish = json!({"program": program, "args": args, "input": input});
    let done: Done = control("POST", "/clients", Some(wish)).await;
    if done.code == 0 { Ok(done.output) } else { Err(done.error) }
}

/// Whether the stack has this program; if not, a word that the test is skipped.
pub(crate) async fn has_client(program: &str) -> bool {
    let programs: Vec<String> = control("GET", "/clients", None).await;
    programs.iter().any(|name| name == program) || skipped::<()>(program).is_some()
}

/// A word that the test is skipped.
pub(crate) fn skipped<T>(what: &str) -> Option<T> {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    tell(&format!("skipped on {what}: {test}: lacks [{what}], which its target sets up"));
    None
}
