//! The authentication plugins that a server can have: each is in the table.

use std::collections::BTreeSet;
use std::fs;

use account_mirror::plugin;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};

use crate::columns::family;
use crate::support::account::root;
use crate::support::server::{Need, OwnServer, Server};

#[tokio::test]
async fn every_authentication_plugin_that_a_server_or_its_packages_have_is_in_the_table() {
    for server in Server::with(&[Need::OwnServers]) {
        let mut found = loaded(&mut root(&server.address()).await).await;
        let libraries = libraries(&mut root(&server.address()).await).await;
        assert!(libraries.len() > 3, "{server:?}: {libraries:?}");
        if server.is_mariadb() {
            let own = OwnServer::start(server, &[]).await;
            let mut root = root(&own.address).await;
            for library in &libraries {
                found.extend(of_library(&mut root, library).await);
            }
        } else {
            // What cannot be loaded is told in the log, and the server starts without it.
            let load: Vec<_> =
                libraries.iter().map(|library| format!("--plugin-load-add={library}")).collect();
            let load: Vec<_> = load.iter().map(String::as_str).collect();
            let own = OwnServer::start(server, &load).await;
            found.extend(loaded(&mut root(&own.address).await).await);
        }
        crate::support::stack::tell(&format!("{server:?}: {found:?}"));
        assert!(found.len() > 3, "{server:?}: {found:?}");
        let unknown: Vec<_> =
            found.iter().filter(|name| plugin::find(family(server), name).is_none()).collect();
        assert!(unknown.is_empty(), "{server:?}: in no row of the table: {unknown:?}");
    }
}

/// Needs no privilege.
async fn loaded(conn: &mut Conn) -> BTreeSet<String> {
    let sql = "SELECT PLUGIN_NAME FROM information_schema.PLUGINS \
               WHERE PLUGIN_TYPE = 'AUTHENTICATION'";
    let names: Vec<String> = conn.query(sql).await.unwrap();
    names.into_iter().collect()
}

/// Not by a view of all plugins there are: it opens them all at once.
async fn of_library(conn: &mut Conn, library: &str) -> Vec<String> {
    let rows: Vec<Row> = conn.query(format!("SHOW PLUGINS SONAME '{library}'")).await.unwrap();
    let text =
        |row: &Row, at: usize| row.get::<Option<String>, _>(at).flatten().unwrap_or_default();
    let rows = rows.iter().filter(|row| text(row, 2) == "AUTHENTICATION");
    rows.map(|row| text(row, 0)).collect()
}

/// The libraries of a server on this machine; components are none of plugins.
async fn libraries(conn: &mut Conn) -> Vec<String> {
    let folder: Option<String> = conn.query_first("SELECT @@plugin_dir").await.unwrap();
    let files = fs::read_dir(folder.unwrap()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> =
        names.filter(|name| name.ends_with(".so") && !name.starts_with("component_")).collect();
    names.sort_unstable();
    names
}
