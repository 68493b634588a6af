//! The database: logging in, reading accounts, and changing the twin.

pub mod apply;
pub mod connections;
pub mod objects;
pub mod read;
pub mod roles;
pub mod server_error;
pub mod session;
