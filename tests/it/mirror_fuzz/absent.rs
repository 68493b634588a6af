//! Privileges on what is gone, invalid, or comes and goes while the function works: the rotation ends
//! well, if need be at a later try, and leaves nothing half done.

use std::sync::atomic::{AtomicUsize, Ordering};

use account_mirror::grant::GrantTarget;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use tokio::sync::mpsc;

use super::Case;
use crate::support::account::{account, identifier};
use crate::support::builder::{place, run};
use crate::support::generator::{COLUMNS, VIEW};
use crate::support::grants::{Picture, assert_equal_accounts};
use crate::support::proxy::{Fault, Proxy};
use crate::support::scene::{STEPS, Scene};

/// How often Secrets Manager tries, at least.
const TRIES: usize = 3;

impl Case<'_> {
    /// Rotates there and back.
    pub(super) async fn check_with_absent(&self, root: &mut Conn, scene: &Scene, proxy: &Proxy) {
        let mut names = Vec::new();
        // About half of them, and with each seed others.
        let chosen = self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        for (number, (sql, name)) in self.losses().into_iter().enumerate() {
            if chosen >> number & 1 == 1 {
                // What is in a database goes with it.
                let _ = root.query_drop(sql).await;
                names.push(name);
            }
        }
        let first = &self.world.tables()[0];
        if let GrantTarget::Table { name, .. } = first {
            names.push(name.clone());
        }
        let token = scene.begin().await;
        let (holding, mut held) = mpsc::unbounded_channel();
        let (seen, moment) = (AtomicUsize::new(0), usize::try_from(self.seed % 23).unwrap());
        proxy.script(move |_| {
            let is_now = seen.fetch_add(1, Ordering::Relaxed) == moment;
            (is_now && holding.send(()).is_ok()).then_some(Fault::Wait)
        });
        let rotate = async {
            self.rotate_in_a_few_tries(scene, &token).await;
            proxy.reset();
        };
        let change = async {
            while held.recv().await.is_some() {
                let columns = COLUMNS.map(|column| format!("{} INT", identifier(column)));
                let [drop, create] =
                    ["DROP TABLE", "CREATE TABLE"].map(|verb| format!("{verb} {}", place(first)));
                if root.query_drop(drop).await.is_err() {
                    run(root, &format!("{create} ({})", columns.join(", "))).await;
                }
                proxy.let_pass();
            }
        };
        tokio::join!(rotate, change);
        self.assert_equal_but_for(&names).await;
        let token = scene.begin().await;
        self.rotate_in_a_few_tries(scene, &token).await;
        let (user, twin) = self.world.names();
        assert_equal_accounts(self.tenant, user.as_str(), twin.as_str()).await;
    }

    async fn rotate_in_a_few_tries(&self, scene: &Scene, token: &str) {
        let mut ends = Vec::new();
        while ends.len() < TRIES {
            let mut end = Ok(());
            for step in STEPS {
                end = scene.step(step, token).await;
                if end.is_err() {
                    break;
                }
            }
            match end {
                Ok(()) => return,
                Err(error) => ends.push(error.to_string()),
            }
        }
        panic!("every try fails: {ends:#?}");
    }

    /// What the twin lacks is on what was lost, and it has no CREATE on a table.
    async fn assert_equal_but_for(&self, names: &[String]) {
        let (user, twin) = self.world.names();
        let user = Picture::of_tables(self.tenant, user.as_str()).await;
        let twin = Picture::of_tables(self.tenant, twin.as_str()).await;
        let is_lost = |line: &String| names.iter().any(|name| line.contains(&format!("{name:?}")));
        let others: Vec<_> = user.differences(&twin);
        let others: Vec<_> = others.iter().filter(|line| !is_lost(line)).collect();
        assert!(others.is_empty(), "{names:?} are gone, and these differ: {others:#?}");
        for create in ["Table_priv=\"Create", ",Create"] {
            assert!(!twin.holds(create), "the twin kept CREATE: {twin:?}");
        }
    }

    /// Statements that take something away, each with the name in the rows that are left.
    fn losses(&self) -> Vec<(String, String)> {
        let world = self.world;
        let schemas = world.schemas();
        let (mut losses, mut tables) = (Vec::new(), Vec::new());
        for table in world.tables() {
            if let GrantTarget::Table { name, .. } = &table {
                let kind = if name == VIEW { "VIEW" } else { "TABLE" };
                tables.push((format!("DROP {kind} {}", place(&table)), name.clone()));
                let column = identifier(COLUMNS[2]);
                let sql = format!("ALTER TABLE {} DROP COLUMN {column}", place(&table));
                losses.push((sql, name.clone()));
            }
        }
        let base = format!("{}.base", identifier(&schemas[1]));
        // A view whose definer is gone, and one whose table is.
        let definer = account(&format!("{}gone", world.mark), "%");
        losses.push((
            format!(
                "CREATE OR REPLACE DEFINER = {definer} VIEW {}.{} AS SELECT * FROM {base}",
                identifier(&schemas[1]),
                identifier(VIEW)
            ),
            VIEW.to_owned(),
        ));
        losses.push((format!("DROP TABLE {base}"), VIEW.to_owned()));
        for routine in world.routines() {
            if let GrantTarget::Routine { name, .. } = &routine {
                losses.push((format!("DROP {}", place(&routine)), name.to_string()));
            }
        }
        losses.push((format!("DROP DATABASE {}", identifier(&schemas[2])), schemas[2].clone()));
        losses.extend(tables);
        losses
    }
}
