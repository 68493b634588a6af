//! What happens to a server between two rotations, and in the middle of one: it is upgraded in place,
//! or its accounts are dumped and restored into a new one.
//!
//! `make upgrades` runs these.

use rotation::error::ErrorType;

use crate::races::assert_in_order;
use crate::support::account::{Tenant, account, literal};
use crate::support::cluster::{client, has_client, skipped};
use crate::support::proxy::Proxy;
use crate::support::scene::{STEPS, Scene, document, superuser_document, through};
use crate::support::server::{Address, OwnServer, program};
use crate::support::untouched::assert_refused;

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

const OF_MYSQL: &[Dump] = &[
    ("mysqldump", &["--all-databases"], "mysql"),
    ("mysqldump", &["--all-databases", "--users"], "mysql"),
    ("pt-show-grants", &["--ignore=root@%"], "mysql"),
];
/// MySQL's own programs of today do not log in there.
const OF_OLD_MYSQL: &[Dump] = &[("pt-show-grants", &["--ignore=root@%"], "mariadb")];
const OF_MARIADB: &[Dump] = &[
    ("mariadb-dump", &["--all-databases"], "mariadb"),
    ("mariadb-dump", &["--system=users", "--insert-ignore"], "mariadb"),
    ("pt-show-grants", &["--ignore=root@%"], "mariadb"),
];

/// From, to, and what there is.
const RESTORED: [(&str, &str, &[Dump]); 7] = [
    ("mysql-9.", "mysql-9.", OF_MYSQL),
    ("mysql-8.0.", "mysql-8.0.", OF_MYSQL),
    ("mysql-5.7.", "mysql-5.7.", OF_OLD_MYSQL),
    ("mariadb-11.8.", "mariadb-11.8.", OF_MARIADB),
    ("mariadb-10.11.", "mariadb-10.11.", OF_MARIADB),
    ("mariadb-10.11.", "mariadb-11.8.", OF_MARIADB),
    ("mariadb-10.5.", "mariadb-11.8.", OF_MARIADB),
];

#[tokio::test]
async fn a_pair_is_rotated_on_where_a_dump_of_its_server_was_restored() {
    for (from, to, dumps) in RESTORED {
        if program(from).await.is_none() || program(to).await.is_none() {
            skipped::<()>(&format!("{from} and {to}"));
            continue;
        }
        for &dump in dumps {
            if has_client(dump.0).await && has_client(dump.2).await {
                restored(from, to, dump).await;
            }
        }
    }
}

async fn restored(from: &str, to: &str, (dumper, options, restorer): Dump) {
    let (old, new) = tokio::join!(OwnServer::named(from), OwnServer::named(to));
    let (old, new) = (old.expect("it was found"), new.expect("it was found"));
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

    let complaints = restore(&tenant, &new, (dumper, options, restorer)).await;
    at.turn_to(&new.address.host, new.address.port);
    // A dump of everything brings the old root's password as well.
    let (root, root_password) = (name, "of the superuser".to_owned());
    let there = tenant.elsewhere(Address { root, root_password, ..new.address.clone() });
    for label in ["AWSCURRENT", "AWSPREVIOUS"] {
        let (user, password) = scene.login(label).await;
        let taken = there.logs_in(&user, &password).await;
        assert!(taken, "{from} {to} {dumper} {options:?}: {label} is refused: {complaints:?}");
    }
    scene.rotate().await;
    assert_in_order(&there, &scene).await;
}

/// Restores a dump of the tenant's server into a new one. Returns what was complained of: what the new one
/// has already, its root, and views of its own.
async fn restore(
    tenant: &Tenant,
    new: &OwnServer,
    (dumper, options, restorer): Dump,
) -> Option<String> {
    let mut args = login(&tenant.address);
    if dumper == "pt-show-grants" {
        // It has no options for TLS, and dumps no databases.
        args.retain(|arg| arg != "--no-defaults" && !arg.starts_with("--ssl"));
        let create = format!("CREATE DATABASE {}", tenant.database());
        tenant.elsewhere(new.address.clone()).sql(create).await;
    }
    args.extend(options.iter().map(|&option| option.to_owned()));
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let dump =
        client(dumper, &args, "").await.unwrap_or_else(|error| panic!("{options:?}: {error}"));
    let mut args = login(&new.address);
    args.push("--force".to_owned());
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    client(restorer, &args, &format!("{dump}\nFLUSH PRIVILEGES;\n")).await.err()
}

#[tokio::test]
async fn an_account_that_a_dump_has_left_without_a_password_is_not_rotated() {
    let dump = OF_MYSQL[2];
    if !has_client(dump.0).await || !has_client(dump.2).await {
        return;
    }
    let begins = "mysql-9.";
    let (old, new) = tokio::join!(OwnServer::named(begins), OwnServer::named(begins));
    let (old, new) = (old.expect("it was set up"), new.expect("it was set up"));
    let tenant = Tenant::at(old.address.clone());
    tenant.settle("first canary").await;
    let (role, user) = (format!("{}_role", tenant.mark()), account(&tenant.user(), "%"));
    let roles =
        format!("CREATE ROLE {role}; GRANT {role} TO {user}; SET DEFAULT ROLE {role} TO {user}");
    tenant.sql(roles).await;
    restore(&tenant, &new, dump).await;
    let there = tenant.elsewhere(new.address.clone());
    let scene = Scene::of(&there, "first canary").await;
    assert_refused(&there, &scene, ErrorType::AccountUnusable, &["has no password"]).await;
}

#[tokio::test]
async fn names_of_eighty_characters_are_rotated_where_names_end_and_longer_ones_are_foretold() {
    let Some(mut server) = OwnServer::named("mariadb-10.5.").await else {
        return skipped("mariadb-10.5").unwrap_or(());
    };
    names_end_at_eighty(&server.address).await;
    // Its tables stay as they were until mariadb-upgrade has run.
    if let Some(newer) = program("mariadb-11.8.").await {
        server.restart_as(&newer).await;
        names_end_at_eighty(&server.address).await;
    }
}

async fn names_end_at_eighty(address: &Address) {
    for (length, fits) in [(74, true), (75, false)] {
        let tenant = Tenant::at(address.clone());
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
            let texts = ["has 81 characters", "allow 80"];
            assert_refused(&tenant, &scene, ErrorType::TwinNameImpossible, &texts).await;
        }
        assert!(tenant.logs_in(&name, PASSWORD).await);
    }
}
