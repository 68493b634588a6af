//! Reads who is logged in.

use account_mirror::sql::quote_literal;
use account_mirror::username::Username;

use super::session::Session;
use crate::error::Error;

/// A session of a user.
#[derive(Debug)]
pub struct Connection {
    /// The number by which it is ended.
    pub id: String,
    /// The client's address or name.
    pub client: String,
}

/// The sessions of a user, as far as the superuser sees those of others.
///
/// # Errors
///
/// Of the connection.
pub async fn of_user(session: &mut Session, user: &Username) -> Result<Vec<Connection>, Error> {
    let sql = format!(
        "SELECT ID AS id, USER AS user, HOST AS client FROM information_schema.PROCESSLIST \
         WHERE USER = {}",
        quote_literal(user.as_str())
    );
    let rows = session.read("reading who is logged in", &sql).await?;
    let of_user = rows.iter().filter(|row| row.text("user") == Some(user.as_str()));
    let connections = of_user.map(|row| {
        let client = row.text_or_empty("client");
        // A port follows, unless the client came by a socket.
        let host = client.rsplit_once(':').map_or(client, |(host, _)| host);
        Connection { id: row.text_or_empty("id").to_owned(), client: host.to_owned() }
    });
    Ok(connections.collect())
}
