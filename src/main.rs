//! The rotation function's process: log, configuration, handler.

use lambda_runtime::service_fn;
use rotation::config::{self, Config};
use rotation::handler::Handler;
use rotation::{log, panic};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    log::init(config::log_level_from_environment());
    panic::install_hook();
    let handler = &Handler::new(Config::from_environment()).await;
    // Boxed, because the compiler does not follow futures in futures as deep as these are.
    lambda_runtime::run(service_fn(move |event| Box::pin(handler.handle(event)))).await
}
