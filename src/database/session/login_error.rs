//! Translates a failed login into an error with its remedy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use account_mirror::plugin;
use mysql_async::{DriverError, IoError};

use super::QueryError;
use super::query_error::is_undecodable;
use super::server::{Credentials, LoginRole};
use crate::database::server_error::{self, At, Meaning};
use crate::error::{Error, ErrorType};
use crate::{text, tls};

impl LoginRole {
    fn refused(self) -> (ErrorType, &'static str) {
        match self {
            Self::Current => (
                ErrorType::CurrentLoginRefused,
                "the superuser's server stores this password: see whether that host is another \
                 server, and whether an account of the user matches this client's address",
            ),
            Self::Pending => (
                ErrorType::PendingLoginRefused,
                "somebody changed the password, or a more specific account matches first: drop \
                 that, or rotate again, which sets the password again",
            ),
            Self::Superuser => (
                ErrorType::SuperuserLoginRefused,
                "check \"username\" and \"password\" in the superuser's secret, and that the user may log \
                 in from there",
            ),
        }
    }

    /// The type of an error about an account: applications log in as the user in use alone, and nothing
    /// is said of them where another account cannot be used.
    pub fn of_account(self, error_type: ErrorType) -> ErrorType {
        use ErrorType::{AccountUnusable, WrongAccount};
        match (error_type, self) {
            (AccountUnusable | WrongAccount, Self::Pending | Self::Superuser) => self.refused().0,
            (error_type, _) => error_type,
        }
    }
}

impl Credentials<'_> {
    /// What the driver's error says of a login at this address of the server.
    pub(super) fn explain(&self, error: mysql_async::Error, address: IpAddr) -> LoginError {
        let server = self.server;
        let host = &server.endpoint.host;
        let names = server.hidden_in.is_none().then(|| (&**host, server.tls.expected_name(host)));
        if let Some(found) = tls::explain(&error, names) {
            return ErrorType::TlsFailed
                .because(format!("no TLS connection to {server} was made: {found}"))
                .into();
        }
        match error {
            mysql_async::Error::Server(error) => self.server_refusal(error.code, &error.message),
            mysql_async::Error::Io(IoError::Io(error)) if !is_undecodable(&error) => {
                self.unreachable(&error.to_string()).into()
            }
            mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer) => {
                ErrorType::TlsFailed
                    .because(format!(
                        "no TLS connection to {server} was made: it does not offer TLS; turn it on \
                         there or, if plain text is acceptable, set \"ssl\": false in the secret"
                    ))
                    .into()
            }
            mysql_async::Error::Driver(DriverError::UnknownAuthPlugin { name }) => {
                ErrorType::PluginUnsupported
                    .because(format!(
                        "the login of {} failed: {server} asks for the plugin \"{name}\", \
                         which this function does not support; use one of {}, if the server \
                         has it; if no account of this name matches this client's address \
                         ({}), MySQL makes up a plugin: look at SELECT user, host, plugin FROM \
                         mysql.user",
                        self.who(),
                        plugin::supported(),
                        own_address(address),
                        name = text::beginning(&name, text::SERVER)
                    ))
                    .into()
            }
            _ => self.protocol_error(address).into(),
        }
    }

    pub(super) fn protocol_error(&self, address: IpAddr) -> Error {
        ErrorType::ProtocolError.because(format!(
            "the login of {} failed: {} sent an invalid response, as MySQL does when a part of the login \
             is lost on the way, and MariaDB if no account of this name matches this client's address \
             ({}); find out whether the port is that of a MySQL server, and what is in between",
            self.role,
            self.server,
            own_address(address)
        ))
    }

    /// The refusal for a failure of the first query after the login.
    pub(super) fn refused(&self, failure: QueryError, address: IpAddr) -> LoginError {
        match failure {
            QueryError::Server { code, text, .. } => self.server_refusal(code, &text),
            QueryError::Protocol(_) => self.protocol_error(address).into(),
            _ => failure.context(format!("logging in as {} at {}", self.role, self.server)).into(),
        }
    }

    fn server_refusal(&self, code: u16, text: &str) -> LoginError {
        let row = server_error::find(code, At::Login, None);
        let (error_type, remedy) = match row {
            Some(row) => match row.error_type {
                Some(error_type) => (self.role.of_account(error_type), row.advice()),
                None => {
                    let (error_type, of_role) = self.role.refused();
                    (error_type, format!("{}; {of_role}", row.advice()))
                }
            },
            None => (
                ErrorType::ServerError,
                "it says nothing of the password: look the number up in the manual of the server, or of \
                 the proxy before it"
                    .to_owned(),
            ),
        };
        LoginError {
            error: error_type.because(format!(
                "the login of {} was refused by {}: MySQL error {code}: \"{}\"; {remedy}",
                self.who(),
                self.server,
                text::beginning(&self.told(text), text::SERVER)
            )),
            code: Some(code),
        }
    }
}

/// The address from which packets to this one leave. Nothing is sent.
fn own_address(server: IpAddr) -> String {
    let any: (IpAddr, u16) = match server {
        IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED.into(), 0),
        IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED.into(), 0),
    };
    let own = UdpSocket::bind(any).and_then(|socket| {
        socket.connect((server, 9))?;
        socket.local_addr()
    });
    own.map_or_else(|_| "unknown".to_owned(), |own| own.ip().to_string())
}

/// A login that did not succeed.
pub struct LoginError {
    /// The error for the operator.
    pub error: Error,
    /// The server's error number, if the server refused.
    pub code: Option<u16>,
}

impl LoginError {
    /// What the function decides by the server's error number.
    pub fn meaning(&self) -> Option<Meaning> {
        let row = server_error::find(self.code?, At::Login, None)?;
        Some(row.meaning)
    }

    /// Whether the server accepted the password and refused for a limit on connections, which it
    /// looks at afterwards.
    pub fn proves_password(&self) -> bool {
        self.meaning() == Some(Meaning::LimitAfterLogin)
    }
}

impl From<Error> for LoginError {
    fn from(error: Error) -> Self {
        Self { error, code: None }
    }
}

impl From<LoginError> for Error {
    fn from(refusal: LoginError) -> Self {
        refusal.error
    }
}
