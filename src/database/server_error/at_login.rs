//! What a login is answered.

use super::row::{At, Meaning, Of, Row, login, refused};
use crate::error::ErrorType::{
    AccountUnusable, ConnectionLost, NodeNotReady, PluginUnsupported, ProtocolError, ServerBusy,
    ServerError, ServerUnreachable, StatementRefused, TlsFailed,
};

const ANYWHERE: &[At] = &[At::Login, At::Read, At::Change];

const PASSWORD: &str =
    "the password is wrong, or no account of this name matches the address in the message";
const LIMIT: &str = "raise the limit, or wait until connections are closed";
const LOCKED: &str = "the account is locked; unlock it, or find out who locked it";
const BLOCKED: &str = "too many logins of the account failed, which blocks it; find out whose, then ALTER USER … ACCOUNT UNLOCK";
const EXPIRED: &str = "the account's password has expired, or its hash is not in the format that the server enforces \
     (caching_sha2_password_storage_format); set it again, in the database and in the secret";
const PLUGIN: &str =
    "the server cannot use the account's plugin; load it there, or change the account's";
const ENDED: &str = "the server is shutting down, or somebody or a time limit ended the connection";
const OFFLINE: &str = "the server is in offline mode, where a member stays that fell out of its replication group; use \
     another server, or run SET GLOBAL offline_mode = OFF once it has recovered";
const MEMORY: &str =
    "the server's limit on the memory of connections is reached; wait, or raise it";
const CHANGED: &str =
    "a part of the login was lost or changed on the way; find out what is in between";

pub(super) const ROWS: &[Row] = &[
    refused(1045, PASSWORD).unsure(),
    refused(1698, PASSWORD).unsure(),
    refused(1130, "no account matches the address in the message; create one, or use another host"),
    refused(6126, "the account maps to another one, on which it lacks PROXY; grant that")
        .of(Of::MySql),
    refused(6127, "the account maps to another one, which does not exist; create that")
        .of(Of::MySql),
    login(1037, ServerBusy, LIMIT),
    login(1040, ServerBusy, LIMIT),
    login(1041, ServerBusy, LIMIT),
    login(1135, ServerBusy, LIMIT),
    login(1203, ServerBusy, LIMIT).means(Meaning::LimitAfterLogin),
    login(1226, ServerBusy, LIMIT).means(Meaning::LimitAfterLogin),
    login(1129, ServerBusy, "the server blocks this client's address: run TRUNCATE TABLE performance_schema.host_cache, or on MariaDB and MySQL 5.7 FLUSH HOSTS"),
    login(3032, ServerBusy, OFFLINE).of(Of::MySql).also_at(ANYWHERE),
    login(6400, ServerBusy, OFFLINE).of(Of::MySql).also_at(ANYWHERE),
    login(6401, ServerBusy, OFFLINE).of(Of::MySql).also_at(ANYWHERE),
    login(4081, ServerBusy, MEMORY).of(Of::MySql).also_at(ANYWHERE),
    login(4082, ServerBusy, MEMORY).of(Of::MySql).also_at(ANYWHERE),
    login(3118, AccountUnusable, LOCKED).of(Of::MySql),
    login(4151, AccountUnusable, LOCKED).of(Of::MariaDb),
    login(3955, AccountUnusable, BLOCKED).of(Of::MySql),
    login(4150, AccountUnusable, BLOCKED).of(Of::MariaDb),
    login(1820, AccountUnusable, EXPIRED).also_at(ANYWHERE),
    login(1862, AccountUnusable, EXPIRED),
    login(1251, PluginUnsupported, PLUGIN),
    login(1524, PluginUnsupported, PLUGIN),
    login(
        3159,
        TlsFailed,
        "the server requires TLS, and the secret has \"ssl\": false; remove that key",
    )
    .of(Of::MySql),
    login(
        1184,
        StatementRefused,
        "the server's init_connect fails for every account that has neither CONNECTION_ADMIN nor SUPER; \
         correct that variable",
    ),
    login(1043, ProtocolError, CHANGED),
    login(1156, ProtocolError, CHANGED).also_at(ANYWHERE),
    // What lies between: MySQL Router, and a node of a Galera cluster.
    login(
        2003,
        ServerUnreachable,
        "a proxy answers at this address, and cannot reach the server behind it; see whether that runs",
    )
    .also_at(ANYWHERE),
    login(
        4501,
        ServerError,
        "MySQL Router shares connections (connection_sharing), which forbids several queries at a time; \
         turn it off",
    )
    .also_at(ANYWHERE),
    login(
        1047,
        NodeNotReady,
        "the node has no quorum, or not yet the cluster's data, or rejects queries; use another node, or \
         wait until it has joined",
    )
    .also_at(ANYWHERE)
    .unsure(),
    login(
        1205,
        NodeNotReady,
        "the node waits for the others of its Galera cluster (wsrep_sync_wait), and does not hear them; use \
         another node, or wait until it has joined",
    )
    .unsure(),
    login(
        3796,
        NodeNotReady,
        "the member has left its replication group, or has not got all of its data yet; use another \
         member, or wait until it is ONLINE",
    )
    .of(Of::MySql)
    .also_at(ANYWHERE),
    // The last thing that a server sends on a connection.
    login(1053, ConnectionLost, ENDED).means(Meaning::ConnectionEnds).also_at(ANYWHERE),
    login(1077, ConnectionLost, ENDED).means(Meaning::ConnectionEnds).also_at(ANYWHERE),
    login(1079, ConnectionLost, ENDED).means(Meaning::ConnectionEnds).also_at(ANYWHERE),
    login(1080, ConnectionLost, ENDED).means(Meaning::ConnectionEnds).also_at(ANYWHERE),
    login(1152, ConnectionLost, ENDED).means(Meaning::ConnectionEnds).also_at(ANYWHERE),
    login(1927, ConnectionLost, ENDED).means(Meaning::ConnectionEnds).also_at(ANYWHERE),
    login(3169, ConnectionLost, ENDED).means(Meaning::ConnectionEnds).also_at(ANYWHERE),
    login(4031, ConnectionLost, ENDED).means(Meaning::ConnectionEnds).also_at(ANYWHERE),
];
