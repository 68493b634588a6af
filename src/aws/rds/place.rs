//! Looks an address up in RDS.

use aws_sdk_rds::Client;
use aws_sdk_rds::config::{Builder, Region};
use aws_sdk_rds::error::ProvideErrorMetadata;
use aws_sdk_rds::types::{DbCluster, DbInstance};

use crate::aws::Aws;
use crate::aws::call::Call;
use crate::endpoint::{Endpoint, RdsName, RdsNameKind, is_same_host};
use crate::error::Error;
use crate::event::SecretId;
use crate::secret::Address;

/// The instance or cluster that an address belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    region: String,
    pub(super) endpoint: Endpoint,
    instance: Option<String>,
    cluster: Option<String>,
    is_writer_endpoint: bool,
    /// The instance that is replicated from: its name, or its ARN in another region.
    source_instance: Option<String>,
    /// Likewise the cluster.
    source_cluster: Option<String>,
}

impl Place {
    /// Whether both are the same instance, or belong to the same cluster.
    pub(super) fn is_part_of(&self, writer: &Self) -> bool {
        let same =
            |ours: &Option<String>, theirs: &Option<String>| ours.is_some() && ours == theirs;
        self.region == writer.region
            && (same(&self.cluster, &writer.cluster) || same(&self.instance, &writer.instance))
    }

    /// Whether this is certainly the server that accepts writes, not another one of its cluster.
    pub(super) fn is_writer(&self, writer: &Self) -> bool {
        self.is_writer_endpoint || (self.instance.is_some() && self.instance == writer.instance)
    }

    /// What this is a replica of.
    pub(super) async fn source(&self, aws: Aws<'_>) -> Result<Option<Self>, Error> {
        let rds = |id: &str| Rds::new(aws, region_of_arn(id).unwrap_or(&self.region));
        if let Some(id) = &self.source_instance {
            return rds(id).place_of_instance(id, None).await;
        }
        match &self.source_cluster {
            Some(id) => rds(id).place_of_cluster(id, None).await,
            None => Ok(None),
        }
    }
}

/// Looks an address up; `None` if RDS cannot be asked about it, or does not know it. No error tells an
/// address that is `hidden_in` a secret.
pub(super) async fn place(
    aws: Aws<'_>,
    address: &Address,
    hidden_in: Option<&SecretId>,
) -> Result<Option<Place>, Error> {
    let name = RdsName::parse(&address.endpoint.host);
    let host = name.is_some().then_some(address.endpoint.host.as_str());
    let rds = match &name {
        Some(name) => Rds::new(aws, &name.region),
        None => Rds::at_home(aws),
    };
    let rds = Rds { hidden_in: hidden_in.cloned(), ..rds };
    let (instance, cluster) = match name {
        Some(RdsName { id, kind: RdsNameKind::Instance, .. }) => (Some(id), None),
        Some(RdsName { id, kind: RdsNameKind::Cluster, .. }) => (None, Some(id)),
        // The name of a custom endpoint does not say of which cluster it is.
        Some(_) => (None, address.cluster.clone()),
        None => (address.instance.clone(), address.cluster.clone()),
    };
    match (instance, cluster) {
        (Some(id), _) => rds.place_of_instance(&id, host).await,
        (None, Some(id)) => rds.place_of_cluster(&id, host).await,
        (None, None) => Ok(None),
    }
}

fn endpoint(host: Option<&str>, port: Option<i32>) -> Endpoint {
    Endpoint {
        host: host.unwrap_or_default().to_owned(),
        port: port.and_then(|port| port.try_into().ok()).unwrap_or(3306),
    }
}

/// Whether `host` is one of these names; always, where there is no `host` to compare.
fn is_one_of<'a>(host: Option<&str>, names: impl IntoIterator<Item = Option<&'a str>>) -> bool {
    let mut names = names.into_iter().flatten();
    host.is_none_or(|host| names.any(|name| is_same_host(name, host)))
}

fn region_of_arn(arn: &str) -> Option<&str> {
    match arn.split(':').collect::<Vec<_>>()[..] {
        ["arn", _, "rds", region, ..] => Some(region),
        _ => None,
    }
}

/// RDS in one region.
pub(super) struct Rds<'a> {
    region: String,
    client: Client,
    aws: Aws<'a>,
    /// The secret that the identifiers stand in, if no text may tell them.
    hidden_in: Option<SecretId>,
}

impl<'a> Rds<'a> {
    fn new(aws: Aws<'a>, region: &str) -> Self {
        let config = Builder::from(&aws.clients.sdk).region(Region::new(region.to_owned()));
        Self {
            region: region.to_owned(),
            client: Client::from_conf(config.build()),
            aws,
            hidden_in: None,
        }
    }

