//! The rotation function for MySQL and MariaDB users in AWS Secrets Manager, alternating between
//! two exactly equal accounts.
//!
//! The modules, in reading order:
//!
//! * What arrives and what comes out: [`event`], [`handler`], [`config`], [`error`], [`deadline`],
//!   [`log`].
//! * The secret: [`secret`], [`username`], [`password`], [`store`], and [`rds`] for addresses.
//! * The rotation: [`step`], a module for each step.
//! * The server: [`tls`], [`database`].
//!
//! The library is public for its own tests. Stable are the settings, the `errorType`s, the fields
//! of the log and the parameters of the template.

pub mod aws;
pub mod config;
pub mod database;
pub mod deadline;
pub mod endpoint;
pub mod error;
pub mod event;
pub mod handler;
pub mod log;
pub mod password;
pub mod secret;
pub mod step;
pub mod tls;
