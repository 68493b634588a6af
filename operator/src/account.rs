//! The caller's AWS account: credentials, the calls that only this command makes, and the settings of
//! the rotation function.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::{Region, SdkConfig};
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry};
use rotation::aws::{Call, Clients, Selector, StagingLabel};
use rotation::config::Config;
use rotation::deadline::Deadline;
use rotation::error::{Error, ErrorType};
use rotation::event::{SecretId, VersionId};
use rotation::secret::UserSecret;
use rotation::step::Current;

use crate::arguments::{Common, Settings};
use crate::secret::Secret;

/// How long the calls for one secret, and the work on its server, may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is known of the caller's AWS account.
#[derive(Debug)]
pub(crate) struct Account {
    /// The function's own clients, with the caller's credentials.
    pub(crate) clients: Clients,
    sdk: SdkConfig,
}

/// The settings of a function, and where they come from.
#[derive(Debug)]
pub(crate) struct FunctionSettings {
    pub(crate) config: Config,
    /// Why they are not the function's own, if they are not.
    pub(crate) unread: Option<Error>,
}

impl Account {
    pub(crate) async fn of(common: &Common) -> Self {
        let mut loader = rotation::aws::loader();
        if let Some(region) = &common.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(profile) = &common.profile {
            // As with AWS's own command, a profile that is named comes before the environment's
            // credentials.
            let credentials = ProfileFileCredentialsProvider::builder().profile_name(profile);
            loader = loader.profile_name(profile).credentials_provider(credentials.build());
        }
        let sdk = loader.load().await;
        Self { clients: Clients::with(sdk.clone(), None), sdk }
    }

    /// Describes a secret.
    pub(crate) async fn describe(&self, id: &SecretId) -> Result<Secret, Error> {
        let aws = self.clients.for_invocation(deadline());
        let (description, answer) = aws.described(id).await?;
        Ok(Secret::new(description, answer))
    }

    /// Reads the document that is current.
    pub(crate) async fn current(&self, id: &SecretId) -> Result<Current, Error> {
        self.labeled(id, StagingLabel::Current).await
    }

    /// Reads the document with a label.
    pub(crate) async fn labeled(
        &self,
        id: &SecretId,
        label: StagingLabel,
    ) -> Result<Current, Error> {
        let aws = self.clients.for_invocation(deadline());
        let Some(value) = aws.value(id, Selector::Labeled(label)).await? else {
            return Err(ErrorType::SecretInvalid.because(format!(
                "secret {id} was not read: no version of it has {}; store the user's login in it",
                label.as_str()
            )));
        };
        let document = UserSecret::parse(id, value.document)?;
        Ok(Current { document, version: value.version, stored: value.created })
    }

    /// Starts a rotation now. Gives the version that it makes.
    pub(crate) async fn rotate(&self, id: &SecretId) -> Result<VersionId, Error> {
        let call = Call::on_secret("RotateSecret", id);
        let request = self.clients.secrets_manager(id).rotate_secret().secret_id(id.as_str());
        let answer = call.success(deadline(), request.send()).await?;
        answer.version_id.map(VersionId::new).ok_or_else(|| call.incomplete())
    }

    /// Takes a label away from a version.
    pub(crate) async fn remove_label(
        &self,
        id: &SecretId,
        label: &str,
        version: &VersionId,
    ) -> Result<(), Error> {
        let call = Call::on_secret("UpdateSecretVersionStage", id);
        let request = self.clients.secrets_manager(id).update_secret_version_stage();
        let request = request.secret_id(id.as_str()).version_stage(label);
        let sent = request.remove_from_version_id(version.as_str()).send();
        call.success(deadline(), sent).await?;
        Ok(())
    }

