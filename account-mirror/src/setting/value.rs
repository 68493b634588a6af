//! The values of settings.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::family::Family;
use crate::grant::RoleName;

/// The value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The clause that sets it.
    Clause(String),
    /// A demand on the connection.
    Tls(Tls),
    /// A JSON object.
    Json(Map<String, Json>),
    /// A set of roles.
    Roles(BTreeSet<RoleName>),
}

/// What an account demands of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// `REQUIRE NONE`
    None,
    /// `REQUIRE SSL`
    Ssl,
    /// `REQUIRE X509`
    X509,
    /// `REQUIRE SUBJECT … AND ISSUER … AND CIPHER …`; empty means not demanded.
    Specified {
        /// The subject of the client's certificate.
        subject: String,
        /// The issuer of the client's certificate.
        issuer: String,
        /// The cipher.
        cipher: String,
    },
}

impl Tls {
    /// Whether only a client with a certificate can log in. MySQL asks for one also where only the
    /// cipher is specified.
    pub fn demands_certificate(&self, family: Family) -> bool {
        match self {
            Self::None | Self::Ssl => false,
            Self::X509 => true,
            Self::Specified { subject, issuer, .. } => {
                family.is_mysql() || !subject.is_empty() || !issuer.is_empty()
            }
        }
    }
}
