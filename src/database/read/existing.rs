//! Which of many tables and routines exist.

use std::collections::{BTreeMap, BTreeSet};

use account_mirror::grant::{CaselessName, GrantTarget, RoutineKind};
use account_mirror::row::Row;
use account_mirror::sql::{quote_literal, quote_target};
use account_mirror::tables::{Query, is_column};

use crate::database::server_error::At;
use crate::database::session::{QueryError, Session};
use crate::error::Error;

/// How many names stand in one condition.
const NAMES: usize = 256;

/// The tables and routines that exist of those that were asked for, as far as the superuser may see
/// them.
pub struct Existing(BTreeSet<GrantTarget>);

impl Existing {
    /// Asks for all of these tables and routines in one round trip, or some more if they are very many.
    ///
    /// # Errors
    ///
    /// Of the connection.
    pub async fn read(session: &mut Session, targets: Vec<GrantTarget>) -> Result<Self, Error> {
        // Then the grant tables have all names in small letters, and the schemas and tables not.
        let small = session.variables.value("lower_case_table_names") == Some("2");
        let mut found = BTreeSet::new();
        let questions = questions(&targets);
        for some in questions.chunks(NAMES) {
            let queries: Vec<_> = some.iter().map(|question| question.query(small)).collect();
            let mut take = |query: usize, row: Row| {
                found.extend(some.get(query).and_then(|asked| asked.target(&row)));
                row.size()
            };
            session.each(&queries, &mut take).await?;
        }
        Ok(Self(found))
    }

    /// Whether this table or routine exists, if it was asked for.
    pub fn has(&self, target: &GrantTarget) -> bool {
        self.0.contains(target)
    }
}

/// Those of the asked columns that a table has not; `None` if it is a view that is invalid.
pub type Gone = Option<BTreeSet<CaselessName>>;

/// Which of these columns of tables and views are gone, in few round trips. What is not found as it is
/// spelled, the server is asked for: which letters are equal, it alone knows.
///
/// # Errors
///
/// Of the connection, and of a table that the superuser may not see.
pub async fn gone_columns(
    session: &mut Session,
    columns: BTreeMap<GrantTarget, BTreeSet<CaselessName>>,
) -> Result<BTreeMap<GrantTarget, Gone>, Error> {
    let asked: Vec<_> =
        columns.keys().flat_map(|table| [show_columns(table, ""), prepare(table)]).collect();
    let mut answers = session.each_that_can_be(&asked).await?.into_iter().zip(&asked);
    let mut gone = BTreeMap::new();
    let mut doubts = Vec::new();
    for (table, mut columns) in columns {
        let (Some((rows, show)), Some((prepared, _))) = (answers.next(), answers.next()) else {
            break;
        };
        let is_invalid = prepared.is_err_and(|refused| refused.is_of_the_absent(At::Read));
        let rows = unless_absent(rows, show)?.filter(|_| !is_invalid);
        if let Some(rows) = &rows {
            for row in rows {
                columns.remove(&row.text_or_empty("Field").into());
            }
            doubts.extend(columns.iter().map(|column| (table.clone(), column.clone())));
        }
        gone.insert(table, rows.map(|_| columns));
    }
    let family = session.family;
    let same = |(table, column): &(GrantTarget, CaselessName)| {
        show_columns(table, &is_column(family, column))
    };
    let asked: Vec<_> = doubts.iter().map(same).collect();
    let answers = session.each_that_can_be(&asked).await?;
    for (((table, column), rows), show) in doubts.iter().zip(answers).zip(&asked) {
        if let Some(Some(gone)) = gone.get_mut(table)
            && unless_absent(rows, show)?.is_some_and(|rows| !rows.is_empty())
        {
            gone.remove(column);
        }
    }
    Ok(gone)
}

/// The rows of an answer; `None` if what is asked about is absent or invalid.
fn unless_absent(
    answer: Result<Vec<Row>, QueryError>,
    asked: &Query,
) -> Result<Option<Vec<Row>>, Error> {
    match answer {
        Ok(rows) => Ok(Some(rows)),
        Err(failure) if failure.is_of_the_absent(At::Read) => Ok(None),
        Err(failure) => Err(failure.context(format!("reading {}", asked.what))),
    }
}

/// What is refused as a grant on columns is where a view's definer is gone, or may no longer use what the
/// view uses: the columns of such a view are shown all the same. It runs nothing of the view. Where it is
/// refused for another reason, what is shown counts.
fn prepare(table: &GrantTarget) -> Query {
    let select = format!("SELECT 1 FROM {}", quote_target(table));
    Query {
        what: format!("whether {table} is valid"),
        sql: format!("PREPARE rotation FROM {}", quote_literal(&select)),
    }
}

fn show_columns(table: &GrantTarget, condition: &str) -> Query {
    let sql = format!("SHOW COLUMNS FROM {}{condition}", quote_target(table));
    Query { what: format!("the columns of {table}"), sql }
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
    fn query(&self, small: bool) -> Query {
        let (table, of) = match self.kind {
            None => ("TABLES", "TABLE"),
            Some(RoutineKind::Library) => ("LIBRARIES", "LIBRARY"),
            Some(_) => ("ROUTINES", "ROUTINE"),
        };
        let small = if small { "LOWER" } else { "" };
        let names: Vec<_> = self.names.iter().map(|name| quote_literal(name)).collect();
        let kind = match self.kind {
            None | Some(RoutineKind::Library) => String::new(),
            Some(kind) => format!(" AND ROUTINE_TYPE = '{}'", kind.as_sql()),
        };
        Query {
            what: format!("which objects exist in schema {}", self.schema),
            sql: format!(
                "SELECT {small}({of}_NAME) AS name, {small}({of}_SCHEMA) AS in_schema \
                 FROM information_schema.{table} WHERE {of}_SCHEMA = {} AND {of}_NAME IN ({}){kind}",
                quote_literal(self.schema),
                names.join(", ")
            ),
        }
    }

    fn target(&self, row: &Row) -> Option<GrantTarget> {
        let (schema, name) = (row.text("in_schema")?.to_owned(), row.text("name")?);
        Some(match self.kind {
            None => GrantTarget::Table { schema, name: name.to_owned() },
            Some(kind) => GrantTarget::Routine { kind, schema, name: name.into() },
        })
    }
}
