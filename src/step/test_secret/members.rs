//! Waits until the twin has arrived at the other servers of a cluster.
//!
//! Applications log in at any of them, and each takes what the others have written a moment later.

use super::replica::arrived;
use crate::database::session::{Member, Server, Session};
use crate::error::{Error, ErrorType};
use crate::step::superuser::Superuser;

/// Waits until the twin is at each member what it is at the superuser's server. Returns what to warn
/// of: where the superuser could not look.
///
/// The addresses are those that the superuser's own server lists.
///
/// # Errors
///
/// `ReplicaBehind` if it is not in time at a member that takes part.
pub(super) async fn wait(
    superuser: &mut Superuser<'_>,
    writer: &mut Session,
) -> Result<Vec<String>, Error> {
    let Some(cluster) = writer.cluster.clone() else {
        return Ok(Vec::new());
    };
    let mut warnings = Vec::new();
    if !cluster.lists_members() {
        warnings.push(format!(
            "{} does not list the other servers of its cluster, so it was not checked whether \"{}\" has \
             arrived at them",
            superuser.server, superuser.turn.twin
        ));
    }
    let others = cluster.others(&writer.variables);
    let servers: Vec<_> = others.map(|member| superuser.member(member)).collect();
    for server in servers {
        let mut there = match open(superuser, &server).await {
            Ok(session) => session,
            Err(error) if error.error_type() == ErrorType::DeadlineExceeded => return Err(error),
            Err(error) => {
                warnings.push(format!(
                    "it was not checked whether \"{}\" has arrived at {server}, another server of the \
                     cluster: {error:?}",
                    superuser.turn.twin
                ));
                continue;
            }
        };
        let result = arrived(superuser, writer, &mut there, &server).await;
        there.close().await;
        result?;
    }
    Ok(warnings)
}

async fn open(superuser: &mut Superuser<'_>, server: &Server) -> Result<Session, Error> {
    let addresses = server.addresses(superuser.turn.rotation.deadline).await?;
    superuser.open_at(server, &addresses).await
}

impl Superuser<'_> {
    /// A member of the cluster of this superuser's server.
    pub(super) fn member(&self, member: &Member) -> Server {
        let endpoint = member.endpoint.clone();
        if self.server.endpoint.host == endpoint.host {
            return Server { endpoint, ..self.server.clone() };
        }
        Server { endpoint, tls: self.server.tls.for_other_host(), hidden_in: None }
    }
}
