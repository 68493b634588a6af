//! What is known of the accounts of MySQL and MariaDB, without a connection to a server.

pub mod proof;
