//! Where several servers take writes, so that a lock of one keeps nobody out at another. One server plays
//! both: it has the plugin of Group Replication with several primaries, and where the second rotation asks
//! for the lock, it is asked something else.

use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use rotation::error::ErrorType;
use tokio::sync::mpsc;

use crate::races::{assert_in_order, withdraw};
use crate::support::account::{Tenant, account};
use crate::support::canary::Capture;
use crate::support::proxy::{Fault, Proxy, Request};
use crate::support::scene::Scene;
use crate::support::server::{Need, OwnServer, Server};
use crate::support::stack::tell;

const PASSWORD: &str = "the first password";
const GRANTED: &str = "SELECT 1 AS locked";
/// The second is the answer of Percona `XtraDB` Cluster, in its words.
const NO_LOCKS: [(&str, &str); 2] = [
    (
        "SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1235, MESSAGE_TEXT = 'no GET_LOCK here'",
        "1235: \"no GET_LOCK here",
    ),
    (
        "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1105, MESSAGE_TEXT = \
         'Percona-XtraDB-Cluster prohibits use of GET_LOCK with pxc_strict_mode = ENFORCING'",
        "1105: \"Percona-XtraDB-Cluster prohibits use of GET_LOCK with pxc_strict_mode = ENFORCING",
    ),
];

fn takes_lock(request: &Request) -> bool {
    request.text.starts_with("SELECT GET_LOCK(")
}

/// A text that begins with a guard, and with which an account is changed.
fn is_guarded(request: &Request) -> bool {
    request.text.starts_with("SELECT IF(")
}

/// Whether an account is changed by a statement of it.
fn changes(request: &Request) -> bool {
    ["CREATE USER ", "ALTER USER ", "GRANT ", "REVOKE "].iter().any(|word| does(request, word))
}

fn does(request: &Request, word: &str) -> bool {
    request.text.split(";\n").any(|statement| statement.starts_with(word))
}

/// A server of Group Replication with several primaries.
async fn several_writers() -> Option<OwnServer> {
    let server = Server::one_with(&[Need::Mysql, Need::OwnServers])?;
    let args = [
        "--plugin-load-add=group_replication.so",
        "--loose-group-replication-single-primary-mode=OFF",
    ];
    let own = OwnServer::start(server, &args).await;
    let mode = "SHOW GLOBAL VARIABLES LIKE 'group_replication_single_primary_mode'";
    let mut root = Tenant::at(own.address.clone()).root().await;
    let mode: Option<(String, String)> = root.query_first(mode).await.unwrap();
    if mode.is_none() {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test");
        tell(&format!("skipped on {server:?}: {test}: lacks the plugin group_replication"));
        return None;
    }
    Some(own)
}

/// A settled tenant there, and its secret.
async fn stage(own: &OwnServer) -> (Tenant, Scene, Proxy) {
    let tenant = Tenant::at(own.address.clone());
    tenant.settle(PASSWORD).await;
    let (database, user) = (tenant.database(), account(&tenant.user(), "%"));
    tenant.sql(format!("GRANT SELECT (id), UPDATE (id) ON {database}.items TO {user}")).await;
    let proxy = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
    proxy.keep_texts_together();
    let mut scene = Scene::through(&proxy, &tenant, PASSWORD).await;
    scene.timeout = Duration::from_secs(60);
    (tenant, scene, proxy)
}

#[tokio::test]
async fn where_several_servers_take_writes_each_change_has_a_guard_and_waits_for_others() {
    let Some(own) = several_writers().await else {
        return;
    };
    let (tenant, scene, proxy) = stage(&own).await;
    let begun = Instant::now();
    scene.rotate().await;
    assert!(begun.elapsed() > Duration::from_secs(5), "it did not wait");
    scene.rotate().await;
    let seen = proxy.seen();
    let changes: Vec<_> = seen.iter().filter(|request| changes(request)).collect();
    assert!(changes.len() >= 5, "{changes:#?}");
    assert!(changes.iter().all(|request| is_guarded(request)), "{changes:#?}");
    assert_in_order(&tenant, &scene).await;
}

#[tokio::test]
async fn where_several_servers_take_writes_finish_secret_makes_a_proof_of_its_own() {
    let Some(own) = several_writers().await else {
        return;
    };
    let (tenant, scene, _proxy) = stage(&own).await;
    let token = scene.begin().await;
    scene.resume_until("finishSecret", &token).await;
    // As a rotation at another server would.
    let (database, twin) = (tenant.database(), account(&tenant.twin(), "%"));
    tenant.sql(format!("REVOKE SELECT ON {database}.* FROM {twin}")).await;
    let refused = scene.step("finishSecret", &token).await.unwrap_err();
    assert_eq!(refused.error_type(), ErrorType::TwinDiffers, "{refused}");
    assert_eq!(scene.login("AWSCURRENT").await, (tenant.user(), PASSWORD.to_owned()));
    assert!(tenant.logs_in(&tenant.user(), PASSWORD).await);
}

