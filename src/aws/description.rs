//! The description of a secret: its labels, tags and replicas.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::types::StatusType;

use crate::event::{SecretId, VersionId};

/// A secret's description.
#[derive(Clone, Debug)]
pub struct Description {
    /// The ARN.
    pub arn: SecretId,
    /// Whether rotation is on, if it was ever set.
    pub rotation_enabled: Option<bool>,
    /// The labels of each version that has one.
    pub versions: BTreeMap<VersionId, BTreeSet<String>>,
    /// The tags.
    pub tags: Vec<(String, String)>,
    /// The copies in other regions and accounts.
    pub replicas: Vec<Replica>,
}

/// A copy of a secret in another region or account.
#[derive(Clone, Debug)]
pub struct Replica {
    /// The region, or the ARN of the copy in another account.
    pub place: String,
    /// How far the copy is.
    pub status: Option<StatusType>,
    /// What Secrets Manager says about the status.
    pub message: String,
}

impl Description {
    /// The description in an answer. What the SDK does not read of it is given beside it.
    pub fn read(answer: &DescribeSecretOutput, elsewhere: Vec<Replica>) -> Option<Self> {
        let versions = answer.version_ids_to_stages().into_iter().flatten();
        let tags = answer.tags().iter();
        let replicas = answer.replication_status().iter();
        Some(Self {
            arn: SecretId::new(answer.arn()?),
            rotation_enabled: answer.rotation_enabled(),
            versions: versions
                .map(|(id, labels)| (VersionId::new(id), labels.iter().cloned().collect()))
                .collect(),
            tags: tags
                .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
                .collect(),
            replicas: replicas
                .map(|replica| Replica {
                    place: replica.region().unwrap_or_default().to_owned(),
                    status: replica.status().cloned(),
                    message: replica.status_message().unwrap_or_default().to_owned(),
                })
                .chain(elsewhere)
                .collect(),
        })
    }

    /// The labels of a version, if the version is known.
    pub fn labels(&self, version: &VersionId) -> Option<&BTreeSet<String>> {
        self.versions.get(version)
    }

    /// Whether a version has a label.
    pub fn has_label(&self, version: &VersionId, label: StagingLabel) -> bool {
        self.labels(version).is_some_and(|labels| labels.contains(label.as_str()))
    }

    /// The version with a label. Secrets Manager has a label on one version at most; emulators allow
    /// AWSPENDING on several.
    pub fn version(&self, label: StagingLabel) -> Option<&VersionId> {
        let (version, _) =
            self.versions.iter().find(|(_, labels)| labels.contains(label.as_str()))?;
        Some(version)
    }
}

/// A staging label that Secrets Manager itself gives a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StagingLabel {
    /// The version that clients read.
    Current,
    /// The version that a rotation is making.
    Pending,
    /// The version that was current before.
    Previous,
}

impl StagingLabel {
    /// Every such label.
    pub const ALL: [Self; 3] = [Self::Current, Self::Pending, Self::Previous];

    /// The text of the label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Pending => "AWSPENDING",
            Self::Previous => "AWSPREVIOUS",
        }
    }
}

impl fmt::Display for StagingLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
