//! The cluster of which a server is a node (Galera) or a member (MySQL's Group Replication).
//!
//! There each node has locks and settings of its own, and may be behind: so what a node says of itself
//! is read at the start of a session, and the session is pinned to read what the others have written.

use std::collections::BTreeSet;

use account_mirror::row::Row;

use super::server::{Credentials, LoginRole};
use super::{Session, Variables};
use crate::endpoint::Endpoint;
use crate::error::{Error, refuse};

/// A cluster, as one of its servers says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    kind: Kind,
    /// What is the same at each of its servers, and nowhere else.
    id: String,
    /// How many nodes of Galera are connected, an arbitrator among them.
    size: usize,
    /// Where clients reach its servers, this one among them, as far as they are listed.
    members: Vec<Member>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Galera,
    Group,
}

/// A server that is listed by another one of its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where clients reach it.
    pub endpoint: Endpoint,
    /// Its `server_uuid`, where that is listed.
    uuid: Option<String>,
    /// Whether it takes part.
    is_in_order: bool,
}

/// Of Galera's status, what says whether a node can be used, and who the others are.
const GALERA: &str = "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', \
     'wsrep_cluster_status', 'wsrep_local_state', 'wsrep_local_state_comment', \
     'wsrep_cluster_state_uuid', 'wsrep_cluster_size', 'wsrep_incoming_addresses', 'wsrep_provider_name')";

/// The members of a group. Ordinary users may not read it.
const GROUP: &str = "SELECT MEMBER_ID AS id, MEMBER_HOST AS host, MEMBER_PORT AS port, \
     MEMBER_STATE AS state FROM performance_schema.replication_group_members";

/// The state of a node that has all that the cluster has.
const SYNCED: usize = 4;

impl Cluster {
    /// Whether it is known where its servers are reached.
    pub fn lists_members(&self) -> bool {
        !self.members.is_empty() && self.members.len() >= self.size.min(2)
    }

    /// The others that take part, where they are listed.
    pub fn others<'a>(&'a self, own: &'a Variables) -> impl Iterator<Item = &'a Member> {
        let is_own = move |member: &&Member| match &member.uuid {
            Some(uuid) => own.value("server_uuid") == Some(uuid),
            None => own.value("wsrep_node_incoming_address").is_some_and(|address| {
                endpoint(address).is_some_and(|own| own.is_same_as(&member.endpoint))
            }),
        };
        self.members.iter().filter(move |member| member.is_in_order && !is_own(member))
    }

    /// Whether the server with these variables, and this cluster, is in this one.
    pub fn holds(&self, other: Option<&Self>, variables: &Variables) -> bool {
        let uuid = variables.value("server_uuid");
        match self.kind {
            // A copy of a cluster has its identity, too, but other addresses.
            Kind::Galera => {
                other.is_some_and(|other| self.id == other.id && self.members == other.members)
            }
            Kind::Group => {
                let is_it =
                    |member: &Member| member.uuid.is_some() && member.uuid.as_deref() == uuid;
                variables.value("group_replication_group_name") == Some(&self.id)
                    && self.members.iter().any(is_it)
            }
        }
    }

    /// Where the member with these variables is reached, as the cluster itself lists it.
    pub fn member(&self, variables: &Variables) -> Option<&Member> {
        let uuid = variables.value("server_uuid")?;
        self.members.iter().find(|member| member.uuid.as_deref() == Some(uuid))
    }
}

/// Finds the cluster of a server, if it is in one; pins what the session reads there, and refuses a
/// server that cannot be used now.
///
/// # Errors
///
/// `NodeNotReady`, and those of the queries.
pub(super) async fn join(
    session: &mut Session,
    credentials: &Credentials<'_>,
) -> Result<(), Error> {
    let variables = &session.variables;
    if variables.is_on("wsrep_on") {
        session.cluster = galera(session, credentials).await?;
    } else if variables.value("group_replication_group_name").is_some_and(|name| !name.is_empty()) {
        session.cluster = group(session, credentials).await?;
    }
    Ok(())
}

