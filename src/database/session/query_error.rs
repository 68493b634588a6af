//! Why a query or statement failed.

use std::fmt;
use std::task::Poll;

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
    /// The connection broke. Whether the statement was carried out is unknown.
    ConnectionLost(String),
    /// The response is not one of the protocol, or too large. Whether the statement was carried out
    /// is unknown.
    Protocol(String),
    /// The time ran out.
    TimedOut(Error),
}

impl QueryError {
    /// The server's error number.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Server { code, .. } => Some(*code),
            Self::ConnectionLost(_) | Self::Protocol(_) | Self::TimedOut(_) => None,
        }
    }

    /// The error for the operator, where the failure has no meaning of its own to the caller.
    pub fn context(self, what: impl fmt::Display) -> Error {
        match self {
            Self::Server { code, text } => {
                let (error_type, remedy) = meaning(code);
                error_type
                    .because(format!("{what} failed: MySQL error {code}: \"{text}\"{remedy}"))
            }
            Self::ConnectionLost(text) | Self::Protocol(text) => {
                ErrorType::ConnectionLost.because(format!(
                    "{what} failed: the connection broke ({text}); the next try finds out whether it \
                     was done"
                ))
            }
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
            "; point the secret at the writer, or wait until a failover has ended",
        ),
        1205 | 1223 | 1969 => (
            ErrorType::StatementRefused,
            "; another session holds a lock, such as a backup's: wait until it ends, or end it",
        ),
        _ => (ErrorType::StatementRefused, ""),
    }
}

/// The error for a response that the driver could not decode.
pub(super) fn response_error() -> QueryError {
    QueryError::Protocol("the response could not be decoded".to_owned())
}

impl From<mysql_async::Error> for QueryError {
    fn from(error: mysql_async::Error) -> Self {
        match error {
            mysql_async::Error::Server(error) => {
                Self::Server { code: error.code, text: error.message }
            }
            // The driver's own texts may quote a packet, so only the kind is kept.
            mysql_async::Error::Driver(_) => response_error(),
            mysql_async::Error::Io(error) => Self::ConnectionLost(error.to_string()),
            mysql_async::Error::Other(_) | mysql_async::Error::Url(_) => {
                Self::ConnectionLost("the driver gave up".to_owned())
            }
        }
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
