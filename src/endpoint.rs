//! The host and port of a server, and the parts of the host names of RDS.

use std::fmt;

mod rds_name;

pub use rds_name::{RdsName, RdsNameKind, is_proxy, region_of_host};

/// A host and a port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// The name or the IP address of the host.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl Endpoint {
    /// Whether both have the same port and the same host name, without regard to case.
    pub fn is_same_as(&self, other: &Self) -> bool {
        is_same_host(&self.host, &other.host) && self.port == other.port
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Whether two host names are equal in DNS: without regard to case and to a dot at the end.
pub fn is_same_host(one: &str, other: &str) -> bool {
    normalized(one) == normalized(other)
}

fn normalized(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}
