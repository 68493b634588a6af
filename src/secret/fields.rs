//! The known keys of a secret's document, read one by one.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use account_mirror::password::Password;
use account_mirror::username::Username;
use rustls::pki_types::ServerName;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorType};
use crate::event::{self, SecretId};

/// The address of a server, and what its secret says about it.
#[derive(Clone, Debug)]
pub struct Address {
    /// The host and the port.
    pub endpoint: Endpoint,
    /// The RDS instance, `dbInstanceIdentifier` in the document.
    pub instance: Option<String>,
    /// The RDS cluster, `dbClusterIdentifier` in the document.
    pub cluster: Option<String>,
}

/// What a document demands of the connections that use its login.
#[derive(Clone, Debug)]
pub struct TlsKeys {
    /// Whether to use TLS: yes, unless the document says `false`.
    pub ssl: bool,
    /// The name in the server's certificate, where it is not the host.
    pub server_name: Option<String>,
}

/// The kind of server, as the document names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// `mysql`
    Mysql,
    /// `aurora-mysql`
    AuroraMysql,
    /// `mariadb`
    Mariadb,
}

impl Engine {
    /// Every engine.
    pub const ALL: [Self; 3] = [Self::Mysql, Self::AuroraMysql, Self::Mariadb];

    /// The name of the engine in documents and in the RDS API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::AuroraMysql => "aurora-mysql",
            Self::Mariadb => "mariadb",
        }
    }

    /// The longest user name of the engine, in characters.
    pub fn username_limit(self) -> usize {
        match self {
            Self::Mysql | Self::AuroraMysql => 32,
            Self::Mariadb => 128,
        }
    }
}

/// A key of the document, and where its value stands in the text.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) value: Range<usize>,
}

/// The keys and the raw values of a document, in their order.
pub(super) struct Fields<'a> {
    secret: &'a SecretId,
    text: &'a str,
    pairs: Vec<(String, &'a RawValue)>,
}

impl<'a> Fields<'a> {
    pub(super) fn parse(secret: &'a SecretId, text: &'a str) -> Result<Self, Error> {
        // The parser's own message can quote the document, so only the place is taken from it.
        let Pairs(pairs) = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let found = match error.classify() {
                Category::Data => "is JSON, but not an object".to_owned(),
                _ => format!("is not JSON (line {line}, column {column})"),
            };
            invalid(secret, found)
        })?;
        for (n, (key, _)) in pairs.iter().enumerate() {
            if pairs[..n].iter().any(|(earlier, _)| earlier == key) {
                return Err(invalid(secret, format!("has the key \"{key}\" twice")));
            }
        }
        Ok(Self { secret, text, pairs })
    }

    /// Where each value stands in the text: the raw values are slices of it.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let entry = |(key, raw): &(String, &RawValue)| {
            let start = raw.get().as_ptr().addr() - self.text.as_ptr().addr();
            Entry { key: key.clone(), value: start..start + raw.get().len() }
        };
        self.pairs.iter().map(entry).collect()
    }

    /// A string. `null` and the empty string are as if the key were not there.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Error> {
        match self.raw(key) {
            None | Some("null") => Ok(None),
            Some(raw) => match serde_json::from_str::<String>(raw) {
                Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
                Err(_) => Err(self.wrong(key, format!("is {}, not a string", kind(raw)))),
            },
        }
    }

    /// A string that must be there.
    pub(super) fn require(&self, key: &str) -> Result<String, Error> {
        self.text(key)?.ok_or_else(|| match self.raw(key) {
            None => invalid(self.secret, format!("lacks the key \"{key}\"")),
            Some("null") => self.wrong(key, "is null"),
            Some(_) => self.wrong(key, "is empty"),
        })
    }

    pub(super) fn username(&self) -> Result<Username, Error> {
        Username::parse(&self.require("username")?)
            .map_err(|unusable| self.wrong("username", unusable))
    }

    pub(super) fn password(&self) -> Result<Password, Error> {
        Ok(Password::new(self.require("password")?))
    }

    /// The server's address, if the document names a host.
    pub(super) fn address(&self) -> Result<Option<Address>, Error> {
        self.text("host")?.map(|host| self.address_of(host)).transpose()
    }

    /// The address with this host.
    pub(super) fn address_of(&self, host: String) -> Result<Address, Error> {
        if let Some(ends) = invisible_ends(&host) {
            return Err(self.wrong("host", format!("{ends}; remove that")));
        }
        if has_more_than_a_host(&host) {
            let found = "has a port or a part of a URL in it, as Terraform's \"endpoint\" has; put the \
                 host's name alone into it, and the port into \"port\"";
            return Err(self.wrong("host", found));
        }
        Ok(Address {
            endpoint: Endpoint { host, port: self.port()? },
            instance: self.text("dbInstanceIdentifier")?,
            cluster: self.text("dbClusterIdentifier")?,
        })
    }

    pub(super) fn tls(&self) -> Result<TlsKeys, Error> {
        let server_name = self.text("tls_server_name")?;
        if server_name.as_deref().is_some_and(|name| ServerName::try_from(name).is_err()) {
            let found =
                "is no name that a certificate could hold: it must be a host's name or an address";
            return Err(self.wrong("tls_server_name", found));
        }
        Ok(TlsKeys { ssl: self.ssl(), server_name })
    }

    /// The kind of server, if the document names it.
    pub(super) fn engine(&self) -> Result<Option<Engine>, Error> {
        self.text("engine")?.map(|name| self.engine_named(&name)).transpose()
    }

    /// The kind of server with this name.
    pub(super) fn engine_named(&self, name: &str) -> Result<Engine, Error> {
        Engine::ALL.into_iter().find(|engine| engine.as_str() == name).ok_or_else(|| {
            let known = Engine::ALL.map(Engine::as_str).join(", ");
            let hidden = invisible_ends(name).map_or_else(String::new, |ends| format!(" ({ends})"));
            self.wrong("engine", format!("is another text{hidden}; it must be one of {known}"))
        })
    }

    /// A number, or a string of digits.
    fn port(&self) -> Result<u16, Error> {
        let Some(raw) = self.raw("port").filter(|raw| !["null", "\"\""].contains(raw)) else {
            return Ok(3306);
        };
        let text = serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned());
        match text.parse() {
            Ok(port) if port > 0 => Ok(port),
            _ => {
                let found = format!(
                    "is {}; it must be a number from 1 to 65535, which may be in quotes",
                    kind(raw)
                );
                Err(self.wrong("port", found))
            }
        }
    }

    /// Anything but `false`, as a boolean or a string, asks for TLS: no misspelling turns it off.
    fn ssl(&self) -> bool {
        let raw = self.raw("ssl").unwrap_or_default();
        let text = serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned());
        !text.eq_ignore_ascii_case("false")
    }

    fn raw(&self, key: &str) -> Option<&'a str> {
        let (_, raw) = self.pairs.iter().find(|(name, _)| name == key)?;
        Some(raw.get())
    }

    fn wrong(&self, key: &str, found: impl fmt::Display) -> Error {
        invalid(self.secret, format!("cannot be used: \"{key}\" {found}"))
    }
}

