//! How many calls and connections a rotation takes, counted on the wire.

use std::collections::BTreeMap;

use crate::support::account::Tenant;
use crate::support::proxy::Proxy;
use crate::support::scene::{STEPS, Scene, document, superuser_document};
use crate::support::stack::{Server, setting};

/// What each step asked of Secrets Manager, and how many connections it made to the database.
type Profile = Vec<(&'static str, BTreeMap<String, usize>, usize)>;

async fn rotate(scene: &Scene, api: &Proxy, database: &Proxy) -> Profile {
    let token = scene.begin().await;
    let mut profile = Vec::new();
    for step in STEPS {
        api.reset();
        database.reset();
        scene.step(step, &token).await.unwrap();
        profile.push((step, api.calls(), database.connections()));
    }
    profile
}

fn calls<const N: usize>(calls: [(&str, usize); N]) -> BTreeMap<String, usize> {
    calls.map(|(name, count)| (name.to_owned(), count)).into()
}

fn totals(profile: &Profile) -> (usize, usize) {
    let calls = profile.iter().flat_map(|(_, calls, _)| calls.values());
    (calls.sum(), profile.iter().map(|(_, _, n)| n).sum())
}

#[tokio::test]
async fn a_rotation_makes_thirteen_calls_and_four_connections_and_the_first_one_call_less() {
    for server in Server::ALL {
        let tenant = Tenant::of(server).await;
        tenant.settle("a first password").await;
        let api = Proxy::http(&setting("AWS_ENDPOINT_URL")).await;
        let database = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        let mut address = tenant.address.clone();
        address.port = database.address.port();
        let user = document(&address, &tenant.user(), "a first password");
        let scene = Scene::with(&tenant, &superuser_document(&address), user).await;
        let url = api.url();
        let scene = scene.in_environment(&tenant, &[("SECRETS_MANAGER_ENDPOINT", &url)]).await;

        let first = rotate(&scene, &api, &database).await;
        tenant.grow_old().await;
        let second = rotate(&scene, &api, &database).await;
        tenant.grow_old().await;
        let third = rotate(&scene, &api, &database).await;

        let expected = |values_of_set_secret| -> Profile {
            vec![
                (
                    "createSecret",
                    calls([("DescribeSecret", 1), ("GetSecretValue", 1), ("PutSecretValue", 1)]),
                    0,
                ),
                (
                    "setSecret",
                    calls([("DescribeSecret", 1), ("GetSecretValue", values_of_set_secret)]),
                    2,
                ),
                ("testSecret", calls([("DescribeSecret", 1), ("GetSecretValue", 2)]), 2),
                (
                    "finishSecret",
                    calls([("DescribeSecret", 1), ("UpdateSecretVersionStage", 1)]),
                    0,
                ),
            ]
        };
        // The values of AWSPENDING and AWSPREVIOUS are read under the lock on the pair of users, so
        // that they show whether a label has moved. At first there is no AWSPREVIOUS.
        assert_eq!(first, expected(3), "{server:?}");
        assert_eq!(totals(&first), (12, 4));
        assert_eq!(second, expected(4), "{server:?}");
        assert_eq!(totals(&second), (13, 4));
        assert_eq!(third, second, "{server:?}");
    }
}
