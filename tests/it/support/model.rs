//! What the servers do with account statements.
//!
//! Written from what was seen on real servers, not from the code that it judges:
//!
//! * Under partial revokes, a grant on a schema lifts its exceptions first, and a revoke of what is not
//!   held on the schema but globally is an exception.
//! * There, what an account has a row for must not be an exception of it; as its row counts that of
//!   the most specific host of the user that matches its own host.
//! * Who is granted PROXY with the grant option gets the global grant option too.
//! * A privilege revoked on a table goes from its columns; a role that is revoked is no default role
//!   any more on MySQL; the global grant option takes along that of every dynamic privilege.

use std::collections::BTreeMap;

use account_mirror::grant::{Grant, GrantTarget, RoleName};
use account_mirror::plan::{Action, Change};
use account_mirror::privilege::Privileges;
use account_mirror::setting::{Setting, Value};
use account_mirror::user::{Account, User};
use serde_json::{Map, Value as Json};

use super::generator::{Flavor, defaults};
use super::powers::row;

/// The accounts of one user on a server.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) flavor: Flavor,
    pub(crate) accounts: BTreeMap<String, Account>,
}

impl Model {
    pub(crate) fn of(flavor: Flavor, account: Option<&User>) -> Self {
        let accounts = account.map(|account| account.accounts.clone());
        Self { flavor, accounts: accounts.unwrap_or_default() }
    }

    /// Carries a statement out. A statement that a server would refuse is an error.
    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), String> {
        let flavor = self.flavor;
        if let Action::Create { settings, .. } = &change.action {
            let mut profile = as_created(flavor);
            profile.settings.extend(settings.clone());
            return match self.accounts.insert(change.host.clone(), profile) {
                None => Ok(()),
                Some(_) => Err("the account exists".to_owned()),
            };
        }
        if flavor.has_partial_revokes() {
            self.mistakes_no_row(change)?;
        }
        let profile = self.accounts.get_mut(&change.host);
        let profile = profile.ok_or("there is no such account")?;
        match &change.action {
            Action::Create { .. } => {}
            Action::Lock => profile.state.locked = true,
            Action::Unlock => profile.state.locked = false,
            Action::Alter(settings) => alter(profile, settings),
            Action::Grant(object, held) => grant(flavor, profile, object, held),
            Action::Revoke(object, held) => return revoke(flavor, profile, object, held),
            Action::Restrict(schema, names) => {
                let object = GrantTarget::Schema(schema.clone());
                return revoke(flavor, profile, &object, &only(*names));
            }
            Action::Unrestrict(schema, names) => {
                let object = GrantTarget::Schema(schema.clone());
                grant(flavor, profile, &object, &only(*names));
            }
            Action::DefaultRoles(roles) => {
                let granted = |role: &&RoleName| {
                    let object = GrantTarget::Role((*role).clone());
                    !profile.grants.contains_key(&object)
                };
                if let Some(role) = roles.iter().find(granted) {
                    return Err(format!("the default role {role} is not granted"));
                }
                let roles = Value::Roles(roles.clone());
                profile.settings.insert(Setting::DefaultRoles, roles);
            }
        }
        Ok(())
    }

    /// Refuses what the server refuses because it takes another host's row for this account's.
    fn mistakes_no_row(&self, change: &Change) -> Result<(), String> {
        let there = self.accounts.get(&change.host).map(|profile| &profile.grants);
        let mut excepted: Vec<(String, Privileges)> = Vec::new();
        for (object, held) in there.into_iter().flatten() {
            if let GrantTarget::PartialRevoke(schema) = object {
                excepted.push((schema.clone(), held.privileges));
            }
        }
        match &change.action {
            Action::Grant(object, _) | Action::Revoke(object, _) => match object {
                GrantTarget::Global | GrantTarget::Dynamic(_) | GrantTarget::Proxy { .. } => {}
                GrantTarget::Schema(name) => excepted.retain(|(schema, _)| schema == name),
                _ => return Ok(()),
            },
            Action::Restrict(name, privileges) => {
                excepted.retain(|(schema, _)| schema == name);
                excepted.push((name.clone(), *privileges));
            }
            Action::Unrestrict(name, _) => excepted.retain(|(schema, _)| schema == name),
            _ => return Ok(()),
        }
        for (schema, privileges) in excepted {
            let object = GrantTarget::Schema(schema);
            if there.is_some_and(|grants| grants.contains_key(&object)) {
                continue;
            }
            let row = row(self, &change.host, &object);
            if row.is_some_and(|row| !row.privileges.is_disjoint(privileges)) {
                return Err(format!("3901 or 1141: {privileges:?} in {row:?}"));
            }
        }
        Ok(())
    }
}

/// An account for which nothing was set.
fn as_created(flavor: Flavor) -> Account {
    let mut profile = Account { settings: defaults(flavor), ..Account::default() };
    profile.state.locked = true;
    profile
}

fn only(privileges: Privileges) -> Grant {
    Grant { privileges, ..Grant::default() }
}

