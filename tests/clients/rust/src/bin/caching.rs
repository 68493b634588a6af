//! AWS's caching crate, with mysql_async: what is cached, and at a failure once past the cache.

use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Duration;

use aws_secretsmanager_caching::SecretsManagerCachingClient;
use clients::{Driver, Login, Logins, Seen, serve, setting};
use mysql_async::Conn;

#[path = "mysql_async.rs"]
#[allow(dead_code, reason = "it is a program of its own")]
mod with_mysql_async;

use with_mysql_async::MysqlAsync;

struct Caching;

const KEPT: Duration = Duration::from_secs(3600);

async fn login(cache: &SecretsManagerCachingClient, now: bool) -> Result<Login, Box<dyn Error>> {
    // With the stage: without it, a refresh leaves the entry of AWSCURRENT as it is.
    let answer = cache.get_secret_value(&setting("SECRET"), None, Some("AWSCURRENT"), now).await?;
    let document = serde_json::from_str(&answer.secret_string.unwrap_or_default())?;
    Ok(Login::of(&document))
}

async fn take(pool: &mut Option<SecretsManagerCachingClient>) -> Result<Conn, Box<dyn Error>> {
    if pool.is_none() {
        *pool = Some(SecretsManagerCachingClient::default(NonZeroUsize::MIN, KEPT).await?);
    }
    let cache = pool.as_ref().ok_or("no cache")?;
    match MysqlAsync::connect(&login(cache, false).await?, true).await {
        Ok(connection) => Ok(connection),
        Err(_) => Ok(MysqlAsync::connect(&login(cache, true).await?, true).await?),
    }
}

impl Driver for Caching {
    type Connection = Conn;
    type Pool = (Logins, Option<SecretsManagerCachingClient>);
    type Error = mysql_async::Error;
    const VERSION: &'static str = "2.1.0";

    async fn connect(login: &Login, tls: bool) -> Result<Conn, mysql_async::Error> {
        MysqlAsync::connect(login, tls).await
    }

    async fn connect_url(url: &str) -> Result<Conn, mysql_async::Error> {
        MysqlAsync::connect_url(url).await
    }

    async fn current_user(connection: &mut Conn) -> Result<(String, u64), mysql_async::Error> {
        MysqlAsync::current_user(connection).await
    }

    fn open_pool(logins: Logins) -> Self::Pool {
        (logins, None)
    }

    async fn take(pool: &mut Self::Pool) -> Result<Conn, Box<dyn Error>> {
        match &pool.0 {
            Logins::Fixed(login) => Ok(MysqlAsync::connect(login, true).await?),
            Logins::Secret(_) => take(&mut pool.1).await,
        }
    }

    fn describe(error: &mysql_async::Error) -> Seen {
        MysqlAsync::describe(error)
    }
}

#[tokio::main]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    serve::<Caching>().await;
}
