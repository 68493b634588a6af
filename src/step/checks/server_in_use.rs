//! Whether the server that the user's secret names is the superuser's.

use super::refusals::{explain_refusal, same_server, usable};
use super::{Checks, cipher};
use crate::database::session::{LoginRole, Session};
use crate::error::Error;
use crate::step::Viewpoint;
use crate::step::host_in_use::HostInUse;
use crate::step::user_login::{
    credentials, log_in, plaintext_warning, right_account, use_database,
};

impl Checks<'_, '_> {
    /// Makes sure that the secret's server is the superuser's and that its database can be used, by a
    /// login of the user where nothing else shows it. Its password must have been proven.
    ///
    /// # Errors
    ///
    /// Of the login; `DifferentServer`, `WrongAccount`, `DatabaseNameUnusable`.
    pub(super) async fn server_in_use(&mut self, host: &HostInUse) -> Result<(), Error> {
        let (current, server) = (&self.turn.current, &self.turn.server);
        let (source, deadline) = (&self.pair.source, self.turn.rotation.deadline);
        self.report.warnings.extend(plaintext_warning(LoginRole::Current, server));
        if let Some(host) = host.known() {
            self.report.pass(format!("logins of \"{}\" end in '{0}'@'{host}'", current.username));
            cipher::check(&mut self.pair, host).await?;
            return self.database_name(host).await;
        }
        if self.turn.rotation.viewpoint != Viewpoint::Here {
            return self.every_account(host).await;
        }
        let login = credentials(LoginRole::Current, current, server);
        let addresses = server.addresses(deadline).await?;
        let mut session = match log_in(login, &addresses, deadline, source).await {
            Ok(session) => session,
            // Only the superuser's own server is believed that it looked at the password first.
            Err(refusal) if refusal.proves_password() && matches!(host, HostInUse::Unknown) => {
                self.report.warn(format!(
                    "{server} accepted the password of \"{}\", and then refused the login for a limit on connections",
                    current.username
                ));
                return Ok(());
            }
            Err(refusal) => {
                return Err(explain_refusal(self.pair.session.family, source, server, refusal));
            }
        };
        let checked = self.is_right(&mut session).await;
        session.close().await;
        self.report.pass(checked?);
        Ok(())
    }

    /// Judges every account of the user, where nobody logs in as it to find the one in use. One of
    /// several that cannot be used may not be the application's.
    async fn every_account(&mut self, host: &HostInUse) -> Result<(), Error> {
        let (source, server) = (&self.pair.source, &self.turn.server);
        for host in source.accounts.keys() {
            let name = format!("'{}'@'{host}'", source.name);
            match usable(self.pair.session.family, source, host, server) {
                Ok(()) => self.report.pass(format!("{name} can be used, if logins end there")),
                Err(error) if source.accounts.len() == 1 => return Err(error),
                Err(error) => self.report.warn(format!("if logins end in {name}: {error:?}")),
            }
        }
        if matches!(host, HostInUse::OtherServer) {
            self.report.warn(format!(
                "whether {server} is the superuser's server was not looked at, since only a login of the user \
                 shows it"
            ));
        }
        match source.accounts.keys().next().cloned() {
            Some(host) if source.accounts.len() == 1 => self.database_name(&host).await,
            _ => Ok(()),
        }
    }

    /// Checks where the login of the user has ended.
    async fn is_right(&self, session: &mut Session) -> Result<String, Error> {
        let (current, server) = (&self.turn.current, &self.turn.server);
        right_account(session, LoginRole::Current, &current.username)?;
        usable(self.pair.session.family, &self.pair.source, &session.account_host, server)?;
        use_database(session, current).await?;
        if !self.pair.session.is_same_server(session) {
            let relation = self.superuser.relation().await;
            same_server(server, &self.superuser.server, relation)?;
        }
        Ok(format!(
            "'{}'@'{}' logged in at {server}, which is the superuser's server",
            session.account_user, session.account_host
        ))
    }
}
