//! What comes back from the server: rows, or a failure.

use std::fmt;
use std::task::Poll;

use mysql_async::{Row, Value};

use crate::error::{Error, ErrorType};

/// Why a query or statement failed.
pub enum QueryError {
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

impl QueryError {
    /// The server's error number.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Server { code, .. } => Some(*code),
            Self::ConnectionLost(_) | Self::TimedOut(_) => None,
        }
    }

    /// The error for the operator, where the failure has no meaning of its own to the caller.
    pub fn context(self, what: impl fmt::Display) -> Error {
        match self {
            Self::Server { code, text } => {
                let (error_type, remedy) = meaning(code);
                error_type.because(format!("{what} failed: MySQL error {code}: {text}{remedy}"))
            }
            Self::ConnectionLost(text) => ErrorType::ConnectionLost.because(format!(
                "the connection broke while {what}: {text}; the next try finds out what was done \
                 and goes on from there"
            )),
            Self::TimedOut(error) => error.context(what),
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

impl From<mysql_async::Error> for QueryError {
    fn from(error: mysql_async::Error) -> Self {
        match error {
            mysql_async::Error::Server(error) => {
                Self::Server { code: error.code, text: error.message }
            }
            // The driver's own texts may quote a packet, so only the kind is kept.
            mysql_async::Error::Driver(_) => {
                Self::ConnectionLost("the server's answer made no sense".to_owned())
            }
            mysql_async::Error::Io(error) => Self::ConnectionLost(error.to_string()),
            mysql_async::Error::Other(_) | mysql_async::Error::Url(_) => {
                Self::ConnectionLost("the driver gave up".to_owned())
            }
        }
    }
}

/// A row of an answer, by column name.
pub struct Record(Vec<(String, Value)>);

impl From<Row> for Record {
    fn from(row: Row) -> Self {
        let names: Vec<_> =
            row.columns_ref().iter().map(|column| column.name_str().into_owned()).collect();
        Self(names.into_iter().zip(row.unwrap()).collect())
    }
}

impl Record {
    /// What the row takes in memory, about.
    pub(super) fn size(&self) -> usize {
        let column = |(name, value): &(String, Value)| {
            let bytes = match value {
                Value::Bytes(bytes) => bytes.capacity(),
                _ => 0,
            };
            size_of::<(String, Value)>() + name.capacity() + bytes
        };
        size_of::<Self>() + self.0.iter().map(column).sum::<usize>()
    }

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

/// Waits for what the driver does; `None` if it panics, as it does where a server announces more
/// columns than there can be.
pub(super) async fn catch_panic<F: Future>(work: F) -> Option<F::Output> {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|context| {
        let poll = std::panic::AssertUnwindSafe(|| work.as_mut().poll(context));
        match std::panic::catch_unwind(poll) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}
