//! Why a query or statement failed.

use std::{fmt, io};

use mysql_async::{DriverError, IoError};

use crate::error::{Error, ErrorType};
use crate::text;

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

    /// The error for the operator, where the failure has no meaning of its own to the caller.
    pub fn context(self, what: impl fmt::Display) -> Error {
        match self {
            Self::Server { code, text } => {
                let (error_type, remedy) = meaning(code);
                error_type
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
                .because(format!("{what} was not begun: the time in which it may be had ended")),
            Self::TimedOut(error) | Self::NotBegun(error) => error.context(what),
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
                let text = text::beginning(&error.message, text::SERVER).into_owned();
                match ends_connection(error.code) {
                    true => Self::ConnectionLost(format!("MySQL error {}: {text}", error.code)),
                    false => Self::Server { code: error.code, text },
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

/// Whether the server sends this error as the last thing on a connection: it is shut down, or somebody
/// or a time limit ended the connection.
pub(super) fn ends_connection(code: u16) -> bool {
    matches!(code, 1053 | 1077 | 1079 | 1080 | 1152 | 1927 | 3169 | 4031)
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
