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
    /// Privileges are granted at a host where the user has no account.
    GrantsWithoutAccount,
    /// An account or role with `SYSTEM_USER` needs a superuser that has it too.
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

/// The names with commas between them: as many as fit into a kilobyte, and a count of the rest.
pub fn list<T: fmt::Display>(names: impl IntoIterator<Item = T>) -> String {
    const MOST: usize = 1_000;
    let (mut text, mut rest) = (String::new(), 0);
    for name in names {
        let name = name.to_string();
        if rest > 0 || (!text.is_empty() && text.len() + name.len() > MOST) {
            rest += 1;
            continue;
        }
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&name);
    }
    match rest {
        0 => text,
        _ => format!("{text} and {rest} more"),
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

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn a_list_has_a_kilobyte_of_names_and_a_count_of_the_rest() {
        assert_eq!(list(["a", "b"]), "a, b");
        let long = list((0..500).map(|n| format!("name-{n:04}")));
        assert!(long.len() < 1_100, "{}", long.len());
        assert!(long.starts_with("name-0000, name-0001, "));
        let shown = long.matches("name-").count();
        assert!(long.ends_with(&format!(" and {} more", 500 - shown)), "{long}");
    }
}