fn alter(profile: &mut Account, settings: &BTreeMap<Setting, Value>) {
    for (setting, value) in settings {
        let slot = profile.settings.entry(*setting);
        let slot = slot.or_insert_with(|| value.clone());
        match (slot, value) {
            (Value::Json(old), Value::Json(patch)) => merge(old, patch),
            (slot, value) => *slot = value.clone(),
        }
    }
}

/// `JSON_MERGE_PATCH`
fn merge(target: &mut Map<String, Json>, patch: &Map<String, Json>) {
    for (key, value) in patch {
        match value {
            Json::Null => {
                target.remove(key);
            }
            Json::Object(patch) => {
                let slot = target.entry(key.clone()).or_insert(Json::Null);
                if !slot.is_object() {
                    *slot = Json::Object(Map::new());
                }
                if let Json::Object(inner) = slot {
                    merge(inner, patch);
                }
            }
            value => {
                target.insert(key.clone(), value.clone());
            }
        }
    }
}

fn restriction<'a>(
    grants: &'a mut BTreeMap<GrantTarget, Grant>,
    object: &GrantTarget,
) -> Option<&'a mut Grant> {
    match object {
        GrantTarget::Schema(schema) => grants.get_mut(&GrantTarget::PartialRevoke(schema.clone())),
        _ => None,
    }
}

fn grant(flavor: Flavor, profile: &mut Account, object: &GrantTarget, held: &Grant) {
    let mut wanted = held.clone();
    if flavor.has_partial_revokes()
        && let Some(restricted) = restriction(&mut profile.grants, object)
    {
        wanted.privileges = held.privileges.minus(restricted.privileges);
        restricted.privileges.remove_all(held.privileges);
    }
    if matches!(object, GrantTarget::Proxy { .. }) && wanted.grantable {
        let global = profile.grants.entry(GrantTarget::Global).or_default();
        global.grantable = true;
    }
    let as_whole = matches!(
        object,
        GrantTarget::Dynamic(_) | GrantTarget::Role(_) | GrantTarget::Proxy { .. }
    );
    if as_whole || !wanted.is_empty() {
        let slot = profile.grants.entry(object.clone()).or_default();
        slot.grantable |= wanted.grantable;
        slot.privileges.insert_all(wanted.privileges);
        for (column, privileges) in wanted.columns {
            slot.columns.entry(column).or_default().insert_all(privileges);
        }
    }
    forget_empty(profile);
}

fn forget_empty(profile: &mut Account) {
    profile.grants.retain(|object, held| {
        let as_whole = matches!(
            object,
            GrantTarget::Dynamic(_) | GrantTarget::Role(_) | GrantTarget::Proxy { .. }
        );
        as_whole || !held.is_empty()
    });
}

fn revoke(
    flavor: Flavor,
    profile: &mut Account,
    object: &GrantTarget,
    held: &Grant,
) -> Result<(), String> {
    match object {
        GrantTarget::Dynamic(_) | GrantTarget::Role(_) | GrantTarget::Proxy { .. } => {
            let there = profile.grants.remove(object);
            if let GrantTarget::Role(role) = object
                && flavor.is_mysql()
                && let Some(Value::Roles(roles)) = profile.settings.get_mut(&Setting::DefaultRoles)
            {
                roles.remove(role);
            }
            return there.map(|_| ()).ok_or(format!("{object} is not held"));
        }
        _ => {}
    }
    let global = profile.grants.get(&GrantTarget::Global);
    let global = global.cloned().unwrap_or_default();
    let row = profile.grants.entry(object.clone()).or_default();
    let mut excepted = Privileges::NONE;
    for privilege in held.privileges.iter() {
        let one = Privileges::from_iter([privilege]);
        for column in row.columns.values_mut() {
            column.remove_all(one);
        }
        if row.privileges.contains(privilege) {
            row.privileges.remove_all(one);
            continue;
        }
        let is_schema = matches!(object, GrantTarget::Schema(_)) && flavor.has_partial_revokes();
        if is_schema && global.privileges.contains(privilege) {
            excepted.insert(privilege);
        } else {
            return Err(format!("{privilege} is not held on {object}"));
        }
    }
    for (column, privileges) in &held.columns {
        let there = row.columns.entry(column.clone()).or_default();
        there.remove_all(*privileges);
    }
    row.columns.retain(|_, privileges| !privileges.is_empty());
    if held.grantable && !std::mem::take(&mut row.grantable) {
        return Err(format!("there is no grant option on {object}"));
    }
    if let (GrantTarget::Schema(schema), false) = (object, excepted.is_empty()) {
        let object = GrantTarget::PartialRevoke(schema.clone());
        let slot = profile.grants.entry(object).or_default();
        slot.privileges.insert_all(excepted);
    }
    if *object == GrantTarget::Global {
        revoke_global(profile, held)?;
    }
    forget_empty(profile);
    Ok(())
}

fn revoke_global(profile: &mut Account, held: &Grant) -> Result<(), String> {
    for (object, there) in &mut profile.grants {
        match object {
            GrantTarget::PartialRevoke(_) => there.privileges.remove_all(held.privileges),
            // The server would keep it usable in memory.
            GrantTarget::Dynamic(name) if held.grantable && there.grantable => {
                return Err(format!("{name} has the grant option still"));
            }
            _ => {}
        }
    }
    Ok(())
}
