//! What is asked of a server.

/// A query about accounts.
#[derive(Debug)]
pub struct Query {
    /// What is read, for an error's text.
    pub what: String,
    /// The query, for a session with `NO_BACKSLASH_ESCAPES`.
    pub sql: String,
}
