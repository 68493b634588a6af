//! What a query is answered, a setting of the session, or `USE`.

use super::row::{At, Meaning, Of, Row, read};
use crate::error::ErrorType::{
    DatabaseNameUnusable, DeadlineExceeded, ServerReadOnly, StatementRefused, SuperuserTooWeak,
};

const READ_OR_CHANGE: &[At] = &[At::Read, At::Change];

const WEAK: &str = "grant the superuser CREATE USER, SELECT ON mysql.*, and, WITH GRANT OPTION, whatever it must grant";
const USABLE: &str = "grant it something there, or correct the secret";
const WRITER: &str = "point the secret at the writer, or wait until a failover has ended";
const LOCK: &str =
    "another session holds a lock, such as a backup's: wait until it ends, or end it";
const TABLES: &str = "the system tables are those of another version: start the server once with \
     --upgrade=FORCE (MySQL 8.0.16 and later), or run mariadb-upgrade or mysql_upgrade";
const LOCKS: &str = "the server has no GET_LOCK, as Percona XtraDB Cluster in its strict mode";
const SETTING: &str = "the server, or a proxy in front of it, does not accept a setting of the session; find out which";
const DROPPED: &str = "it was dropped a moment ago, or is hidden from the user";

pub(super) const ROWS: &[Row] = &[
    read(1044, DatabaseNameUnusable, USABLE).means(Meaning::Denied).also_at(&[At::Use]),
    read(3879, DatabaseNameUnusable, USABLE)
        .means(Meaning::Denied)
        .of(Of::MySql)
        .also_at(&[At::Use]),
    read(1049, DatabaseNameUnusable, USABLE).means(Meaning::DatabaseAbsent).also_at(&[At::Use]),
    read(1044, SuperuserTooWeak, WEAK).means(Meaning::Denied),
    read(1142, SuperuserTooWeak, WEAK).means(Meaning::Denied),
    read(1143, SuperuserTooWeak, WEAK).means(Meaning::Denied),
    read(1227, SuperuserTooWeak, WEAK).means(Meaning::Denied),
    read(1370, SuperuserTooWeak, WEAK).means(Meaning::Denied),
    read(3879, SuperuserTooWeak, WEAK).means(Meaning::Denied).of(Of::MySql),
    read(6038, SuperuserTooWeak, WEAK).means(Meaning::Denied).of(Of::MySql),
    read(6444, StatementRefused, "the server's firewall refused it; allow the superuser there")
        .of(Of::MySql)
        .also_at(READ_OR_CHANGE),
    read(1290, ServerReadOnly, WRITER).also_at(READ_OR_CHANGE).unsure(),
    read(1792, ServerReadOnly, WRITER).also_at(READ_OR_CHANGE),
    read(1836, ServerReadOnly, WRITER).also_at(READ_OR_CHANGE),
    read(1874, ServerReadOnly, WRITER).also_at(READ_OR_CHANGE),
    read(1036, ServerReadOnly, WRITER).also_at(READ_OR_CHANGE).unsure(),
    read(3501, ServerReadOnly, WRITER).also_at(READ_OR_CHANGE).of(Of::MySql),
    read(1205, StatementRefused, LOCK).also_at(READ_OR_CHANGE),
    read(1213, StatementRefused, LOCK).also_at(READ_OR_CHANGE),
    read(1223, StatementRefused, LOCK).also_at(READ_OR_CHANGE),
    read(1969, StatementRefused, LOCK)
        .means(Meaning::TimeIsUp)
        .also_at(READ_OR_CHANGE)
        .of(Of::MariaDb)
        .unsure(),
    read(3024, StatementRefused, LOCK)
        .means(Meaning::TimeIsUp)
        .also_at(READ_OR_CHANGE)
        .of(Of::MySql)
        .unsure(),
    read(1317, StatementRefused, "somebody ended it (KILL QUERY), or a limit on its time did")
        .also_at(READ_OR_CHANGE),
    read(1049, StatementRefused, DROPPED)
        .means(Meaning::DatabaseAbsent)
        .also_at(READ_OR_CHANGE)
        .unsure(),
    read(1146, StatementRefused, DROPPED)
        .means(Meaning::TableAbsent)
        .also_at(READ_OR_CHANGE)
        .unsure(),
    read(1932, StatementRefused, DROPPED)
        .means(Meaning::TableAbsent)
        .also_at(READ_OR_CHANGE)
        .of(Of::MariaDb)
        .unsure(),
    read(1054, StatementRefused, DROPPED)
        .means(Meaning::PartAbsent)
        .also_at(READ_OR_CHANGE)
        .unsure(),
    read(1305, StatementRefused, DROPPED)
        .means(Meaning::PartAbsent)
        .also_at(READ_OR_CHANGE)
        .unsure(),
    read(1356, StatementRefused, "the view is invalid: something that it uses is gone")
        .means(Meaning::PartAbsent)
        .also_at(READ_OR_CHANGE)
        .unsure(),
    read(
        1449,
        StatementRefused,
        "the object's definer is gone; create it, or make the object again",
    )
    .means(Meaning::PartAbsent)
    .also_at(READ_OR_CHANGE),
    read(1547, StatementRefused, TABLES).also_at(READ_OR_CHANGE),
    read(1548, StatementRefused, TABLES).also_at(READ_OR_CHANGE),
    read(1558, StatementRefused, TABLES).also_at(READ_OR_CHANGE),
    read(1728, StatementRefused, TABLES).also_at(READ_OR_CHANGE),
    read(1105, StatementRefused, LOCKS).means(Meaning::NoLocks).unsure(),
    read(1235, StatementRefused, LOCKS).means(Meaning::NoLocks).unsure(),
    read(1242, DeadlineExceeded, "increase the parameter `timeout`; what was done is kept")
        .means(Meaning::GuardClosed),
    read(1104, StatementRefused, SETTING).unsure(),
    read(1193, StatementRefused, SETTING),
    read(1231, StatementRefused, SETTING),
    read(1621, StatementRefused, SETTING),
    read(1153, StatementRefused, "raise max_allowed_packet on the server").also_at(READ_OR_CHANGE),
    read(1064, StatementRefused, "the server does not know this statement").quoting(),
];
