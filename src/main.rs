//! The rotation function's process: log, configuration, handler.

use lambda_runtime::service_fn;
use rotation::config::Config;
use rotation::handler::Handler;
use rotation::log;
use tracing::level_filters::LevelFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let config = Config::from_environment();
    log::init(config.as_ref().map_or(LevelFilter::INFO, |config| config.log_level));
    let handler = &Handler::new(config).await;
    // Boxed, because the compiler does not follow futures in futures as deep as these are.
    lambda_runtime::run(service_fn(move |event| Box::pin(handler.handle(event)))).await
}
