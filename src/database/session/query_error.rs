//! Why a query or statement failed.

use std::{fmt, io};

use account_mirror::family::Family;
use account_mirror::sql::Statement;
use mysql_async::{DriverError, IoError};

use crate::database::server_error::{self, At, Meaning, Row};
use crate::error::{Error, ErrorType};
use crate::text;

/// What is told in the place of a message.
const WITHHELD: &str = "the server's message is withheld because it may quote the password";

/// Why a query or statement failed.
pub enum QueryError {
    /// The server refused it.
    Server {
        /// The server's error number.
        code: u16,
        /// The server's message.
        text: String,
        /// The server's family, on which it depends what some of the numbers mean.
        family: Family,
    },
    /// The connection broke. Whether the statement was carried out is unknown.
    ConnectionLost(String),
    /// The response is not one of the protocol, or too large. Whether the statement was carried out
    /// is unknown.
    Protocol(String),
    /// The time or the memory ran out.
    TimedOut(Error),
    /// The lease under which accounts are changed ended before, so it was not carried out.
    LeaseEnded,
    /// It was not begun any more, for this reason.
    NotBegun(Error),
}

impl QueryError {
    /// The server's error number.
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Server { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// What the server's error number means there.
    pub fn row(&self, at: At) -> Option<&'static Row> {
        match self {
            Self::Server { code, family, .. } => server_error::find(*code, at, Some(*family)),
            _ => None,
        }
    }

    /// What the function decides by the server's error number there.
    pub fn meaning(&self, at: At) -> Option<Meaning> {
        self.row(at).map(|row| row.meaning)
    }

    /// Whether something does not exist, or is not valid, that the query or statement is about.
    pub fn is_of_the_absent(&self, at: At) -> bool {
        use Meaning::{DatabaseAbsent, PartAbsent, TableAbsent};
        matches!(self.meaning(at), Some(DatabaseAbsent | TableAbsent | PartAbsent))
    }

    /// The same without what the statement holds of passwords. A message is shown only where it is known
    /// that it does not repeat the statement.
    pub(super) fn without_secrets(self, statement: &Statement) -> Self {
        let quotes = self.row(At::Change).is_none_or(|row| row.quotes);
        match self {
            Self::Server { code, text, family } => Self::Server {
                code,
                text: if quotes { WITHHELD.to_owned() } else { statement.without_secrets(&text) },
                family,
            },
            other => other,
        }
    }

    /// The error for the operator, where the failure has no meaning of its own to the caller.
    pub fn context(self, what: impl fmt::Display) -> Error {
        let row = self.row(At::Read);
        match self {
            Self::Server { code, text, .. } => {
                let error_type = row.and_then(|row| row.error_type);
                let remedy = row.map_or_else(String::new, |row| format!("; {}", row.advice()));
                error_type
                    .unwrap_or(ErrorType::StatementRefused)
                    .because(format!("{what} failed: MySQL error {code}: \"{text}\"{remedy}"))
            }
            Self::ConnectionLost(text) => ErrorType::ConnectionLost.because(format!(
                "{what} failed: the connection broke ({text}); the next try finds out whether it was \
                 done"
            )),
            Self::Protocol(text) => ErrorType::ProtocolError.because(format!(
                "{what} failed: {text}; find out what answers at this address, and what is in between; \
                 the next try finds out whether it was done"
            )),
            Self::LeaseEnded => ErrorType::DeadlineExceeded
                .because(format!("{what} was not begun: the time for it had run out")),
            Self::TimedOut(error) | Self::NotBegun(error) => error.context(what),
        }
    }
}

/// The error for a response that the driver could not decode.
pub(super) fn response_error() -> QueryError {
    QueryError::Protocol("the response could not be decoded".to_owned())
}

impl QueryError {
    /// What the driver reports of a server of this family, without the superuser's name if it is `hidden`.
    pub(super) fn new(error: mysql_async::Error, family: Family, hidden: Option<&str>) -> Self {
        match error {
            mysql_async::Error::Server(error) => {
                let text = text::without_superuser(&error.message, hidden);
                let text = text::beginning(&text, text::SERVER).into_owned();
                let row = server_error::find(error.code, At::Read, Some(family));
                if row.is_some_and(|row| row.meaning == Meaning::ConnectionEnds) {
                    Self::ConnectionLost(format!("MySQL error {}: {text}", error.code))
                } else {
                    Self::Server { code: error.code, text, family }
                }
            }
            mysql_async::Error::Driver(DriverError::ConnectionClosed) => {
                Self::ConnectionLost("it is closed".to_owned())
            }
            mysql_async::Error::Io(IoError::Io(error)) if is_undecodable(&error) => {
                response_error()
            }
            mysql_async::Error::Io(error) => Self::ConnectionLost(error.to_string()),
            // The driver's own texts may quote a packet, so only the kind is kept.
            _ => response_error(),
        }
    }
}

/// Whether it is the driver's parser that failed, and not the network: both are I/O errors, and a
/// packet that is too short is an end of file as well.
pub(super) fn is_undecodable(error: &io::Error) -> bool {
    match error.kind() {
        // The last kind is that of a packet that is too large, or out of its order.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => true,
        io::ErrorKind::UnexpectedEof => error.to_string().starts_with("can't parse"),
        _ => false,
    }
}