/// A rotation is held before the text with this number, and sleeps while another one, at another server,
/// does all of its steps. False if it has no such text.
async fn sleeps_at(own: &OwnServer, text: usize, with_drift: bool) -> bool {
    let (tenant, scene, proxy) = stage(own).await;
    if with_drift {
        scene.rotate().await;
        let (database, twin) = (tenant.database(), account(&tenant.twin(), "%"));
        tenant
            .sql(format!(
                "REVOKE SELECT ON {database}.* FROM {twin}; GRANT INSERT ON {database}.* TO {twin}; \
                 ALTER USER {twin} WITH MAX_USER_CONNECTIONS 90"
            ))
            .await;
    }
    let old = scene.begin().await;
    scene.step("createSecret", &old).await.unwrap();
    let (asleep, mut sleeps) = mpsc::unbounded_channel();
    let (mut locks, mut texts) = (0, 0);
    proxy.script(move |request| {
        if takes_lock(request) {
            locks += 1;
            return (locks > 1).then_some(Fault::Instead(GRANTED));
        }
        let is_next = is_guarded(request) && locks == 1;
        texts += usize::from(is_next);
        let is_it = is_next && texts == text + 1;
        (is_it && asleep.send(()).is_ok()).then_some(Fault::Wait)
    });
    let late = async {
        let late = scene.step("setSecret", &old).await;
        // Nobody is to wait for what does not come.
        proxy.reset();
        late
    };
    let other = async {
        sleeps.recv().await?;
        withdraw(&scene, &old).await;
        let new = scene.rotate().await;
        proxy.let_pass();
        Some(new)
    };
    let (late, new) = tokio::join!(late, other);
    let Some(new) = new else {
        late.unwrap();
        return false;
    };
    let late = late.expect_err("it went on");
    assert_eq!(late.error_type(), ErrorType::RotationSuperseded, "at {text}: {late}");
    assert_eq!(scene.version("AWSCURRENT").await, Some(new));
    assert_in_order(&tenant, &scene).await;
    true
}

#[tokio::test]
async fn a_rotation_that_slept_through_another_one_changes_nothing_wherever_it_slept() {
    let Some(own) = several_writers().await else {
        return;
    };
    for with_drift in [false, true] {
        let sleep = async |text| sleeps_at(&own, text, with_drift).await;
        let held = tokio::join!(sleep(0), sleep(1), sleep(2), sleep(3), sleep(4), sleep(5));
        let held = [held.0, held.1, held.2, held.3, held.4, held.5];
        let texts = held.iter().filter(|held| **held).count();
        assert!((3..6).contains(&texts), "{held:?}");
    }
}

#[tokio::test]
async fn a_rotation_that_slept_while_nothing_happened_takes_another_lease_and_goes_on() {
    let Some(own) = several_writers().await else {
        return;
    };
    let (tenant, scene, proxy) = stage(&own).await;
    let mut slept = false;
    proxy.script(move |request| {
        let sleeps = is_guarded(request) && !std::mem::replace(&mut slept, true);
        sleeps.then_some(Fault::Delay(Duration::from_secs(4)))
    });
    scene.rotate().await;
    let seen = proxy.seen();
    let creates = seen.iter().filter(|request| does(request, "CREATE USER ")).count();
    assert_eq!(creates, 2, "the first was refused by its guard");
    assert_in_order(&tenant, &scene).await;
}

#[tokio::test]
async fn a_server_without_locks_is_rotated_under_a_lease_and_with_a_warning() {
    for &server in Server::all() {
        for (no_locks, told) in NO_LOCKS {
            without_locks(server, no_locks, told).await;
        }
    }
}

async fn without_locks(server: Server, no_locks: &'static str, told: &str) {
    let (tenant, mut scene, proxy) = Scene::seen(server, PASSWORD).await;
    proxy.keep_texts_together();
    scene.timeout = Duration::from_secs(60);
    proxy.script(move |request| takes_lock(request).then_some(Fault::Instead(no_locks)));
    let capture = Capture::everything();
    scene.rotate().await;
    let log = capture.text();
    drop(capture);
    assert!(log.contains("no lock to keep two rotations"), "{server:?}: {log}");
    assert!(log.contains(told), "{server:?}: {log}");
    let seen = proxy.seen();
    let mut changes = seen.iter().filter(|request| changes(request));
    // Where a text is shown as a whole, the guard of what holds a password is a text before it.
    let is_right = |request: &Request| {
        is_guarded(request) || server.version().0 == 5 && request.text.contains("IDENTIFIED")
    };
    assert!(changes.all(is_right), "{server:?}: {seen:#?}");
    assert_in_order(&tenant, &scene).await;
}
