//! The database: logging in, reading accounts, and changing the twin.

use std::fmt;
use std::net::IpAddr;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row};

use crate::deadline::Deadline;
use answer::{QueryError, Record, catch_panic};
use statement::Statement;

pub mod account;
pub mod answer;
pub mod apply;
pub mod login;
pub mod mariadb;
pub mod mariadb_password;
pub mod mirror;
pub mod mysql;
pub mod policy;
pub mod privilege;
pub mod reader;
pub mod server;
pub mod statement;
pub mod superuser;
pub mod takeover;
pub mod witness;

/// The most that an answer may take in memory, about. No real account comes near; a confused server
/// must not fill the function's memory.
const MOST_BYTES: usize = 64 << 20;

/// The kind of server, with its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// MySQL, Aurora MySQL or Percona Server.
    MySql(Version),
    /// MariaDB.
    MariaDb(Version),
}

/// A server's version: major, minor and patch.
pub type Version = (u16, u16, u16);

impl Family {
    /// Reads what `VERSION()` returns, such as `9.7.4` or `10.11.19-MariaDB-log`.
    pub fn parse(version: &str) -> Option<Self> {
        let mut numbers =
            version.split(|c: char| !c.is_ascii_digit()).map_while(|n| n.parse().ok());
        let parsed = (numbers.next()?, numbers.next()?, numbers.next()?);
        Some(if version.to_ascii_lowercase().contains("mariadb") {
            Self::MariaDb(parsed)
        } else {
            Self::MySql(parsed)
        })
    }

    /// Whether the server has roles, dynamic privileges and account attributes.
    pub fn has_roles(self) -> bool {
        match self {
            Self::MySql(version) => version >= (8, 0, 0),
            Self::MariaDb(_) => true,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, (major, minor, patch)) = match self {
            Self::MySql(version) => ("MySQL", version),
            Self::MariaDb(version) => ("MariaDB", version),
        };
        write!(f, "{name} {major}.{minor}.{patch}")
    }
}

/// A logged-in connection. Every use of it is bounded by a deadline: the connection itself is
/// private.
pub struct Session {
    conn: Conn,
    /// The address that was connected to.
    pub address: IpAddr,
    /// The kind of server.
    pub family: Family,
    /// The host part of the account that the server chose for the login.
    pub account_host: String,
    /// The user part of that account.
    pub account_user: String,
}

impl Session {
    /// The rows that a query returns.
    ///
    /// # Errors
    ///
    /// A [`QueryError`], which the caller turns into an error with what it was doing.
    pub async fn rows(
        &mut self,
        sql: &str,
        params: impl Into<Params>,
        deadline: Deadline,
    ) -> Result<Vec<Record>, QueryError> {
        let params = params.into();
        let conn = &mut self.conn;
        let query = async move {
            let mut rows = Rows::default();
            if matches!(params, Params::Empty) {
                let mut result = conn.query_iter(sql).await?;
                while let Some(row) = result.next().await? {
                    rows.push(row)?;
                }
            } else {
                let mut result = conn.exec_iter(sql, params).await?;
                while let Some(row) = result.next().await? {
                    rows.push(row)?;
                }
            }
            Ok(rows.records)
        };
        let answer = catch_panic(query);
        match deadline.run("an answer of the database", answer).await {
            Ok(Some(result)) => result,
            Ok(None) => Err(QueryError::ConnectionLost("the server's answer made no sense".to_owned())),
            Err(late) => Err(QueryError::TimedOut(late)),
        }
    }

    /// The one row that a query returns.
    ///
    /// # Errors
    ///
    /// As [`Session::rows`]; also if there is no row.
    pub async fn row(
        &mut self,
        sql: &str,
        params: impl Into<Params>,
        deadline: Deadline,
    ) -> Result<Record, QueryError> {
        let rows = self.rows(sql, params, deadline).await?;
        rows.into_iter()
            .next()
            .ok_or_else(|| QueryError::ConnectionLost("the server's answer was empty".to_owned()))
    }

    /// Runs a statement that returns nothing.
    ///
    /// # Errors
    ///
    /// A [`QueryError`]; its text is empty if the statement holds a password.
    pub async fn run(&mut self, statement: &Statement, deadline: Deadline) -> Result<(), QueryError> {
        let result = self.rows(statement.text(), (), deadline).await;
        match result {
            Err(QueryError::Server { code, .. }) if statement.is_secret() => Err(QueryError::Server {
                code,
                text: "the server's message is withheld because it may quote the password"
                    .to_owned(),
            }),
            other => other.map(|_| ()),
        }
    }

    /// Says goodbye, so that the server does not count the connection as aborted.
    pub async fn close(self, deadline: Deadline) {
        let limit = deadline.at_most(std::time::Duration::from_secs(1));
        // A connection that does not close in time is dropped; there is nothing left to lose.
        let _ = limit.limit(self.conn.disconnect()).await;
    }
}

/// The rows of an answer so far, and what they take.
#[derive(Default)]
struct Rows {
    records: Vec<Record>,
    bytes: usize,
}

impl Rows {
    fn push(&mut self, row: Row) -> Result<(), QueryError> {
        let record = Record::from(row);
        self.bytes += record.size();
        if self.bytes > MOST_BYTES {
            let most = MOST_BYTES >> 20;
            return Err(QueryError::ConnectionLost(format!("the server sent more than {most} MiB of rows")));
        }
        self.records.push(record);
        Ok(())
    }
}
