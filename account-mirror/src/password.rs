//! A password.

use secrecy::{ExposeSecret, SecretString};

/// A password. It has no `Display`, no `Serialize` and no `==`, and its memory is wiped.
#[derive(Clone, Debug)]
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
