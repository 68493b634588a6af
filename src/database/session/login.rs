//! Logging in: names to addresses, addresses to sessions, and what a refusal means.
//!
//! A login is never tried twice in a weaker way, and no login is made that is expected to fail.

use std::net::IpAddr;
use std::time::Duration;

use account_mirror::family::Family;
use mysql_async::Conn;
use tokio::net::TcpStream;

use super::guard::ServerClock;
use super::login_error::LoginError;
use super::prepare::prepare;
use super::server::Credentials;
use super::statement_limit::StatementLimit;
use super::{MAX_PACKET, Session, Variables};
use crate::caller::say;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorType};
use crate::panic::{self, Panicked};

/// How long the network may take to make a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// The server's own limit on an idle session: one that is lost in the network ends by itself.
const WAIT_TIMEOUT: usize = 60;

impl Credentials<'_> {
    /// Logs in at the first of these addresses that takes connections.
    ///
    /// # Errors
    ///
    /// A [`LoginError`].
    pub async fn open_at(
        &self,
        addresses: &[IpAddr],
        deadline: Deadline,
    ) -> Result<Session, LoginError> {
        let mut refusal = None;
        for address in addresses {
            match self.connect(*address, deadline).await {
                Err(next) if next.error.error_type() == ErrorType::ServerUnreachable => {
                    refusal = Some(next);
                }
                result => return result,
            }
        }
        Err(refusal.unwrap_or_else(|| self.server.unknown("it has no address").into()))
    }

    async fn connect(&self, address: IpAddr, deadline: Deadline) -> Result<Session, LoginError> {
        let options = self
            .server
            .tls
            .options()?
            .ip_or_hostname(self.server.endpoint.host.trim_end_matches('.'))
            .resolved_ips(Some([address]))
            .tcp_port(self.server.endpoint.port)
            .user(Some(self.user.as_str()))
            .pass(Some(self.password.expose()))
            // Given here, the driver need not ask the server for them.
            .max_allowed_packet(Some(MAX_PACKET))
            .wait_timeout(Some(WAIT_TIMEOUT))
            .prefer_socket(false)
            .stmt_cache_size(0);
        let conn = self.wait(address, deadline, panic::catch(Conn::new(options))).await?;
        let mut session = Session {
            family: Family::of_greeting(conn.server_version()),
            conn,
            deadline,
            limit: StatementLimit::within(deadline),
            clock: ServerClock::unread(),
            lease: None,
            most_text: MAX_PACKET,
            address,
            variables: Variables::default(),
            cluster: None,
            account_user: String::new(),
            account_host: String::new(),
            superuser: self.hidden_name().map(str::to_owned),
            client_host: String::new(),
        };
        prepare(&mut session, self).await?;
        Ok(session)
    }

    /// Waits for the driver, which does not report its progress. After the time that a network may take,
    /// a plain TCP connection shows whether the server is unreachable or only silent, as an Aurora
    /// Serverless cluster is while it resumes.
    async fn wait(
        &self,
        address: IpAddr,
        deadline: Deadline,
        connection: impl Future<Output = Result<mysql_async::Result<Conn>, Panicked>>,
    ) -> Result<Conn, LoginError> {
        tokio::pin!(connection);
        let connected = |result: Result<mysql_async::Result<Conn>, Panicked>| match result {
            Ok(result) => result.map_err(|error| self.explain(error, address)),
            Err(_) => Err(self.protocol_error(address).into()),
        };
        if let Some(result) = deadline.at_most(CONNECT).limit(&mut connection).await {
            return connected(result);
        }
        if deadline.remaining().is_zero() {
            // The time was too short for a network, so that the silence proves nothing.
            let what = format!("{} to answer {}", self.server, self.role);
            return Ok(deadline.run(what, std::future::pending()).await?);
        }
        let probe = TcpStream::connect((address, self.server.endpoint.port));
        let reached = deadline.at_most(CONNECT / 5).limit(probe).await;
        if !matches!(reached, Some(Ok(_))) {
            return Err(self.unreachable(&format!("no answer in {} s", CONNECT.as_secs())).into());
        }
        match deadline.limit(connection).await {
            Some(result) => connected(result),
            None => Err(ErrorType::ServerSilent
                .because(format!(
                    "the login of {} failed: {} accepted the connection and sent nothing; it may be \
                     starting or overloaded, or delay logins after failed ones (connection_control), \
                     or the port is not that of a MySQL server",
                    self.role, self.server
                ))
                .into()),
        }
    }

    pub(super) fn unreachable(&self, found: &str) -> Error {
        ErrorType::ServerUnreachable.because(format!(
            "no connection to {} was made: {found}; the network is the cause, not the login: check the host \
             and port in the secret, the security groups, and {}",
            self.server,
            say("the routes of the function's subnets", "the way from where you are, such as a VPN")
        ))
    }
}
