//! What the stack's RDS knows: instances and clusters with the names of one test.

use aws_sdk_rds::Client;
use aws_sdk_rds::config::{BehaviorVersion, Region};

use super::account::Tenant;
use super::stack::setting;

/// RDS in one region, and the mark of the test's instances.
pub(crate) struct Rds {
    pub(crate) client: Client,
    mark: String,
}

impl Rds {
    /// RDS in the home region.
    pub(crate) async fn of(tenant: &Tenant) -> Self {
        Self::within(tenant, &setting("AWS_REGION")).await
    }

    pub(crate) async fn within(tenant: &Tenant, region: &str) -> Self {
        Self::new(tenant, region, &setting("AWS_ENDPOINT_URL")).await
    }

    /// RDS in the home region of another AWS.
    pub(crate) async fn at(tenant: &Tenant, url: &str) -> Self {
        Self::new(tenant, &setting("AWS_REGION"), url).await
    }

    async fn new(tenant: &Tenant, region: &str, url: &str) -> Self {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .region(Region::new(region.to_owned()))
            .endpoint_url(url)
            .load()
            .await;
        Self { client: Client::new(&config), mark: tenant.mark().to_owned() }
    }

    /// A new MySQL instance on this port. Gives its identifier.
    pub(crate) async fn instance(&self, port: u16) -> String {
        let id = format!("{}-db", self.mark);
        let create = self.client.create_db_instance().db_instance_identifier(&id);
        let create = create.engine("mysql").db_instance_class("db.t4g.micro");
        let create = create.port(port.into()).allocated_storage(20);
        let create = create.master_username("root").master_user_password("unused here");
        create.send().await.unwrap();
        id
    }

    /// A new replica of an instance. Gives its identifier.
    pub(crate) async fn replica(&self, source: &str) -> String {
        let id = format!("{source}-replica");
        let create = self.client.create_db_instance_read_replica();
        let create = create.db_instance_identifier(&id);
        let create = create.source_db_instance_identifier(source);
        create.send().await.unwrap();
        id
    }

    /// A new Aurora cluster with two instances. Gives their identifiers, the cluster's first.
    pub(crate) async fn cluster(&self) -> [String; 3] {
        let cluster = format!("{}-cluster", self.mark);
        let create = self.client.create_db_cluster().db_cluster_identifier(&cluster);
        let create = create.engine("aurora-mysql").port(3306);
        let create = create.master_username("root").master_user_password("unused here");
        create.send().await.unwrap();
        let [one, two] = ["one", "two"].map(|name| format!("{}-{name}", self.mark));
        for id in [&one, &two] {
            let create = self.client.create_db_instance().db_instance_identifier(id);
            let create = create.engine("aurora-mysql").db_instance_class("db.t4g.medium");
            create.db_cluster_identifier(&cluster).send().await.unwrap();
        }
        [cluster, one, two]
    }

    /// The name that RDS gave an instance.
    pub(crate) async fn host(&self, id: &str) -> String {
        let found = self.client.describe_db_instances().db_instance_identifier(id);
        let found = found.send().await.unwrap().db_instances.unwrap_or_default();
        found[0].endpoint().unwrap().address().unwrap().to_owned()
    }

    /// The names that RDS gave a cluster: that of its writer, and that of its readers.
    pub(crate) async fn hosts(&self, id: &str) -> [String; 2] {
        let found = self.client.describe_db_clusters().db_cluster_identifier(id);
        let found = found.send().await.unwrap().db_clusters.unwrap_or_default();
        [found[0].endpoint(), found[0].reader_endpoint()].map(|host| host.unwrap().to_owned())
    }
}
