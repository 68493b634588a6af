//! RDS: where the server of a superuser is, and whether another address is one of its replicas.
//!
//! RDS is asked only where the secrets do not say enough. What it says decides which server is
//! written; whether a replica has the twin is never believed but looked at, in `testSecret`.

use aws_sdk_rds::types::{DbCluster, DbInstance};

use crate::deadline::Deadline;
use crate::error::{Error, ErrorType};
use crate::rds::name::normalized;
pub use crate::rds::name::{is_proxy, region_of_host};
use crate::rds::place::{Rds, place};
use crate::secret::{DatabaseSecret, Engine};
use crate::store::{Description, SecretStore};

mod name;
mod place;

/// The address of a server, and what its secret says about it.
#[derive(Clone, Debug)]
pub struct Address {
    /// The name or the IP address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The RDS instance that the secret names.
    instance: Option<String>,
    /// The RDS cluster that the secret names.
    cluster: Option<String>,
}

impl Address {
    /// The address in a document, if it has one.
    pub fn of(secret: &DatabaseSecret) -> Option<Self> {
        Some(Self {
            host: secret.host()?.to_owned(),
            port: secret.port(),
            instance: secret.db_instance_identifier().map(str::to_owned),
            cluster: secret.db_cluster_identifier().map(str::to_owned),
        })
    }

    /// Whether both are the same name, as DNS compares names, and the same port.
    pub fn is_same_as(&self, other: &Self) -> bool {
        normalized(&self.host) == normalized(&other.host) && self.port == other.port
    }
}

/// The server of a superuser that RDS manages.
#[derive(Clone, Debug)]
pub struct Writer {
    /// The address that accepts writes.
    pub address: Address,
    /// The kind of server, if it is a known one.
    pub engine: Option<Engine>,
}

/// Finds the server of a superuser whose secret is a login only, by the tags that RDS gave it.
pub async fn writer(
    store: &SecretStore,
    superuser: &Description,
    deadline: Deadline,
) -> Result<Writer, Error> {
    let tag = |name: &str| {
        let mut tags = superuser.tags.iter();
        let found = tags.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    };
    let found = if let Some(arn) = tag("aws:rds:primaryDBInstanceArn") {
        let instance = Rds::of_arn(store, arn, deadline).instance(arn).await?;
        instance.as_ref().and_then(Writer::of_instance)
    } else if let Some(arn) = tag("aws:rds:primaryDBClusterArn") {
        let cluster = Rds::of_arn(store, arn, deadline).cluster(arn).await?;
        cluster.as_ref().and_then(Writer::of_cluster)
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
        "superuser secret {} holds no \"host\", and {found}; for a database in another account, or \
         outside of RDS, add \"engine\", \"host\" and \"port\" to the secret",
        superuser.arn
    ))
}

impl Writer {
    fn of_instance(instance: &DbInstance) -> Option<Self> {
        let endpoint = instance.endpoint()?;
        Some(Self {
            address: Address {
                host: endpoint.address()?.to_owned(),
                port: endpoint.port()?.try_into().ok()?,
                instance: instance.db_instance_identifier().map(str::to_owned),
                cluster: None,
            },
            engine: engine(instance.engine()),
        })
    }

    fn of_cluster(cluster: &DbCluster) -> Option<Self> {
        Some(Self {
            address: Address {
                host: cluster.endpoint()?.to_owned(),
                port: cluster.port()?.try_into().ok()?,
                instance: None,
                cluster: cluster.db_cluster_identifier().map(str::to_owned),
            },
            engine: engine(cluster.engine()),
        })
    }
}

fn engine(name: Option<&str>) -> Option<Engine> {
    Engine::ALL.into_iter().find(|engine| Some(engine.as_str()) == name)
}

/// A host and a port that RDS itself gave out, whatever a secret calls them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// The name.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// What RDS says about two addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// Both lead to the server that accepts writes.
    Same,
    /// The user's address may lead to a server that receives the superuser's writes later. It is
    /// the one at this endpoint.
    Replica(Endpoint),
    /// RDS does not know that they have to do with each other.
    Unknown,
}

/// Compares the user's address with the superuser's. Only names of RDS, and addresses with an
/// identifier in their secret, are asked about.
pub async fn relation(
    store: &SecretStore,
    user: &Address,
    superuser: &Address,
    deadline: Deadline,
) -> Result<Relation, Error> {
    if user.is_same_as(superuser) {
        return Ok(Relation::Same);
    }
    let Some(writer) = place(store, superuser, deadline).await? else {
        return Ok(Relation::Unknown);
    };
    let Some(mut place) = place(store, user, deadline).await? else {
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
    // A replica can have replicas, which can have some too.
    for _ in 0..3 {
        let Some(source) = place.source(store, deadline).await? else {
            break;
        };
        if source.is_part_of(&writer) {
            return Ok(Relation::Replica(endpoint));
        }
        place = source;
    }
    Ok(Relation::Unknown)
}
