//! The document of a secret: the login of a user, and whatever else its owner keeps there.
//!
//! Only the known keys are read. A new document is the old text with two values replaced, so
//! everything else keeps its spelling byte for byte: order, nesting, numbers, escapes, blanks.
//! Nothing here ever says a value that could be secret, only key names and types.

use std::fmt;
use std::ops::Range;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::error::Error;
use crate::event::SecretId;
use crate::password::Password;
use crate::secret::fields::Fields;
use crate::username::Username;

mod fields;
#[cfg(test)]
mod tests;

/// The JSON text of a secret.
#[derive(Clone)]
pub struct Document(SecretString);

impl Document {
    /// The document with this text.
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// The text, to be read or stored.
    #[expect(
        clippy::disallowed_methods,
        reason = "the document is parsed here and sent to Secrets Manager"
    )]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Document([redacted])")
    }
}

/// A document that holds the login of a database user.
pub struct DatabaseSecret {
    document: Document,
    entries: Vec<Entry>,
    engine: Option<Engine>,
    host: Option<String>,
    port: u16,
    username: Username,
    password: Password,
    dbname: Option<String>,
    superuser_secret: Option<String>,
    ssl: bool,
    tls_server_name: Option<String>,
    db_instance_identifier: Option<String>,
    db_cluster_identifier: Option<String>,
}

/// A key of the document, and where its value stands in the text.
struct Entry {
    key: String,
    value: Range<usize>,
}

impl DatabaseSecret {
    /// Reads the document of the secret that is rotated.
    pub fn parse(secret: &SecretId, document: Document) -> Result<Self, Error> {
        Self::with_keys(&["engine", "host"], secret, document)
    }

    /// Reads the document of a superuser secret, which needs no more than a name and a password.
    pub fn parse_superuser(secret: &SecretId, document: Document) -> Result<Self, Error> {
        Self::with_keys(&[], secret, document)
    }

    fn with_keys(keys: &[&str], secret: &SecretId, document: Document) -> Result<Self, Error> {
        let fields = Fields::parse(secret, document.expose())?;
        for key in keys {
            fields.require(key)?;
        }
        Ok(Self {
            entries: fields.entries(),
            engine: fields.engine()?,
            host: fields.text("host")?,
            port: fields.port()?,
            username: fields.username()?,
            password: Password::new(fields.require("password")?),
            dbname: fields.text("dbname")?,
            superuser_secret: fields.text("masterarn")?,
            ssl: fields.ssl(),
            tls_server_name: fields.text("tls_server_name")?,
            db_instance_identifier: fields.text("dbInstanceIdentifier")?,
            db_cluster_identifier: fields.text("dbClusterIdentifier")?,
            document,
        })
    }

    /// The same document with another login.
    pub fn with_login(&self, username: &Username, password: &Password) -> Document {
        let text = self.document.expose();
        let mut new = String::with_capacity(text.len() + 1024);
        let mut copied = 0;
        for Entry { key, value } in &self.entries {
            let replacement = match key.as_str() {
                "username" => username.as_str(),
                "password" => password.expose(),
                _ => continue,
            };
            new.push_str(&text[copied..value.start]);
            new.push_str(&Value::from(replacement).to_string());
            copied = value.end;
        }
        new.push_str(&text[copied..]);
        Document::new(new)
    }

    /// Whether the two documents are the same, byte for byte, with their passwords.
    pub fn is_identical_to(&self, other: &Self) -> bool {
        self.document.expose() == other.document.expose()
    }

    /// The first thing in which the documents differ beside the login.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let keys = |secret: &Self| -> Vec<String> {
            secret.entries.iter().map(|e| e.key.clone()).collect()
        };
        for key in keys(self).iter().chain(&keys(other)) {
            let (ours, theirs) = (self.raw(key), other.raw(key));
            if ours.is_none() || theirs.is_none() {
                return Some(format!("only one of them has \"{key}\""));
            }
            if ours != theirs && !["username", "password"].contains(&key.as_str()) {
                return Some(format!("\"{key}\" has another value"));
            }
        }
        (keys(self) != keys(other)).then(|| "their keys are in another order".to_owned())
    }

    fn raw(&self, key: &str) -> Option<&str> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(&self.document.expose()[entry.value.clone()])
    }

    /// The kind of server. Only superuser secrets may lack it.
    pub fn engine(&self) -> Option<Engine> {
        self.engine
    }

    /// The server's name. Only superuser secrets may lack it.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The server's port, 3306 unless the document says another one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The user's name.
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// The user's password.
    pub fn password(&self) -> &Password {
        &self.password
    }

    /// The database that the application uses.
    pub fn dbname(&self) -> Option<&str> {
        self.dbname.as_deref()
    }

    /// The superuser's secret, `masterarn` in the document.
    pub fn superuser_secret(&self) -> Option<&str> {
        self.superuser_secret.as_deref()
    }

    /// Whether to use TLS: yes, unless the document says `false`.
    pub fn ssl(&self) -> bool {
        self.ssl
    }

    /// The name in the server's certificate, where it is not the host.
    pub fn tls_server_name(&self) -> Option<&str> {
        self.tls_server_name.as_deref()
    }

    /// The RDS instance, `dbInstanceIdentifier` in the document.
    pub fn db_instance_identifier(&self) -> Option<&str> {
        self.db_instance_identifier.as_deref()
    }

    /// The RDS cluster, `dbClusterIdentifier` in the document.
    pub fn db_cluster_identifier(&self) -> Option<&str> {
        self.db_cluster_identifier.as_deref()
    }
}

/// Shows the names of the keys only.
impl fmt::Debug for DatabaseSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseSecret")?;
        f.debug_set().entries(self.entries.iter().map(|entry| &entry.key)).finish()
    }
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
