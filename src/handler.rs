//! One invocation: parses the event, checks the secret's description, and runs the step.

use std::time::Duration;

use lambda_runtime::LambdaEvent;
use tokio::time::Instant;
use tracing::Instrument;

use crate::aws::{Aws, Clients, Description, Selector, VISIBILITY_PAUSES};
use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorType};
use crate::event::{Payload, RotationEvent, Step};
use crate::handler::proven::Memory;
pub use crate::handler::readiness::replicas;
use crate::handler::readiness::{NotReady, Readiness, readiness};
use crate::log;
use crate::memory;
use crate::panic::{self, Panicked};
use crate::step::{
    Current, Rotation, Summary, Values, Viewpoint, create_secret, finish_secret, set_secret,
    test_secret,
};

mod proven;
mod readiness;

/// What the invocations of one sandbox share.
#[derive(Debug)]
pub struct Handler {
    /// A bad configuration is returned by every invocation: ending the process would hide the reason.
    config: Result<Config, Error>,
    clients: Clients,
    /// What `testSecret` has proven, which `finishSecret` need not prove again.
    proven: Memory,
}

impl Handler {
    /// The handler with this configuration.
    pub async fn new(config: Result<Config, Error>) -> Self {
        let endpoint =
            config.as_ref().ok().and_then(|config| config.secrets_manager_endpoint.clone());
        let clients = Clients::new(endpoint).await;
        Self { config, clients, proven: Memory::default() }
    }

    /// Does one step of a rotation.
    pub async fn handle(&self, invocation: LambdaEvent<impl Into<Payload>>) -> Result<(), Error> {
        let started = Instant::now();
        let LambdaEvent { payload, context } = invocation;
        let event = RotationEvent::of(&payload.into());
        let span = log::invocation(&context.request_id, event.as_ref().ok());

        let without_tls = self.config.as_ref().map(|config| config.without_tls.as_slice());
        span.in_scope(|| log::warnings(without_tls.unwrap_or_default()));
        let bytes = self.config.as_ref().ok().and_then(|config| config.memory);
        let memory = bytes.map(memory::Memory::of_function);
        let deadline = Deadline::of_invocation(context.deadline).within(memory);
        let result = match &event {
            Ok(event) => self.rotate(event, deadline).instrument(span.clone()).await,
            Err(error) => Err(error.clone()),
        };

        span.in_scope(|| log::outcome(&result));
        log::metrics::write(&context, event.as_ref().ok(), started.elapsed(), &result);
        result.and_then(Summary::verdict).map(|_| ())
    }

    async fn rotate(&self, event: &RotationEvent, deadline: Deadline) -> Result<Summary, Error> {
        let with_place =
            |error: Error| error.context(format!("{} of secret {}", event.step, event.secret_id));
        let result = panic::catch(self.step(event, deadline)).await;
        let result = result.unwrap_or_else(|panicked| Err(defect(&panicked)));
        let mut summary = result.map_err(with_place)?;
        summary.refusal = summary.refusal.map(with_place);
        Ok(summary)
    }

    async fn step(&self, event: &RotationEvent, deadline: Deadline) -> Result<Summary, Error> {
        // Any other step, and any failure, leaves nothing that a later `finishSecret` could rely on.
        let remembered = self.proven.take(&event.secret_id, &event.version);
        let config = self.config.as_ref().map_err(Error::clone)?;
        let aws = self.clients.for_invocation(deadline);
        let Some(ready) = wait_until_ready(config, event, aws, deadline).await? else {
            return Ok(Summary {
                what: format!("nothing to do: version {} is current already", event.version),
                ..Summary::default()
            });
        };
        let rotation = Rotation {
            config,
            aws,
            secret: ready.description.arn.clone(),
            version: event.version.clone(),
            rotation_token: event.rotation_token.clone(),
            description: ready.description,
            deadline,
            viewpoint: Viewpoint::Here,
            begun_with: ready.values,
        };
        let mut summary = match event.step {
            Step::CreateSecret => create_secret::run(&rotation).await,
            Step::SetSecret => set_secret::run(&rotation).await,
            Step::TestSecret => test_secret::run(&rotation).await,
            Step::FinishSecret => {
                let proven = remembered.and_then(|known| known.of(&rotation.secret));
                finish_secret::run(&rotation, proven).await
            }
        }
        .inspect_err(|_| drop(self.proven.take(&event.secret_id, &event.version)))?;
        if let Some(proven) = summary.proven.take() {
            self.proven.remember(&rotation.secret, proven);
        }
        summary.warnings.extend(ready.warnings);
        Ok(summary)
    }
}

fn defect(panicked: &Panicked) -> Error {
    let place = panicked.place.as_deref().unwrap_or("an unknown place");
    ErrorType::Panicked.because(format!(
        "the function panicked at {place}, which is a defect of its own; report it with this text"
    ))
}

/// What is known when a step begins.
struct Ready {
    description: Description,
    warnings: Vec<String>,
    values: Values,
}

/// Reads the secret until the step may begin, as long as waiting may help. None if it has nothing to do.
async fn wait_until_ready(
    config: &Config,
    event: &RotationEvent,
    aws: Aws<'_>,
    deadline: Deadline,
) -> Result<Option<Ready>, Error> {
    let started = Instant::now();
    let pauses = VISIBILITY_PAUSES.into_iter().chain(std::iter::repeat(Duration::from_secs(1)));
    let is_final = |ready: &Result<_, NotReady>| {
        ready.as_ref().err().is_none_or(|refusal| started.elapsed() >= refusal.patience)
    };
    let read = async || read(config, event, aws).await;
    deadline.retry(pauses, is_final, read).await?.map_err(|refusal| refusal.error)
}

/// Reads the description and, at the same time, the values that the step needs first. All answers are
/// awaited, so that an error does not depend on which one comes first: the description decides whether any
/// other counts.
async fn read(
    config: &Config,
    event: &RotationEvent,
    aws: Aws<'_>,
) -> Result<Result<Option<Ready>, NotReady>, Error> {
    let secret = &event.secret_id;
    let current = async {
        // It often has nothing to do, and needs no value after this sandbox's own test.
        let is_needed = event.step != Step::FinishSecret;
        if is_needed { aws.current_value(secret).await.map(Some) } else { Ok(None) }
    };
    let pending = async {
        let is_needed = event.step == Step::TestSecret;
        let version = Selector::Version(&event.version);
        if is_needed { aws.value(secret, version).await } else { Ok(None) }
    };
    let (description, current, pending) = tokio::join!(aws.describe(secret), current, pending);
    let description = description?;
    let warnings = match readiness(config, event, &description) {
        Ok(Readiness::Pending { warnings }) => warnings,
        Ok(Readiness::AlreadyCurrent) => return Ok(Ok(None)),
        Err(refusal) => return Ok(Err(refusal)),
    };
    let current =
        current?.map(|value| Current::of(&description, &event.version, value)).transpose();
    let current = match current {
        // One of the two is a moment old; both are read again.
        Err(error) if error.error_type() == ErrorType::RotationSuperseded => {
            return Ok(Err(NotReady { error, patience: VISIBILITY_PAUSES.iter().sum() }));
        }
        current => current?,
    };
    let values = Values { current, pending: pending? };
    Ok(Ok(Some(Ready { description, warnings, values })))
}
