//! A password.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A password. It has no `Display`, no `Serialize` and no `==`, and its memory is wiped.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// The password with this text.
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// The text, for the one call that needs it.
    #[expect(
        clippy::disallowed_methods,
        reason = "a login, a statement that sets the password, a proof and a stored document need it"
    )]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}
