//! The names of the two users that take turns: `app` and `app_clone`.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// Suffix of the alternate user, as in AWS's function.
const SUFFIX: &str = "_clone";

/// The name of a user, in a form that the server stores unchanged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Username(String);

impl Username {
    /// The name, or why the server would refuse it or store another one, as the predicate of a sentence.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        if name.is_empty() {
            return Err("is empty");
        }
        if name.ends_with(' ') {
            return Err("ends with a blank, which the server would cut off");
        }
        if name.chars().any(char::is_control) {
            return Err("contains a control character");
        }
        // User names are `utf8mb3` on MySQL and MariaDB.
        if name.chars().any(|c| c.len_utf8() == 4) {
            return Err(
                "contains a character of four bytes, in place of which the server stores \"?\"",
            );
        }
        Ok(Self(name.to_owned()))
    }

    /// The name of the user that takes turns with this one, at most `limit` characters long.
    pub fn twin(&self, limit: usize) -> Result<Self, Error> {
        let impossible = |found: String| {
            ErrorKind::TwinNameImpossible.because(format!(
                "user \"{self}\" cannot have a twin: {found}; give the application a user with \
                 another name"
            ))
        };
        if let Some(base) = self.0.strip_suffix(SUFFIX) {
            // Two suffixes would make a round of three users.
            if base.ends_with(SUFFIX) {
                return Err(impossible(format!("its name has \"{SUFFIX}\" twice")));
            }
            return Self::parse(base).map_err(|reason| {
                impossible(format!("its name without \"{SUFFIX}\", \"{base}\", {reason}"))
            });
        }
        let twin = format!("{self}{SUFFIX}");
        let length = twin.chars().count();
        if length > limit {
            return Err(impossible(format!(
                "username \"{self}\" with \"{SUFFIX}\" has {length} characters; the server allows \
                 {limit}"
            )));
        }
        Ok(Self(twin))
    }

    /// The name that both users of the pair have in common.
    pub fn base(&self) -> &str {
        self.0.strip_suffix(SUFFIX).unwrap_or(&self.0)
    }

    /// The text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Username {
        Username::parse(text).unwrap()
    }

    #[test]
    fn twins_alternate() {
        for text in ["app", "é", "a b", "_clon", "app`'\"\\", "app_CLONE", "x_clone_x"] {
            let twin = name(text).twin(32).unwrap();
            assert_eq!(twin.as_str(), format!("{text}_clone"));
            assert_eq!(twin.twin(32).unwrap(), name(text));
            assert_eq!((twin.base(), name(text).base()), (text, text));
        }
    }

    #[test]
    fn the_limit_counts_characters() {
        assert!(name(&"é".repeat(26)).twin(32).is_ok());
        assert!(name(&"é".repeat(32)).twin(38).is_ok());
        let error = name("reporting_service_2026_main").twin(32).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TwinNameImpossible);
        assert!(error.to_string().contains(
            "username \"reporting_service_2026_main\" with \"_clone\" has 33 characters"
        ));
    }

    #[test]
    fn what_is_left_must_be_a_name_with_the_same_twin() {
        for text in ["_clone", "app _clone", "app_clone_clone"] {
            let error = name(text).twin(32).unwrap_err();
            assert_eq!(error.kind, ErrorKind::TwinNameImpossible);
        }
    }

    #[test]
    fn a_name_that_the_server_would_change_is_refused() {
        for (text, reason) in [
            ("", "is empty"),
            ("app ", "ends with a blank"),
            ("a\0b", "control character"),
            ("a\nb", "control character"),
            ("a😀", "four bytes"),
        ] {
            assert!(Username::parse(text).unwrap_err().contains(reason), "{text:?}");
        }
    }
}
