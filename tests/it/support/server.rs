//! The database servers under test, what each of them has, and servers of a test's own.
//!
//! A test never names a version. It runs on each server that the stack has started, and says what it
//! needs of one beyond what all have; where that is lacking, the test is skipped there, which is told
//! past the test harness and counted in the summary of the run.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Row, SslOpts};
use serde::Deserialize;
use serde_json::{Value, json};

use super::stack::{control, finally, on_a_thread, tell};

/// What not every server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// MySQL, or what is made of it.
    Mysql,
    Mariadb,
    /// The stack can start more servers of this kind, configure and restart them.
    OwnServers,
    /// A client from this machine is 127.0.0.1 to it.
    LocalClients,
    Roles,
    /// Privileges that have a name and no column.
    DynamicPrivileges,
    PartialRevokes,
    /// `RETAIN CURRENT PASSWORD`.
    SecondPasswords,
    CachingSha2,
    /// `caching_sha2_password_enforce_storage_format`.
    StorageFormats,
    /// `PASSWORD HISTORY` and `REUSE INTERVAL`.
    PasswordHistory,
    /// `PASSWORD REQUIRE CURRENT`.
    RequireCurrent,
    /// `FAILED_LOGIN_ATTEMPTS`.
    FailedLogins,
    /// `ATTRIBUTE` and `COMMENT`.
    Attributes,
    /// Routines in JavaScript.
    Libraries,
    /// Roles that everybody has.
    MandatoryRoles,
    /// `SHOW CREATE USER`, with the hash in hexadecimal on demand.
    HexadecimalHashes,
    /// For each form of a statement, one that was sent.
    SampleStatements,
    /// Statements on accounts wait for a lock no longer than `lock_wait_timeout`.
    LockTimeouts,
    Tls13,
    /// The grant tables of MySQL 5.7.
    OldAccounts,
    /// `ALTER INSTANCE RELOAD TLS`.
    TlsReload,
    /// `SYSTEM_USER`, which keeps those without it away.
    ProtectedUsers,
}

/// How a server is asked: it has something if one of the statements succeeds, and gives a row where
/// it is a query. An account that does not exist is altered, so that nothing changes.
const QUESTIONS: &[(Need, &[&str])] = &[
    (Need::LocalClients, &["SELECT 1 FROM DUAL WHERE USER() LIKE '%@127.0.0.1'"]),
    (
        Need::Roles,
        &["SELECT COUNT(*) FROM mysql.role_edges", "SELECT COUNT(*) FROM mysql.roles_mapping"],
    ),
    (Need::DynamicPrivileges, &["SELECT COUNT(*) FROM mysql.global_grants"]),
    (Need::PartialRevokes, &["SELECT @@partial_revokes"]),
    (Need::SecondPasswords, &["ALTER USER IF EXISTS ''@'nowhere' DISCARD OLD PASSWORD"]),
    (
        Need::CachingSha2,
        &["SELECT 1 FROM information_schema.PLUGINS \
           WHERE PLUGIN_NAME = 'caching_sha2_password' AND PLUGIN_STATUS = 'ACTIVE'"],
    ),
    (Need::StorageFormats, &["SELECT @@caching_sha2_password_enforce_storage_format"]),
    (Need::PasswordHistory, &["ALTER USER IF EXISTS ''@'nowhere' PASSWORD HISTORY 1"]),
    (Need::RequireCurrent, &["ALTER USER IF EXISTS ''@'nowhere' PASSWORD REQUIRE CURRENT"]),
    (Need::FailedLogins, &["ALTER USER IF EXISTS ''@'nowhere' FAILED_LOGIN_ATTEMPTS 1"]),
    (Need::Attributes, &["SELECT COUNT(User_attributes) FROM mysql.user"]),
    (Need::Libraries, &["SELECT COUNT(*) FROM information_schema.LIBRARIES"]),
    (Need::MandatoryRoles, &["SELECT @@mandatory_roles"]),
    (Need::HexadecimalHashes, &["SELECT @@print_identified_with_as_hex"]),
    (
        Need::SampleStatements,
        &["SELECT COUNT(QUERY_SAMPLE_TEXT) \
           FROM performance_schema.events_statements_summary_by_digest"],
    ),
    // Where the tables of accounts are transactional, or have no clients of their own.
    (
        Need::LockTimeouts,
        &["SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'mysql' \
           AND TABLE_NAME = 'user' AND (ENGINE = 'InnoDB' OR TABLE_TYPE = 'VIEW')"],
    ),
    (
        Need::OldAccounts,
        &["SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'mysql' \
           AND TABLE_NAME = 'user' AND ENGINE = 'MyISAM'"],
    ),
    (Need::Tls13, &["SELECT 1 FROM DUAL WHERE @@tls_version LIKE '%TLSv1.3%'"]),
    (Need::TlsReload, &["ALTER INSTANCE RELOAD TLS NO ROLLBACK ON ERROR"]),
    (
        Need::ProtectedUsers,
        &["SELECT 1 FROM mysql.global_grants WHERE PRIV = 'SYSTEM_USER' LIMIT 1"],
    ),
];

