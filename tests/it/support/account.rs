//! Accounts and databases of one test on a shared server.
//!
//! Accounts are global to a server, so every test makes names of its own. Whatever holds a test's
//! mark, be it a user, a role or a database, goes when its [`Tenant`] is dropped.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{SystemTime, UNIX_EPOCH};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, Opts, OptsBuilder, SslOpts};
use tokio::sync::{Mutex, OnceCell};

use super::server::{Address, Server};
use super::stack::finally;

/// From this many minutes on, what is marked belongs to no running test.
const ABANDONED: RangeInclusive<u32> = 60..=60 * 24 * 30;

/// What one test owns on one server.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) address: Address,
    mark: String,
    leaves_clean: bool,
}

impl Tenant {
    /// A new tenant of the shared server of this kind.
    pub(crate) async fn of(server: Server) -> Self {
        let address = server.address();
        sweep(&address).await;
        let mut tenant = Self::at(address);
        tenant.leaves_clean = true;
        tenant
    }

    /// A new tenant of a server of the test's own, which goes with all that is on it.
    pub(crate) fn at(address: Address) -> Self {
        Self { address, mark: new_mark(), leaves_clean: false }
    }

    /// The same names at another member of a cluster.
    pub(crate) fn elsewhere(&self, address: Address) -> Self {
        Self { address, mark: self.mark.clone(), leaves_clean: false }
    }

    /// Eleven characters that are nowhere else: `_clone` after them still fits everywhere.
    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    /// The user that the secret names at first.
    pub(crate) fn user(&self) -> String {
        self.mark.clone()
    }

    pub(crate) fn twin(&self) -> String {
        format!("{}_clone", self.mark)
    }

    /// The name of a database that the test may create.
    pub(crate) fn database(&self) -> String {
        format!("{}_db", self.mark)
    }

    /// A session of the login that may do everything.
    pub(crate) async fn root(&self) -> Conn {
        root(&self.address).await
    }

    /// Runs statements, separated by `;`, as root.
    pub(crate) async fn sql(&self, statements: impl AsRef<str>) {
        let statements = statements.as_ref();
        let mut root = self.root().await;
        if let Err(error) = root.query_drop(statements).await {
            panic!("{error}\n{statements}");
        }
        root.disconnect().await.unwrap();
    }

    /// Gives root an account at this machine's address, which comes before an anonymous one there.
    pub(crate) async fn keep_root(&self) {
        let root = account(&self.address.root, "127.0.0.1");
        let password = literal(&self.address.root_password);
        self.sql(format!(
            "CREATE USER {root} IDENTIFIED BY {password}; \
             GRANT ALL PRIVILEGES ON *.* TO {root} WITH GRANT OPTION"
        ))
        .await;
    }

    /// The database `database()` with table `items (id INT, name TEXT)` of one row, and the user
    /// `user()`, which may read it.
    pub(crate) async fn settle(&self, password: &str) {
        let (database, user) = (self.database(), account(&self.user(), "%"));
        self.sql(format!(
            "CREATE DATABASE {database}; \
             CREATE TABLE {database}.items (id INT, name TEXT); \
             INSERT INTO {database}.items VALUES (1, 'one'); \
             CREATE USER {user} IDENTIFIED BY {}; \
             GRANT SELECT ON {database}.* TO {user}",
            literal(password)
        ))
        .await;
    }

    /// A session of `user`, on TLS.
    pub(crate) async fn log_in(&self, user: &str, password: &str) -> Result<Conn, Error> {
        Conn::new(login(&self.address, user, password)).await
    }

    /// The same with an account that may have `ed25519`, of whose logins the driver spoils one in 256:
    /// of three, one is good.
    pub(crate) async fn log_in_patiently(&self, user: &str, password: &str) -> Result<Conn, Error> {
        let spoiled = if self.address.server.is_mariadb() { 2 } else { 0 };
        for _ in 0..spoiled {
            if let Ok(session) = self.log_in(user, password).await {
                return Ok(session);
            }
        }
        self.log_in(user, password).await
    }

    /// Whether the server takes this login, on TLS, and for this user. It is the server's answer: a
    /// connection that cannot be made at all fails the test.
    pub(crate) async fn logs_in(&self, user: &str, password: &str) -> bool {
        let mut attempt = self.log_in(user, password).await;
        // MySQL hides that a user does not exist: it asks for a plugin by chance. At a replica the
        // user may have come since.
        if let Err(Error::Driver(DriverError::UnknownAuthPlugin { .. })) = attempt {
            if self.hosts(user).await.is_empty() {
                return false;
            }
            attempt = self.log_in(user, password).await;
        }
        match attempt {
            Ok(conn) => {
                end_session_of(user, conn).await;
                true
            }
            Err(Error::Server(refusal)) if refusal.code == 1045 => false,
            Err(error) => panic!("login of {user} ended in neither yes nor no: {error}"),
        }
    }

