//! The logins of a survey, and what the current user's session shows.

use super::superuser_login::SuperuserLogin;
use super::{Report, checks, right_account, use_database};
use crate::database::Session;
use crate::database::login::{Refusal, LoginRole};
use crate::database::reader::Accounts;
use crate::database::server::{StatementLimit, Variables};
use crate::error::Error;
use crate::secret::DatabaseSecret;
use crate::step::{Rotation, login, plaintext_warning};
use crate::username::Username;

/// The logins of a survey.
pub(super) struct Logins {
    pub(super) superuser: Session,
    pub(super) limit: StatementLimit,
    pub(super) variables: Variables,
    /// The superuser's secret, and the server where the accounts are changed.
    pub(super) found: SuperuserLogin,
    /// The current user's session, or why there is none.
    pub(super) user: Result<Session, Refusal>,
}

/// Logs in as the superuser and as the current user at once.
pub(super) async fn log_in(
    rotation: &Rotation<'_>,
    current: &DatabaseSecret,
    twin: &Username,
) -> Result<Logins, Error> {
    let mut found = SuperuserLogin::find(rotation, current).await?;
    checks::superuser_is_neither(&found.document, current, twin)?;
    let server = rotation.server(current);
    let user = login(LoginRole::Current, current, &server);
    let (superuser, user) = tokio::join!(found.open_writer(rotation), user.open(rotation.deadline));
    let (superuser, limit, variables) = superuser?;
    Ok(Logins { superuser, limit, variables, found, user })
}

/// What is known of the superuser's server when the user's is compared with it.
pub(super) struct Place<'a> {
    pub(super) superuser: &'a SuperuserLogin,
    pub(super) variables: &'a Variables,
}

/// What the current user's session shows, and the host part of the account in use.
pub(super) async fn as_the_user(
    rotation: &Rotation<'_>,
    current: &DatabaseSecret,
    session: Result<Session, Refusal>,
    accounts: &Accounts,
    place: Place<'_>,
    report: &mut Report,
) -> Result<String, Error> {
    let deadline = rotation.deadline;
    let server = rotation.server(current);
    report.warn(plaintext_warning(LoginRole::Current, &server));
    let mut session = match session {
        Ok(session) => session,
        Err(refusal) => {
            let host = checks::explain_refusal(current, &server, refusal, accounts)?;
            report.warn(Some(format!(
                "{server} has no room for another login of \"{}\" now, but took its password",
                current.username()
            )));
            return Ok(host);
        }
    };
    right_account(&session, current.username())?;
    use_database(&mut session, current, deadline).await?;
    let itself = Variables::read(&mut session, deadline).await?;
    if !itself.is_same_server(place.variables) {
        let relation = place.superuser.relation(rotation, current).await;
        checks::same_server(&server, &place.superuser.server, relation)?;
    }
    report.find(format!(
        "'{}'@'{}' logged in at {server} with the current password, and it is the superuser's \
         server",
        session.account_user, session.account_host
    ));
    let host = session.account_host.clone();
    session.close(deadline).await;
    Ok(host)
}
