//! mysql_async: its pool keeps the login that it was made with, so a new login gets a new pool.

use std::error::Error;
use std::path::PathBuf;

use clients::{Driver, Login, Logins, Seen, serve, setting};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Pool, SslOpts};

pub struct MysqlAsync;

/// The pool of the login that is current; those before it end with their last connection.
pub struct Current {
    logins: Logins,
    pool: Option<(Login, Pool)>,
}

fn options(login: &Login, tls: bool) -> Opts {
    let ca = PathBuf::from(setting("CA_FILE"));
    let tls = tls.then(|| SslOpts::default().with_root_certs(vec![ca.into()]));
    OptsBuilder::default()
        .ip_or_hostname(&login.host)
        .tcp_port(login.port)
        .user(Some(&login.username))
        .pass(Some(&login.password))
        .ssl_opts(tls)
        .prefer_socket(false) // at a server on the same machine, it would go on there from TCP
        .into()
}

async fn take(current: &mut Current) -> Result<Conn, Box<dyn Error>> {
    let login = current.logins.get().await?;
    let pool = match current.pool.take() {
        Some((known, pool)) if known == login => pool,
        _ => Pool::new(options(&login, true)),
    };
    let connection = pool.get_conn().await;
    current.pool = Some((login, pool));
    Ok(connection?)
}

impl Driver for MysqlAsync {
    type Connection = Conn;
    type Pool = Current;
    type Error = mysql_async::Error;
    const VERSION: &'static str = "0.37.1";

    async fn connect(login: &Login, tls: bool) -> Result<Conn, mysql_async::Error> {
        Conn::new(options(login, tls)).await
    }

    async fn connect_url(url: &str) -> Result<Conn, mysql_async::Error> {
        Conn::from_url(url).await
    }

    async fn current_user(connection: &mut Conn) -> Result<(String, u64), mysql_async::Error> {
        let row = connection.query_first("SELECT CURRENT_USER(), CONNECTION_ID()").await?;
        Ok(row.unwrap_or_default())
    }

    fn open_pool(logins: Logins) -> Current {
        Current { logins, pool: None }
    }

    async fn take(pool: &mut Current) -> Result<Conn, Box<dyn Error>> {
        take(pool).await
    }

    fn describe(error: &mysql_async::Error) -> Seen {
        let (name, number) = match error {
            mysql_async::Error::Server(error) => ("Error::Server", Some(error.code)),
            mysql_async::Error::Driver(_) => ("Error::Driver", None),
            mysql_async::Error::Io(_) => ("Error::Io", None),
            _ => ("Error", None),
        };
        Seen { name: name.to_owned(), number, message: error.to_string() }
    }
}

#[tokio::main]
async fn main() {
    // The AWS SDK brings another provider than mysql_async; rustls wants to be told which one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    serve::<MysqlAsync>().await;
}
