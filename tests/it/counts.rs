//! How many calls and connections a rotation takes, counted on the wire.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use crate::support::account::{Tenant, account};
use crate::support::proxy::{Fault, Proxy};
use crate::support::scene::{STEPS, Scene, document, superuser_document};
use crate::support::server::{Need, Server};
use crate::support::stack::{Function, setting};
use crate::support::traffic::Traffic;

/// What each step asked of Secrets Manager, how often after one another, and how many connections it made
/// to the database.
type Profile = Vec<(&'static str, BTreeMap<String, usize>, usize, usize)>;

/// What an answer takes: calls that are made at once arrive well within it.
const ANSWER: Duration = Duration::from_millis(300);

async fn rotate(scene: &Scene, api: &Proxy, database: &Proxy) -> Profile {
    let token = scene.begin().await;
    let mut profile = Vec::new();
    for step in STEPS {
        api.reset();
        api.script(|request| (request.position > 0).then_some(Fault::Delay(ANSWER)));
        database.reset();
        scene.step(step, &token).await.unwrap();
        profile.push((step, api.calls(), api.in_sequence(), database.connections()));
    }
    profile
}

fn calls<const N: usize>(calls: [(&str, usize); N]) -> BTreeMap<String, usize> {
    calls.map(|(name, count)| (name.to_owned(), count)).into()
}

fn totals(profile: &Profile) -> (usize, usize, usize) {
    let calls = profile.iter().flat_map(|(_, calls, _, _)| calls.values());
    let in_sequence = profile.iter().map(|(_, _, n, _)| n);
    (calls.sum(), in_sequence.sum(), profile.iter().map(|(_, _, _, n)| n).sum())
}

#[tokio::test]
async fn a_rotation_makes_fourteen_calls_nine_after_one_another_and_three_connections_the_first_one_too()
 {
    for &server in Server::all() {
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
        let second = rotate(&scene, &api, &database).await;
        let third = rotate(&scene, &api, &database).await;

        let expected = |values_of_set_secret| -> Profile {
            vec![
                (
                    "createSecret",
                    calls([("DescribeSecret", 1), ("GetSecretValue", 1), ("PutSecretValue", 1)]),
                    2,
                    0,
                ),
                (
                    "setSecret",
                    calls([("DescribeSecret", 1), ("GetSecretValue", values_of_set_secret)]),
                    3,
                    1,
                ),
                ("testSecret", calls([("DescribeSecret", 1), ("GetSecretValue", 3)]), 2, 2),
                (
                    "finishSecret",
                    calls([("DescribeSecret", 1), ("UpdateSecretVersionStage", 1)]),
                    2,
                    0,
                ),
            ]
        };
        // The values of AWSPENDING and AWSPREVIOUS are read under the lock on the pair of users, so
        // that they show whether a label has moved. At first there is no AWSPREVIOUS, and AWSCURRENT is
        // read again.
        assert_eq!(first, expected(4), "{server:?}");
        assert_eq!(totals(&first), (14, 9, 3));
        assert_eq!(second, first, "{server:?}");
        assert_eq!(third, second, "{server:?}");
    }
}

/// What a rotation without drift may have pass between the function and the database, in TLS.
struct Budget {
    /// Packets that the function sends, in its first rotation and in later ones.
    sent: [usize; 2],
    /// Packets both ways.
    packets: [usize; 2],
    round_trips: [usize; 2],
    full_handshakes: [usize; 2],
    hello_retries: usize,
}

/// A connection sends six packets before its first question (a full authentication one more) and two
/// at its end; the servers send a record, at least, for each of the results of a question.
const MYSQL: Budget = Budget {
    sent: [36, 36],
    packets: [146, 142],
    round_trips: [28, 28],
    full_handshakes: [1, 0],
    hello_retries: 0,
};
const MARIADB: Budget = Budget {
    sent: [36, 36],
    packets: [134, 130],
    round_trips: [26, 26],
    full_handshakes: [1, 0],
    hello_retries: 0,
};

/// One rotation by the built program, whose process keeps what it learned for the next.
async fn traffic_of(function: &Function, scene: &Scene, database: &Proxy) -> Traffic {
    let token = scene.begin().await;
    database.reset();
    for step in STEPS {
        let event = json!({"Step": step, "SecretId": scene.arn, "ClientRequestToken": token});
        function.invoke(&event).await.unwrap();
    }
    database.traffic()
}

#[tokio::test]
async fn what_passes_on_the_wire_stays_within_its_budget() {
    for &server in Server::all() {
        let mut budget = if server.is_mariadb() { MARIADB } else { MYSQL };
        if !server.has(Need::Tls13) {
            // MySQL 5.7 takes no session up again.
            budget.full_handshakes = [3, 3];
        }
        let tenant = Tenant::of(server).await;
        tenant.settle("a first password").await;
        let database = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        let mut address = tenant.address.clone();
        address.port = database.address.port();
        let user = document(&address, &tenant.user(), "a first password");
        let scene = Scene::with(&tenant, &superuser_document(&address), user).await;
        scene.rotate().await;
        let name = format!("wire-{}", tenant.mark());
        let ca_file = address.ca_file.display().to_string();
        let binary = env!("CARGO_BIN_EXE_bootstrap");
        let environment = [("TLS_CA_FILE", ca_file.as_str())];
        let function = Function::start(&name, binary, &environment, Duration::from_secs(30)).await;

        for rotation in 0..2 {
            let traffic = traffic_of(&function, &scene, &database).await;
            let found = format!("{server:?}, rotation {rotation}: {traffic:?}");
            assert!(traffic.sent <= budget.sent[rotation], "{found}");
            assert!(traffic.packets() <= budget.packets[rotation], "{found}");
            assert!(traffic.round_trips <= budget.round_trips[rotation], "{found}");
            assert!(traffic.full_handshakes <= budget.full_handshakes[rotation], "{found}");
            assert!(traffic.hello_retries <= budget.hello_retries, "{found}");
            let handshakes = traffic.full_handshakes + traffic.resumed_handshakes;
            assert_eq!(handshakes, database.connections(), "{found}");
        }
    }
}

/// What the superuser asks and says in `setSecret`: settings, the lock, reads, roles, password, unlock,
/// and the verification.
const MOST_QUESTIONS: usize = 7;

#[tokio::test]
async fn the_superuser_asks_seven_times_in_set_secret_and_prepares_no_statement() {
    for &server in Server::all() {
        let (tenant, scene, proxy) = Scene::seen(server, "a first password").await;
        let (database, user) = (tenant.database(), account(&tenant.user(), "%"));
        for n in 0..20 {
            let grant = format!("GRANT SELECT, CREATE ON {database}.n{n} TO {user}");
            tenant.sql(grant).await;
        }
        scene.rotate().await;

        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        proxy.reset();
        scene.step("setSecret", &token).await.unwrap();
        let calls = proxy.calls();
        assert!(calls["Query"] <= MOST_QUESTIONS, "{server:?}: {:#?}", proxy.seen());
        // The only other command is the farewell.
        assert!(calls.get("Command").is_none_or(|count| *count == 1), "{server:?}: {calls:?}");
    }
}
