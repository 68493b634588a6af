//! The logins of the checks, and what the current user's session shows.

use account_mirror::tables::Accounts;
use account_mirror::username::Username;

use super::Report;
use super::refusals::{self, right_account, use_database};
use crate::database::session::{LoginRole, Refusal, Session, Variables};
use crate::error::Error;
use crate::secret::UserSecret;
use crate::step::superuser::Superuser;
use crate::step::{Rotation, credentials, plaintext_warning};

/// The logins of the checks.
pub(super) struct Logins {
    pub(super) superuser: Session,
    pub(super) variables: Variables,
    /// The superuser's secret, and the server where the accounts are changed.
    pub(super) found: Superuser,
    /// The current user's session, or why there is none.
    pub(super) user: Result<Session, Refusal>,
    /// The twin's name.
    pub(super) twin: Username,
}

/// Logs in as the superuser and as the current user at once.
pub(super) async fn log_in(
    rotation: &Rotation<'_>,
    current: &UserSecret,
    report: &mut Report,
) -> Result<Logins, Error> {
    let twin = rotation.twin_of(current)?;
    let mut found = Superuser::find(rotation, current).await?;
    refusals::superuser_is_neither(&found.document, current, &twin)?;
    let server = rotation.server(current);
    let user = credentials(LoginRole::Current, current, &server);
    let (superuser, user) = tokio::join!(found.open_writer(rotation), user.open(rotation.deadline));
    let (superuser, variables) = superuser?;
    let server = &found.server;
    report.pass(format!(
        "the superuser '{}'@'{}' logged in at {server}, which is {}",
        superuser.account_user, superuser.account_host, superuser.family
    ));
    report.warnings.extend(plaintext_warning(LoginRole::Superuser, server));
    refusals::writable(server, &variables)?;
    report.pass(format!("{server} accepts writes"));
    Ok(Logins { superuser, variables, found, user, twin })
}

/// What is known of the superuser's server when the user's is compared with it.
pub(super) struct Place<'a> {
    pub(super) superuser: &'a Superuser,
    pub(super) variables: &'a Variables,
}

/// What the current user's session shows, and the host part of the account in use.
pub(super) async fn as_the_user(
    rotation: &Rotation<'_>,
    current: &UserSecret,
    session: Result<Session, Refusal>,
    accounts: &Accounts,
    place: Place<'_>,
    report: &mut Report,
) -> Result<String, Error> {
    let server = rotation.server(current);
    report.warnings.extend(plaintext_warning(LoginRole::Current, &server));
    let mut session = match session {
        Ok(session) => session,
        Err(refusal) => {
            let host = refusals::explain_refusal(current, &server, refusal, accounts)?;
            report.warn(format!(
                "{server} has no room for another login of \"{}\" now, but took its password",
                current.username
            ));
            return Ok(host);
        }
    };
    right_account(&session, &current.username)?;
    use_database(&mut session, current).await?;
    if !session.variables.is_same_server(place.variables) {
        let relation = place.superuser.relation(rotation, current).await;
        refusals::same_server(&server, &place.superuser.server, relation)?;
    }
    report.pass(format!(
        "'{}'@'{}' logged in at {server} with the current password, and it is the superuser's \
         server",
        session.account_user, session.account_host
    ));
    let host = session.account_host.clone();
    session.close().await;
    Ok(host)
}
