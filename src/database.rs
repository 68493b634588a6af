//! The database: logging in, reading accounts, and changing the twin.

pub mod apply;
pub mod read;
pub mod server_error;
pub mod session;
