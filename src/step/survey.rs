//! What the server says of a secret's two users, for the operator's command: reads and proofs, and no
//! login but the superuser's.

use account_mirror::sql::StatementBuilder;
use account_mirror::user::{Account, User};
use account_mirror::username::Username;

use crate::aws::{Selector, StagingLabel};
use crate::database::connections::{self, Connection};
use crate::database::session::Session;
use crate::error::Error;
use crate::event::VersionId;
use crate::secret::UserSecret;
use crate::step::pair::Pair;
use crate::step::proofs::Proofs;
use crate::step::superuser::Superuser;
use crate::step::turn::Turn;
use crate::step::{Current, Rotation};

/// What is known of the two users.
pub struct Survey {
    /// Whether the twin exists.
    pub twin_exists: bool,
    /// The statements that would make the twin equal, without passwords.
    pub plan: Vec<String>,
    /// The logins in the versions with a label of Secrets Manager.
    pub logins: Vec<Login>,
    /// Accounts that are locked or expired, in words.
    pub unusable: Vec<String>,
    users: Vec<User>,
}

/// The login in a version.
pub struct Login {
    /// The version.
    pub version: VersionId,
    /// Its user.
    pub user: Username,
    /// Whether its password is valid.
    pub validity: Validity,
}

/// A session that is open.
pub struct OpenSession {
    /// Whose it is.
    pub user: Username,
    /// Its number, and the client.
    pub connection: Connection,
}

/// What a password is to a user, at any of its hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// It is the user's.
    Valid,
    /// It is the user's second one, which the server retains.
    Retained,
    /// It is the user's, wherever that is locked.
    Locked,
    /// It is the user's, and has expired.
    Expired,
    /// The user has another one.
    Replaced,
    /// There is no such user.
    Missing,
}

impl Validity {
    /// Whether the login succeeds.
    pub fn logs_in(self) -> bool {
        matches!(self, Self::Valid | Self::Retained)
    }
}

/// A session of the superuser in which users are looked at, one pair after the other.
pub struct Surveying {
    session: Session,
}

impl Surveying {
    /// Logs in as the superuser of a secret.
    ///
    /// # Errors
    ///
    /// Those of the superuser's secret and login.
    pub async fn open(rotation: &Rotation<'_>, current: &Current) -> Result<Self, Error> {
        let turn = Turn::new(rotation, current.clone())?;
        let session = Superuser::find(&turn).await?.open().await?;
        Ok(Self { session })
    }

    /// Looks at the users of a secret on this server.
    ///
    /// # Errors
    ///
    /// `UserMissing`, `SuperuserTooWeak` and others, as in the checks of a rotation.
    pub async fn survey(
        &mut self,
        rotation: &Rotation<'_>,
        current: &Current,
    ) -> Result<Survey, Error> {
        let turn = Turn::new(rotation, current.clone())?;
        let mut pair = Pair::read(&turn, &mut self.session).await?;
        pair.plan_absent().await?;
        let mut survey = Survey {
            twin_exists: pair.twin.is_some(),
            plan: pair.statements(),
            logins: Vec::new(),
            unusable: pair.users().flat_map(unusable).collect(),
            users: pair.users().cloned().collect(),
        };
        for label in StagingLabel::ALL {
            let Some(version) = rotation.description.version(label) else {
                continue;
            };
            if survey.login(version).is_some() {
                continue;
            }
            let Some(value) = rotation.value(Selector::Version(version)).await? else {
                continue;
            };
            let document = UserSecret::parse(&rotation.secret, value.document)?;
            let validity = survey.validity(rotation, &document)?;
            let user = document.username;
            survey.logins.push(Login { version: version.clone(), user, validity });
        }
        Ok(survey)
    }

    /// The open sessions of both users, as far as the superuser sees those of others.
    ///
    /// # Errors
    ///
    /// Of the connection.
    pub async fn sessions(&mut self, survey: &Survey) -> Result<Vec<OpenSession>, Error> {
        let mut sessions = Vec::new();
        for user in &survey.users {
            let found = connections::of_user(&mut self.session, &user.name).await?;
            sessions.extend(
                found
                    .into_iter()
                    .map(|connection| OpenSession { user: user.name.clone(), connection }),
            );
        }
        Ok(sessions)
    }

    /// Discards the second password of a user, wherever the server retains one.
    ///
    /// # Errors
    ///
    /// `StatementRefused` and others.
    pub async fn discard_old_password(
        &mut self,
        survey: &Survey,
        user: &Username,
    ) -> Result<(), Error> {
        let builder = StatementBuilder::without_password(self.session.family, user);
        let found = survey.users.iter().find(|known| known.name == *user);
        for (host, account) in found.into_iter().flat_map(|user| &user.accounts) {
            if account.state.retained.is_some() {
                let statement = builder.discard_old_password(host);
                let done = self.session.run(&statement).await;
                done.map_err(|failure| failure.context(format!("running {statement}")))?;
            }
        }
        Ok(())
    }

    /// Ends the session.
    pub async fn close(self) {
        self.session.close().await;
    }
}

impl Survey {
    /// The login in a version that has a label.
    pub fn login(&self, version: &VersionId) -> Option<&Login> {
        self.logins.iter().find(|login| login.version == *version)
    }

    /// Whether the login of a document is valid, by the hashes that the server stores.
    ///
    /// # Errors
    ///
    /// `ProofTooSlow`.
    pub fn validity(
        &self,
        rotation: &Rotation<'_>,
        document: &UserSecret,
    ) -> Result<Validity, Error> {
        let Some(user) = self.users.iter().find(|user| user.name == document.username) else {
            return Ok(Validity::Missing);
        };
        let proofs = Proofs::until(rotation.deadline);
        let mut validity = Validity::Replaced;
        for account in user.accounts.values() {
            let is_locked = account.state.locked;
            if proofs.any_matches(account, &document.password)? {
                let found = match (is_locked, account.state.expired) {
                    (false, false) => return Ok(Validity::Valid),
                    (true, _) => Validity::Locked,
                    (false, true) => Validity::Expired,
                };
                if validity != Validity::Retained {
                    validity = found;
                }
            }
            if is_locked || account.state.expired {
                continue;
            }
            if let Some(retained) = &account.state.retained
                && proofs.matches(retained, &document.password)?
            {
                validity = Validity::Retained;
            }
        }
        Ok(validity)
    }

    /// The hosts at which the login of a document is refused, though the user's accounts there are not
    /// locked.
    ///
    /// # Errors
    ///
    /// `ProofTooSlow`.
    pub fn refused_at(
        &self,
        rotation: &Rotation<'_>,
        document: &UserSecret,
    ) -> Result<Vec<String>, Error> {
        let proofs = Proofs::until(rotation.deadline);
        let mut refused = Vec::new();
        let user = self.users.iter().find(|user| user.name == document.username);
        for (host, account) in user.into_iter().flat_map(|user| &user.accounts) {
            let retained = &account.state.retained;
            let is_open = proofs.any_matches(account, &document.password)?
                || retained
                    .as_ref()
                    .map_or(Ok(false), |one| proofs.matches(one, &document.password))?;
            if !account.state.locked && (account.state.expired || !is_open) {
                refused.push(host.clone());
            }
        }
        Ok(refused)
    }
}

fn unusable(user: &User) -> impl Iterator<Item = String> {
    let state = |account: &Account| match account.state {
        _ if account.state.locked => Some("is locked"),
        _ if account.state.expired => Some("has an expired password"),
        _ => None,
    };
    user.accounts.iter().filter_map(move |(host, account)| {
        Some(format!("'{}'@'{host}' {}", user.name, state(account)?))
    })
}
