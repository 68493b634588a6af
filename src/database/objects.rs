//! Reads what is stored on the server with a user as its definer, as far as the superuser may see it.

use account_mirror::sql::quote_literal;
use account_mirror::tables::Defined;
use account_mirror::username::Username;

use super::server_error::{At, Meaning};
use super::session::Session;
use crate::deadline::Deadline;
use crate::error::Error;

/// What was found.
#[derive(Debug, Default)]
pub struct Objects {
    /// The objects, by their kind and definer.
    pub defined: Vec<Defined>,
    /// The schemas of which the views and triggers could not be read in time.
    pub unread: Vec<String>,
}

/// Reads the objects of a user. Where the server opens each view and each table for that, it is asked
/// for one schema at a time, for no more than half of the time that is left.
///
/// # Errors
///
/// Of the connection.
pub async fn of_definer(
    session: &mut Session,
    user: &Username,
    deadline: Deadline,
) -> Result<Objects, Error> {
    let family = session.family;
    let mut objects = Objects::default();
    let everywhere = Defined::everywhere(family, user);
    let rows = session.read(&format!("reading {}", everywhere.what), &everywhere.sql).await?;
    objects.defined.extend(rows.iter().filter_map(|row| Defined::of_row(user, row)));
    if family.has_data_dictionary() {
        return Ok(objects);
    }
    let enough = deadline.at_most(deadline.remaining() / 2);
    for schema in schemas(session).await? {
        let left = enough.remaining();
        let Some(query) = Defined::in_schema(family, user, &schema, left) else {
            continue;
        };
        if left.is_zero() {
            objects.unread.push(schema);
            continue;
        }
        match session.rows(&query.sql).await {
            Ok(rows) => {
                objects.defined.extend(rows.iter().filter_map(|row| Defined::of_row(user, row)));
            }
            Err(failure) if failure.meaning(At::Read) == Some(Meaning::TimeIsUp) => {
                objects.unread.push(schema);
            }
            Err(failure) => return Err(failure.context(format!("reading {}", query.what))),
        }
    }
    Ok(objects)
}

/// The schemas that the superuser may see, except those that the server makes itself.
async fn schemas(session: &mut Session) -> Result<Vec<String>, Error> {
    let own = ["information_schema", "performance_schema"].map(quote_literal).join(", ");
    let sql = format!(
        "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN ({own})"
    );
    let rows = session.read("reading the names of the schemas", &sql).await?;
    Ok(rows.into_iter().map(account_mirror::row::Row::first_lossy).collect())
}
