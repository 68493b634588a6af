//! Which of many tables and routines exist.

use std::collections::{BTreeMap, BTreeSet};

use account_mirror::grant::{CaselessName, GrantTarget, RoutineKind};
use account_mirror::row::Row;
use account_mirror::sql::{quote_identifier, quote_literal};
use account_mirror::tables::Query;

use crate::database::session::Session;
use crate::error::Error;

/// How many names stand in one condition.
const NAMES: usize = 256;

/// The tables and routines that exist of those that were asked for, as far as the superuser may see
/// them.
pub struct Existing {
    found: BTreeSet<GrantTarget>,
    /// Whether the server takes names in another letter case for the same.
    caseless: bool,
}

impl Existing {
    /// Asks for all of these tables and routines in one round trip, or some more if they are very many.
    ///
    /// # Errors
    ///
    /// Of the connection.
    pub async fn read(session: &mut Session, targets: Vec<GrantTarget>) -> Result<Self, Error> {
        let caseless = session.variables.value("lower_case_table_names") != Some("0");
        let mut found = BTreeSet::new();
        let questions = questions(&targets);
        for some in questions.chunks(NAMES) {
            let queries: Vec<_> = some.iter().map(Question::query).collect();
            let mut take = |query: usize, row: Row| {
                found.extend(some.get(query).and_then(|asked| asked.target(&row)));
                row.size()
            };
            session.each(&queries, &mut take).await?;
        }
        let found = found.into_iter().map(|target| spelled(target, caseless)).collect();
        Ok(Self { found, caseless })
    }

    /// Whether this table or routine exists, if it was asked for.
    pub fn has(&self, target: &GrantTarget) -> bool {
        self.found.contains(&spelled(target.clone(), self.caseless))
    }
}

/// The columns of a table; `None` if it is a view that is invalid.
pub type Columns = Option<BTreeSet<CaselessName>>;

/// The columns of each of these tables and views, in few round trips.
///
/// # Errors
///
/// Of the connection, and of a table that the superuser may not see.
pub async fn columns(
    session: &mut Session,
    tables: Vec<GrantTarget>,
) -> Result<BTreeMap<GrantTarget, Columns>, Error> {
    let query = |table: &GrantTarget| match table {
        GrantTarget::Table { schema, name } => {
            format!("SHOW COLUMNS FROM {}.{}", quote_identifier(schema), quote_identifier(name))
        }
        _ => "SELECT 1 FROM DUAL WHERE FALSE".to_owned(),
    };
    let queries: Vec<_> = tables
        .iter()
        .map(|table| Query { what: format!("the columns of {table}"), sql: query(table) })
        .collect();
    let answers = session.each_that_can_be(&queries).await?;
    let names = |rows: Vec<Row>| rows.iter().map(|row| row.text_or_empty("Field").into()).collect();
    Ok(tables.into_iter().zip(answers.into_iter().map(|rows| rows.map(names))).collect())
}

/// One query: which of these names there are in a schema.
struct Question<'a> {
    kind: Option<RoutineKind>,
    schema: &'a str,
    names: Vec<&'a str>,
}

fn questions(targets: &[GrantTarget]) -> Vec<Question<'_>> {
    let mut places: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for target in targets {
        match target {
            GrantTarget::Table { schema, name } => {
                places.entry((None, schema)).or_default().push(name);
            }
            GrantTarget::Routine { kind, schema, name } => {
                places.entry((Some(*kind), schema)).or_default().push(name);
            }
            _ => {}
        }
    }
    let questions = places.iter().flat_map(|((kind, schema), names)| {
        names.chunks(NAMES).map(|names| Question { kind: *kind, schema, names: names.to_vec() })
    });
    questions.collect()
}

impl Question<'_> {
    fn query(&self) -> Query {
        let (table, of) = match self.kind {
            None => ("TABLES", "TABLE"),
            Some(RoutineKind::Library) => ("LIBRARIES", "LIBRARY"),
            Some(_) => ("ROUTINES", "ROUTINE"),
        };
        let names: Vec<_> = self.names.iter().map(|name| quote_literal(name)).collect();
        let kind = match self.kind {
            None | Some(RoutineKind::Library) => String::new(),
            Some(kind) => format!(" AND ROUTINE_TYPE = '{}'", kind.as_sql()),
        };
        Query {
            what: format!("which objects exist in schema {}", self.schema),
            sql: format!(
                "SELECT {of}_NAME FROM information_schema.{table} WHERE {of}_SCHEMA = {} \
                 AND {of}_NAME IN ({}){kind}",
                quote_literal(self.schema),
                names.join(", ")
            ),
        }
    }

    fn target(&self, row: &Row) -> Option<GrantTarget> {
        let (schema, name) = (self.schema.to_owned(), std::str::from_utf8(row.first_bytes()).ok()?);
        Some(match self.kind {
            None => GrantTarget::Table { schema, name: name.to_owned() },
            Some(kind) => GrantTarget::Routine { kind, schema, name: name.into() },
        })
    }
}

/// The target by which it is found.
fn spelled(target: GrantTarget, caseless: bool) -> GrantTarget {
    match target {
        GrantTarget::Table { schema, name } if caseless => {
            GrantTarget::Table { schema: schema.to_lowercase(), name: name.to_lowercase() }
        }
        GrantTarget::Routine { kind, schema, name } if caseless => {
            GrantTarget::Routine { kind, schema: schema.to_lowercase(), name }
        }
        target => target,
    }
}
