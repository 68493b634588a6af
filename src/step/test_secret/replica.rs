//! Waits until the twin has arrived at a replica.
//!
//! The host in the user's secret may be a replica, which receives the accounts later. A login of the
//! twin before that would count as a failed one, so the superuser reads the accounts there.

use std::time::Duration;

use crate::aws::rds::Relation;
use crate::database::read;
use crate::database::session::{Server, Session};
use crate::error::{Error, refuse};
use crate::step::superuser::Superuser;
use crate::step::turn::Turn;

/// The part of the invocation that is reserved for the comparison.
const RESERVE: Duration = Duration::from_secs(4);
/// The pause between two readings.
const PAUSE: Duration = Duration::from_millis(300);

/// Waits until the twin where the current user has logged in is the one at the writer.
///
/// # Errors
///
/// `ReplicaBehind` if it is not in time; `DifferentServer` if neither RDS nor the writer's cluster knows
/// the replica.
pub(super) async fn wait(
    turn: &Turn<'_>,
    at_writer: &Session,
    as_current: &Session,
) -> Result<(), Error> {
    let (address, deadline) = (as_current.address, turn.rotation.deadline);
    let mut superuser = Superuser::find(turn).await?;
    let member = at_writer.cluster.as_ref().and_then(|own| own.member(&as_current.variables));
    let server = match member {
        Some(member) => superuser.member(member),
        None => replica_server(&superuser).await?,
    };
    let resolved = server.addresses(deadline).await?;
    let is_users = turn.server.endpoint.host == server.endpoint.host || resolved.contains(&address);
    let addresses = if is_users { vec![address] } else { resolved };
    let mut writer = superuser.open().await?;
    let mut replica = superuser.open_at(&server, &addresses).await?;
    let result = arrived(&superuser, &mut writer, &mut replica, &server).await;
    writer.close().await;
    replica.close().await;
    result
}

/// Waits until the twin at this replica, or other server of a cluster, is the one at the writer.
///
/// # Errors
///
/// `ReplicaBehind` if it is not in time.
pub(super) async fn arrived(
    superuser: &Superuser<'_>,
    writer: &mut Session,
    replica: &mut Session,
    server: &Server,
) -> Result<(), Error> {
    let (twin, deadline) = (&superuser.turn.twin, superuser.turn.rotation.deadline);
    loop {
        let there = read::snapshot(writer, twin.as_str()).await?;
        let here = read::snapshot(replica, twin.as_str()).await?;
        if here == there {
            return Ok(());
        }
        if deadline.remaining() < RESERVE + PAUSE {
            refuse!(
                ReplicaBehind,
                "the login of \"{twin}\" was not tested: at {server} the user is not yet what it is at \
                 the writer {}; find out whether replication runs, and how far it is behind",
                superuser.server
            );
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The server to which the superuser may log in. The user's secret alone does not decide it: whoever
/// can write that secret must not receive the superuser's password on a server of their own.
async fn replica_server(superuser: &Superuser<'_>) -> Result<Server, Error> {
    let writer = &superuser.server;
    match superuser.relation().await? {
        Relation::Same => Ok(writer.clone()),
        Relation::Replica(endpoint) => {
            Ok(Server { endpoint, tls: writer.tls.for_other_host(), hidden_in: None })
        }
        Relation::Unknown => refuse!(
            DifferentServer,
            "the superuser may not log in at {}, to see whether the twin has arrived: it is read-only, \
             and RDS does not say that it is a replica of {writer}; correct the host in one of the \
             two secrets",
            superuser.turn.server
        ),
    }
}
