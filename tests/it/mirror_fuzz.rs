//! Ugly accounts on real servers: whatever the twin was before, a rotation makes it equal to the
//! user, in the grant tables, in the server's own words, and in what it may do.
//!
//! `MIRROR_CASES` is the number of pairs for each server, and `MIRROR_SEED` the seed of the first
//! one: a failure prints the seed with which, and `MIRROR_CASES=1`, it happens again.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use account_mirror::user::User;
use mysql_async::Error;
use mysql_async::prelude::Queryable;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::support::account::{Tenant, account};
use crate::support::builder::{self, run};
use crate::support::canary::Capture;
use crate::support::generator::{Flavor, World, pair};
use crate::support::grants::assert_equal_accounts;
use crate::support::proxy::Proxy;
use crate::support::scene::{Scene, document, superuser_document, through};
use crate::support::server::{Address, Need, OwnServer, Server};

mod absent;
mod attempts;
mod open_sessions;
use attempts::attempts;
use open_sessions::OpenSession;

/// Pairs for each server, unless `MIRROR_CASES` says otherwise.
const CASES: u64 = 12;
const OLD_PASSWORD: &str = "an old password of the twin: 1";
const PASSWORD: &str = "the user's password: 1";

#[tokio::test]
async fn random_accounts_are_mirrored() {
    for &server in Server::all() {
        fuzz(Flavor::of(server), server.address()).await;
    }
}

#[tokio::test]
async fn random_accounts_are_mirrored_with_partial_revokes() {
    for server in Server::with(&[Need::PartialRevokes, Need::OwnServers]) {
        let own = OwnServer::start(server, &["--partial-revokes=ON"]).await;
        fuzz(Flavor::of(server).under_partial_revokes(), own.address.clone()).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "only the function's variables are its config's")]
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

async fn fuzz(flavor: Flavor, address: Address) {
    Capture::prepare();
    if !flavor.is_mysql() {
        load_ed25519(&address).await;
    }
    let first = number("MIRROR_SEED").unwrap_or(1);
    let cases = number("MIRROR_CASES").unwrap_or(CASES);
    for seed in first..first + cases {
        let tenant = Tenant::at(address.clone());
        let world = World { flavor, mark: tenant.mark().to_owned() };
        let (source, twin) = pair_of(seed, &world);
        let case =
            Case { seed, tenant: &tenant, world: &world, source: &source, twin: twin.as_ref() };
        if let Err(panic) = futures(AssertUnwindSafe(case.check())).await {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("?");
            panic!(
                "{flavor:?}: MIRROR_SEED={seed} MIRROR_CASES=1 shows it again\n{text}\nuser:\n{}\ntwin:\n{}",
                builder::statements(flavor, &source, "?").join(";\n"),
                twin.map(|twin| builder::statements(flavor, &twin, "?").join(";\n"))
                    .unwrap_or_default()
            );
        }
    }
    crate::support::stack::tell(&format!("{flavor:?}: {cases} pairs from MIRROR_SEED={first} on"));
}

/// The pair that a seed gives, always the same.
fn pair_of(seed: u64, world: &World) -> (User, Option<User>) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let tree = pair(world).new_tree(&mut runner);
    tree.expect("the generator rejects nothing").current()
}

/// Waits for `future`, and gives what it panicked with.
async fn futures(
    future: AssertUnwindSafe<impl Future<Output = ()>>,
) -> Result<(), Box<dyn std::any::Any + Send>> {
    let mut future = Box::pin(future.0);
    std::future::poll_fn(|context| {
        let poll = AssertUnwindSafe(|| future.as_mut().poll(context));
        match std::panic::catch_unwind(poll) {
            Ok(std::task::Poll::Pending) => std::task::Poll::Pending,
            Ok(std::task::Poll::Ready(())) => std::task::Poll::Ready(Ok(())),
            Err(panic) => std::task::Poll::Ready(Err(panic)),
        }
    })
    .await
}

pub(crate) async fn load_ed25519(address: &Address) {
    let mut root = crate::support::account::root(address).await;
    match root.query_drop("INSTALL SONAME 'auth_ed25519'").await {
        // It is loaded already.
        Ok(()) | Err(Error::Server(_)) => {}
        Err(error) => panic!("{error}"),
    }
    root.disconnect().await.unwrap();
}

struct Case<'a> {
    seed: u64,
    tenant: &'a Tenant,
    world: &'a World,
    source: &'a User,
    twin: Option<&'a User>,
}

