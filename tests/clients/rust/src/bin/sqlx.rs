//! sqlx: `set_connect_options` gives the login of the moment to a pool that is open.

use std::error::Error;

use clients::{Driver, Login, Logins, Seen, serve, setting};
use sqlx::Connection;
use sqlx::mysql::{
    MySqlConnectOptions, MySqlConnection, MySqlPool, MySqlPoolOptions, MySqlSslMode,
};

struct Sqlx;

struct Pool {
    logins: Logins,
    pool: Option<MySqlPool>,
}

fn options(login: &Login, tls: bool) -> MySqlConnectOptions {
    let options = MySqlConnectOptions::new()
        .host(&login.host)
        .port(login.port)
        .username(&login.username)
        .password(&login.password);
    match tls {
        true => options.ssl_mode(MySqlSslMode::VerifyIdentity).ssl_ca(setting("CA_FILE")),
        false => options.ssl_mode(MySqlSslMode::Disabled),
    }
}

async fn take(pool: &mut Pool) -> Result<MySqlConnection, Box<dyn Error>> {
    let options = options(&pool.logins.get().await?, true);
    let pool = pool.pool.get_or_insert_with(|| {
        MySqlPoolOptions::new().max_connections(10).connect_lazy_with(options.clone())
    });
    pool.set_connect_options(options);
    // Taken away from the pool, so that it can be held.
    Ok(pool.acquire().await?.detach())
}

impl Driver for Sqlx {
    type Connection = MySqlConnection;
    type Pool = Pool;
    type Error = sqlx::Error;
    const VERSION: &'static str = "0.8.6";

    async fn connect(login: &Login, tls: bool) -> Result<MySqlConnection, sqlx::Error> {
        MySqlConnection::connect_with(&options(login, tls)).await
    }

    async fn connect_url(url: &str) -> Result<MySqlConnection, sqlx::Error> {
        MySqlConnection::connect(url).await
    }

    async fn current_user(connection: &mut MySqlConnection) -> Result<(String, u64), sqlx::Error> {
        sqlx::query_as("SELECT CURRENT_USER(), CONNECTION_ID()").fetch_one(connection).await
    }

    fn open_pool(logins: Logins) -> Pool {
        Pool { logins, pool: None }
    }

    async fn take(pool: &mut Pool) -> Result<MySqlConnection, Box<dyn Error>> {
        take(pool).await
    }

    fn describe(error: &sqlx::Error) -> Seen {
        let number = match error {
            sqlx::Error::Database(error) => error
                .try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()
                .map(sqlx::mysql::MySqlDatabaseError::number),
            _ => None,
        };
        let shown = format!("{error:?}");
        let name = shown.split(['(', ' ', '{']).next().unwrap_or_default();
        Seen { name: format!("Error::{name}"), number, message: error.to_string() }
    }
}

#[tokio::main]
async fn main() {
    serve::<Sqlx>().await;
}
