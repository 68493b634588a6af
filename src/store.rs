//! Secrets Manager: the calls that a rotation makes, and what their answers mean.
//!
//! There is no policy here: which version may be written and when is decided by the steps.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Builder;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use crate::deadline::Deadline;
use crate::error::{Error, ErrorType};
use crate::event::{RotationToken, SecretId, VersionId};
use crate::secret::Document;
use crate::store::call::{CONNECT_TIMEOUT, Call};
pub use crate::store::description::{Description, StagingLabel, Replica};

pub(crate) mod call;
mod description;

/// The pauses in which something that was written a moment ago should become visible. Secrets
/// Manager is eventually consistent, and the steps of a rotation follow within milliseconds.
pub const VISIBILITY_PAUSES: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_millis(1000)];

/// Secrets Manager, in every region that a rotation needs.
#[derive(Debug)]
pub struct SecretStore {
    sdk: SdkConfig,
    /// The address in the home region, where it is not the usual one.
    endpoint: Option<String>,
    clients: Mutex<HashMap<Region, Client>>,
}

/// The value of a version.
#[derive(Debug)]
pub struct SecretValue {
    /// The version that holds it.
    pub version: VersionId,
    /// The value.
    pub document: Document,
    /// When it was stored.
    pub created: SystemTime,
}

/// Which version's value to read.
#[derive(Clone, Copy, Debug)]
pub enum Selector<'a> {
    /// The one with this label.
    Labelled(StagingLabel),
    /// This one.
    Version(&'a VersionId),
}

/// How storing a value ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// The version has the value now.
    Stored,
    /// The version has another value already, and keeps it.
    AlreadyExists,
}

/// How moving a label ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveOutcome {
    /// The label is where it should be.
    Moved,
    /// The label was not where it was expected.
    Refused,
}

