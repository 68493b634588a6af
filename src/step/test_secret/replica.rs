//! Waits until the twin has arrived at a replica.
//!
//! The host in the user's secret may be a replica, which receives the accounts later. A login of the
//! twin before that would count as a failed one, so the superuser reads the accounts there.

use std::net::IpAddr;
use std::time::Duration;

use crate::aws::rds::Relation;
use crate::database::read;
use crate::database::session::Server;
use crate::error::{Error, refuse};
use crate::step::superuser::Superuser;
use crate::step::turn::Turn;

/// The part of the invocation that is reserved for the comparison.
const RESERVE: Duration = Duration::from_secs(4);
/// The pause between two readings.
const PAUSE: Duration = Duration::from_millis(300);

/// Waits until the twin at this address is the one at the writer.
///
/// # Errors
///
/// `ReplicaBehind` if it is not in time; `DifferentServer` if RDS does not know the replica.
pub(super) async fn wait(turn: &Turn<'_>, address: IpAddr) -> Result<(), Error> {
    let (twin, deadline) = (&turn.twin, turn.rotation.deadline);
    let mut superuser = Superuser::find(turn).await?;
    let server = replica_server(&superuser).await?;
    let resolved = server.addresses(deadline).await?;
    let is_users = turn.server.endpoint.host == server.endpoint.host || resolved.contains(&address);
    let addresses = if is_users { vec![address] } else { resolved };
    let mut writer = superuser.open().await?;
    let mut replica = superuser.open_at(&server, &addresses).await?;
    loop {
        let there = read::snapshot(&mut writer, twin.as_str()).await?;
        let here = read::snapshot(&mut replica, twin.as_str()).await?;
        if here == there {
            break;
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
    writer.close().await;
    replica.close().await;
    Ok(())
}

/// The server to which the superuser may log in. The user's secret alone does not decide it: whoever
/// can write that secret must not receive the superuser's password on a server of their own.
async fn replica_server(superuser: &Superuser<'_>) -> Result<Server, Error> {
    let writer = &superuser.server;
    match superuser.relation().await? {
        Relation::Same => Ok(writer.clone()),
        Relation::Replica(endpoint) => Ok(Server { endpoint, tls: writer.tls.for_other_host() }),
        Relation::Unknown => refuse!(
            DifferentServer,
            "the superuser may not log in at {}, to see whether the twin has arrived: it is read-only, \
             and RDS does not say that it is a replica of {writer}; correct the host in one of the \
             two secrets",
            superuser.turn.server
        ),
    }
}
