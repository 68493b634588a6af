//! The rotation function's process: log, configuration, handler.

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use lambda_runtime::{LambdaEvent, service_fn};
use rotation::config::{self, Config};
use rotation::event::Payload;
use rotation::handler::Handler;
use rotation::{log, panic};

/// What a person is told who starts the program.
const USAGE: &str = concat!(
    "The rotation function for MySQL and MariaDB in AWS Secrets Manager, version ",
    env!("CARGO_PKG_VERSION"),
    ".\nAWS Lambda starts it, in the runtime provided.al2023 with this file as bootstrap: see README.md.\n"
);

fn main() -> Result<ExitCode, lambda_runtime::Error> {
    let argument = std::env::args().nth(1);
    if let Some("--help" | "-h" | "--version" | "-V") = argument.as_deref() {
        stdout().write_all(USAGE.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    if argument.is_some() || !config::is_in_lambda() {
        stderr().write_all(USAGE.as_bytes())?;
        return Ok(ExitCode::from(2));
    }
    run().map(|()| ExitCode::SUCCESS)
}

#[tokio::main(flavor = "current_thread")]
async fn run() -> Result<(), lambda_runtime::Error> {
    log::init(config::log_level_from_environment());
    panic::install_hook();
    let handler = &Handler::new(Config::from_environment()).await;
    // Boxed, because the compiler does not follow futures in futures as deep as these are.
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Payload>| {
        Box::pin(handler.handle(event))
    }))
    .await
}