impl SecretStore {
    /// The store of the function's own region and credentials. Nothing is sent yet.
    pub async fn new(endpoint: Option<String>) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        // That an endpoint is not there must be found out before the invocation ends: five attempts
        // to connect, and the pauses between them, take twelve seconds.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(Duration::from_secs(4))
            .build();
        let retries = RetryConfig::standard()
            .with_max_attempts(5)
            .with_initial_backoff(Duration::from_millis(250));
        let sdk = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .timeout_config(timeouts)
            .retry_config(retries)
            .load()
            .await;
        Self { sdk, endpoint, clients: Mutex::default() }
    }

    /// What clients of other services are made from.
    pub(crate) fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// Describes a secret: its labels, tags and replicas.
    pub async fn describe(
        &self,
        secret: &SecretId,
        deadline: Deadline,
    ) -> Result<Description, Error> {
        let call = Call::on_secret("DescribeSecret", secret);
        let request = self.client(secret).describe_secret();
        let sent = request.secret_id(secret.as_str()).send();
        let answer = call.answer(deadline, sent).await?;
        let answer = answer.map_err(|error| call.failed(&error))?;
        if answer.deleted_date().is_some() {
            return Err(call.deleted());
        }
        Description::read(&answer).ok_or_else(|| call.incomplete())
    }

    /// Reads a value, or finds that the version or label has none.
    pub async fn value(
        &self,
        secret: &SecretId,
        selector: Selector<'_>,
        deadline: Deadline,
    ) -> Result<Option<SecretValue>, Error> {
        let call = Call::on_secret("GetSecretValue", secret);
        let request = self.client(secret).get_secret_value();
        let request = match selector {
            Selector::Labelled(label) => request.version_stage(label.as_str()),
            Selector::Version(version) => request.version_id(version.as_str()),
        };
        let sent = request.secret_id(secret.as_str()).send();
        let answer = match call.answer(deadline, sent).await? {
            Ok(answer) => answer,
            Err(error) if call::is_missing_value(&error) => return Ok(None),
            Err(error) => return Err(call.failed(&error)),
        };
        let Some(text) = answer.secret_string else {
            return Err(ErrorType::SecretInvalid.because(format!(
                "the document of secret {secret} is binary; it must be a JSON text"
            )));
        };
        let created = answer.created_date.map(SystemTime::try_from);
        let (Some(version), Some(Ok(created))) = (answer.version_id, created) else {
            return Err(call.incomplete());
        };
        Ok(Some(SecretValue {
            version: VersionId::new(version),
            document: Document::new(text),
            created,
        }))
    }

    /// Reads a value that may have been stored a moment ago.
    pub async fn value_when_visible(
        &self,
        secret: &SecretId,
        selector: Selector<'_>,
        deadline: Deadline,
    ) -> Result<Option<SecretValue>, Error> {
        for pause in VISIBILITY_PAUSES {
            let value = self.value(secret, selector, deadline).await?;
            if value.is_some() {
                return Ok(value);
            }
            let what = format!("the value of a version of {secret}");
            deadline.run(what, tokio::time::sleep(pause)).await?;
        }
        self.value(secret, selector, deadline).await
    }

    /// Stores a value under a version, and labels it AWSPENDING.
    pub async fn put_pending(
        &self,
        secret: &SecretId,
        version: &VersionId,
        document: &Document,
        rotation_token: Option<&RotationToken>,
        deadline: Deadline,
    ) -> Result<PutOutcome, Error> {
        let call = Call::on_secret("PutSecretValue", secret).with_secret();
        let request = self.client(secret).put_secret_value();
        let sent = request
            .secret_id(secret.as_str())
            .client_request_token(version.as_str())
            .secret_string(document.expose())
            .version_stages(StagingLabel::Pending.as_str())
            .set_rotation_token(rotation_token.map(|token| token.expose().to_owned()))
            .send();
        match call.answer(deadline, sent).await? {
            Ok(_) => Ok(PutOutcome::Stored),
            Err(error) if error.code() == Some("ResourceExistsException") => Ok(PutOutcome::AlreadyExists),
            Err(error) => Err(call.failed(&error)),
        }
    }

    /// Moves AWSCURRENT; AWSPREVIOUS follows by itself.
    pub async fn move_current(
        &self,
        secret: &SecretId,
        to: &VersionId,
        from: &VersionId,
        deadline: Deadline,
    ) -> Result<MoveOutcome, Error> {
        let call = Call::on_secret("UpdateSecretVersionStage", secret);
        let request = self.client(secret).update_secret_version_stage();
        let sent = request
            .secret_id(secret.as_str())
            .version_stage(StagingLabel::Current.as_str())
            .move_to_version_id(to.as_str())
            .remove_from_version_id(from.as_str())
            .send();
        match call.answer(deadline, sent).await? {
            Ok(_) => Ok(MoveOutcome::Moved),
            Err(error) if error.code() == Some("InvalidParameterException") => Ok(MoveOutcome::Refused),
            Err(error) => Err(call.failed(&error)),
        }
    }

    /// The newest versions of a secret, also those without a label, newest first.
    pub async fn version_ids(
        &self,
        secret: &SecretId,
        at_most: usize,
        deadline: Deadline,
    ) -> Result<Vec<VersionId>, Error> {
        let call = Call::on_secret("ListSecretVersionIds", secret);
        let request = self.client(secret).list_secret_version_ids();
        let mut pages =
            request.secret_id(secret.as_str()).include_deprecated(true).into_paginator().send();
        let mut versions = Vec::new();
        while let Some(page) = call.answer(deadline, pages.next()).await? {
            let page = page.map_err(|error| call.failed(&error))?;
            versions.extend(page.versions.unwrap_or_default());
        }
        versions.sort_by_key(|version| std::cmp::Reverse(version.created_date));
        let ids = versions.into_iter().filter_map(|version| version.version_id);
        Ok(ids.take(at_most).map(VersionId::new).collect())
    }

    /// The client for the region of a secret; a name is one of the home region.
    fn client(&self, secret: &SecretId) -> Client {
        let home = self.sdk.region().cloned();
        let region = secret.region().map(|region| Region::new(region.to_owned()));
        let Some(region) = region.or_else(|| home.clone()) else {
            return Client::new(&self.sdk);
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
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
