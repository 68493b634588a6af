//! setSecret is cut off at each packet at one node, and tried again at the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Stage, at_once};
use crate::support::cluster::{Cluster, Kind};
use crate::support::proxy::Fault;

/// So many lanes take turns at the packets.
const LANES: usize = 5;

#[tokio::test]
async fn a_step_cut_off_at_any_packet_at_one_node_is_completed_at_the_other() {
    for kind in Kind::WRITABLE {
        let Some(cluster) = Cluster::shared(kind).await else { continue };
        let lanes = (0..LANES).flat_map(|from| {
            [(0, Fault::Cut), (0, Fault::LoseAnswer), (1, Fault::Cut), (1, Fault::LoseAnswer)]
                .map(|(first, fault)| Box::pin(lane(cluster, from, first, fault)))
        });
        let points = at_once(lanes).await;
        assert!(points.iter().sum::<usize>() > 20, "{kind:?}: {points:?}");
    }
}

/// Cuts off at some of the packets in turn; gives how many there were.
async fn lane(cluster: &'static Cluster, from: usize, first: usize, fault: Fault) -> usize {
    let stage = Stage::set(cluster, "a password").await;
    stage.scene.rotate().await;
    for at in (from..).step_by(LANES) {
        stage.turn_to(first);
        let token = stage.scene.begin().await;
        stage.scene.step("createSecret", &token).await.unwrap();
        let (current, met) =
            (stage.scene.login("AWSCURRENT").await, Arc::new(AtomicBool::new(false)));
        let (mut number, seen) = (0, met.clone());
        stage.name.script(move |_| {
            number += 1;
            let is_it = number == at + 1;
            seen.fetch_or(is_it, Ordering::SeqCst);
            is_it.then_some(fault)
        });
        let cut = stage.scene.step("setSecret", &token).await;
        stage.name.script(|_| None);
        let met = met.load(Ordering::SeqCst);
        assert!(met || cut.is_ok(), "{:?}, packet {at}: {cut:?}", cluster.kind);
        for there in [0, 1].map(|member| cluster.view(&stage.tenant, member)) {
            assert!(there.logs_in(&current.0, &current.1).await, "{fault:?} at {at}");
        }
        stage.turn_to(1 - first);
        stage.scene.resume("setSecret", &token).await.unwrap();
        stage.assert_in_order().await;
        if !met {
            return at / LANES;
        }
    }
    unreachable!("a step ends")
}
