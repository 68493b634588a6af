//! A server, and the credentials of a login there.

use std::fmt;
use std::net::IpAddr;

use account_mirror::password::Password;
use account_mirror::username::Username;
use tokio::net::lookup_host;

use crate::caller::say;
use crate::deadline::Deadline;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorType};
use crate::event::SecretId;
use crate::text;
use crate::tls::TlsMode;

/// A server as a secret names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The host and the port.
    pub endpoint: Endpoint,
    /// What is demanded of the connection.
    pub tls: TlsMode,
    /// The secret whose host and port these are, where no text may tell them.
    pub hidden_in: Option<SecretId>,
}

impl Server {
    /// The addresses of the host, in the order in which to try them.
    ///
    /// # Errors
    ///
    /// `HostUnknown` if the name has no address.
    pub async fn addresses(&self, deadline: Deadline) -> Result<Vec<IpAddr>, Error> {
        let looked_up = deadline
            .run(
                format!("the address of {self}"),
                lookup_host((self.endpoint.host.as_str(), self.endpoint.port)),
            )
            .await?;
        let mut addresses: Vec<_> = looked_up
            .map_err(|error| self.unknown(&error.to_string()))?
            .map(|address| address.ip())
            .collect();
        addresses.dedup();
        if addresses.is_empty() {
            return Err(self.unknown("it has no address"));
        }
        Ok(addresses)
    }

    pub(super) fn unknown(&self, found: &str) -> Error {
        ErrorType::HostUnknown.because(format!(
            "{self} was not resolved: {found}; correct the host in the secret, or {}",
            say(
                "enable DNS in the function's VPC",
                "work where the name is known, such as in the VPC"
            )
        ))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hidden_in {
            Some(secret) => write!(f, "the host in secret {secret}"),
            None => self.endpoint.fmt(f),
        }
    }
}

/// Whose login it is. It decides the type and the text of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRole {
    /// The user of the AWSCURRENT version.
    Current,
    /// The user of the AWSPENDING version.
    Pending,
    /// The superuser.
    Superuser,
}

impl fmt::Display for LoginRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Current => "the user of AWSCURRENT",
            Self::Pending => "the user of AWSPENDING",
            Self::Superuser => "the superuser",
        })
    }
}

/// The credentials of a login, and where they are used.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// Whose they are.
    pub role: LoginRole,
    /// The server.
    pub server: &'a Server,
    /// The user name.
    pub user: &'a Username,
    /// The password.
    pub password: &'a Password,
}

impl Credentials<'_> {
    /// Whose login it is, in a text. The superuser's name is not told.
    pub(super) fn who(&self) -> String {
        match self.hidden_name() {
            Some(_) => self.role.to_string(),
            None => format!("{} \"{}\"", self.role, self.user),
        }
    }

    /// The user name, where no text may tell it.
    pub(super) fn hidden_name(&self) -> Option<&str> {
        (self.role == LoginRole::Superuser).then_some(self.user.as_str())
    }

    /// What the server says, without the name that no text may tell.
    pub(super) fn told(&self, text: &str) -> String {
        text::without_superuser(text, self.hidden_name())
    }
}
