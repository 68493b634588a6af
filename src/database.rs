//! The database: logging in, reading accounts, and changing the twin.

use std::fmt;
use std::net::IpAddr;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};

use crate::deadline::Deadline;
use crate::error::{Error, ErrorType};
use statement::Statement;

pub mod account;
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

/// The most rows that an answer may have. No real account comes near; a confused server must not
/// fill the function's memory.
const MOST_ROWS: usize = 500_000;

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
        let mut numbers = version
            .split(|c: char| !c.is_ascii_digit())
            .map_while(|n| n.parse().ok());
        let parsed = (numbers.next()?, numbers.next()?, numbers.next()?);
        Some(if version.to_ascii_lowercase().contains("mariadb") {
            Self::MariaDb(parsed)
        } else {
            Self::MySql(parsed)
        })
    }

    /// Whether the server has roles, dynamic privileges and account attributes.
    pub fn is_modern(self) -> bool {
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
    /// A [`Failure`], which the caller turns into an error with what it was doing.
    pub async fn rows(
        &mut self,
        sql: &str,
        params: impl Into<Params>,
        deadline: Deadline,
    ) -> Result<Vec<Record>, Failure> {
        let params = params.into();
        let conn = &mut self.conn;
        let query = async move {
            let mut rows = Vec::new();
            if matches!(params, Params::Empty) {
                let mut result = conn.query_iter(sql).await?;
                while let Some(row) = result.next().await? {
                    push(&mut rows, row)?;
                }
            } else {
                let mut result = conn.exec_iter(sql, params).await?;
                while let Some(row) = result.next().await? {
                    push(&mut rows, row)?;
                }
            }
            Ok(rows)
        };
        match deadline.run("an answer of the database", query).await {
            Ok(result) => result,
            Err(late) => Err(Failure::Late(late)),
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
    ) -> Result<Record, Failure> {
        let rows = self.rows(sql, params, deadline).await?;
        rows.into_iter()
            .next()
            .ok_or_else(|| Failure::Lost("the server's answer was empty".to_owned()))
    }

    /// Runs a statement that returns nothing.
    ///
    /// # Errors
    ///
    /// A [`Failure`]; its text is empty if the statement holds a password.
    pub async fn run(&mut self, statement: &Statement, deadline: Deadline) -> Result<(), Failure> {
        let result = self.rows(statement.text(), (), deadline).await;
        match result {
            Err(Failure::Server { code, .. }) if statement.is_secret() => Err(Failure::Server {
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

fn push(rows: &mut Vec<Record>, row: Row) -> Result<(), Failure> {
    if rows.len() == MOST_ROWS {
        return Err(Failure::Lost(format!(
            "the server sent more than {MOST_ROWS} rows"
        )));
    }
    rows.push(Record::from(row));
    Ok(())
}

/// Why a query or statement failed.
pub enum Failure {
    /// The server refused it.
    Server {
        /// The server's error number.
        code: u16,
        /// The server's message.
        text: String,
    },
    /// The connection broke, or what arrived made no sense. Whether the statement was carried out
    /// is unknown.
    Lost(String),
    /// The time ran out.
    Late(Error),
}

impl Failure {
    /// The server's error number.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Server { code, .. } => Some(*code),
            Self::Lost(_) | Self::Late(_) => None,
        }
    }

    /// The error for the operator, where the failure has no meaning of its own to the caller.
    pub fn while_doing(self, what: impl fmt::Display) -> Error {
        match self {
            Self::Server { code, text } => {
                let (error_type, remedy) = meaning(code);
                error_type.because(format!("{what} failed: MySQL error {code}: {text}{remedy}"))
            }
            Self::Lost(text) => ErrorType::ConnectionLost.because(format!(
                "the connection broke while {what}: {text}; the next try finds out what was done \
                 and goes on from there"
            )),
            Self::Late(error) => error.while_doing(what),
        }
    }
}

fn meaning(code: u16) -> (ErrorType, &'static str) {
    match code {
        1044 | 1142 | 1143 | 1227 | 1370 => (
            ErrorType::SuperuserTooWeak,
            "; the superuser needs CREATE USER, SELECT on the mysql schema, and what it is to \
             grant WITH GRANT OPTION",
        ),
        1290 | 1792 | 1836 | 3501 => (
            ErrorType::ServerReadOnly,
            "; point the secret at the writer, and try again after a failover has ended",
        ),
        1205 | 1223 | 1969 => (
            ErrorType::StatementRefused,
            "; another session holds a lock, such as a backup's; the next try goes on from here",
        ),
        _ => (ErrorType::StatementRefused, ""),
    }
}

impl From<mysql_async::Error> for Failure {
    fn from(error: mysql_async::Error) -> Self {
        match error {
            mysql_async::Error::Server(error) => Self::Server {
                code: error.code,
                text: error.message,
            },
            // The driver's own texts may quote a packet, so only the kind is kept.
            mysql_async::Error::Driver(_) => {
                Self::Lost("the server's answer made no sense".to_owned())
            }
            mysql_async::Error::Io(error) => Self::Lost(error.to_string()),
            mysql_async::Error::Other(_) | mysql_async::Error::Url(_) => {
                Self::Lost("the driver gave up".to_owned())
            }
        }
    }
}

/// A row of an answer, by column name.
pub struct Record(Vec<(String, Value)>);

impl From<Row> for Record {
    fn from(row: Row) -> Self {
        let names: Vec<_> = row
            .columns_ref()
            .iter()
            .map(|column| column.name_str().into_owned())
            .collect();
        Self(names.into_iter().zip(row.unwrap()).collect())
    }
}

impl Record {
    /// The names of the columns.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The value of a column as text; `None` if it is `NULL`, absent, or not text.
    pub fn text(&self, column: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(name, _)| name == column)?;
        match value {
            Value::Bytes(bytes) => String::from_utf8(bytes.clone()).ok(),
            Value::Int(n) => Some(n.to_string()),
            Value::UInt(n) => Some(n.to_string()),
            Value::Float(n) => Some(n.to_string()),
            Value::Double(n) => Some(n.to_string()),
            Value::NULL | Value::Date(..) | Value::Time(..) => None,
        }
    }

    /// The value of a column as text, where bytes that are no text are replaced.
    pub fn text_lossy(&self, column: &str) -> String {
        match self.0.iter().find(|(name, _)| name == column) {
            Some((_, Value::Bytes(bytes))) => String::from_utf8_lossy(bytes).into_owned(),
            _ => self.text_or_empty(column),
        }
    }

    /// The value of a column as text, with the empty text in place of `NULL`.
    pub fn text_or_empty(&self, column: &str) -> String {
        self.text(column).unwrap_or_default()
    }

    /// The value of a column as a whole number.
    pub fn number(&self, column: &str) -> Option<i64> {
        self.text(column)?.parse().ok()
    }

    /// Whether the value is `Y`.
    pub fn is_yes(&self, column: &str) -> bool {
        self.text(column).as_deref() == Some("Y")
    }

    /// Whether the value is `NULL`, or there is no such column.
    pub fn is_null(&self, column: &str) -> bool {
        self.0
            .iter()
            .find(|(name, _)| name == column)
            .is_none_or(|(_, value)| *value == Value::NULL)
    }
}
