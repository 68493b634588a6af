//! Decides how one user of MySQL or MariaDB is made the exact mirror of another.
//!
//! It has no connection to a server: its users ask the server what [`tables::Reading`] lists, hand
//! the rows back, and carry out the statements that [`sql`] makes of a [`plan`](plan::plan).
//!
//! The modules, in reading order:
//!
//! * What an account is: [`user`], [`setting`], [`grant`], [`privilege`], [`username`], [`password`].
//! * How it is read: [`family`], [`row`], [`tables`], [`host`] for which account a client gets,
//!   [`plugin`] for the ways to log in, and [`proof`] for stored passwords.
//! * How it is changed: [`exempt`], [`plan`], [`specificity`], [`powers`] for what the superuser may
//!   grant, [`sql`].
//! * How the result is verified: [`show_grants`].

#![cfg_attr(
    test,
    allow(clippy::too_many_lines, reason = "a test is read from its beginning to its end")
)]

pub mod error;
pub mod exempt;
pub mod family;
pub mod grant;
pub mod host;
pub mod password;
mod pattern;
pub mod plan;
pub mod plugin;
pub mod powers;
pub mod privilege;
pub mod proof;
pub mod proxies;
pub mod row;
pub mod setting;
pub mod show_grants;
pub mod specificity;
pub mod sql;
pub mod tables;
pub mod user;
pub mod username;
