//! The rotation function for MySQL and MariaDB users in AWS Secrets Manager, alternating between
//! two exactly equal users.
//!
//! The modules, in reading order:
//!
//! * What arrives and what comes out: [`handler`], [`event`], [`config`], [`error`], [`deadline`],
//!   [`log`], [`mod@panic`], [`caller`].
//! * The secret: [`secret`], [`password_generator`] for new ones, [`aws`] for the calls.
//! * The rotation: [`step`], with a module for each step.
//! * The server: [`endpoint`], [`tls`], [`database`].
//!
//! What is pure, from the model of a user to the SQL that changes it, is the crate `account_mirror`.
//!
//! The library is public for its own tests. Stable are the settings, the `errorType`s, the fields
//! of the log and the parameters of the template.

pub mod aws;
pub mod caller;
pub mod config;
pub mod database;
pub mod deadline;
pub mod endpoint;
pub mod error;
pub mod event;
pub mod handler;
pub mod log;
pub mod memory;
pub mod panic;
pub mod password_generator;
pub mod secret;
pub mod step;
mod text;
pub mod tls;