    fn at_home(aws: Aws<'a>) -> Self {
        let home = aws.clients.sdk.region();
        Self::new(aws, home.map_or("", Region::as_ref))
    }

    pub(super) fn of_arn(aws: Aws<'a>, arn: &str) -> Self {
        match region_of_arn(arn) {
            Some(region) => Self::new(aws, region),
            None => Self::at_home(aws),
        }
    }

    /// The instance with this identifier; with a `host`, only if that is its name.
    async fn place_of_instance(
        &self,
        id: &str,
        host: Option<&str>,
    ) -> Result<Option<Place>, Error> {
        let instance = self.instance(id).await?;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(instance.filter(|i| is_one_of(host, [i.endpoint().and_then(|e| e.address())])).map(
            |i| Place {
                region: self.region.clone(),
                endpoint: endpoint(
                    i.endpoint().and_then(|endpoint| endpoint.address()),
                    i.endpoint().and_then(|endpoint| endpoint.port()),
                ),
                instance: owned(i.db_instance_identifier()),
                cluster: owned(i.db_cluster_identifier()),
                is_writer_endpoint: false,
                source_instance: owned(i.read_replica_source_db_instance_identifier()),
                source_cluster: owned(i.read_replica_source_db_cluster_identifier()),
            },
        ))
    }

    async fn place_of_cluster(&self, id: &str, host: Option<&str>) -> Result<Option<Place>, Error> {
        let cluster = self.cluster(id).await?;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(cluster
            .filter(|c| {
                let custom = c.custom_endpoints().iter().map(String::as_str).map(Some);
                is_one_of(host, [c.endpoint(), c.reader_endpoint()].into_iter().chain(custom))
            })
            .map(|c| Place {
                region: self.region.clone(),
                endpoint: endpoint(host.or(c.reader_endpoint()), c.port()),
                instance: None,
                cluster: owned(c.db_cluster_identifier()),
                is_writer_endpoint: host.is_some() && is_one_of(host, [c.endpoint()]),
                source_instance: None,
                source_cluster: owned(c.replication_source_identifier()),
            }))
    }

    fn call(&self, action: &'static str, id: &str) -> Call {
        match &self.hidden_in {
            Some(secret) => {
                Call::new("rds", action, &format!("the database of secret {secret}")).with_secret()
            }
            None => Call::new("rds", action, id),
        }
    }

    /// The instance with this name or ARN.
    pub(super) async fn instance(&self, id: &str) -> Result<Option<DbInstance>, Error> {
        let call = self.call("DescribeDBInstances", id);
        let request = self.client.describe_db_instances();
        let sent = request.db_instance_identifier(id).send();
        match call.answer(self.aws.deadline, sent).await? {
            Ok(answer) => Ok(answer.db_instances.unwrap_or_default().pop()),
            Err(error) if error.code() == Some("DBInstanceNotFound") => Ok(None),
            Err(error) => Err(call.failed(&error)),
        }
    }

    /// The cluster with this name or ARN.
    pub(super) async fn cluster(&self, id: &str) -> Result<Option<DbCluster>, Error> {
        let call = self.call("DescribeDBClusters", id);
        let request = self.client.describe_db_clusters();
        let sent = request.db_cluster_identifier(id).send();
        match call.answer(self.aws.deadline, sent).await? {
            Ok(answer) => Ok(answer.db_clusters.unwrap_or_default().pop()),
            Err(error) if error.code() == Some("DBClusterNotFoundFault") => Ok(None),
            Err(error) => Err(call.failed(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_one_cluster_belong_together() {
        let place = |region: &str, instance: Option<&str>, cluster: Option<&str>| Place {
            region: region.to_owned(),
            instance: instance.map(str::to_owned),
            cluster: cluster.map(str::to_owned),
            ..Place::default()
        };
        let writer = place("r", Some("i"), Some("c"));
        assert!(place("r", None, Some("c")).is_part_of(&writer));
        assert!(place("r", Some("i"), None).is_part_of(&writer));
        assert!(!place("q", Some("i"), Some("c")).is_part_of(&writer));
        assert!(place("r", Some("i"), Some("c")).is_writer(&writer));
        assert!(!place("r", Some("j"), Some("c")).is_writer(&writer));
        assert!(!place("r", None, Some("c")).is_writer(&place("r", None, Some("c"))));
        assert!(!place("r", None, None).is_part_of(&place("r", None, None)));
    }
}