    /// The hosts at which an account of this name exists, in order.
    pub(crate) async fn hosts(&self, user: &str) -> Vec<String> {
        let mut root = self.root().await;
        let hosts = root
            .exec("SELECT Host FROM mysql.user WHERE User = ? ORDER BY Host", (user,))
            .await
            .unwrap();
        root.disconnect().await.unwrap();
        hosts
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        if !self.leaves_clean {
            return;
        }
        let (address, mark) = (self.address.clone(), self.mark.clone());
        finally(async move {
            let mut conn = root(&address).await;
            clear(&mut conn, address.server, &[mark]).await;
            conn.disconnect().await.unwrap();
        });
    }
}

/// `user`@`host` as SQL, in any SQL mode.
pub(crate) fn account(user: &str, host: &str) -> String {
    format!("{}@{}", identifier(user), identifier(host))
}

/// A quoted identifier.
pub(crate) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A string literal for a session whose SQL mode has no `NO_BACKSLASH_ESCAPES`.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A session of the login that may do everything, on TLS.
pub(crate) async fn root(address: &Address) -> Conn {
    let opts = login(address, &address.root, &address.root_password);
    Conn::new(opts).await.unwrap_or_else(|error| panic!("root cannot log in: {error}"))
}

/// Ends a session, which must be that of an account of `user`.
pub(crate) async fn end_session_of(user: &str, mut conn: Conn) {
    let current: Option<String> = conn.query_first("SELECT CURRENT_USER()").await.unwrap();
    let current = current.expect("CURRENT_USER() has a row");
    let (name, _) = current.rsplit_once('@').expect("user@host");
    assert_eq!(name, user, "logged in as another account");
    conn.disconnect().await.unwrap();
}

fn login(address: &Address, user: &str, password: &str) -> Opts {
    let ssl = SslOpts::default()
        .with_disable_built_in_roots(true)
        .with_root_certs(vec![address.ca_file.clone().into()]);
    OptsBuilder::default()
        .ip_or_hostname(&address.host)
        .tcp_port(address.port)
        .user(Some(user))
        .pass(Some(password))
        .ssl_opts(ssl)
        .prefer_socket(false)
        .into()
}

/// What every mark begins with; nobody gives such a name to a user of one's own.
const PREFIX: &str = "t7";

/// The prefix, the minute, and a number that counts from a random start.
fn new_mark() -> String {
    static START: LazyLock<u32> = LazyLock::new(rand::random);
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let serial = START.wrapping_add(SERIAL.fetch_add(1, Ordering::Relaxed));
    format!("{PREFIX}{}{}", base36::<4>(minute()), base36::<5>(serial))
}

/// Minutes, in a circle of three years: as many as four characters can tell apart.
fn minute() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u32::try_from(now.as_secs() / 60 % 36_u64.pow(4)).unwrap()
}

fn base36<const N: usize>(mut number: u32) -> String {
    let mut digits = [0; N];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdefghijklmnopqrstuvwxyz"[number as usize % 36];
        number /= 36;
    }
    digits.map(char::from).iter().collect()
}

/// Removes, once for each server, what tests that were killed have left behind.
async fn sweep(address: &Address) {
    static SWEPT: Mutex<BTreeMap<u16, Arc<OnceCell<()>>>> = Mutex::const_new(BTreeMap::new());
    let swept = SWEPT.lock().await.entry(address.port).or_default().clone();
    swept
        .get_or_init(async || {
            let mut conn = root(address).await;
            let names: Vec<String> = conn
                .query(
                    "SELECT User FROM mysql.user UNION \
                     SELECT SCHEMA_NAME FROM information_schema.SCHEMATA",
                )
                .await
                .unwrap();
            let abandoned: Vec<String> = names.iter().filter_map(|name| abandoned(name)).collect();
            clear(&mut conn, address.server, &abandoned).await;
            conn.disconnect().await.unwrap();
        })
        .await;
}

/// The mark in `name`, if there is one and it is old.
fn abandoned(name: &str) -> Option<String> {
    let mark = name.get(name.find(PREFIX)?..)?.get(..11)?;
    let is_alphanumeric = mark.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9'));
    let made = u32::from_str_radix(mark.get(2..6)?, 36).ok()?;
    let age = minute().checked_sub(made)?;
    (is_alphanumeric && ABANDONED.contains(&age)).then(|| mark.to_owned())
}

/// Drops the users, roles and databases whose names hold one of `marks`.
async fn clear(conn: &mut Conn, server: Server, marks: &[String]) {
    let role = if server.is_mariadb() { "is_role = 'Y'" } else { "FALSE" };
    for mark in marks {
        let users: Vec<(String, String, bool)> = conn
            .query(format!("SELECT User, Host, {role} FROM mysql.user WHERE User LIKE '%{mark}%'"))
            .await
            .unwrap();
        let databases: Vec<String> = conn
            .query(format!(
                "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA \
                 WHERE SCHEMA_NAME LIKE '%{mark}%'"
            ))
            .await
            .unwrap();
        let databases = databases.iter().map(|name| format!("DROP DATABASE {}", identifier(name)));
        let users = users.iter().map(|(user, host, is_role)| {
            if *is_role {
                format!("DROP ROLE {}", identifier(user))
            } else {
                format!("DROP USER {}", account(user, host))
            }
        });
        for statement in databases.chain(users) {
            if let Err(error) = conn.query_drop(&statement).await {
                panic!("{error}\n{statement}");
            }
        }
    }
}
