//! What happens to a server between two rotations, and in the middle of one: it is upgraded in place,
//! or its accounts are dumped and restored into a new one.
//!
//! `make upgrades` runs these.

use crate::races::assert_in_order;
use crate::support::account::{Tenant, account, literal};
use crate::support::cluster::{client, has_client, skipped};
use crate::support::proxy::Proxy;
use crate::support::scene::{STEPS, Scene, document, superuser_document, through};
use crate::support::server::{Address, OwnServer, Server, program};
use crate::support::untouched::Traces;

const PASSWORD: &str = "a password";

/// From, to, and whether the tables of accounts are upgraded by a program of their own.
const IN_PLACE: [(&str, &str, bool); 5] = [
    ("mysql-5.7.", "mysql-8.0.", false),
    ("mariadb-10.11.", "mariadb-11.8.", false),
    ("mariadb-10.11.", "mariadb-11.8.", true),
    ("mariadb-10.5.", "mariadb-11.8.", false),
    ("mariadb-10.5.", "mariadb-11.8.", true),
];

#[tokio::test]
async fn a_pair_is_rotated_on_after_an_upgrade_in_place_wherever_it_falls_into_a_rotation() {
    for (from, to, by_program) in IN_PLACE {
        let (Some(_), Some(to)) = (program(from).await, program(to).await) else {
            skipped::<()>(&format!("{from} and {to}"));
            continue;
        };
        if by_program && !has_client("mariadb-upgrade").await {
            continue;
        }
        for done in [0, 2, 3] {
            upgraded(from, &to, by_program, done).await;
        }
    }
}

/// An upgrade after so many steps of a rotation.
async fn upgraded(from: &str, to: &str, by_program: bool, done: usize) {
    let mut server = OwnServer::named(from).await.expect("it was found");
    let mut tenant = Tenant::at(server.address.clone());
    tenant.settle(PASSWORD).await;
    let scene = Scene::of(&tenant, PASSWORD).await;
    scene.rotate().await;
    scene.rotate().await;
    let token = scene.begin().await;
    for step in &STEPS[..done] {
        scene.step(step, &token).await.unwrap();
    }
    server.restart_as(to).await;
    if by_program {
        let mut args = login(&server.address);
        args.push("--force".to_owned());
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        client("mariadb-upgrade", &args, "").await.unwrap();
    }
    tenant = tenant.elsewhere(server.address.clone());
    for step in &STEPS[done..] {
        scene.step(step, &token).await.unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
    }
    assert_in_order(&tenant, &scene).await;
    scene.rotate().await;
    assert_in_order(&tenant, &scene).await;
}

/// The client's arguments for root's login.
fn login(address: &Address) -> Vec<String> {
    vec![
        "--no-defaults".to_owned(),
        format!("--host={}", address.host),
        format!("--port={}", address.port),
        format!("--user={}", address.root),
        format!("--password={}", address.root_password),
        format!("--ssl-ca={}", address.ca_file.display()),
    ]
}

/// A program that dumps accounts, its options, and the one that restores them.
type Dump = (&'static str, &'static [&'static str], &'static str);

const OF_MYSQL: [Dump; 2] = [
    ("mysqldump", &["--all-databases"], "mysql"),
    ("mysqldump", &["--all-databases", "--users"], "mysql"),
];
const OF_MARIADB: [Dump; 2] = [
    ("mariadb-dump", &["--all-databases"], "mariadb"),
    ("mariadb-dump", &["--system=users", "--insert-ignore"], "mariadb"),
];

#[tokio::test]
async fn a_pair_is_rotated_on_where_a_dump_of_its_server_was_restored() {
    for &server in Server::all() {
        let dumps = if server.is_mariadb() { OF_MARIADB } else { OF_MYSQL };
        for dump in dumps {
            if has_client(dump.0).await && has_client(dump.2).await {
                restored(server, dump).await;
            }
        }
    }
}

async fn restored(server: Server, (dumper, options, restorer): Dump) {
    let (old, new) = tokio::join!(OwnServer::start(server, &[]), OwnServer::start(server, &[]));
    let tenant = Tenant::at(old.address.clone());
    tenant.settle(PASSWORD).await;
    // Root's password is each server's own; this superuser comes with the dump.
    let name = format!("{}_su", tenant.mark());
    let superuser = account(&name, "%");
    let statements = format!(
        "CREATE USER {superuser} IDENTIFIED BY {}; GRANT ALL ON *.* TO {superuser} WITH GRANT OPTION",
        literal("of the superuser")
    );
    tenant.sql(statements).await;
    let at = Proxy::mysql(&old.address.host, old.address.port).await;
    let user = through(&at, document(&tenant.address, &tenant.user(), PASSWORD));
    let superuser = through(&at, document(&tenant.address, &name, "of the superuser"));
    let scene = Scene::with(&tenant, &superuser, user).await;
    scene.rotate().await;
    scene.rotate().await;

    let mut args = login(&old.address);
    args.extend(options.iter().map(|&option| option.to_owned()));
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let dump =
        client(dumper, &args, "").await.unwrap_or_else(|error| panic!("{options:?}: {error}"));
    let mut args = login(&new.address);
    args.push("--force".to_owned());
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    // What the server has already is complained of: its root, and views of its own.
    let complaints = client(restorer, &args, &format!("{dump}\nFLUSH PRIVILEGES;\n")).await.err();
    at.turn_to(&new.address.host, new.address.port);
    // A dump of everything brings the old root's password as well.
    let (root, root_password) = (name, "of the superuser".to_owned());
    let there = tenant.elsewhere(Address { root, root_password, ..new.address.clone() });
    for label in ["AWSCURRENT", "AWSPREVIOUS"] {
        let (user, password) = scene.login(label).await;
        let taken = there.logs_in(&user, &password).await;
        assert!(taken, "{server:?} {options:?}: {label} is refused: {complaints:?}");
    }
    scene.rotate().await;
    assert_in_order(&there, &scene).await;
}

#[tokio::test]
async fn names_of_eighty_characters_are_rotated_where_names_end_and_longer_ones_change_nothing() {
    let Some(server) = OwnServer::named("mariadb-10.5.").await else {
        return skipped("mariadb-10.5").unwrap_or(());
    };
    for (length, fits) in [(74, true), (75, false)] {
        let tenant = Tenant::at(server.address.clone());
        let name = format!("{:x<length$}", tenant.mark());
        let user = account(&name, "%");
        let create = format!("CREATE USER {user} IDENTIFIED BY {}", literal(PASSWORD));
        tenant.sql(format!("{create}; GRANT PROCESS ON *.* TO {user}")).await;
        let secret = document(&tenant.address, &name, PASSWORD);
        let scene = Scene::with(&tenant, &superuser_document(&tenant.address), secret).await;
        if fits {
            scene.rotate().await;
            let (twin, password) = scene.login("AWSCURRENT").await;
            assert_eq!(twin.len(), 80);
            assert!(tenant.logs_in(&twin, &password).await);
        } else {
            let token = scene.begin().await;
            scene.step("createSecret", &token).await.unwrap();
            let before = Traces::of(&tenant, &scene).await;
            let refused = scene.step("setSecret", &token).await.unwrap_err();
            assert!(refused.to_string().contains("1470"), "{refused}");
            before.assert_unchanged(&tenant, &scene, "setSecret").await;
        }
        assert!(tenant.logs_in(&name, PASSWORD).await);
    }
}