/// A statement of which the other nodes would not hear is one that locks clients out there; and a node
/// answers from tables that may be behind unless it is asked to wait for the others.
async fn galera(
    session: &mut Session,
    credentials: &Credentials<'_>,
) -> Result<Option<Cluster>, Error> {
    let pinned = match credentials.role {
        LoginRole::Superuser => "SET SESSION wsrep_OSU_method = 'TOI', wsrep_sync_wait = 15",
        LoginRole::Current | LoginRole::Pending => "SET SESSION wsrep_sync_wait = 15",
    };
    let mut results = Vec::new();
    let sent = session.collect(&format!("{GALERA};\n{pinned}"), &mut results).await;
    sent.map_err(|failure| failure.context(format!("preparing the session ({pinned})")))?;
    let status = Variables::new(results.first().map(Vec::as_slice).unwrap_or_default());
    // Without a library of Galera the variable alone means nothing.
    if status.value("wsrep_provider_name").is_none_or(str::is_empty) {
        return Ok(None);
    }
    let is_primary = status.value("wsrep_cluster_status") == Some("Primary");
    if !is_primary
        || !status.is_on("wsrep_ready")
        || status.number("wsrep_local_state") != Some(SYNCED)
    {
        refuse!(
            NodeNotReady,
            "{} was not used: it is a node of a Galera cluster that has not got all of it: \
             wsrep_cluster_status is \"{}\", wsrep_local_state_comment \"{}\"; use another node, or \
             wait until this one is Primary and Synced",
            credentials.server,
            status.value("wsrep_cluster_status").unwrap_or_default(),
            status.value("wsrep_local_state_comment").unwrap_or_default()
        );
    }
    if let Some(rejects @ ("ALL" | "ALL_KILL")) = session.variables.value("wsrep_reject_queries") {
        refuse!(
            NodeNotReady,
            "{} was not used: it answers no queries on tables (wsrep_reject_queries is {rejects}); \
             use another node, or wait until it does",
            credentials.server
        );
    }
    let addresses: BTreeSet<_> =
        status.value("wsrep_incoming_addresses").unwrap_or_default().split(',').collect();
    let members = addresses.into_iter().filter_map(endpoint);
    let members = members.map(|endpoint| Member { endpoint, uuid: None, is_in_order: true });
    Ok(Some(Cluster {
        kind: Kind::Galera,
        id: status.value("wsrep_cluster_state_uuid").unwrap_or_default().to_owned(),
        size: status.number("wsrep_cluster_size").unwrap_or(usize::MAX),
        members: members.collect(),
    }))
}

async fn group(
    session: &mut Session,
    credentials: &Credentials<'_>,
) -> Result<Option<Cluster>, Error> {
    let variables = &session.variables;
    // Whoever has every write wait for the others is not given less.
    let waits = variables.value("group_replication_consistency").unwrap_or_default();
    let level = if waits.ends_with("AFTER") { "BEFORE_AND_AFTER" } else { "BEFORE" };
    let pinned = format!("SET SESSION group_replication_consistency = '{level}'");
    let kind = Kind::Group;
    let id = variables.value("group_replication_group_name").unwrap_or_default().to_owned();
    let mut results = Vec::new();
    if credentials.role != LoginRole::Superuser {
        let sent = session.collect(&pinned, &mut results).await;
        sent.map_err(|failure| failure.context(format!("preparing the session ({pinned})")))?;
        return Ok(Some(Cluster { kind, id, size: 0, members: Vec::new() }));
    }
    let sent = session.collect(&format!("{GROUP};\n{pinned}"), &mut results).await;
    sent.map_err(|failure| failure.context("reading the members of the group"))?;
    let rows = results.into_iter().next().unwrap_or_default();
    let members: Vec<_> = rows.iter().filter_map(member).collect();
    let own = session.variables.value("server_uuid");
    let state = rows.iter().find(|row| row.text("id").is_some_and(|id| Some(id) == own));
    let state = state.map_or("OFFLINE", |row| row.text_or_empty("state"));
    if state != "ONLINE" {
        refuse!(
            NodeNotReady,
            "{} was not used: it is a member of a replication group whose state is {state}; use another \
             member, or wait until this one is ONLINE (performance_schema.replication_group_members)",
            credentials.server
        );
    }
    Ok(Some(Cluster { kind, id, size: members.len(), members }))
}

fn member(row: &Row) -> Option<Member> {
    let port = u16::try_from(row.number("port")?).ok()?;
    Some(Member {
        endpoint: Endpoint { host: row.text("host")?.to_owned(), port },
        uuid: Some(row.text("id")?.to_owned()),
        is_in_order: row.text("state") == Some("ONLINE"),
    })
}

/// `HOST:PORT` as Galera lists it. A node that does not know where it is reached is listed as `AUTO`.
fn endpoint(address: &str) -> Option<Endpoint> {
    let (host, port) = address.trim().rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Some(Endpoint { host: host.to_owned(), port: port.parse().ok().filter(|port| *port != 0)? })
}
