//! Where a superuser's server is, and what RDS says of the user's address.

use std::time::Duration;

use rotation::aws::Clients;
use rotation::aws::rds::{self, Relation};
use rotation::deadline::Deadline;
use rotation::endpoint::region_of_host;
use rotation::error::Error;
use rotation::error::ErrorType::{DifferentServer, UserMissing};
use rotation::event::SecretId;
use rotation::secret::{Address, Document, UserSecret};
use serde_json::{Value, json};

use crate::support::account::{Tenant, account, literal};
use crate::support::edited::{Edit, Edited};
use crate::support::rds::Rds;
use crate::support::refusal::refused;
use crate::support::scene::{Scene, document, superuser_document};
use crate::support::server::{OwnServer, Server};

mod managed;

const PASSWORD: &str = "a password";

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(20))
}

/// What RDS says of two addresses, each a host with further keys of its document.
async fn relation(user: (&str, Value), superuser: (&str, Value)) -> Found {
    let address = |(host, mut keys): (&str, Value)| {
        for (key, value) in
            [("engine", "mysql"), ("username", "u"), ("password", "p"), ("host", host)]
        {
            keys[key] = value.into();
        }
        let document = Document::new(keys.to_string());
        let document = UserSecret::parse(&SecretId::new("app"), document).unwrap();
        document.address
    };
    let clients = Clients::new(None).await;
    let (user, superuser) = (address(user), address(superuser));
    let secret = SecretId::new("superuser");
    let relation = rds::relation(clients.for_invocation(soon()), &user, &superuser, &secret);
    match relation.await.unwrap() {
        Relation::Same => Found::Same,
        Relation::Unknown => Found::Unknown,
        Relation::Replica(endpoint) => {
            // Where RDS says that it is, and not where the secret says.
            assert!(region_of_host(&endpoint.host).is_some(), "{endpoint:?}");
            Found::Replica
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Found {
    Same,
    Replica,
    Unknown,
}

#[tokio::test]
async fn two_spellings_of_one_name_are_one_server() {
    let (a, b) = ("DB.Example.com.", "db.example.com");
    assert_eq!(relation((a, json!({})), (b, json!({}))).await, Found::Same);
    let other_port = relation((a, json!({"port": 3307})), (b, json!({})));
    assert_eq!(other_port.await, Found::Unknown);
}

#[tokio::test]
async fn the_endpoints_of_a_cluster_belong_together() {
    let tenant = Tenant::of(Server::one()).await;
    let rds = Rds::of(&tenant).await;
    let [cluster, one, two] = rds.cluster().await;
    let [writer, readers] = rds.hosts(&cluster).await;
    let (one_host, two_host) = (rds.host(&one).await, rds.host(&two).await);
    let other = Tenant::of(Server::one()).await;
    let other = Rds::of(&other).await;
    let elsewhere = other.host(&other.instance(3306).await).await;
    let unknown = readers.replace("cluster-ro-", "cluster-custom-");
    let upper = format!("{}.", writer.to_ascii_uppercase());
    let none = || json!({});
    for (user, superuser, expected) in [
        ((&*writer, none()), (&*one_host, none()), Found::Same),
        ((&*upper, none()), (&*one_host, none()), Found::Same),
        ((&*readers, none()), (&*writer, none()), Found::Replica),
        ((&*two_host, none()), (&*writer, none()), Found::Replica),
        ((&*two_host, none()), (&*one_host, none()), Found::Replica),
        // An alias, or an address, with the identifier that the console writes.
        (("10.0.0.7", json!({"dbClusterIdentifier": cluster})), (&*writer, none()), Found::Replica),
        (
            ("db.example.com", json!({"dbInstanceIdentifier": one})),
            (&*one_host, none()),
            Found::Same,
        ),
        (
            (&*one_host, none()),
            ("db.example.com", json!({"dbInstanceIdentifier": one})),
            Found::Same,
        ),
        // What RDS does not know, or knows as something else.
        (("db.example.com", none()), (&*writer, none()), Found::Unknown),
        ((&*elsewhere, none()), (&*writer, none()), Found::Unknown),
        ((&*unknown, none()), (&*writer, none()), Found::Unknown),
        (("no.x.eu-central-1.rds.amazonaws.com", none()), (&*writer, none()), Found::Unknown),
    ] {
        let shown = format!("{user:?} and {superuser:?}");
        assert_eq!(relation(user, superuser).await, expected, "{shown}");
    }
}

#[tokio::test]
async fn a_replica_of_a_replica_is_a_replica_and_a_source_is_not() {
    let tenant = Tenant::of(Server::one()).await;
    let rds = Rds::of(&tenant).await;
    let source = rds.instance(3306).await;
    let first = rds.replica(&source).await;
    let second = rds.replica(&first).await;
    let [source, first, second] =
        [rds.host(&source).await, rds.host(&first).await, rds.host(&second).await];
    for (user, superuser, expected) in [
        (&first, &source, Found::Replica),
        (&second, &source, Found::Replica),
        (&second, &first, Found::Replica),
        (&source, &first, Found::Unknown),
    ] {
        let found = relation((user, json!({})), (superuser, json!({}))).await;
        assert_eq!(found, expected, "{user} and {superuser}");
    }
}

/// The address that the tags of a superuser's secret lead to.
async fn writer(scene: &Scene, key: &str, arn: &str) -> Result<Address, Error> {
    let tag = aws_sdk_secretsmanager::types::Tag::builder().key(key).value(arn);
    let call = scene.secrets.tag_resource().secret_id(&scene.superuser_arn);
    call.tags(tag.build()).send().await.unwrap();
    let clients = Clients::new(None).await;
    let aws = clients.for_invocation(soon());
    let superuser = SecretId::new(&scene.superuser_arn);
    let described = aws.describe(&superuser).await.unwrap();
    rds::writer(aws, &described).await
}

fn rds_arn(region: &str, kind: &str, id: &str) -> String {
    format!("arn:aws:rds:{region}:123456789012:{kind}:{id}")
}

#[tokio::test]
async fn the_tags_of_a_managed_secret_lead_to_the_database_in_its_own_region() {
    for region in ["eu-central-1", "ap-southeast-2"] {
        let tenant = Tenant::of(Server::one()).await;
        let rds = Rds::within(&tenant, region).await;
        let scene = Scene::of(&tenant, PASSWORD).await;
        let id = rds.instance(3399).await;
        let arn = rds_arn(region, "db", &id);
        let found = writer(&scene, "AWS:RDS:PrimaryDBInstanceArn", &arn);
        let found = found.await.unwrap();
        assert_eq!((found.endpoint.host, found.endpoint.port), (rds.host(&id).await, 3399));

        let tenant = Tenant::of(Server::one()).await;
        let rds = Rds::within(&tenant, region).await;
        let scene = Scene::of(&tenant, PASSWORD).await;
        let [id, ..] = rds.cluster().await;
        let arn = rds_arn(region, "cluster", &id);
        let found = writer(&scene, "aws:rds:primaryDBClusterArn", &arn);
        let [host, _] = rds.hosts(&id).await;
        assert_eq!(found.await.unwrap().endpoint.host, host);
    }
}

#[tokio::test]
async fn a_superuser_whose_password_is_replaced_meanwhile_is_read_again() {
    let tenant = Tenant::of(Server::one()).await;
    tenant.settle(PASSWORD).await;
    let aws = Edited::aws().await;
    let endpoint = aws.url();
    let scene = Scene::of(&tenant, PASSWORD).await;
    let scene = scene.in_environment(&tenant, &[("SECRETS_MANAGER_ENDPOINT", &endpoint)]).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    // The first two readings find the version that was current until now.
    let superuser = scene.superuser_arn.clone();
    let mut early = 2;
    aws.edit(move |call| {
        let is_it = call.operation == "GetSecretValue" && call.body.contains(&superuser);
        (is_it && early > 0).then(|| {
            early -= 1;
            Edit::change(|answer| {
                let mut answer: Value = serde_json::from_str(&answer).unwrap();
                let mut document: Value =
                    serde_json::from_str(answer["SecretString"].as_str().unwrap()).unwrap();
                document["password"] = "the replaced one".into();
                answer["SecretString"] = document.to_string().into();
                answer["VersionId"] = "00000000-0000-4000-8000-000000000000".into();
                answer.to_string()
            })
        })
    });
    scene.resume("setSecret", &token).await.unwrap();
    let superuser = &scene.superuser_arn;
    let readings = aws.calls().into_iter().filter(|call| call.body.contains(superuser.as_str()));
    // The third reading of setSecret finds it, and that of testSecret.
    assert_eq!(readings.count(), 4);
}

#[tokio::test]
async fn servers_that_do_not_know_of_each_other_are_refused_and_an_alias_is_not() {
    let Some(other) = OwnServer::of_another_family(Server::one()).await else {
        return;
    };
    let tenant = Tenant::of(Server::one()).await;
    tenant.settle(PASSWORD).await;
    let namesake = Tenant::at(other.address.clone());
    let other = superuser_document(&other.address);
    let user = document(&tenant.address, &tenant.user(), PASSWORD);
    let scene = Scene::with(&tenant, &other, user.clone()).await;
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    let result = scene.step("setSecret", &token).await;
    refused(result, UserMissing, &["on the superuser's server"]);
    // Also where that server has a user of the same name, with the same password.
    let user_there = account(&tenant.user(), "%");
    let identified = format!("{user_there} IDENTIFIED BY {}", literal(PASSWORD));
    namesake.sql(format!("CREATE USER {identified}")).await;
    let result = scene.step("setSecret", &token).await;
    namesake.sql(format!("DROP USER {user_there}")).await;
    refused(result, DifferentServer, &["is not the user's server"]);

    // Two names of one server: it says so itself.
    let place = Tenant::at(tenant.address.clone());
    let mut superuser = superuser_document(&tenant.address);
    superuser["host"] = "localhost".into();
    let scene = Scene::with(&place, &superuser, user).await;
    scene.rotate().await;
}