/// One of the servers.
#[derive(Clone, Copy)]
pub(crate) struct Server(&'static Known);

struct Known {
    name: String,
    version: [u16; 3],
    shared: Described,
    has: BTreeSet<Need>,
}

/// A server, as the stack describes it.
#[derive(Clone, Debug, Deserialize)]
struct Described {
    id: String,
    name: String,
    family: String,
    version: [u16; 3],
    url: String,
    ca_file: PathBuf,
    /// By all tests.
    shared: bool,
    /// It was not started by the stack.
    given: bool,
}

/// A program of which the stack can start a server.
#[derive(Clone, Debug, Deserialize)]
struct Program {
    name: String,
    family: String,
}

impl Server {
    /// All servers under test.
    pub(crate) fn all() -> &'static [Self] {
        static SERVERS: OnceLock<Vec<Server>> = OnceLock::new();
        SERVERS.get_or_init(|| on_a_thread(ask_all()))
    }

    /// The first of them: for a test to which a server is the scenery.
    pub(crate) fn one() -> Self {
        Self::all()[0]
    }

    /// Whether what is the same on every server is looked at with this one: always, unless the suite
    /// runs with another one as well.
    #[expect(clippy::disallowed_methods, reason = "no setting of the function")]
    pub(crate) fn is_reference() -> bool {
        std::env::var_os("NOT_THE_REFERENCE").is_none()
    }

    /// Those that have all of this. The others are told to be skipped.
    pub(crate) fn with(needs: &[Need]) -> impl Iterator<Item = Self> {
        let all = Self::all().iter().copied();
        all.filter(|server| server.has_or_is_skipped(needs))
    }

    /// The first of them, if it has all of this.
    pub(crate) fn one_with(needs: &[Need]) -> Option<Self> {
        Some(Self::one()).filter(|server| server.has_or_is_skipped(needs))
    }

    fn has_or_is_skipped(self, needs: &[Need]) -> bool {
        let lacks: Vec<_> = needs.iter().filter(|need| !self.has(**need)).collect();
        if !lacks.is_empty() {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("a test");
            tell(&format!("skipped on {self:?}: {test}: lacks {lacks:?}"));
        }
        lacks.is_empty()
    }

    pub(crate) fn has(self, need: Need) -> bool {
        self.0.has.contains(&need)
    }

    pub(crate) fn is_mariadb(self) -> bool {
        self.has(Need::Mariadb)
    }

    pub(crate) fn version(self) -> (u16, u16, u16) {
        self.0.version.into()
    }

    /// The value of `engine` in a secret document.
    pub(crate) fn engine(self) -> &'static str {
        if self.is_mariadb() { "mariadb" } else { "mysql" }
    }

    /// Where the server of this kind listens that all tests share.
    pub(crate) fn address(self) -> Address {
        Address::of(self, &self.0.shared)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name)
    }
}

async fn ask_all() -> Vec<Server> {
    let servers: Vec<Described> = control("GET", "/servers", None).await;
    let mut all = Vec::new();
    for server in servers.into_iter().filter(|server| server.shared) {
        all.push(ask(server).await);
    }
    assert!(!all.is_empty(), "the stack has no server");
    all
}

async fn ask(described: Described) -> Server {
    let url = &described.url;
    let opts = mysql_async::Opts::from_url(url).expect("the URL of a server is valid");
    let opts = OptsBuilder::from_opts(opts).ssl_opts(ssl(&described.ca_file)).prefer_socket(false);
    let mut root = Conn::new(opts).await.unwrap_or_else(|error| panic!("root: {error}"));
    let mut has = BTreeSet::from([match &*described.family {
        "mariadb" => Need::Mariadb,
        _ => Need::Mysql,
    }]);
    if !described.given {
        has.insert(Need::OwnServers);
    }
    for (need, questions) in QUESTIONS {
        for question in *questions {
            let answer: Result<Option<Row>, _> = root.query_first(*question).await;
            let is_query = question.starts_with("SELECT");
            if answer.is_ok_and(|row| row.is_some() || !is_query) {
                has.insert(*need);
            }
        }
    }
    root.disconnect().await.unwrap();
    let (name, version) = (described.name.clone(), described.version);
    Server(Box::leak(Box::new(Known { name, version, shared: described, has })))
}

