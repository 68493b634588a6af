//! The tests that need real servers: MySQL, MariaDB, Secrets Manager, and the built function.
//!
//! `make test` starts them. One test binary, so that everything is linked once; its tests run in
//! parallel, each under names of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on is a failed test"
)]
#![allow(clippy::too_many_lines, reason = "a test is read from its beginning to its end")]

mod acting;
mod asked;
mod aws_errors;
mod clusters;
mod columns;
mod command;
mod command_line;
mod consistency;
mod counts;
mod deadlines;
mod documented;
mod documents;
mod emulator;
mod error_numbers;
mod exactness;
mod faults;
mod fuzz;
mod globals;
mod guard;
mod harness;
mod iam;
mod in_a_row;
mod laws;
mod lease;
mod letters;
mod main_job;
mod migration;
mod mirror_cases;
mod mirror_fuzz;
mod names;
mod ownership;
mod passwords;
mod patterns;
mod plugins;
mod preflight;
mod proof;
mod proven;
mod races;
mod rds;
mod refusals;
mod regions;
mod replica;
mod retain;
mod scale;
mod secrecy;
mod services;
mod settings;
mod states;
mod steps;
mod support;
mod texts;
mod tls;
mod upgrades;
mod written_by_hand;
