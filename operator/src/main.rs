//! `mysql-rotation`: shows and runs rotations from a terminal.
//!
//! The checks, the plan and the errors are the rotation function's own library; here are only what is
//! typed, what is printed, and the calls to AWS that the function does not make.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a command")]

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use rotation::error::Error;

use crate::account::Account;
use crate::arguments::{Arguments, Command};

mod account;
mod arguments;
mod command;
mod screen;
mod secret;
mod surveyor;

/// A refusal, and anything else that went wrong. clap's 2 would be "there is something to change".
const FAILED: u8 = 1;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(message) => {
            let _ = message.print();
            return if message.use_stderr() { FAILED.into() } else { ExitCode::SUCCESS };
        }
    };
    rotation::caller::is_a_person();
    let output = arguments.common.output;
    match Box::pin(run(arguments)).await {
        Ok(status) => status.into(),
        Err(error) => {
            screen::show_error(output, &error);
            FAILED.into()
        }
    }
}

async fn run(Arguments { common, command }: Arguments) -> Result<u8, Error> {
    let output = common.output;
    let mut status = 0;
    match command {
        Command::Explain(wanted) => screen::show(output, &command::explain::run(&wanted)?),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Arguments::command(),
                "mysql-rotation",
                &mut io::stdout(),
            );
        }
        Command::Manual => {
            let _ = clap_mangen::Man::new(Arguments::command()).render(&mut io::stdout());
        }
        Command::Check(wanted) => {
            let checked = command::check::run(&Account::of(&common).await, &wanted).await?;
            screen::show(output, &checked);
            status = checked.status();
        }
        Command::Status(wanted) => {
            let account = Account::of(&common).await;
            screen::show(output, &command::status::run(&account, &wanted, output).await?);
        }
        Command::Rotate(wanted) => {
            let account = Account::of(&common).await;
            let done = command::rotate::run(&account, &wanted, output).await?;
            screen::show(output, &done);
            status = done.status();
        }
        Command::Rollback(wanted) => {
            let account = Account::of(&common).await;
            let done = command::rollback::run(&account, &wanted, output).await?;
            screen::show(output, &done);
            status = done.status();
        }
        Command::Unstick(wanted) => {
            let account = Account::of(&common).await;
            let done = command::unstick::run(&account, &wanted, output).await?;
            screen::show(output, &done);
            status = done.status();
        }
    }
    Ok(status)
}
