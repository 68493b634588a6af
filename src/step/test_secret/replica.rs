//! Waiting for the twin to arrive at a replica.
//!
//! The users' host may be a replica or a reader, to which the accounts come later. Trying the
//! twin's login there would count as failed logins, so the superuser looks.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::database::login::Server;
use crate::database::reader::{self, Accounts};
use crate::database::server::prepare;
use crate::database::{Family, Session};
use crate::deadline::Deadline;
use crate::error::{Error, ErrorType};
use crate::rds::{Endpoint, Relation};
use crate::secret::DatabaseSecret;
use crate::step::Rotation;
use crate::step::survey::SuperuserLogin;
use crate::username::Username;

/// What is left of the invocation for the comparison itself.
const RESERVE: Duration = Duration::from_secs(4);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(300);

/// Waits until the twin at this address is the one at the writer.
///
/// # Errors
///
/// `ReplicaBehind` if it is not in time; `DifferentServer` if RDS does not know the replica.
pub(super) async fn wait(
    rotation: &Rotation<'_>,
    current: &DatabaseSecret,
    twin: &Username,
    address: IpAddr,
) -> Result<(), Error> {
    let deadline = rotation.deadline;
    let mut superuser = SuperuserLogin::find(rotation, current).await?;
    let server = replica_server(rotation, current, &superuser).await?;
    let resolved = server.addresses(deadline).await?;
    let is_users = current.host() == Some(&server.host) || resolved.contains(&address);
    let addresses = if is_users { vec![address] } else { resolved };
    let mut writer = superuser.open(rotation).await?;
    let mut replica = superuser.open_at(rotation, &server, &addresses).await?;
    for session in [&mut writer, &mut replica] {
        prepare(session, deadline).await?;
    }
    loop {
        let there = snapshot(&mut writer, twin, deadline).await?;
        let here = snapshot(&mut replica, twin, deadline).await?;
        if here == there {
            break;
        }
        if deadline.remaining() < RESERVE + PAUSE {
            return Err(ErrorType::ReplicaBehind.because(format!(
                "\"{twin}\" at {server} is not yet what it is at the writer {}; see whether \
                 replication runs and how far it is behind; the next try looks again",
                superuser.server
            )));
        }
        tokio::time::sleep(PAUSE).await;
    }
    writer.close(deadline).await;
    replica.close(deadline).await;
    Ok(())
}

/// Where the superuser may look. The user's secret alone does not decide it: whoever can write that
/// must not get the superuser's password sent to a server of his own.
async fn replica_server(
    rotation: &Rotation<'_>,
    current: &DatabaseSecret,
    superuser: &SuperuserLogin,
) -> Result<Server, Error> {
    let writer = &superuser.server;
    match superuser.relation(rotation, current).await? {
        Relation::Same => Ok(writer.clone()),
        Relation::Replica(Endpoint { host, port }) => {
            Ok(Server { host, port, tls: writer.tls.for_other_host() })
        }
        Relation::Unknown => Err(ErrorType::DifferentServer.because(format!(
            "{} is read-only, and RDS does not say that it is a replica of the superuser's server \
             {writer}, so that the superuser cannot look there; correct the host in one of the two \
             secrets",
            rotation.server(current)
        ))),
    }
}

/// All of the twin's accounts with digests of their hashes.
async fn snapshot(
    session: &mut Session,
    twin: &Username,
    deadline: Deadline,
) -> Result<(Accounts, BTreeMap<String, String>), Error> {
    let accounts = reader::read(session, &[twin.as_str()], deadline).await?;
    let sql = match session.family {
        Family::MySql(_) => {
            "SELECT Host AS host, SHA2(authentication_string, 256) AS digest FROM mysql.user \
             WHERE User = ?"
        }
        Family::MariaDb(_) => {
            "SELECT Host AS host, SHA2(CONCAT(JSON_EXTRACT(Priv, '$.authentication_string'), \
             COALESCE(JSON_EXTRACT(Priv, '$.auth_or'), '')), 256) AS digest \
             FROM mysql.global_priv WHERE User = ?"
        }
    };
    let rows = session
        .rows(sql, (twin.as_str(),), deadline)
        .await
        .map_err(|failure| failure.context("reading the twin at the replica"))?;
    let digests = rows.iter().map(|row| (row.text_or_empty("host"), row.text_or_empty("digest")));
    Ok((accounts, digests.collect()))
}
