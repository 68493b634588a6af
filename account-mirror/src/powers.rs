//! What the superuser may grant and revoke, through its active roles too.
//!
//! A denial in the middle of the changes is safe, because nothing unproven is promoted. What can be
//! foreseen is refused before anything is written all the same. Where the server's rule is more
//! subtle than what is modeled here, the plan passes, and the server decides.

use std::collections::BTreeSet;

use crate::error::{Error, ErrorKind};
use crate::family::Family;
use crate::grant::{Grant, GrantTarget, RoleName};
use crate::plan::{Action, Change};
use crate::privilege::Privileges;
use crate::tables::Accounts;
use crate::user::{Account, User};

mod definers;
mod holder;
mod policy;
mod sight;

fn system_user() -> GrantTarget {
    GrantTarget::Dynamic("SYSTEM_USER".to_owned())
}

/// What stands in texts for the superuser's name: whose secret that is in, whoever reads them need not
/// have.
pub const SUPERUSER: &str = "<superuser>";

/// The superuser with its active roles.
pub struct Powers {
    family: Family,
    name: String,
    /// The account as something to be a proxy of.
    itself: GrantTarget,
    /// The account itself and its roles.
    accounts: Vec<Account>,
    /// What the account and its roles hold together on patterns of schemas, each of which may cover a
    /// schema; the server knows.
    patterns: Grant,
    /// The roles that only an account with `SYSTEM_USER` may grant and revoke.
    system_roles: BTreeSet<RoleName>,
}

