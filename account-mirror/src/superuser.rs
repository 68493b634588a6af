//! What the superuser may grant and revoke, through its active roles too.
//!
//! A denial in the middle of the changes is safe, because nothing unproven is promoted. But it is
//! found out at night; so what can be foreseen is refused before anything is written. Where the
//! server's rule is more subtle than what is modelled here, the plan passes, and the server decides.

use std::collections::BTreeSet;

use super::account::{User, Grant, GrantTarget, Account, RoleName};
use super::mirror::{Action, Change};
use super::privilege::Privilege;
use super::reader::Accounts;
use super::{Family, Session};
use crate::error::{Error, ErrorType};

mod roles;

pub use roles::role_names;

/// The superuser with its active roles.
pub struct Superuser {
    family: Family,
    name: String,
    /// The account as something to be a proxy of.
    itself: GrantTarget,
    /// The account itself and its roles.
    profiles: Vec<Account>,
}

impl Superuser {
    /// The superuser of a session, of whose account and roles all rows have been read.
    pub fn of(session: &Session, roles: &BTreeSet<RoleName>, accounts: &Accounts) -> Self {
        let own = accounts.at(&session.account_user, &session.account_host);
        let roles = roles
            .iter()
            .filter_map(|role| accounts.at(&role.user, role.host.as_deref().unwrap_or_default()));
        Self {
            family: session.family,
            name: format!("'{}'@'{}'", session.account_user, session.account_host),
            itself: GrantTarget::Proxy {
                user: session.account_user.clone(),
                host: session.account_host.clone(),
            },
            profiles: own.into_iter().chain(roles).cloned().collect(),
        }
    }

    /// Checks that the superuser may carry out a plan for `twin`.
    ///
    /// # Errors
    ///
    /// `SuperuserTooWeak`, `SystemUserProtected`, `SuperuserRestricted` or `GrantImpossible`.
    pub fn permits(
        &self,
        source: &User,
        twin: Option<&User>,
        plan: &[Change],
    ) -> Result<(), Error> {
        let create_user = Privilege::named("CREATE USER");
        if !create_user.is_some_and(|p| self.has(&GrantTarget::Global, p)) {
            return Err(ErrorType::SuperuserTooWeak.because(format!(
                "the superuser {} lacks the privilege CREATE USER, without which it can change no \
                 account; grant it: GRANT CREATE USER ON *.* TO {}",
                self.name, self.name
            )));
        }
        self.may_touch(source)?;
        twin.map_or(Ok(()), |twin| self.may_touch(twin))?;
        plan.iter().try_for_each(|change| self.permits_change(source, change))
    }

    /// An account with `SYSTEM_USER` can only be changed by one that has it too. A superuser that
    /// grants it to the twin would lock itself out.
    fn may_touch(&self, account: &User) -> Result<(), Error> {
        let system_user = GrantTarget::Dynamic("SYSTEM_USER".to_owned());
        let protected =
            account.hosts.iter().find(|(_, profile)| profile.grants.contains_key(&system_user));
        match protected {
            Some((host, _)) if !self.holds(&system_user) => Err(ErrorType::SystemUserProtected
                .because(format!(
                    "'{}'@'{host}' has SYSTEM_USER and the superuser {} does not, so it could not \
                     change the twin; use a superuser with SYSTEM_USER, or revoke it from the user",
                    account.user, self.name
                ))),
            _ => Ok(()),
        }
    }

    fn permits_change(&self, source: &User, change: &Change) -> Result<(), Error> {
        let (verb, object, held) = match &change.action {
            Action::Grant(object, held) => {
                if *object == GrantTarget::Global {
                    self.no_restriction(None, &held.privileges)?;
                }
                ("grant", object, held)
            }
            Action::Restrict(schema, privileges) | Action::Unrestrict(schema, privileges) => {
                return self.no_restriction(Some(schema), privileges);
            }
            Action::Revoke(object, held) => ("revoke", object, held),
            Action::DefaultRoles(_) => return self.may_set_default_roles(),
            _ => return Ok(()),
        };
        let Some(lacking) = self.lacking(object, held) else {
            return Ok(());
        };
        Err(ErrorType::GrantImpossible.because(format!(
            "the superuser {} cannot {verb} {lacking} on {object}, which making the twin of \
             '{}'@'{}' takes; grant it to the superuser {}, or take it from the account, or use a \
             stronger superuser",
            self.name,
            source.user,
            change.host,
            match object {
                GrantTarget::Role(_) => "WITH ADMIN OPTION",
                _ => "WITH GRANT OPTION",
            }
        )))
    }

    /// MariaDB lets only those set another account's default role that may write its tables.
    fn may_set_default_roles(&self) -> Result<(), Error> {
        let update = Privilege::named("UPDATE");
        let tables = [GrantTarget::Global, GrantTarget::Schema("mysql".to_owned())];
        let allowed = tables.iter().any(|object| update.is_some_and(|p| self.has(object, p)));
        if allowed || matches!(self.family, Family::MySql(_)) {
            return Ok(());
        }
        Err(ErrorType::GrantImpossible.because(format!(
            "the superuser {} cannot set the default role of the twin; MariaDB asks for UPDATE on \
             the mysql schema; grant it: GRANT UPDATE ON mysql.* TO {}",
            self.name, self.name
        )))
    }