    /// The secrets of the account and region that a function rotates, with all of these tags.
    pub(crate) async fn rotated(
        &self,
        tags: &[(String, String)],
    ) -> Result<Vec<SecretListEntry>, Error> {
        let everywhere = SecretId::new("*");
        let call = Call::on_secret("ListSecrets", &everywhere);
        let mut request = self.clients.secrets_manager(&everywhere).list_secrets();
        // Secrets Manager filters keys and values apart, so both are looked at once more below.
        for (name, value) in tags.iter().flat_map(|(key, value)| {
            [(FilterNameStringType::TagKey, key), (FilterNameStringType::TagValue, value)]
        }) {
            request = request.filters(Filter::builder().key(name).values(value).build());
        }
        let mut pages = request.into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = call.answer(deadline(), pages.next()).await? {
            let page = page.map_err(|error| call.failed(&error))?;
            found.extend(page.secret_list.unwrap_or_default());
        }
        let has = |entry: &SecretListEntry, (key, value): &(String, String)| {
            let mut tags = entry.tags().iter();
            tags.any(|tag| tag.key() == Some(key) && tag.value() == Some(value))
        };
        found.retain(|entry| {
            entry.rotation_lambda_arn().is_some() && tags.iter().all(|tag| has(entry, tag))
        });
        Ok(found)
    }

    /// The settings of a function. Where they cannot be read, those of this command's own environment,
    /// which has the same names.
    pub(crate) async fn settings(
        &self,
        function: Option<&str>,
        given: &Settings,
    ) -> Result<FunctionSettings, Error> {
        let (variables, unread) = match function {
            None => (None, None),
            Some(function) => match self.environment_of(function).await {
                Ok(variables) => (Some(variables), None),
                Err(error) => (None, Some(error)),
            },
        };
        let mut config = match variables {
            None => Config::from_environment()?,
            Some(mut variables) => {
                // A file of the function's package is not here.
                variables.remove("TLS_CA_FILE");
                variables.remove("SECRETS_MANAGER_ENDPOINT");
                Config::from_lookup(|name| variables.get(name).cloned())?
            }
        };
        if let Some(arn) = &given.superuser_secret {
            config.superuser_secret = Some(SecretId::new(arn));
        }
        if let Some(file) = &given.ca_file {
            rotation::tls::read_roots(file)?;
            config.tls_ca_file = Some(file.clone());
        }
        Ok(FunctionSettings { config, unread })
    }

    async fn environment_of(&self, function: &str) -> Result<HashMap<String, String>, Error> {
        let call = Call::new("lambda", "GetFunctionConfiguration", function);
        let mut config = aws_sdk_lambda::config::Builder::from(&self.sdk);
        if let ["arn", _, "lambda", region, ..] = function.split(':').collect::<Vec<_>>()[..] {
            config = config.region(Region::new(region.to_owned()));
        }
        let client = aws_sdk_lambda::Client::from_conf(config.build());
        let sent = client.get_function_configuration().function_name(function).send();
        let answer = call.success(deadline(), sent).await?;
        Ok(answer.environment.and_then(|environment| environment.variables).unwrap_or_default())
    }

    /// What a function has logged about a version since a moment, in milliseconds since 1970, oldest
    /// first. The function's log may be unreadable, or somewhere else.
    pub(crate) async fn logged(
        &self,
        function: &str,
        version: &VersionId,
        since: i64,
    ) -> Result<Vec<String>, Error> {
        let name = function.split(':').nth(6).unwrap_or(function);
        let group = format!("/aws/lambda/{name}");
        let call = Call::new("logs", "FilterLogEvents", &group);
        let client = aws_sdk_cloudwatchlogs::Client::new(&self.sdk);
        let request = client.filter_log_events().log_group_name(&group).start_time(since);
        let pattern = format!("{{ $.version = \"{version}\" }}");
        let answer = call.success(deadline(), request.filter_pattern(pattern).send()).await?;
        let events = answer.events.unwrap_or_default();
        Ok(events.into_iter().filter_map(|event| event.message).collect())
    }
}

/// The end of the work that begins now.
pub(crate) fn deadline() -> Deadline {
    Deadline::after(PATIENCE)
}