/// TLS with this authority alone, or none without a file of it.
pub(crate) fn ssl(ca_file: &Path) -> Option<SslOpts> {
    let ssl = SslOpts::default().with_disable_built_in_roots(true);
    let roots = vec![ca_file.to_owned().into()];
    (!ca_file.as_os_str().is_empty()).then(|| ssl.with_root_certs(roots))
}

/// A database server, and the login that may do everything there.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) server: Server,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) root: String,
    pub(crate) root_password: String,
    pub(crate) ca_file: PathBuf,
}

impl Address {
    fn of(server: Server, described: &Described) -> Self {
        let opts = mysql_async::Opts::from_url(&described.url).expect("the URL is valid");
        Self {
            server,
            host: opts.ip_or_hostname().to_owned(),
            port: opts.tcp_port(),
            root: opts.user().unwrap_or("root").to_owned(),
            root_password: opts.pass().unwrap_or_default().to_owned(),
            ca_file: described.ca_file.clone(),
        }
    }
}

/// A database server of a test's own, stopped and removed when dropped.
#[derive(Debug)]
pub(crate) struct OwnServer {
    id: String,
    pub(crate) address: Address,
}

impl OwnServer {
    /// A server that was started with `args` beside the stack's usual ones.
    pub(crate) async fn start(server: Server, args: &[&str]) -> Self {
        let started = Self::of_program(&server.0.name, args).await;
        Self { address: Address::of(server, &started), id: started.id }
    }

    /// A server of the other family, if the stack can start one. The test is told to be skipped
    /// otherwise.
    pub(crate) async fn of_another_family(server: Server) -> Option<Self> {
        let programs: Vec<Program> = control("GET", "/builds", None).await;
        let mut others = programs.iter().filter(|program| program.family != server.0.shared.family);
        let Some(other) = others.next() else {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("a test");
            tell(&format!("skipped on {server:?}: {test}: lacks a server of the other family"));
            return None;
        };
        let started = Self::of_program(&other.name, &[]).await;
        let server = ask(started.clone()).await;
        Some(Self { address: Address::of(server, &started), id: started.id })
    }

    async fn of_program(name: &str, args: &[&str]) -> Described {
        let wish = json!({"name": name, "args": args, "tls": true});
        control("POST", "/servers", Some(wish)).await
    }

    /// A server that the stack has started as a part of something else.
    pub(super) async fn of_answer(answer: Value) -> Self {
        let started: Described = serde_json::from_value(answer).expect("a server's description");
        let server = ask(started.clone()).await;
        Self { address: Address::of(server, &started), id: started.id }
    }

    pub(crate) async fn restart(&self) {
        self.order("restart").await;
    }

    /// Restarts it with other arguments beside the usual ones.
    pub(crate) async fn restart_with(&self, args: &[&str]) {
        let path = format!("/servers/{}/restart", self.id);
        let _: Value = control("POST", &path, Some(json!({"args": args}))).await;
    }

    /// Restarts it with more arguments beside those that it has.
    pub(crate) async fn restart_adding(&self, args: &[&str]) {
        let path = format!("/servers/{}", self.id);
        let known: Value = control("GET", &path, None).await;
        let known = known["args"].as_array().expect("arguments").iter().filter_map(Value::as_str);
        self.restart_with(&known.chain(args.iter().copied()).collect::<Vec<_>>()).await;
    }

    /// Restarts it as the server of another program, which upgrades its data in place.
    pub(crate) async fn restart_as(&mut self, program: &str) {
        let path = format!("/servers/{}/restart", self.id);
        let started: Described = control("POST", &path, Some(json!({"name": program}))).await;
        self.address = Address::of(ask(started.clone()).await, &started);
    }

    /// A server of a program whose name begins so, unless there is none.
    pub(crate) async fn named(begins: &str) -> Option<Self> {
        let program = program(begins).await?;
        let started = Self::of_program(&program, &[]).await;
        Some(Self { address: Address::of(ask(started.clone()).await, &started), id: started.id })
    }

    /// SIGKILL.
    pub(crate) async fn kill(&self) {
        self.order("kill").await;
    }

    /// SIGSTOP: the server's host still answers, the server says nothing.
    pub(crate) async fn freeze(&self) {
        self.order("freeze").await;
    }

    pub(crate) async fn thaw(&self) {
        self.order("thaw").await;
    }

    async fn order(&self, verb: &str) {
        let path = format!("/servers/{}/{verb}", self.id);
        let _: Value = control("POST", &path, None).await;
    }
}

/// The program whose name begins so, if the stack has one.
pub(crate) async fn program(begins: &str) -> Option<String> {
    let programs: Vec<Program> = control("GET", "/builds", None).await;
    programs.into_iter().map(|program| program.name).find(|name| name.starts_with(begins))
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        let path = format!("/servers/{}", self.id);
        finally(async move {
            let _: Value = control("DELETE", &path, None).await;
        });
    }
}
