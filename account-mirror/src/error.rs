//! Why a user cannot be mirrored.

use std::fmt;

/// An error, made with [`ErrorKind::because`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What a person would do about it.
    pub kind: ErrorKind,
    /// What could not be done, what was found, and what to do.
    pub text: String,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// An account has a property that this version does not know.
    AccountNotUnderstood,
    /// An account has several authentication factors.
    MultiFactorUnsupported,
    /// The superuser lacks what every rotation needs.
    SuperuserTooWeak,
    /// The superuser may not grant or revoke something.
    GrantImpossible,
    /// The superuser is under partial revokes, which the server would pass on.
    SuperuserRestricted,
    /// An account with `SYSTEM_USER` needs a superuser that has it too.
    SystemUserProtected,
    /// The user's name has no possible twin.
    TwinNameImpossible,
}

impl ErrorKind {
    /// An error of this kind.
    pub fn because(self, text: impl Into<String>) -> Error {
        Error { kind: self, text: text.into() }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The error for a property of an account that this version does not know.
pub(crate) fn unsupported(account: impl fmt::Display, found: impl fmt::Display) -> Error {
    ErrorKind::AccountNotUnderstood.because(format!(
        "{account} has {found}, which this version of the function does not know and therefore \
         cannot copy; update the function, or take it from the account"
    ))
}
