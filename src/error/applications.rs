//! What an error means for the applications that use the secret.

use super::ErrorType;

/// What an error means for the applications that use the secret's login now. The alarm, the fields of
/// the log, the text and the tables of `docs/troubleshooting.md` go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applications {
    /// Their logins are refused.
    Refused,
    /// Their logins may be refused: it depends on what the text says.
    MayBeRefused,
    /// The function could not reach the server or its secrets; whether they can is not known.
    Unknown,
    /// Nothing found speaks against their logins.
    Served,
}

impl Applications {
    /// Whether somebody must look at once.
    pub fn are_in_danger(self) -> bool {
        matches!(self, Self::Refused | Self::MayBeRefused)
    }

    /// The word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::MayBeRefused => "may be refused",
            Self::Unknown => "unknown",
            Self::Served => "served",
        }
    }
}

impl ErrorType {
    /// What the error means for the applications.
    pub fn applications(self) -> Applications {
        match self {
            Self::CurrentPasswordWrong => Applications::Refused,
            Self::CurrentLoginRefused
            | Self::WrongAccount
            | Self::DatabaseNameUnusable
            | Self::UserMissing
            | Self::AccountUnusable => Applications::MayBeRefused,
            Self::HostUnknown
            | Self::ServerUnreachable
            | Self::ServerSilent
            | Self::ServerBusy
            | Self::ConnectionLost
            | Self::ServerReadOnly
            | Self::NodeNotReady => Applications::Unknown,
            _ => Applications::Served,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_begins_with_what_it_means_for_applications_where_they_are_in_danger() {
        for error_type in ErrorType::ALL {
            let text = error_type.because("x").context("a step").to_string();
            let says = text.starts_with("applications ");
            assert_eq!(says, error_type.applications().are_in_danger(), "{text}");
        }
        let text = ErrorType::CurrentPasswordWrong.because("x").to_string();
        assert!(text.starts_with("applications are refused now: x"), "{text}");
    }
}
