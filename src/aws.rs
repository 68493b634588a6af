//! AWS: Secrets Manager and RDS, in every region that a rotation needs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{Builder, ProvideCredentials, SharedHttpClient};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpConnector, http_client_fn,
};

use crate::deadline::Deadline;
use crate::event::SecretId;

mod call;
mod cross_account;
mod description;
pub mod rds;
mod secrets_manager;

pub use call::Call;
pub use description::{Description, Replica, StagingLabel};
pub(crate) use secrets_manager::VISIBILITY_PAUSES;
pub use secrets_manager::{MoveOutcome, PutOutcome, SecretValue, Selector};

/// How long a connection to AWS may take. A missing endpoint must be reported before the invocation
/// ends: five attempts to connect, with the pauses between them, take twelve seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a response may take.
const READ_TIMEOUT: Duration = Duration::from_secs(4);

/// The name and the version of this program.
const APP_NAME: &str = concat!(env!("CARGO_PKG_NAME"), "-", env!("CARGO_PKG_VERSION"));

/// The clients that the invocations of a sandbox share.
#[derive(Debug)]
pub struct Clients {
    sdk: SdkConfig,
    /// The URL of Secrets Manager in the function's own region, where the settings have one.
    endpoint: Option<String>,
    secrets_manager: Mutex<HashMap<Region, Client>>,
}

impl Clients {
    /// Clients with the function's own region and credentials. Nothing is sent yet.
    pub async fn new(endpoint: Option<String>) -> Self {
        let mut loader = loader();
        // Lambda gives the credentials in the environment. The SDK's chain looks there first, too; but it
        // makes clients for all other places beforehand, which is half of the start.
        let environment = EnvironmentVariableCredentialsProvider::new();
        if environment.provide_credentials().await.is_ok() {
            loader = loader.credentials_provider(environment);
        }
        Self::with(loader.load().await, endpoint)
    }

    /// Clients with this configuration.
    pub fn with(sdk: SdkConfig, endpoint: Option<String>) -> Self {
        Self { sdk, endpoint, secrets_manager: Mutex::default() }
    }

    /// The calls of an invocation that ends at `deadline`.
    pub fn for_invocation(&self, deadline: Deadline) -> Aws<'_> {
        Aws { clients: self, deadline }
    }

    /// The client for the region of a secret; a secret named without its ARN is in the function's.
    pub fn secrets_manager(&self, secret: &SecretId) -> Client {
        let home = self.sdk.region().cloned();
        let region = secret.region().map(|region| Region::new(region.to_owned()));
        let Some(region) = region.or_else(|| home.clone()) else {
            return Client::new(&self.sdk);
        };
        let mut clients = self.secrets_manager.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(region).or_insert_with_key(|region| {
            let mut config = Builder::from(&self.sdk).region(region.clone());
            if Some(region) == home.as_ref() && self.endpoint.is_some() {
                config.set_endpoint_url(self.endpoint.clone());
            }
            Client::from_conf(config.build())
        });
        client.clone()
    }
}

/// Where every configuration of clients begins: connections, timeouts and retries.
pub fn loader() -> ConfigLoader {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(5)
        .with_initial_backoff(Duration::from_millis(250));
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client())
        .timeout_config(timeouts)
        .retry_config(retries);
    // In the user agent, and so in CloudTrail.
    match AppName::new(APP_NAME) {
        Ok(name) => loader.app_name(name),
        Err(_) => loader,
    }
}

/// One connector for all clients, which trusts the authorities of the system and no others. The SDK
/// would parse their certificates for each client, and again at the first call; so it is done once,
/// while Lambda still gives the function a whole processor.
fn http_client() -> SharedHttpClient {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .build();
    let connector = Connector::builder()
        .connector_settings(settings)
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .proxy_config(ProxyConfig::from_env())
        .build();
    let connector = SharedHttpConnector::new(connector);
    http_client_fn(move |_, _| connector.clone())
}

/// The calls that one invocation makes: to Secrets Manager with the methods of this type, to RDS
/// with the functions of [`rds`].
#[derive(Clone, Copy, Debug)]
pub struct Aws<'a> {
    clients: &'a Clients,
    pub(crate) deadline: Deadline,
}

impl Aws<'_> {
    /// The same calls, with another end.
    #[must_use]
    pub fn until(self, deadline: Deadline) -> Self {
        Self { deadline, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Needs an environment of its own, so it runs itself again with one.
    #[tokio::test]
    async fn the_switches_for_fips_and_dual_stack_endpoints_are_obeyed() {
        let switches = ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"];
        let name = "aws::tests::the_switches_for_fips_and_dual_stack_endpoints_are_obeyed";
        let clients = Clients::new(None).await;
        let heeded = [clients.sdk.use_fips(), clients.sdk.use_dual_stack()];
        #[expect(
            clippy::disallowed_methods,
            reason = "they are the SDK's to read, not the function's"
        )]
        let set = switches.iter().all(|switch| std::env::var(switch).is_ok());
        if set {
            assert_eq!(heeded, [Some(true); 2]);
            return;
        }
        assert_ne!(heeded, [Some(true); 2]);
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        let again = again.args(["--exact", name]).envs(switches.map(|switch| (switch, "true")));
        let output = again.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
}