impl Case<'_> {
    async fn check(&self) {
        let Self { tenant, world, .. } = self;
        let mut root = tenant.root().await;
        builder::settle(&mut root, world).await;
        builder::make(&mut root, world.flavor, self.source, PASSWORD).await;
        if let Some(twin) = self.twin {
            builder::make(&mut root, world.flavor, twin, OLD_PASSWORD).await;
        }
        let guest = account(&format!("{}guest", world.mark), "%");
        run(&mut root, &format!("CREATE USER {guest}")).await;
        let attempts = attempts(world, &guest);
        let (user, twin) = world.names();
        let proxy = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        let scene = self.scene(user.as_str(), twin.as_str(), &proxy).await;

        // Of every other pair something is gone.
        if self.seed.is_multiple_of(2) {
            self.check_with_absent(&mut root, &scene, &proxy).await;
            root.disconnect().await.unwrap();
            return;
        }
        let token = scene.begin().await;
        scene.step("createSecret", &token).await.unwrap();
        match OpenSession::of(self, &mut root, &attempts).await {
            Some(session) => session.watch(&mut root, &scene, &token, &proxy).await,
            None => self.step(&scene, "setSecret", &token).await,
        }
        assert_equal_accounts(tenant, user.as_str(), twin.as_str()).await;

        let capture = Capture::everything();
        self.step(&scene, "setSecret", &token).await;
        let log = capture.text();
        drop(capture);
        let log: Vec<_> = log.lines().filter(|line| line.contains(" rotation::log")).collect();
        let log = log.join("\n");
        for statement in ["GRANT ", "REVOKE ", "CREATE USER ", "REQUIRE ", "DEFAULT ROLE "] {
            let made = log.contains(&format!("[\"{statement}"))
                || log.contains(&format!(",\"{statement}"));
            assert!(!made, "the second setSecret makes a {statement}:\n{log}");
        }
        assert!(log.contains("drift=0"), "{log}");

        self.step(&scene, "testSecret", &token).await;
        scene.step("finishSecret", &token).await.unwrap();
        let (name, password) = scene.login("AWSCURRENT").await;
        assert_eq!(name, twin.as_str());
        run(&mut root, "FLUSH USER_RESOURCES").await;
        let logins = [(user.as_str(), PASSWORD), (twin.as_str(), &password)];
        self.assert_equal_behavior(&attempts, logins).await;
        root.disconnect().await.unwrap();
    }

    /// A step, which must succeed.
    async fn step(&self, scene: &Scene, step: &str, token: &str) {
        if let Err(error) = scene.step(step, token).await {
            panic!("{error}");
        }
    }

    /// A secret with the user, of which an older version names the twin, so that it is this one's.
    /// The superuser logs in through the proxy.
    async fn scene(&self, user: &str, twin: &str, proxy: &Proxy) -> Scene {
        let address = &self.tenant.address;
        let superuser = through(proxy, superuser_document(address));
        let mut current = document(address, user, PASSWORD);
        let scene = Scene::with(self.tenant, &superuser, document(address, twin, OLD_PASSWORD));
        let mut scene = scene.await;
        // It waits for what is tried after each of its statements.
        scene.timeout = Duration::from_secs(300);
        current["masterarn"] = scene.superuser_arn.clone().into();
        let call = scene.secrets.put_secret_value().secret_id(&scene.arn);
        call.secret_string(current.to_string()).send().await.unwrap();
        scene
    }

    /// Tries the same things as both, and compares what comes of it.
    async fn assert_equal_behavior(&self, attempts: &[String], logins: [(&str, &str); 2]) {
        let mut outcomes = Vec::new();
        for (name, password) in logins {
            let mut conn = self.tenant.log_in_patiently(name, password).await.unwrap();
            let mut codes = Vec::new();
            for attempt in attempts {
                codes.push(match conn.query_drop(attempt).await {
                    Ok(()) => 0,
                    Err(Error::Server(refusal)) => refusal.code,
                    Err(error) => panic!("{error}\n{attempt}"),
                });
            }
            conn.disconnect().await.unwrap();
            outcomes.push(codes);
        }
        let differ: Vec<_> = attempts
            .iter()
            .zip(outcomes[0].iter().zip(&outcomes[1]))
            .filter(|(_, (user, twin))| user != twin)
            .collect();
        assert!(differ.is_empty(), "user and twin fare differently: {differ:#?}");
    }
}
