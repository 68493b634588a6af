//! What is stored on a server with a user as its definer: views, routines, triggers and events.
//!
//! Such an object acts as an account of its definer, whoever uses it; an event acts by itself. While
//! no account matches, it is dead.

use std::time::Duration;

use super::query::Query;
use crate::family::Family;
use crate::row::Row;
use crate::sql::quote_literal;
use crate::username::Username;

/// The objects of one kind that have one definer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defined {
    /// The host part of the definer.
    pub host: String,
    /// The first of them, with its kind.
    first: String,
    /// How many there are.
    count: i64,
    /// Whether they run as their definer, and not as whoever uses them (`SQL SECURITY INVOKER`).
    pub runs_as_definer: bool,
}

impl Defined {
    /// What to ask for all objects of a user, but for [`Self::in_schema`].
    pub fn everywhere(family: Family, user: &Username) -> Query {
        let kinds: &[_] = if family.has_data_dictionary() {
            &[VIEWS, ROUTINES, TRIGGERS, EVENTS]
        } else {
            // `information_schema` opens each object there, and these two tables are read at once.
            &[PROC, EVENT]
        };
        query(user, kinds, "")
    }

    /// What to ask for the objects of a schema that [`Self::everywhere`] does not read: older servers
    /// and MariaDB open each view and each table for that, and end it after `most`.
    pub fn in_schema(
        family: Family,
        user: &Username,
        schema: &str,
        most: Duration,
    ) -> Option<Query> {
        if family.has_data_dictionary() {
            return None;
        }
        let Query { what, sql } = query(user, &[VIEWS, TRIGGERS], schema);
        // To both, 0 would be no limit.
        let most = most.as_millis().max(1);
        let sql = if family.is_mysql() {
            sql.replacen("SELECT", &format!("SELECT /*+ MAX_EXECUTION_TIME({most}) */"), 1)
        } else {
            let (seconds, rest) = (most / 1_000, most % 1_000);
            format!("SET STATEMENT max_statement_time = {seconds}.{rest:03} FOR {sql}")
        };
        Some(Query { what, sql })
    }

    /// The objects of a row; `None` if they are of a user with a similar name.
    pub fn of_row(user: &Username, row: &Row) -> Option<Self> {
        let (name, host) = row.text("definer")?.rsplit_once('@')?;
        (name == user.as_str()).then(|| Self {
            host: host.to_owned(),
            first: row.text_or_empty("object").to_owned(),
            count: row.number("count").unwrap_or(1),
            runs_as_definer: row.text_or_empty("security") != "INVOKER",
        })
    }
}

impl std::fmt::Display for Defined {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.count {
            1 => write!(f, "{} of '{}'", self.first, self.host),
            count => write!(f, "{} and {} more of '{}'", self.first, count - 1, self.host),
        }
    }
}

/// A kind of object, and the columns that say what one is.
struct Kind {
    kind: &'static str,
    schema: &'static str,
    name: &'static str,
    security: &'static str,
    table: &'static str,
}

const VIEWS: Kind = Kind {
    kind: "'view'",
    schema: "TABLE_SCHEMA",
    name: "TABLE_NAME",
    security: "SECURITY_TYPE",
    table: "information_schema.VIEWS",
};
const ROUTINES: Kind = Kind {
    kind: "LOWER(ROUTINE_TYPE)",
    schema: "ROUTINE_SCHEMA",
    name: "ROUTINE_NAME",
    security: "SECURITY_TYPE",
    table: "information_schema.ROUTINES",
};
const TRIGGERS: Kind = Kind {
    kind: "'trigger'",
    schema: "TRIGGER_SCHEMA",
    name: "TRIGGER_NAME",
    security: "'DEFINER'",
    table: "information_schema.TRIGGERS",
};
const EVENTS: Kind = Kind {
    kind: "'event'",
    schema: "EVENT_SCHEMA",
    name: "EVENT_NAME",
    security: "'DEFINER'",
    table: "information_schema.EVENTS",
};
const PROC: Kind = Kind {
    kind: "LOWER(type)",
    schema: "db",
    name: "name",
    security: "security_type",
    table: "mysql.proc",
};
const EVENT: Kind = Kind {
    kind: "'event'",
    schema: "db",
    name: "name",
    security: "'DEFINER'",
    table: "mysql.event",
};

/// A row for each kind and definer. A name of which the letter case is another one is not told apart
/// here.
fn query(user: &Username, kinds: &[Kind], schema: &str) -> Query {
    let start = quote_literal(&format!("{user}@"));
    let parts = kinds.iter().map(|kind| {
        let Kind { kind, schema: of, name, security, table } = kind;
        let only = match schema {
            "" => String::new(),
            schema => format!(" AND {of} = {}", quote_literal(schema)),
        };
        format!(
            "SELECT MIN(CONCAT({kind}, ' ', {of}, '.', {name})) AS object, COUNT(*) AS count, \
             CAST(DEFINER AS BINARY) AS definer, CAST({security} AS CHAR) AS security \
             FROM {table} WHERE LEFT(DEFINER, CHAR_LENGTH({start})) = {start}{only} \
             GROUP BY CAST(DEFINER AS BINARY), {kind}, CAST({security} AS CHAR)"
        )
    });
    let sql = parts.collect::<Vec<_>>().join(" UNION ALL ");
    Query { what: format!("the objects of which \"{user}\" is the definer"), sql }
}