fn invalid(secret: &SecretId, found: impl fmt::Display) -> Error {
    ErrorType::SecretInvalid.because(format!("the document of secret {secret} {found}; correct it"))
}

/// What a value is. A number can be too large for a [`Value`], and a string have half a character.
fn kind(raw: &str) -> &'static str {
    match serde_json::from_str::<Value>(raw) {
        Ok(value) => event::kind(&value),
        Err(_) => match raw.as_bytes().first() {
            Some(b'"') => "a text with half of a surrogate pair (\\ud800 to \\udfff)",
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            _ => "a number",
        },
    }
}

/// Whether it is the host's name with a port, or a URL. An address of IPv6 has colons of its own.
fn has_more_than_a_host(host: &str) -> bool {
    host.contains('/') || (host.contains(':') && host.parse::<IpAddr>().is_err())
}

/// Whether a character is not shown as itself, as a control or format character is not.
fn is_escaped(c: char) -> bool {
    !matches!(c, '"' | '\'' | '\\') && c.escape_debug().count() > 1
}

/// The characters at the ends of a text that nobody sees, as the predicate of a sentence.
pub(super) fn invisible_ends(text: &str) -> Option<String> {
    let hidden = |c: &char| c.is_whitespace() || is_escaped(*c);
    let (first, last) = (text.chars().next().filter(hidden), text.chars().last().filter(hidden));
    let shown = |c: char| format!("U+{:04X}", u32::from(c));
    match (first.map(shown), last.map(shown)) {
        (None, None) => None,
        (Some(first), None) => Some(format!("begins with the invisible character {first}")),
        (None, Some(last)) => Some(format!("ends with the invisible character {last}")),
        (Some(first), Some(last)) => {
            Some(format!("begins and ends with the invisible characters {first} and {last}"))
        }
    }
}

/// An object with every key that the text has, also a repeated one.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self(Vec::new()))
    }
}

impl<'de> Visitor<'de> for Pairs<'de> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(pair) = map.next_entry()? {
            self.0.push(pair);
        }
        Ok(self)
    }
}
