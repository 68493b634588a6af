//! Rotations in which nothing goes wrong, at one member or the other.

use std::path::Path;
use std::process::Command;

use super::{Stage, at_once};
use crate::support::cluster::{Cluster, Front, Kind, skipped};
use crate::support::scene::STEPS;
use crate::support::server::{Address, Need, Server};

#[tokio::test]
async fn rotations_at_one_node_and_the_other_give_logins_at_both() {
    for kind in Kind::WRITABLE {
        let Some(cluster) = Cluster::shared(kind).await else { continue };
        let stage = Stage::set(cluster, "a password").await;
        for at in [0, 1, 1, 0] {
            stage.turn_to(at);
            stage.scene.rotate().await;
            stage.assert_in_order().await;
        }
    }
}

#[tokio::test]
async fn each_step_may_come_to_another_node() {
    for kind in Kind::WRITABLE {
        let Some(cluster) = Cluster::shared(kind).await else { continue };
        let stage = Stage::set(cluster, "a password").await;
        for first in [0, 1] {
            let token = stage.scene.begin().await;
            for (number, step) in STEPS.into_iter().enumerate() {
                stage.turn_to((first + number) % 2);
                stage.scene.step(step, &token).await.unwrap();
            }
            stage.assert_in_order().await;
        }
    }
}

#[tokio::test]
async fn a_group_with_one_primary_rotates_there_and_both_members_take_the_logins() {
    let Some(cluster) = Cluster::shared(Kind::OnePrimary).await else { return };
    let stage = Stage::set(cluster, "a password").await;
    for _ in 0..3 {
        stage.scene.rotate().await;
        stage.assert_in_order().await;
    }
}

#[tokio::test]
async fn the_tutorial_runs_on_each_cluster_and_through_each_front() {
    let (mut addresses, mut fronts) = (Vec::new(), Vec::new());
    for kind in Kind::ALL {
        addresses.extend(Cluster::shared(kind).await.map(|cluster| cluster.address(0)));
    }
    for server in Server::with(&[Need::OwnServers]) {
        let mut address = server.address();
        let kind = if server.is_mariadb() { "haproxy" } else { "router" };
        let Some(front) = Front::start(kind, &[&address], &[]).await else { continue };
        address.port = front.port;
        addresses.push(address);
        fronts.push(front);
    }
    at_once(addresses.into_iter().map(tutorial)).await;
}

/// Runs the tutorial with this server, as `make demo` does with one that is named.
async fn tutorial(address: Address) {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = project.join("target/debug/examples/tutorial");
    if !program.exists() {
        return skipped("the tutorial").unwrap_or(());
    }
    let Address { host, port, root, root_password, ca_file, .. } = address;
    let mut command = Command::new("python3");
    command.current_dir(project).args(["dev/stack.py", "run", "--"]).arg(program);
    command.env("MYSQL_URL", format!("mysql://{root}:{root_password}@{host}:{port}"));
    command.env("MYSQL_CA_FILE", ca_file);
    let ran = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let printed = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{printed}{}", String::from_utf8_lossy(&ran.stderr));
}
