//! Whether both are users, at the same hosts, whom nobody acts as without their login.

use account_mirror::error::list;
use account_mirror::proxies;
use account_mirror::user::User;

use super::Pair;
use crate::error::{Error, refuse};

impl Pair<'_> {
    /// Checks all of that.
    ///
    /// # Errors
    ///
    /// `UserIsRole`, `TwinAtOtherHosts` and `TwinHasProxies`.
    pub(in crate::step) fn check_users(&self) -> Result<(), Error> {
        self.check_roles()?;
        self.check_hosts()?;
        self.check_proxies()
    }

    /// Roles are not rotated. Everybody holds one that is mandatory, also one that does not exist yet:
    /// of the two users, who change places, none may be one.
    pub(in crate::step) fn check_roles(&self) -> Result<(), Error> {
        let roles = self.mandatory_roles();
        let is_of_pair =
            |user: &str| user == self.source.name.as_str() || user == self.twin_name.as_str();
        if let Some(role) = roles.iter().find(|role| is_of_pair(&role.user)) {
            refuse!(
                UserIsRole,
                "the twin was not used: everybody acts as {role}, since mandatory_roles names it; take it \
                 out of that variable, or name another user in the secret"
            );
        }
        self.users().try_for_each(refuse_role)
    }

    /// The twin must have no account at a host where the source has none: its password would stay valid.
    pub(in crate::step) fn check_hosts(&self) -> Result<(), Error> {
        let Some(twin) = &self.twin else {
            return Ok(());
        };
        let hosts = &self.source.accounts;
        let extra = twin.accounts.keys().filter(|host| !hosts.contains_key(*host));
        let extra: Vec<_> = extra.map(|host| format!("'{}'@'{host}'", twin.name)).collect();
        if extra.is_empty() {
            return Ok(());
        }
        refuse!(
            TwinAtOtherHosts,
            "the twin was not used: it exists at hosts where \"{}\" does not ({}), and would keep its \
             password there; drop these accounts, or create the user there too",
            self.source.name,
            list(extra)
        );
    }

    /// Nobody may act as the twin who may not act as the user: the twin is what gets a new password.
    pub(in crate::step) fn check_proxies(&self) -> Result<(), Error> {
        let (source, twin) = (&self.source.name, &self.twin_name);
        let of_twin: Vec<_> = proxies::only_of(&self.proxies, twin, source).collect();
        let Some(first) = of_twin.first() else {
            return Ok(());
        };
        let [by, on] = first.accounts();
        refuse!(
            TwinHasProxies,
            "the twin was not used: {by} may act as \"{twin}\" and not as \"{source}\" ({} such \
             rights); revoke each: REVOKE PROXY ON {on} FROM {by}; or grant the same on \"{source}\"",
            of_twin.len()
        );
    }
}

fn refuse_role(user: &User) -> Result<(), Error> {
    let Some((host, _)) = user.accounts.iter().find(|(_, account)| account.state.role) else {
        return Ok(());
    };
    refuse!(
        UserIsRole,
        "'{}'@'{host}' was not used: it is a role, not a user; name a user in the secret, or rename \
         the role, or revoke it from whoever has it",
        user.name
    );
}
