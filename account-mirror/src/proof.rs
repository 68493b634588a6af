//! Whether a password belongs to a stored authentication string.
//!
//! | format | stored | source |
//! |---|---|---|
//! | `Native` | `*`, hexadecimal SHA-1 of the SHA-1 | MySQL, `sql/auth/password.cc` |
//! | `Ed25519` | public key in base64, without padding | MariaDB, `plugin/auth_ed25519` |
//! | `Sha256` | `$5$`, salt, `$`, SHA-crypt | MySQL, `mysys/crypt_genhash_impl.cc` |
//! | `CachingSha2` | `$A$`, rounds, `$`, salt, SHA-crypt | MySQL, `sql/auth/sha2_password.cc` |
//! | the same, where a server of 9.7 is set to it | `$B$`, rounds, `$`, salt, PBKDF2 in base64 | the same |
//! | `MysqlSha2` | `$A$`, rounds, `$`, salt, SHA-crypt | MariaDB, `plugin/auth_mysql_sha2` |
//!
//! The salt has 20 bytes; rounds are three hexadecimal digits, in thousands, and 5,000 for
//! `Sha256`. Nothing here prints a hash, and hashes are compared in constant time.

use std::fmt;

use serde_json::Value;
use subtle::ConstantTimeEq;

mod format;
mod pbkdf2;
mod rounds;
mod sha_crypt;
#[cfg(test)]
mod tests;

use format::Hash;
pub use format::{Format, Meaning, Salt, StoredHash};

/// The longest password, in bytes, that the servers take where there are rounds.
const LONGEST_WITH_ROUNDS: usize = 256;

/// An authentication string, as a server stores or shows it. `Debug` shows nothing of it.
#[derive(Clone, Eq)]
pub struct AuthString(Vec<u8>);

impl AuthString {
    /// The string of these bytes, which need not be UTF-8.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The string in a value of `User_attributes` or `global_priv`; `None` if that is no string.
    pub fn from_json(value: &Value) -> Option<Self> {
        value.as_str().map(Self::new)
    }

    /// The hash of a password, where this makes hashes of the format; `salt` is random bytes, for the
    /// formats that have one.
    ///
    /// MariaDB writes the text of account statements to its logs, so it is sent hashes. MySQL masks
    /// its passwords and is sent the password.
    pub fn of_password(format: Format, password: &[u8], salt: &Salt) -> Option<Self> {
        format::write(format, password, salt).map(Self::new)
    }

    /// The bytes, for a statement that carries the string over.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether a line of `SHOW CREATE USER` shows this string: as it is in quotes, or in hexadecimal.
    /// The line shows the server's memory, which decides on logins and can differ from the tables.
    pub fn is_shown_in(&self, line: &[u8]) -> bool {
        // Of the characters of a salt MySQL 5.7 doubles a quote, later versions do not; MariaDB escapes
        // whatever it can, in every `sql_mode`.
        let quote = |text: &[u8]| [b"'", text, b"'"].concat();
        let escape = |byte: &u8, all: bool| match byte {
            b'\'' => b"''".to_vec(),
            b'\\' if all => br"\\".to_vec(),
            0 if all => br"\0".to_vec(),
            b'\n' if all => br"\n".to_vec(),
            b'\r' if all => br"\r".to_vec(),
            byte => vec![*byte],
        };
        let escaped =
            |all| quote(&self.0.iter().flat_map(|byte| escape(byte, all)).collect::<Vec<_>>());
        let digits: String = self.0.iter().map(|byte| format!("{byte:02X}")).collect();
        let hexadecimal = format!("0x{digits}").into_bytes();
        let shows = |text: &[u8]| line.windows(text.len()).any(|part| part == text);
        let quoted = [quote(&self.0), escaped(false), escaped(true)];
        quoted.iter().any(|text| shows(text)) || shows(&hexadecimal)
    }

    /// What the string is to a plugin with this format.
    pub fn meaning(&self, format: Option<Format>) -> Meaning {
        format.map_or(Meaning::Unprovable, |format| format::read(format, &self.0))
    }
}

impl PartialEq for AuthString {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for AuthString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthString([redacted])")
    }
}

impl StoredHash {
    /// Whether a password belongs to this hash.
    ///
    /// Before each thousand rounds `check` is asked, with how many are left and how many there are:
    /// thousands take a millisecond, and millions are legal. Its error ends the proof.
    pub fn matches<E>(
        &self,
        password: &[u8],
        check: impl FnMut(u32, u32) -> Result<(), E>,
    ) -> Result<bool, E> {
        Ok(match &self.0 {
            // No server lets an empty password in where this plugin has a hash, even its own.
            Hash::Native(_) if password.is_empty() => false,
            Hash::Native(hash) => format::native(password).ct_eq(hash).into(),
            Hash::Ed25519(key) => format::public_key(password).ct_eq(key).into(),
            _ if password.is_empty() || password.len() > LONGEST_WITH_ROUNDS => false,
            Hash::ShaCrypt { salt, rounds, text } => {
                sha_crypt::hash(password, salt, *rounds, check)?.ct_eq(text).into()
            }
            Hash::Pbkdf2 { salt, rounds, key } => {
                pbkdf2::key(password, salt, *rounds, check)?.ct_eq(key).into()
            }
        })
    }
}
