//! Two invocations at two nodes, of which each gets its node's lock: the first is held before one of
//! its statements while the second rotates on, and is let go at the worst moment.

use rotation::error::{Error, ErrorType};
use tokio::sync::mpsc;

use super::{Stage, at_once};
use crate::races::withdraw;
use crate::support::account::account;
use crate::support::cluster::{Cluster, Kind};
use crate::support::proxy::Fault;

/// When the held invocation is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LetGo {
    /// The other version was tested, and is not current yet.
    Tested,
    /// It is current.
    Current,
}

/// More than a plan of the drift below has.
const MOST: usize = 12;

#[tokio::test]
async fn an_invocation_held_at_any_statement_at_one_node_locks_nobody_out_who_was_rotated_at_the_other()
 {
    for kind in Kind::WRITABLE {
        let Some(cluster) = Cluster::shared(kind).await else { continue };
        for let_go in [LetGo::Tested, LetGo::Current] {
            let met = at_once((0..MOST).map(|at| Box::pin(held_at(cluster, at, let_go)))).await;
            let statements = met.iter().take_while(|met| **met).count();
            assert!((6..MOST).contains(&statements), "{kind:?}: {met:?}");
            assert!(!met[statements..].contains(&true), "{kind:?}: {met:?}");
        }
    }
}

/// Whether there was a statement with this number.
async fn held_at(cluster: &'static Cluster, at: usize, let_go: LetGo) -> bool {
    let stage = Stage::set(cluster, "a password").await;
    stage.scene.rotate().await;
    drift(&stage).await;
    let old = stage.scene.begin().await;
    stage.scene.step("createSecret", &old).await.unwrap();

    let (asleep, mut sleeps) = mpsc::unbounded_channel();
    let (mut number, mark) = (0, stage.tenant.mark().to_owned());
    stage.name.script(move |request| {
        let changes = ["ALTER USER", "CREATE USER", "GRANT", "REVOKE"];
        let is_change = changes.iter().any(|verb| request.text.contains(verb))
            && !request.text.contains("SHOW ")
            && request.text.contains(&mark);
        let is_it = is_change && number == at;
        number += usize::from(is_change);
        (is_it && asleep.send(()).is_ok()).then_some(Fault::Wait)
    });
    let other = async {
        sleeps.recv().await?;
        stage.turn_to(1);
        withdraw(&stage.scene, &old).await;
        let new = stage.scene.begin().await;
        stage.scene.resume_until("finishSecret", &new).await;
        if let_go == LetGo::Current {
            stage.scene.step("finishSecret", &new).await.unwrap();
        }
        stage.name.let_pass();
        Some(new)
    };
    let first = async {
        let result = stage.scene.step("setSecret", &old).await;
        stage.name.script(|_| None);
        result
    };
    let (held, new) = tokio::join!(first, other);
    let Some(new) = new else {
        held.unwrap();
        return false;
    };
    if let_go == LetGo::Tested {
        stage.scene.step("finishSecret", &new).await.unwrap();
    }
    let held = held.as_ref().map_err(Error::error_type);
    let superseded = [ErrorType::RotationSuperseded, ErrorType::VersionUnknown];
    assert!(
        held.is_err_and(|found| superseded.contains(&found)),
        "{:?}, statement {at}, {let_go:?}: {held:?}",
        cluster.kind
    );
    stage.assert_in_order().await;
    stage.turn_to(0);
    stage.scene.rotate().await;
    stage.assert_in_order().await;
    true
}

/// The twin lacks something, has something else, and a global privilege waits for its exception.
async fn drift(stage: &Stage) {
    let tenant = &stage.tenant;
    let (user, twin) = (account(&tenant.user(), "%"), account(&tenant.twin(), "%"));
    let database = tenant.database();
    let (in_use, idle) = if stage.scene.login("AWSCURRENT").await.0 == tenant.user() {
        (user, twin)
    } else {
        (twin, user)
    };
    tenant
        .sql(format!(
            "GRANT INSERT ON {database}.* TO {in_use}; GRANT DELETE ON {database}.items TO {idle}; \
             ALTER USER {in_use} WITH MAX_USER_CONNECTIONS 77; GRANT PROCESS ON *.* TO {idle}"
        ))
        .await;
}
