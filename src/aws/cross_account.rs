//! The copies of a secret in other accounts, which the SDK does not read.
//!
//! `DescribeSecret` answers them as `CrossAccountReplicas`. The SDK skips a field that it does not know,
//! so the answer is read once more, as it came.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_secretsmanager::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_secretsmanager::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_secretsmanager::error::BoxError;
use aws_sdk_secretsmanager::types::StatusType;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use serde::Deserialize;

use super::Replica;

/// Reads the copies out of one call's answer.
#[derive(Clone, Debug, Default)]
pub(super) struct CrossAccountReplicas(Arc<Mutex<Option<Vec<Replica>>>>);

impl CrossAccountReplicas {
    /// What was read, unless the answer could not be.
    pub(super) fn read(&self) -> Option<Vec<Replica>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[dyn_dispatch_hint]
impl Intercept for CrossAccountReplicas {
    fn name(&self) -> &'static str {
        "CrossAccountReplicas"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes();
        let found = body.and_then(|body| replicas(body).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    cross_account_replicas: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(rename = "ReplicaSecretARN")]
    replica_secret_arn: Option<String>,
    replication_status: Option<String>,
    status_message: Option<String>,
}

fn replicas(body: &[u8]) -> serde_json::Result<Vec<Replica>> {
    let answer: Answer = serde_json::from_slice(body)?;
    let entries = answer.cross_account_replicas.unwrap_or_default().into_iter();
    let replica = |entry: Entry| Replica {
        place: entry.replica_secret_arn.unwrap_or_else(|| "another account".to_owned()),
        status: entry.replication_status.as_deref().map(StatusType::from),
        message: entry.status_message.unwrap_or_default(),
    };
    Ok(entries.map(replica).collect())
}
