//! A logged-in connection, every use of which ends before the invocation's deadline.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use account_mirror::family::Family;
use account_mirror::powers::SUPERUSER;
use account_mirror::row::Row;
use account_mirror::tables::Query;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Value};

use crate::database::server_error::{At, Meaning};
use crate::deadline::Deadline;
use crate::error::Error;
use crate::panic;

mod cluster;
mod guard;
mod in_a_row;
mod lease;
mod lock;
pub mod login;
mod login_error;
mod prepare;
mod query_error;
mod server;
mod statement_limit;
mod variables;

pub use cluster::{Cluster, Member};
pub use lease::TIME_FOR_OTHERS;
pub use lock::{Lock, lock_pair};
pub use login_error::LoginError;
pub use prepare::pinned_mode;
pub use query_error::QueryError;
pub use server::{Credentials, LoginRole, Server};
pub use variables::Variables;

use guard::{ServerClock, ServerTime};
use query_error::response_error;
use statement_limit::StatementLimit;

/// The most memory that may be kept of the rows of one round trip, in bytes, approximately. No real
/// account needs as much; a faulty server must not exhaust the function's memory.
const MOST_BYTES: usize = 64 << 20;

/// The largest packet that is sent or taken.
const MAX_PACKET: usize = 16 * 1024 * 1024;

/// How long the orderly end of a connection may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// What is done with a row that answers the query of this number. Returns about how many bytes are kept
/// of it.
pub type Take<'a> = &'a mut (dyn FnMut(usize, Row) -> usize + Send);

/// A logged-in connection. The connection itself is private, so that every use is bounded.
pub struct Session {
    conn: Conn,
    /// The invocation's end.
    deadline: Deadline,
    /// How long an account statement may take.
    limit: StatementLimit,
    /// The server's clock, by which it refuses what it comes to too late.
    clock: ServerClock,
    /// When the lease ends under which accounts are changed, where there must be one.
    lease: Option<ServerTime>,
    /// The longest text that the server takes, in bytes.
    most_text: usize,
    /// The address that was connected to.
    pub address: IpAddr,
    /// The kind of server.
    pub family: Family,
    /// The server's variables, as they were at the login.
    pub variables: Variables,
    /// The cluster that the server is in.
    pub cluster: Option<Cluster>,
    /// The host part of the account that the server chose for the login.
    pub account_host: String,
    /// The user part of that account.
    pub account_user: String,
    /// The name of the superuser, if this is a session of it: no text tells it.
    superuser: Option<String>,
    /// What the server calls the client's host: its address, or a name if it resolved one.
    pub client_host: String,
}

impl Session {
    /// The rows that a query returns.
    ///
    /// # Errors
    ///
    /// A [`QueryError`], which the caller turns into an error with what it was doing.
    pub async fn rows(&mut self, sql: &str) -> Result<Vec<Row>, QueryError> {
        let mut results = Vec::new();
        self.collect(sql, &mut results).await?;
        Ok(results.into_iter().next().unwrap_or_default())
    }

    /// The rows that a query returns, or an error that says what it was for.
    ///
    /// # Errors
    ///
    /// That of [`Session::rows`], in `what`.
    pub async fn read(&mut self, what: &str, sql: &str) -> Result<Vec<Row>, Error> {
        self.rows(sql).await.map_err(|failure| failure.context(what))
    }

    /// The one row that a query returns.
    ///
    /// # Errors
    ///
    /// As [`Session::rows`]; also if there is no row.
    pub async fn row(&mut self, sql: &str) -> Result<Row, QueryError> {
        let rows = self.rows(sql).await?;
        rows.into_iter()
            .next()
            .ok_or_else(|| QueryError::Protocol("the response had no row".to_owned()))
    }

    /// Asks several queries in one round trip, and gives each row to `take`, with the number of its query.
    ///
    /// # Errors
    ///
    /// The error of the first query that failed, with what it was to read.
    pub async fn each(&mut self, queries: &[Query], take: Take<'_>) -> Result<(), Error> {
        let texts: Vec<_> = queries.iter().map(|query| query.sql.as_str()).collect();
        let mut ended = 0;
        let sent = self.query(&texts.join(";\n"), &mut ended, take).await;
        let sent = sent.and_then(|()| {
            if ended != queries.len() {
                return Err(QueryError::Protocol("some of the results are missing".to_owned()));
            }
            Ok(())
        });
        sent.map_err(|error| {
            let what = queries.get(ended).map_or("accounts", |query| &query.what);
            let denied = error.meaning(At::Read) == Some(Meaning::Denied);
            let error = error.context(format!("reading {what}"));
            if denied {
                error
                    .note(format!("GRANT SELECT ON mysql.* TO {SUPERUSER}@'{}'", self.account_host))
            } else {
                error
            }
        })
    }

