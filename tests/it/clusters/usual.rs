//! Rotations in which nothing goes wrong, at one member or the other.

use super::Stage;
use crate::support::cluster::{Cluster, Kind};
use crate::support::scene::STEPS;

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
