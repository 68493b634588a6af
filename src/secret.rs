//! The document of a secret: the login of a user, and whatever else its owner keeps there.
//!
//! Only the known keys are read. A new document is the old text with two values replaced, so
//! everything else keeps its spelling byte for byte: order, nesting, numbers, escapes, blanks.
//! No text made here has a value that could be secret, only key names and types.

use std::fmt;

use account_mirror::password::Password;
use account_mirror::username::Username;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::error::Error;
use crate::event::SecretId;
use crate::secret::fields::{Entry, Fields, invisible_ends};

mod fields;
#[cfg(test)]
mod tests;

pub use fields::{Address, Engine, TlsKeys};

/// The JSON text of a secret.
#[derive(Clone, Debug)]
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

/// The secret that is rotated: the login of an application's user, and whatever else its owner keeps
/// there.
#[derive(Clone)]
pub struct UserSecret {
    document: Document,
    entries: Vec<Entry>,
    /// The kind of server.
    pub engine: Engine,
    /// The server's host and port, and what is known of it in RDS.
    pub address: Address,
    /// The user's name.
    pub username: Username,
    /// The user's password.
    pub password: Password,
    /// The database that the application uses.
    pub dbname: Option<String>,
    /// The superuser's secret, `masterarn` in the document.
    pub superuser_secret: Option<SecretId>,
    /// What is demanded of connections.
    pub tls: TlsKeys,
}

/// The secret of a superuser, which needs no more than a name and a password. It may be any secret that
/// the function can read, so no text tells a value of it.
pub struct SuperuserSecret {
    /// The server's host and port, and what is known of it in RDS, if the document has a host.
    pub address: Option<Address>,
    /// The user's name.
    pub username: Username,
    /// The user's password.
    pub password: Password,
    /// What is demanded of connections.
    pub tls: TlsKeys,
}

/// Shows nothing of the document.
impl fmt::Debug for SuperuserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SuperuserSecret")
    }
}

impl SuperuserSecret {
    /// What nobody sees at the ends of the login, which may be why it is refused.
    pub fn invisible(&self) -> Option<String> {
        invisible_login(&self.username, &self.password)
    }

    /// Reads the document of a superuser secret.
    pub fn parse(secret: &SecretId, document: &Document) -> Result<Self, Error> {
        let fields = Fields::parse(secret, document.expose())?;
        fields.engine()?;
        Ok(Self {
            address: fields.address()?,
            username: fields.username()?,
            password: fields.password()?,
            tls: fields.tls()?,
        })
    }
}

impl UserSecret {
    /// Reads the document of the secret that is rotated.
    pub fn parse(secret: &SecretId, document: Document) -> Result<Self, Error> {
        let fields = Fields::parse(secret, document.expose())?;
        let (engine, host) = (fields.require("engine")?, fields.require("host")?);
        Ok(Self {
            entries: fields.entries(),
            engine: fields.engine_named(&engine)?,
            address: fields.address_of(host)?,
            username: fields.username()?,
            password: fields.password()?,
            dbname: fields.text("dbname")?,
            superuser_secret: fields.text("masterarn")?.map(SecretId::new),
            tls: fields.tls()?,
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

    /// What nobody sees at the ends of the login, which may be why it is refused.
    pub fn invisible(&self) -> Option<String> {
        invisible_login(&self.username, &self.password)
    }

    /// Whether the two documents are the same, byte for byte, with their passwords.
    pub fn is_identical_to(&self, other: &Self) -> bool {
        self.document.expose() == other.document.expose()
    }

    /// The first difference between the documents, except the login.
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
}

fn invisible_login(username: &Username, password: &Password) -> Option<String> {
    let of = |key, text| invisible_ends(text).map(|ends| format!("\"{key}\" in the secret {ends}"));
    of("password", password.expose()).or_else(|| of("username", username.as_str()))
}

/// Shows the names of the keys only.
impl fmt::Debug for UserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserSecret")?;
        f.debug_set().entries(self.entries.iter().map(|entry| &entry.key)).finish()
    }
}