    /// A user's name in a text, which does not tell the superuser's.
    pub fn told<'a>(&self, user: &'a str) -> &'a str {
        if self.superuser.as_deref() == Some(user) { SUPERUSER } else { user }
    }

    /// Whether both are at one server, or at two of one cluster, as the servers themselves say.
    pub fn is_same_server(&self, other: &Self) -> bool {
        let cluster = self.cluster.as_ref();
        self.variables.is_same_server(&other.variables)
            || cluster.is_some_and(|own| own.holds(other.cluster.as_ref(), &other.variables))
    }

    /// Asks several queries in few round trips, of which the server may refuse each.
    ///
    /// # Errors
    ///
    /// Of the connection, with what was to be read.
    pub async fn each_that_can_be(
        &mut self,
        queries: &[Query],
    ) -> Result<Vec<Result<Vec<Row>, QueryError>>, Error> {
        let mut answers = Vec::with_capacity(queries.len());
        while let Some(first) = queries.get(answers.len()) {
            let some = queries[answers.len()..].iter().take(Self::MOST_IN_A_ROW);
            let texts: Vec<_> = some.map(|query| query.sql.as_str()).collect();
            let mut results = Vec::new();
            let sent = self.collect(&texts.join(";\n"), &mut results).await;
            let ended = results.len();
            answers.extend(results.into_iter().map(Ok));
            match sent {
                Err(failure @ QueryError::Server { .. }) => answers.push(Err(failure)),
                Err(failure) => return Err(failure.context(format!("reading {}", first.what))),
                Ok(()) if ended == 0 => return Err(response_error().context(&first.what)),
                Ok(()) => {}
            }
        }
        Ok(answers)
    }

    /// Ends the connection in order, so that the server does not count it as aborted.
    pub async fn close(self) {
        // A connection that does not close in time is dropped.
        let _ = self.deadline.at_most(GOODBYE).limit(self.conn.disconnect()).await;
    }

    /// Sends text with one or more queries, and adds the rows of each that has ended to `results`.
    async fn collect(&mut self, sql: &str, results: &mut Vec<Vec<Row>>) -> Result<(), QueryError> {
        let mut ended = 0;
        let mut take = |query: usize, row: Row| {
            let size = row.size();
            results.resize_with(results.len().max(query + 1), Vec::new);
            results[query].push(row);
            size
        };
        let sent = self.query(sql, &mut ended, &mut take).await;
        results.resize_with(ended, Vec::new);
        sent
    }

    /// Sends text with one or more queries, and gives each row to `take`, with the number of its query.
    /// `ended` counts the queries of which all rows have come.
    async fn query(
        &mut self,
        sql: &str,
        ended: &mut usize,
        take: Take<'_>,
    ) -> Result<(), QueryError> {
        let (conn, family, hidden) = (&mut self.conn, self.family, self.superuser.as_deref());
        let failed = |error| QueryError::new(error, family, hidden);
        let query = async {
            let mut kept = 0;
            let mut result = conn.query_iter(sql).await.map_err(failed)?;
            loop {
                let Some(columns) = result.columns() else {
                    // All have ended, or the driver keeps the error of the next query for who asks.
                    return result.drop_result().await.map_err(failed);
                };
                let columns: Arc<[String]> =
                    columns.iter().map(|column| column.name_str().into_owned()).collect();
                while let Some(row) = result.next().await.map_err(failed)? {
                    let values = row.unwrap().into_iter().map(bytes).collect();
                    let row = Row::new(Arc::clone(&columns), values);
                    kept += take(*ended, row);
                    if kept > MOST_BYTES {
                        return Err(QueryError::Protocol(format!(
                            "what must be kept of the response has more than {MOST_BYTES} bytes"
                        )));
                    }
                }
                *ended += 1;
            }
        };
        match self.deadline.run("an answer of the database", panic::catch(query)).await {
            Ok(Ok(result)) => result,
            // The driver panics where a server announces more columns than there can be.
            Ok(Err(_)) => Err(response_error()),
            Err(late) => Err(QueryError::TimedOut(late)),
        }
    }
}

/// In the text protocol every value is bytes, or `NULL`.
fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(bytes),
        other => Some(other.as_sql(true).into_bytes()),
    }
}
