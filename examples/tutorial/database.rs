//! The tutorial's database server: what is on it, and who may log in.

use std::path::PathBuf;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder};

use crate::server::{Address, ssl};
use crate::stack::setting;
use crate::{DATABASE, Result, TWIN, USER, ensure};

/// A user name and a password.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// Says what is wrong with the server that `MYSQL_URL` names, before anything uses it.
pub(crate) async fn ensure_reachable() -> Result<()> {
    let ca_file = PathBuf::from(setting("MYSQL_CA_FILE"));
    let opts = Opts::from_url(&setting("MYSQL_URL"))?;
    let opts = OptsBuilder::from_opts(opts).ssl_opts(ssl(&ca_file)).prefer_socket(false);
    let root = Conn::new(opts).await.map_err(|error| {
        format!(
            "the login of MYSQL_URL failed: {error}\n  It needs a user who may create accounts and grant. A \
             server that demands TLS needs MYSQL_CA_FILE, the authority of its certificate, and the name in \
             the certificate as host."
        )
    })?;
    root.disconnect().await?;
    Ok(())
}

#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) address: Address,
    /// The host of the users' accounts: `%`, where nobody else's account is more specific.
    pub(crate) host: String,
}

impl Database {
    pub(crate) async fn at(address: Address) -> Result<Self> {
        let mut database = Self { address, host: "%".to_owned() };
        let mut root = database.root().await?;
        let anonymous: Option<String> =
            root.query_first("SELECT Host FROM mysql.user WHERE User = ''").await?;
        if anonymous.is_some() {
            // An anonymous account at `localhost` would catch the logins of a user at `%`.
            let host: Option<String> =
                root.query_first("SELECT SUBSTRING_INDEX(USER(), '@', -1)").await?;
            database.host = host.unwrap_or(database.host);
        }
        root.disconnect().await?;
        Ok(database)
    }

    /// The account of a user, as statements name it.
    pub(crate) fn account(&self, user: &str) -> String {
        if self.host == "%" { user.to_owned() } else { format!("{user}@'{}'", self.host) }
    }

    pub(crate) fn has_tls(&self) -> bool {
        ssl(&self.address.ca_file).is_some()
    }

    /// Its kind, as a secret names it.
    pub(crate) fn engine(&self) -> &'static str {
        self.address.server.engine()
    }

    pub(crate) fn superuser(&self) -> Login {
        Login { user: self.address.root.clone(), password: self.address.root_password.clone() }
    }

    pub(crate) async fn root(&self) -> Result<Conn> {
        Ok(self.connect(&self.superuser()).await?)
    }

    pub(crate) async fn version(&self) -> Result<String> {
        let mut root = self.root().await?;
        let version: Option<String> = root.query_first("SELECT VERSION()").await?;
        root.disconnect().await?;
        Ok(version.unwrap_or_default())
    }

    /// The names are fixed, so on a server of one's own they could be somebody's.
    pub(crate) async fn refuse_to_overwrite(&self) -> Result<()> {
        let mut root = self.root().await?;
        let taken: Option<String> = root
            .query_first(format!(
                "SELECT User FROM mysql.user WHERE User IN ('{USER}', '{TWIN}') UNION \
                 SELECT SCHEMA_NAME FROM information_schema.SCHEMATA \
                 WHERE SCHEMA_NAME = '{DATABASE}'"
            ))
            .await?;
        root.disconnect().await?;
        let taken = taken.map(|name| {
            format!(
                "{name} is on this server already. If an earlier run left it there:\n  \
                 DROP USER IF EXISTS {}, {}; DROP DATABASE IF EXISTS {DATABASE};",
                self.account(USER),
                self.account(TWIN)
            )
        });
        taken.map_or(Ok(()), |taken| Err(taken.into()))
    }

    /// Whether the server takes a login and lets it read the table; an error is neither yes nor no.
    pub(crate) async fn lets_in(&self, login: &Login) -> Result<bool> {
        let mut conn = match self.connect(login).await {
            Ok(conn) => conn,
            Err(Error::Server(refusal)) if refusal.code == 1045 => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let query = format!("SELECT CURRENT_USER(), name FROM {DATABASE}.people");
        let row: Option<(String, String)> = conn.query_first(query).await?;
        conn.disconnect().await?;
        let (account, _) = row.ok_or("the table is empty")?;
        let expected = format!("{}@{}", login.user, self.host);
        ensure(account == expected, &format!("logged in as {account}"))?;
        Ok(true)
    }

    /// All that the server says about an account, the hash of its password included.
    pub(crate) async fn definition(&self, user: &str) -> Result<Option<Vec<String>>> {
        let mut root = self.root().await?;
        // MySQL from 8.0.17 on has it; elsewhere a hash has no unprintable characters.
        let _ = root.query_drop("SET print_identified_with_as_hex = ON").await;
        let account = self.account(user);
        let mut lines: Vec<String> = match root.query(format!("SHOW CREATE USER {account}")).await {
            Ok(lines) => lines,
            Err(Error::Server(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let grants: Vec<String> = root.query(format!("SHOW GRANTS FOR {account}")).await?;
        root.disconnect().await?;
        lines.extend(grants);
        Ok(Some(lines))
    }

    /// What an account may do, without its name.
    pub(crate) async fn privileges(&self, user: &str) -> Result<Vec<String>> {
        let definition = self.definition(user).await?.ok_or("no such user")?;
        let grants = definition[1..].iter().map(|line| {
            // MariaDB shows the hash among the grants.
            let line = line.split(" IDENTIFIED ").next().unwrap_or(line);
            line.replace(&format!("`{user}`@"), "@").replace(&format!("'{user}'@"), "@")
        });
        Ok(grants.collect())
    }

    /// A session, on TLS with the server's certificate and name verified if its authority was given.
    async fn connect(&self, login: &Login) -> mysql_async::Result<Conn> {
        let opts = OptsBuilder::default()
            .ip_or_hostname(&self.address.host)
            .tcp_port(self.address.port)
            .user(Some(&login.user))
            .pass(Some(&login.password))
            .prefer_socket(false)
            .ssl_opts(ssl(&self.address.ca_file));
        Conn::new(opts).await
    }
}
