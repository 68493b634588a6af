//! Whether trying again helps.

use std::fmt;

/// Whether trying again can help. Secrets Manager does so by itself, several times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The cause passes.
    Helps,
    /// The cause may pass.
    MayHelp,
    /// The cause stays until somebody does what the text says.
    AfterRepair,
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Helps => "trying again helps",
            Self::MayHelp => "trying again may help",
            Self::AfterRepair => "retry after fixing this",
        })
    }
}
