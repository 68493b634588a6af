//! The tutorial's database server: what is on it, and who may log in.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, OptsBuilder, SslOpts};

use crate::server::Address;
use crate::{DATABASE, Result, TWIN, USER, ensure};

/// A user name and a password.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
}

#[derive(Clone)]
pub(crate) struct Database {
    pub(crate) address: Address,
}

impl Database {
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
                 DROP USER IF EXISTS {USER}, {TWIN}; DROP DATABASE IF EXISTS {DATABASE};"
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
        let expected = format!("{}@%", login.user);
        ensure(account == expected, &format!("logged in as {account}"))?;
        Ok(true)
    }

    /// All that the server says about an account, the hash of its password included.
    pub(crate) async fn definition(&self, user: &str) -> Result<Option<Vec<String>>> {
        let mut root = self.root().await?;
        root.query_drop("SET print_identified_with_as_hex = ON").await?;
        let mut lines: Vec<String> = match root.query(format!("SHOW CREATE USER {user}")).await {
            Ok(lines) => lines,
            Err(Error::Server(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let grants: Vec<String> = root.query(format!("SHOW GRANTS FOR {user}")).await?;
        root.disconnect().await?;
        lines.extend(grants);
        Ok(Some(lines))
    }

    /// What an account may do, without its name.
    pub(crate) async fn privileges(&self, user: &str) -> Result<Vec<String>> {
        let definition = self.definition(user).await?.ok_or("no such user")?;
        let grants = definition[1..].iter();
        Ok(grants.map(|line| line.replace(&format!("`{user}`@"), "@")).collect())
    }

    /// A session on TLS, with the server's certificate and name verified.
    async fn connect(&self, login: &Login) -> mysql_async::Result<Conn> {
        let roots = vec![self.address.ca_file.clone().into()];
        let opts = OptsBuilder::default()
            .ip_or_hostname(&self.address.host)
            .tcp_port(self.address.port)
            .user(Some(&login.user))
            .pass(Some(&login.password))
            .prefer_socket(false)
            .ssl_opts(SslOpts::default().with_root_certs(roots));
        Conn::new(opts).await
    }
}
