//! Where several servers are one cluster, and where something stands in front of a server.
//!
//! `make clusters` runs these.

use tokio::task::LocalSet;

use crate::support::account::Tenant;
use crate::support::cluster::Cluster;
use crate::support::grants::assert_equal_accounts;
use crate::support::proxy::Proxy;
use crate::support::scene::{Scene, document, superuser_document, through};

mod cut_off;
mod held;
mod in_front;
mod nodes;
mod usual;

/// Does all of this at the same time: most of it is waiting for leases to end.
async fn at_once<T: 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + 'static>,
) -> Vec<T> {
    let lanes = LocalSet::new();
    let running: Vec<_> = tasks.into_iter().map(|task| lanes.spawn_local(Box::pin(task))).collect();
    lanes
        .run_until(async {
            let mut ends = Vec::new();
            for task in running {
                ends.push(task.await.unwrap());
            }
            ends
        })
        .await
}

/// A secret whose two logins go through one name, which leads to one member or the other.
struct Stage {
    cluster: &'static Cluster,
    tenant: Tenant,
    scene: Scene,
    name: Proxy,
}

impl Stage {
    /// The name leads to the first member.
    async fn set(cluster: &'static Cluster, password: &str) -> Self {
        let tenant = Tenant::at(cluster.address(0));
        tenant.settle(password).await;
        let name = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        name.keep_texts_together();
        let user = through(&name, document(&tenant.address, &tenant.user(), password));
        let superuser = through(&name, superuser_document(&tenant.address));
        let scene = Scene::with(&tenant, &superuser, user).await;
        Self { cluster, tenant, scene, name }
    }

    /// From now on the name leads to this member.
    fn turn_to(&self, at: usize) {
        let address = self.cluster.address(at);
        self.name.turn_to(&address.host, address.port);
    }

    /// AWSCURRENT and AWSPREVIOUS log in at both members, and the two users are equal there.
    async fn assert_in_order(&self) {
        for at in 0..2 {
            let there = self.cluster.view(&self.tenant, at);
            for label in ["AWSCURRENT", "AWSPREVIOUS"] {
                let (user, password) = self.scene.login(label).await;
                let taken = there.logs_in(&user, &password).await;
                assert!(taken, "{:?}: {label} is refused at member {at}", self.cluster.kind);
            }
            assert_equal_accounts(&there, &there.user(), &there.twin()).await;
        }
    }
}
