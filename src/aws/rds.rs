//! RDS: where the server of a superuser is, and whether another address is one of its replicas.
//!
//! RDS is asked only where the secrets do not say enough. Its answer decides which server is changed.
//! Whether a replica has the twin is never taken from it, but read from the replica in `testSecret`.

use aws_sdk_rds::types::{DbCluster, DbInstance};

use self::place::{Rds, place};
use super::{Aws, Description};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorType};
use crate::event::SecretId;
use crate::secret::Address;

mod place;

/// The server of a superuser whose secret has only a login, found by the tags that RDS gave the secret.
pub async fn writer(aws: Aws<'_>, superuser: &Description) -> Result<Address, Error> {
    let tag = |name: &str| {
        let mut tags = superuser.tags.iter();
        let found = tags.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    };
    let found = if let Some(arn) = tag("aws:rds:primaryDBInstanceArn") {
        let instance = Rds::of_arn(aws, arn).instance(arn).await?;
        instance.as_ref().and_then(Address::of_instance)
    } else if let Some(arn) = tag("aws:rds:primaryDBClusterArn") {
        let cluster = Rds::of_arn(aws, arn).cluster(arn).await?;
        cluster.as_ref().and_then(Address::of_cluster)
    } else {
        return Err(not_found(
            superuser,
            "it has no tag aws:rds:primaryDBInstanceArn or aws:rds:primaryDBClusterArn",
        ));
    };
    found.ok_or_else(|| not_found(superuser, "RDS knows no address for the ARN in its tag"))
}

fn not_found(superuser: &Description, found: &str) -> Error {
    ErrorType::DatabaseNotFound.because(format!(
        "the superuser's server was not found: superuser secret {} has no \"host\", and {found}; add \
         \"engine\", \"host\" and \"port\" to the secret if the database is in another account or \
         outside of RDS",
        superuser.arn
    ))
}

impl Address {
    fn of_instance(instance: &DbInstance) -> Option<Self> {
        let endpoint = instance.endpoint()?;
        Some(Self {
            endpoint: Endpoint {
                host: endpoint.address()?.to_owned(),
                port: endpoint.port()?.try_into().ok()?,
            },
            instance: instance.db_instance_identifier().map(str::to_owned),
            cluster: None,
        })
    }

    fn of_cluster(cluster: &DbCluster) -> Option<Self> {
        Some(Self {
            endpoint: Endpoint {
                host: cluster.endpoint()?.to_owned(),
                port: cluster.port()?.try_into().ok()?,
            },
            instance: None,
            cluster: cluster.db_cluster_identifier().map(str::to_owned),
        })
    }
}

/// How two addresses are related, according to RDS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Both are addresses of the server that accepts writes.
    Same,
    /// The user's address may be that of a replica of the superuser's server: the one at this endpoint.
    Replica(Endpoint),
    /// RDS knows no relation between them.
    Unknown,
}

/// Compares the user's address with the superuser's. RDS is asked only about host names that it gave,
/// and about addresses with an identifier in their secret. What the superuser's secret says of its own is
/// not told.
pub async fn relation(
    aws: Aws<'_>,
    user: &Address,
    superuser: &Address,
    superuser_secret: &SecretId,
) -> Result<Relation, Error> {
    if user.endpoint.is_same_as(&superuser.endpoint) {
        return Ok(Relation::Same);
    }
    let Some(writer) = place(aws, superuser, Some(superuser_secret)).await? else {
        return Ok(Relation::Unknown);
    };
    let Some(mut place) = place(aws, user, None).await? else {
        return Ok(Relation::Unknown);
    };
    let endpoint = place.endpoint.clone();
    if place.is_part_of(&writer) {
        return Ok(if place.is_writer(&writer) {
            Relation::Same
        } else {
            Relation::Replica(endpoint)
        });
    }
    // A replica can have replicas, to a depth of three.
    for _ in 0..3 {
        let Some(source) = place.source(aws).await? else {
            break;
        };
        if source.is_part_of(&writer) {
            return Ok(Relation::Replica(endpoint));
        }
        place = source;
    }
    Ok(Relation::Unknown)
}
