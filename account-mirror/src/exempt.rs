//! What of two users is not compared, because no statement could make it equal.

use std::collections::BTreeSet;

use crate::grant::{Grant, GrantTarget, RoleName};
use crate::setting::{Setting, Value};
use crate::user::{Account, User};

/// Takes out of both users what is not to be compared. Returns a sentence about each.
pub fn exempt(
    source: &mut User,
    twin: Option<&mut User>,
    mandatory: &BTreeSet<RoleName>,
) -> Vec<String> {
    let mut exemptions = Vec::new();
    let defaults = |account: &Account| account.settings.get(&Setting::DefaultRoles).cloned();
    for (host, account) in &mut source.accounts {
        let twin_account = twin.as_ref().and_then(|twin| twin.accounts.get(host));
        if twin_account.is_some_and(|twin| defaults(twin) == defaults(account)) {
            continue;
        }
        exemptions.extend(dead_default_roles(account).into_iter().map(|role| {
            format!(
                "the default role {role} of '{}'@'{host}' is not granted to it any more and has no \
                 effect; the twin does not get it; set another one, or NONE",
                source.name
            )
        }));
    }
    if let Some(twin) = twin {
        for (host, account) in &mut twin.accounts {
            let source = source.accounts.get(host);
            for what in mandatory.iter().filter_map(|role| keep(source, account, role)) {
                exemptions.push(format!(
                    "'{}'@'{host}' has {what}, which the user in use does not have; the server revokes \
                     no mandatory role, so the twin keeps it",
                    twin.name
                ));
            }
        }
    }
    exemptions
}

/// Makes the twin's grant of a mandatory role equal to the source's where no statement does: an admin
/// option goes with the role alone. Returns what the twin keeps.
fn keep(source: Option<&Account>, twin: &mut Account, role: &RoleName) -> Option<String> {
    let target = GrantTarget::Role(role.clone());
    let source = source.and_then(|source| source.grants.get(&target));
    match (source, twin.grants.get_mut(&target)) {
        (None, Some(_)) => {
            twin.grants.remove(&target);
            Some(format!("the mandatory role {role}"))
        }
        (Some(Grant { grantable: false, .. }), Some(grant)) if grant.grantable => {
            grant.grantable = false;
            Some(format!("the ADMIN OPTION of the mandatory role {role}"))
        }
        _ => None,
    }
}

/// Takes out the default roles that are not granted. MariaDB keeps the name of one that is revoked or
/// dropped, and refuses to set it again; MySQL, whose roles have a host, has none such.
fn dead_default_roles(account: &mut Account) -> Vec<RoleName> {
    let Some(Value::Roles(roles)) = account.settings.get_mut(&Setting::DefaultRoles) else {
        return Vec::new();
    };
    let grants = &account.grants;
    let is_dead = |role: &RoleName| {
        role.host.is_none() && !grants.contains_key(&GrantTarget::Role(role.clone()))
    };
    let dead: Vec<_> = roles.iter().filter(|role| is_dead(role)).cloned().collect();
    roles.retain(|role| !dead.contains(role));
    dead
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::username::Username;

    fn role(host: Option<&str>) -> RoleName {
        RoleName { user: "r".to_owned(), host: host.map(str::to_owned) }
    }

    /// A user at one host with the role, granted with this admin option.
    fn user(name: &str, role: &RoleName, granted: Option<bool>) -> User {
        let mut account = Account::default();
        if let Some(grantable) = granted {
            let grant = Grant { grantable, ..Grant::default() };
            account.grants.insert(GrantTarget::Role(role.clone()), grant);
        }
        User { name: Username::parse(name).unwrap(), accounts: [("%".to_owned(), account)].into() }
    }

    fn granted(user: &User, role: &RoleName) -> Option<bool> {
        user.accounts["%"].grants.get(&GrantTarget::Role(role.clone())).map(|grant| grant.grantable)
    }

    #[test]
    fn of_a_mandatory_role_only_what_the_twin_has_more_is_exempt() {
        let role = role(Some("%"));
        for (source, twin, compared, exempt_ones) in [
            (None, Some(false), None, 1),
            (None, Some(true), None, 1),
            (Some(false), Some(true), Some(false), 1),
            (Some(true), Some(false), Some(false), 0),
            (Some(true), None, None, 0),
            (Some(false), Some(false), Some(false), 0),
        ] {
            let (mut one, mut other) = (user("u", &role, source), user("t", &role, twin));
            let found = exempt(&mut one, Some(&mut other), &[role.clone()].into());
            assert_eq!(granted(&one, &role), source);
            assert_eq!((granted(&other, &role), found.len()), (compared, exempt_ones));
        }
    }

    #[test]
    fn no_other_role_is_exempt() {
        let role = role(Some("%"));
        let (mut one, mut other) = (user("u", &role, None), user("t", &role, Some(true)));
        assert!(exempt(&mut one, Some(&mut other), &BTreeSet::new()).is_empty());
        assert_eq!(granted(&other, &role), Some(true));
    }

    #[test]
    fn a_default_role_of_mariadb_that_is_not_granted_is_exempt() {
        for (host, granted, exempt_ones) in
            [(None, None, 1), (None, Some(false), 0), (Some("%"), None, 0)]
        {
            let role = role(host);
            let mut one = user("u", &role, granted);
            let roles = Value::Roles([role.clone()].into());
            let settings = &mut one.accounts.get_mut("%").unwrap().settings;
            settings.insert(Setting::DefaultRoles, roles);
            let found = exempt(&mut one, None, &BTreeSet::new());
            assert_eq!(found.len(), exempt_ones);
            let left = one.accounts["%"].settings[&Setting::DefaultRoles].clone();
            assert_eq!(matches!(left, Value::Roles(roles) if roles.is_empty()), exempt_ones == 1);

            // A twin that has it too is equal.
            let mut other = user("t", &role, granted);
            let settings = &mut other.accounts.get_mut("%").unwrap().settings;
            settings.insert(Setting::DefaultRoles, Value::Roles([role.clone()].into()));
            let mut one = User { name: one.name, accounts: other.accounts.clone() };
            assert!(exempt(&mut one, Some(&mut other), &BTreeSet::new()).is_empty());
        }
    }
}
