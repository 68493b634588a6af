//! Which account of the user its applications' logins end in, as seen from the function.
//!
//! A login would show it, but it takes one of the user's connections, counts against its limits, and
//! with a stale password can block the account. So the host is computed where that is certain; and
//! where it is not, the login is made with a password that was proven before.

use account_mirror::host::account_for;
use account_mirror::powers::Powers;
use account_mirror::tables::Accounts;

use super::refusals::{self, usable};
use super::{Report, database_name};
use crate::database::session::LoginRole;
use crate::error::{Error, refuse};
use crate::secret::UserSecret;
use crate::step::Rotation;
use crate::step::pair::Pair;
use crate::step::superuser::Superuser;
use crate::step::user_login::{
    credentials, log_in, plaintext_warning, right_account, use_database,
};

/// The host part of the account in use, or how to find it.
pub(crate) enum HostInUse {
    /// It was computed.
    Known(String),
    /// Only a login shows it, at the superuser's server.
    Unknown,
    /// The secret names another server than the superuser's secret does.
    OtherServer,
}

impl HostInUse {
    /// Computes the host, where the two secrets name one server.
    ///
    /// # Errors
    ///
    /// `WrongAccount` if an anonymous account would be chosen, and those of an unusable account.
    pub(crate) fn of(
        rotation: &Rotation<'_>,
        current: &UserSecret,
        superuser: &Superuser,
        pair: &Pair<'_>,
        accounts: &Accounts,
    ) -> Result<Self, Error> {
        let server = rotation.server(current);
        if !superuser.is_at(&server) {
            return Ok(Self::OtherServer);
        }
        let hosts = || pair.source.accounts.keys().map(String::as_str);
        let session = &pair.session;
        let host =
            account_for(session.family, &session.client_host, hosts(), accounts.anonymous_hosts());
        match host {
            Some(Some(host)) => {
                usable(&pair.source, host, &server)?;
                Ok(Self::Known(host.to_owned()))
            }
            Some(None) => refuse!(
                WrongAccount,
                "a login as \"{}\" from '{}' would end in an anonymous account, which is more \
                 specific for the function's address; drop that account",
                pair.source.name,
                session.client_host
            ),
            None => {
                // With one account there is no doubt which one would refuse the login.
                if let (Some(host), None) = (hosts().next(), hosts().nth(1)) {
                    usable(&pair.source, host, &server)?;
                }
                Ok(Self::Unknown)
            }
        }
    }

    /// The host, if it was computed.
    pub(crate) fn known(&self) -> Option<&str> {
        match self {
            Self::Known(host) => Some(host),
            Self::Unknown | Self::OtherServer => None,
        }
    }

    /// Makes sure that the secret's server is the superuser's and that its database can be used, by a
    /// login of the user where nothing else shows it. Its password must have been proven.
    ///
    /// # Errors
    ///
    /// Of the login; `DifferentServer`, `WrongAccount`, `DatabaseNameUnusable`.
    pub(crate) async fn confirm(
        self,
        rotation: &Rotation<'_>,
        current: &UserSecret,
        superuser: &Superuser,
        pair: &mut Pair<'_>,
        powers: &Powers,
        report: &mut Report,
    ) -> Result<(), Error> {
        let (deadline, server) = (rotation.deadline, rotation.server(current));
        report.warnings.extend(plaintext_warning(LoginRole::Current, &server));
        if let Self::Known(host) = &self {
            report.pass(format!("logins of \"{}\" end in '{0}'@'{host}'", current.username));
            return database_name::check(current, host, pair, powers).await;
        }
        let login = credentials(LoginRole::Current, current, &server);
        let mut session =
            match log_in(login, &server.addresses(deadline).await?, deadline, &pair.source).await {
                Ok(session) => session,
                // Only the superuser's own server is believed that it looked at the password first.
                Err(refusal) if refusal.proves_password() && matches!(self, Self::Unknown) => {
                    report.warn(format!(
                    "{server} has no room for another login of \"{}\" now, but took its password",
                    current.username
                ));
                    return Ok(());
                }
                Err(refusal) => {
                    return Err(refusals::explain_refusal(&pair.source, &server, refusal));
                }
            };
        let checked = async {
            right_account(&session, &current.username)?;
            usable(&pair.source, &session.account_host.clone(), &server)?;
            use_database(&mut session, current).await?;
            if !session.variables.is_same_server(&pair.session.variables) {
                let relation = superuser.relation(rotation, current).await;
                refusals::same_server(&server, &superuser.server, relation)?;
            }
            Ok::<_, Error>(format!(
                "'{}'@'{}' logged in at {server}, which is the superuser's server",
                session.account_user, session.account_host
            ))
        };
        let checked = checked.await;
        session.close().await;
        report.pass(checked?);
        Ok(())
    }
}