    /// What the superuser lacks to grant or revoke this, in words.
    fn lacking(&self, object: &GrantTarget, held: &Grant) -> Option<String> {
        match object {
            GrantTarget::Role(_) => {
                let is_mysql = matches!(self.family, Family::MySql(_));
                let admin = self.holds(&GrantTarget::Dynamic("ROLE_ADMIN".to_owned()))
                    || is_mysql
                        && Privilege::named("SUPER").is_some_and(|p| self.has(&GrantTarget::Global, p));
                let allowed = admin || self.may_pass_on(object);
                (!allowed).then(|| "the role".to_owned())
            }
            GrantTarget::Proxy { .. } => {
                // Everybody may let others act as oneself; '' stands for everybody.
                let anybody =
                    |host: &str| GrantTarget::Proxy { user: String::new(), host: host.to_owned() };
                let allowed = *object == self.itself
                    || self.may_pass_on(object)
                    || self.may_pass_on(&anybody(""))
                    || self.may_pass_on(&anybody("%"));
                (!allowed).then(|| "PROXY".to_owned())
            }
            GrantTarget::Dynamic(name) => {
                let allowed = self.may_pass_on(&GrantTarget::Global) || self.may_pass_on(object);
                (!allowed).then(|| name.clone())
            }
            GrantTarget::Global
            | GrantTarget::PartialRevoke(_)
            | GrantTarget::Schema(_)
            | GrantTarget::Table { .. }
            | GrantTarget::Routine { .. } => self.lacking_static(object, held),
        }
    }

    fn lacking_static(&self, object: &GrantTarget, held: &Grant) -> Option<String> {
        let places = self.places(object);
        if !places.iter().any(|held| held.grantable) {
            return Some("anything".to_owned());
        }
        let columns = held
            .columns
            .iter()
            .flat_map(|(column, privileges)| privileges.iter().map(move |p| (Some(column), *p)));
        let wanted = held.privileges.iter().map(|p| (None, *p)).chain(columns);
        let lacking: BTreeSet<_> = wanted
            .filter(|(column, privilege)| {
                !places.iter().any(|place| {
                    place.privileges.contains(privilege)
                        || column.is_some_and(|column| {
                            place.columns.get(column).is_some_and(|c| c.contains(privilege))
                        })
                })
            })
            .map(|(_, privilege)| privilege.as_sql())
            .collect();
        let lacking: Vec<_> = lacking.into_iter().collect();
        (!lacking.is_empty()).then(|| lacking.join(", "))
    }

    /// What the superuser holds at the levels that count for an object.
    fn places(&self, object: &GrantTarget) -> Vec<&Grant> {
        let schema = match object {
            GrantTarget::Schema(schema)
            | GrantTarget::Table { schema, .. }
            | GrantTarget::Routine { schema, .. } => Some(schema),
            _ => None,
        };
        let counts = |other: &GrantTarget| match other {
            GrantTarget::Global => true,
            // A pattern may cover the schema; the server knows.
            GrantTarget::Schema(pattern) => {
                schema.is_some_and(|s| s == pattern || pattern.contains(['%', '_']))
            }
            other => other == object,
        };
        self.profiles
            .iter()
            .flat_map(|profile| &profile.grants)
            .filter(|(other, _)| counts(other))
            .map(|(_, held)| held)
            .collect()
    }

    /// Under partial revokes, a superuser silently passes its own exceptions on with a global
    /// privilege, and can neither make nor lift one where it has one itself.
    fn no_restriction(
        &self,
        on: Option<&String>,
        privileges: &BTreeSet<Privilege>,
    ) -> Result<(), Error> {
        let restricted = self.profiles.iter().flat_map(|profile| &profile.grants).find_map(
            |(object, restricted)| match object {
                GrantTarget::PartialRevoke(schema)
                    if on.is_none_or(|on| on == schema)
                        && !restricted.privileges.is_disjoint(privileges) =>
                {
                    Some(schema)
                }
                _ => None,
            },
        );
        restricted.map_or(Ok(()), |schema| {
            Err(ErrorType::SuperuserRestricted.because(format!(
                "the superuser {} is under a partial revoke on schema \"{schema}\", which the \
                 server would silently pass on to the twin; use a superuser without partial revokes",
                self.name
            )))
        })
    }

    fn has(&self, object: &GrantTarget, privilege: Privilege) -> bool {
        self.held(object).any(|held| held.privileges.contains(&privilege))
    }

    fn holds(&self, object: &GrantTarget) -> bool {
        self.held(object).next().is_some()
    }

    fn may_pass_on(&self, object: &GrantTarget) -> bool {
        self.held(object).any(|held| held.grantable)
    }

    fn held<'a>(&'a self, object: &'a GrantTarget) -> impl Iterator<Item = &'a Grant> {
        self.profiles.iter().filter_map(|profile| profile.grants.get(object))
    }
}