impl Powers {
    /// The superuser with this account, of which all rows and those of its roles have been read.
    pub fn new(
        family: Family,
        (user, host): (&str, &str),
        roles: &BTreeSet<RoleName>,
        all: &Accounts,
    ) -> Self {
        let own = all.at(user, host);
        let held = roles
            .iter()
            .filter_map(|role| all.at(&role.user, role.host.as_deref().unwrap_or_default()));
        let accounts: Vec<Account> = own.into_iter().chain(held).cloned().collect();
        Self {
            family,
            patterns: on_patterns(&accounts),
            name: format!("{SUPERUSER}@'{host}'"),
            itself: GrantTarget::Proxy { user: user.to_owned(), host: host.to_owned() },
            system_roles: all.system_roles(),
            accounts,
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
        if !self.has_globally("CREATE USER") {
            return Err(ErrorKind::SuperuserTooWeak.because(format!(
                "the superuser {} lacks the privilege CREATE USER, without which it can change no \
                 account; grant it: GRANT CREATE USER ON *.* TO {}",
                self.name, self.name
            )));
        }
        for user in std::iter::once(source).chain(twin) {
            self.may_change(user)?;
        }
        plan.iter().try_for_each(|change| self.permits_change(source, change))
    }

    /// Whether the superuser has a privilege on everything, by its SQL spelling.
    pub fn has_globally(&self, privilege: &str) -> bool {
        self.has(&GrantTarget::Global, privilege)
    }

    /// An account with `SYSTEM_USER` can only be changed by one that has it too. A superuser that
    /// grants it to the twin would lock itself out.
    fn may_change(&self, user: &User) -> Result<(), Error> {
        if self.is_system_user() {
            return Ok(());
        }
        let mut accounts = user.accounts.iter();
        let Some((host, _)) = accounts.find(|(_, a)| a.grants.contains_key(&system_user())) else {
            return Ok(());
        };
        Err(ErrorKind::SystemUserProtected.because(format!(
            "'{}'@'{host}' has SYSTEM_USER and the superuser {} does not, so it could not change \
             the twin; use a superuser with SYSTEM_USER, or revoke it from the user",
            user.name, self.name
        )))
    }

    fn is_system_user(&self) -> bool {
        self.holds(&system_user())
    }

    fn permits_change(&self, source: &User, change: &Change) -> Result<(), Error> {
        let (verb, target, grant) = match &change.action {
            Action::Grant(target, grant) => {
                if *target == GrantTarget::Global {
                    self.no_restriction(None, grant.privileges)?;
                }
                ("grant", target, grant)
            }
            Action::Restrict(schema, privileges) | Action::Unrestrict(schema, privileges) => {
                return self.no_restriction(Some(schema), *privileges);
            }
            Action::Revoke(target, grant) => ("revoke", target, grant),
            Action::DefaultRoles(_) => return self.may_set_default_roles(),
            _ => return Ok(()),
        };
        if let GrantTarget::Role(role) = target
            && self.system_roles.contains(role)
            && !self.is_system_user()
        {
            return Err(ErrorKind::SystemUserProtected.because(format!(
                "the superuser {} cannot {verb} the role {role} when '{}'@'{}' is mirrored: the \
                 role has SYSTEM_USER, and the superuser does not; use a superuser with \
                 SYSTEM_USER, or revoke it from the role",
                self.name, source.name, change.host
            )));
        }
        let Some(lacking) = self.lacking(target, grant) else {
            return Ok(());
        };
        Err(ErrorKind::GrantImpossible.because(format!(
            "the superuser {} {lacking} on {target}, required to {verb} it when '{}'@'{}' is \
             mirrored; grant it to the superuser {}, or revoke it from the account, or use a \
             stronger superuser",
            self.name,
            source.name,
            change.host,
            match target {
                GrantTarget::Role(_) => "WITH ADMIN OPTION",
                _ => "WITH GRANT OPTION",
            }
        )))
    }

    /// MariaDB lets only those set another account's default role that may write its tables.
    fn may_set_default_roles(&self) -> Result<(), Error> {
        let tables = [GrantTarget::Global, GrantTarget::Schema("mysql".to_owned())];
        if self.family.is_mysql() || tables.iter().any(|target| self.has(target, "UPDATE")) {
            return Ok(());
        }
        Err(ErrorKind::GrantImpossible.because(format!(
            "the superuser {} cannot set the default role of the twin; MariaDB asks for UPDATE on \
             the mysql schema; grant it: GRANT UPDATE ON mysql.* TO {}",
            self.name, self.name
        )))
    }

    /// What keeps the superuser from granting or revoking this, as the predicate of a sentence.
    fn lacking(&self, target: &GrantTarget, grant: &Grant) -> Option<String> {
        match target {
            GrantTarget::Role(_) => {
                let admin = self.holds(&GrantTarget::Dynamic("ROLE_ADMIN".to_owned()))
                    || self.family.is_mysql() && self.has_globally("SUPER");
                let allowed = admin || self.may_pass_on(target);
                (!allowed).then(|| "has no ADMIN OPTION".to_owned())
            }
            GrantTarget::Proxy { .. } => {
                // Every account may grant PROXY on itself; '' stands for every user.
                let anybody =
                    |host: &str| GrantTarget::Proxy { user: String::new(), host: host.to_owned() };
                let allowed = *target == self.itself
                    || self.may_pass_on(target)
                    || self.may_pass_on(&anybody(""))
                    || self.may_pass_on(&anybody("%"));
                (!allowed).then(|| "lacks PROXY WITH GRANT OPTION".to_owned())
            }
            GrantTarget::Dynamic(name) => {
                let allowed = self.may_pass_on(&GrantTarget::Global) || self.may_pass_on(target);
                (!allowed).then(|| format!("lacks {name}"))
            }
            GrantTarget::Global
            | GrantTarget::PartialRevoke(_)
            | GrantTarget::Schema(_)
            | GrantTarget::Table { .. }
            | GrantTarget::Routine { .. } => self.lacking_static(target, grant),
        }
    }

    fn lacking_static(&self, target: &GrantTarget, grant: &Grant) -> Option<String> {
        let places = self.places(target);
        if !places.iter().any(|grant| grant.grantable) {
            return Some("has no GRANT OPTION".to_owned());
        }
        let columns = grant
            .columns
            .iter()
            .flat_map(|(column, privileges)| privileges.iter().map(move |p| (Some(column), p)));
        let needed = grant.privileges.iter().map(|p| (None, p)).chain(columns);
        let lacking: BTreeSet<_> = needed
            .filter(|(column, privilege)| {
                !places.iter().any(|place| {
                    place.privileges.contains(*privilege)
                        || column.is_some_and(|column| {
                            place.columns.get(column).is_some_and(|c| c.contains(*privilege))
                        })
                })
            })
            .map(|(_, privilege)| privilege.as_sql())
            .collect();
        (!lacking.is_empty()).then(|| format!("lacks {}", Vec::from_iter(lacking).join(", ")))
    }

    /// What the superuser holds at the levels that count for a target.
    fn places(&self, target: &GrantTarget) -> Vec<&Grant> {
        let mut places: Vec<_> = self.grant(&GrantTarget::Global).collect();
        if *target != GrantTarget::Global {
            places.extend(self.grant(target));
        }
        let schema = match target {
            GrantTarget::Schema(_) => None,
            GrantTarget::Table { schema, .. } | GrantTarget::Routine { schema, .. } => Some(schema),
            _ => return places,
        };
        places.push(&self.patterns);
        if let Some(schema) = schema {
            let schema = GrantTarget::Schema(schema.clone());
            places.extend(self.accounts.iter().filter_map(|account| account.grants.get(&schema)));
        }
        places
    }

    /// Under partial revokes, a superuser silently passes its own exceptions on with a global
    /// privilege, and can neither make nor lift one where it has one itself.
    fn no_restriction(&self, on: Option<&String>, privileges: Privileges) -> Result<(), Error> {
        let forbids = |restricted: &Grant| !restricted.privileges.is_disjoint(privileges);
        let exception = |schema: &String| GrantTarget::PartialRevoke(schema.clone());
        let restricted = match on {
            Some(schema) => self.grant(&exception(schema)).any(forbids).then_some(schema),
            None => {
                let grants = self.accounts.iter().flat_map(|account| &account.grants);
                grants.into_iter().find_map(|(target, restricted)| match target {
                    GrantTarget::PartialRevoke(schema) if forbids(restricted) => Some(schema),
                    _ => None,
                })
            }
        };
        let Some(schema) = restricted else {
            return Ok(());
        };
        Err(ErrorKind::SuperuserRestricted.because(format!(
            "the superuser {} is under a partial revoke on schema \"{schema}\", which the server \
             would silently pass on to the twin; use a superuser without partial revokes",
            self.name
        )))
    }

    fn has(&self, target: &GrantTarget, privilege: &str) -> bool {
        self.grant(target).any(|grant| grant.privileges.iter().any(|p| p.as_sql() == privilege))
    }

    fn holds(&self, target: &GrantTarget) -> bool {
        self.grant(target).next().is_some()
    }

    fn may_pass_on(&self, target: &GrantTarget) -> bool {
        self.grant(target).any(|grant| grant.grantable)
    }

    fn grant<'a>(&'a self, target: &GrantTarget) -> impl Iterator<Item = &'a Grant> {
        self.accounts.iter().filter_map(|account| account.grants.get(target))
    }
}

fn on_patterns(accounts: &[Account]) -> Grant {
    let mut together = Grant::default();
    for (target, grant) in accounts.iter().flat_map(|account| &account.grants) {
        if matches!(target, GrantTarget::Schema(pattern) if pattern.contains(['%', '_'])) {
            together.privileges.insert_all(grant.privileges);
            together.grantable |= grant.grantable;
        }
    }
    together
}
