//! The calls to Secrets Manager that a rotation makes, and what their answers mean.
//!
//! There is no policy here: which version may be written and when is decided by the steps.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;

use super::call::{self, Call};
use super::cross_account::CrossAccountReplicas;
use super::{Aws, Description, StagingLabel};
use crate::error::{Error, ErrorType, refuse};
use crate::event::{RotationToken, SecretId, VersionId};
use crate::secret::Document;

/// The pauses in which something that was written a moment ago should become visible. Secrets
/// Manager is eventually consistent, and the steps of a rotation follow within milliseconds.
pub(crate) const VISIBILITY_PAUSES: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(500), Duration::from_millis(1000)];

/// The value of a version.
#[derive(Clone, Debug)]
pub struct SecretValue {
    /// The ARN of the secret.
    pub secret: SecretId,
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
    Labeled(StagingLabel),
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

impl Aws<'_> {
    /// Describes a secret: its labels, tags and replicas.
    pub async fn describe(&self, secret: &SecretId) -> Result<Description, Error> {
        Ok(self.described(secret).await?.0)
    }

    /// The description of a secret, and the answer that it is from.
    pub async fn described(
        &self,
        secret: &SecretId,
    ) -> Result<(Description, DescribeSecretOutput), Error> {
        let call = Call::on_secret("DescribeSecret", secret);
        let elsewhere = CrossAccountReplicas::default();
        let request = self.clients.secrets_manager(secret).describe_secret();
        let request = request.secret_id(secret.as_str()).customize().interceptor(elsewhere.clone());
        let answer = call.success(self.deadline, request.send()).await?;
        if answer.deleted_date().is_some() {
            return Err(call.deleted());
        }
        let elsewhere = elsewhere.read().ok_or_else(|| call.incomplete())?;
        let description = Description::read(&answer, elsewhere);
        Ok((description.ok_or_else(|| call.incomplete())?, answer))
    }

    /// Reads a value, or finds that the version or label has none.
    pub async fn value(
        &self,
        secret: &SecretId,
        selector: Selector<'_>,
    ) -> Result<Option<SecretValue>, Error> {
        let call = Call::on_secret("GetSecretValue", secret);
        let request = self.clients.secrets_manager(secret).get_secret_value();
        let request = match selector {
            Selector::Labeled(label) => request.version_stage(label.as_str()),
            Selector::Version(version) => request.version_id(version.as_str()),
        };
        let sent = request.secret_id(secret.as_str()).send();
        let answer = match call.answer(self.deadline, sent).await? {
            Ok(answer) => answer,
            Err(error) if call::is_missing_value(&error) => return Ok(None),
            Err(error) => return Err(call.failed(&error)),
        };
        let Some(text) = answer.secret_string else {
            return Err(ErrorType::SecretInvalid.because(format!(
                "the document of secret {secret} is binary; store a JSON text in its place"
            )));
        };
        let created = answer.created_date.map(SystemTime::try_from);
        let (Some(arn), Some(version), Some(Ok(created))) =
            (answer.arn, answer.version_id, created)
        else {
            return Err(call.incomplete());
        };
        Ok(Some(SecretValue {
            secret: SecretId::new(arn),
            version: VersionId::new(version),
            document: Document::new(text),
            created,
        }))
    }

    /// Reads the value that is AWSCURRENT, which a secret of a rotation must have.
    pub async fn current_value(&self, secret: &SecretId) -> Result<SecretValue, Error> {
        let Some(current) = self.value(secret, Selector::Labeled(StagingLabel::Current)).await?
        else {
            refuse!(
                SecretInvalid,
                "secret {secret} was not read: no version of it has AWSCURRENT; store the user's login in it"
            );
        };
        Ok(current)
    }

    /// Reads a value that may have been stored a moment ago.
    pub async fn value_when_visible(
        &self,
        secret: &SecretId,
        selector: Selector<'_>,
    ) -> Result<Option<SecretValue>, Error> {
        let value = async || self.value(secret, selector).await;
        self.deadline.retry(VISIBILITY_PAUSES, Option::is_some, value).await
    }

    /// Stores a value under a version, and labels it AWSPENDING.
    pub async fn put_pending(
        &self,
        secret: &SecretId,
        version: &VersionId,
        document: &Document,
        rotation_token: Option<&RotationToken>,
    ) -> Result<PutOutcome, Error> {
        let call = Call::on_secret("PutSecretValue", secret).with_secret();
        let request = self.clients.secrets_manager(secret).put_secret_value();
        let sent = request
            .secret_id(secret.as_str())
            .client_request_token(version.as_str())
            .secret_string(document.expose())
            .version_stages(StagingLabel::Pending.as_str())
            .set_rotation_token(rotation_token.map(|token| token.expose().to_owned()))
            .send();
        match call.answer(self.deadline, sent).await? {
            Ok(_) => Ok(PutOutcome::Stored),
            Err(error) if error.code() == Some("ResourceExistsException") => {
                Ok(PutOutcome::AlreadyExists)
            }
            Err(error) => Err(call.failed(&error)),
        }
    }

    /// Moves AWSCURRENT; AWSPREVIOUS follows by itself.
    pub async fn move_current(
        &self,
        secret: &SecretId,
        to: &VersionId,
        from: &VersionId,
    ) -> Result<MoveOutcome, Error> {
        let call = Call::on_secret("UpdateSecretVersionStage", secret);
        let request = self.clients.secrets_manager(secret).update_secret_version_stage();
        let sent = request
            .secret_id(secret.as_str())
            .version_stage(StagingLabel::Current.as_str())
            .move_to_version_id(to.as_str())
            .remove_from_version_id(from.as_str())
            .send();
        match call.answer(self.deadline, sent).await? {
            Ok(_) => Ok(MoveOutcome::Moved),
            Err(error) if error.code() == Some("InvalidParameterException") => {
                Ok(MoveOutcome::Refused)
            }
            Err(error) => Err(call.failed(&error)),
        }
    }

    /// The newest versions of a secret, also those without a label, newest first.
    pub async fn version_ids(
        &self,
        secret: &SecretId,
        at_most: usize,
    ) -> Result<Vec<VersionId>, Error> {
        let call = Call::on_secret("ListSecretVersionIds", secret);
        let request = self.clients.secrets_manager(secret).list_secret_version_ids();
        let mut pages =
            request.secret_id(secret.as_str()).include_deprecated(true).into_paginator().send();
        let mut versions = Vec::new();
        while let Some(page) = call.answer(self.deadline, pages.next()).await? {
            let page = page.map_err(|error| call.failed(&error))?;
            versions.extend(page.versions.unwrap_or_default());
        }
        versions.sort_by_key(|version| std::cmp::Reverse(version.created_date));
        let ids = versions.into_iter().filter_map(|version| version.version_id);
        Ok(ids.take(at_most).map(VersionId::new).collect())
    }
}
