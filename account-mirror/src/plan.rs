//! The plan: which changes make the twin equal to its source, and in which order.
//!
//! The order keeps two promises at every statement, for sessions that are already open as well. An
//! unlocked twin never has an effective privilege that neither user had at the start. And what the
//! source lost, the twin loses.
//!
//! For a schema, a table or a routine only the most specific row counts: that of the most specific
//! host that matches the client, whichever account the session logged in as, and within it that of
//! the most specific pattern. Without that row the next one would count. So everything is granted
//! first, the most specific first, and then revoked, the least specific first, for all hosts
//! together. At every other level revokes come before grants. GRANT OPTION adds up over all levels,
//! so it is revoked before anything is granted, and granted last.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use crate::family::Family;
use crate::setting::{Setting, Value};
use crate::user::{Account, User};

mod change;
mod levels;
mod partial_revokes;
#[cfg(test)]
mod tests;

pub use change::{Action, Change};
use change::{Changes, HostDiff};

/// The changes that make `twin` equal to `source` at each host of `source`; none if it is. The
/// password, the authentication and the final lock state are not part of it.
pub fn plan(family: Family, source: &User, twin: Option<&User>) -> Vec<Change> {
    if twin.is_some_and(|twin| equal(source, twin)) {
        return Vec::new();
    }
    let mut diffs: Vec<HostDiff<'_>> = source
        .accounts
        .iter()
        .map(|(host, source)| HostDiff {
            host,
            source,
            twin: twin
                .and_then(|twin| twin.accounts.get(host))
                .map_or_else(|| as_created(source), Account::clone),
            with_grant_option: twin.is_none(),
        })
        .collect();
    let mut changes = Changes::default();
    for diff in &diffs {
        let exists = twin.is_some_and(|twin| twin.accounts.contains_key(diff.host));
        changes.add(diff.host, create_or_alter(diff, exists));
    }
    partial_revokes::clear(family, &mut diffs, &mut changes);
    for diff in &mut diffs {
        changes.add(diff.host, levels::revoke_first(diff));
    }
    for diff in &mut diffs {
        changes.add(diff.host, levels::global_level(diff));
    }
    levels::specific_rows(family, &mut diffs, &mut changes);
    for diff in &mut diffs {
        changes.add(diff.host, levels::grant_options_last(diff));
        changes.add(diff.host, levels::roles_and_proxies(diff));
    }
    changes.0
}

/// Whether the twin has all that a plan is about, at each host of the source. It is what nearly every
/// rotation finds, so nothing is copied to find it.
fn equal(source: &User, twin: &User) -> bool {
    source.accounts.iter().all(|(host, source)| {
        twin.accounts
            .get(host)
            .is_some_and(|twin| twin.settings == source.settings && twin.grants == source.grants)
    })
}

/// The twin as it is created for this source.
fn as_created(source: &Account) -> Account {
    let mut born = Account { settings: source.settings.clone(), ..Account::default() };
    born.state.locked = true;
    if let Some(roles) = born.settings.get_mut(&Setting::DefaultRoles) {
        *roles = Value::Roles(BTreeSet::new());
    }
    born
}

fn create_or_alter(diff: &HostDiff<'_>, exists: bool) -> Vec<Action> {
    if exists {
        let settings = changed_settings(diff.source, &diff.twin);
        let mut steps = Vec::new();
        // From an interval to the default, MySQL's memory keeps the interval; not so from never.
        let expires = |settings: &BTreeMap<Setting, Value>, how: &str| matches!(settings.get(&Setting::Expiration), Some(Value::Clause(sql)) if sql.contains(how));
        if expires(&diff.twin.settings, "INTERVAL") && expires(&settings, "DEFAULT") {
            let never = Value::Clause("PASSWORD EXPIRE NEVER".to_owned());
            steps.push([(Setting::Expiration, never)].into());
        }
        steps.extend((!settings.is_empty()).then_some(settings));
        return steps.into_iter().map(Action::Alter).collect();
    }
    let mut settings = diff.source.settings.clone();
    settings
        .retain(|setting, value| *setting != Setting::DefaultRoles && !setting.is_default(value));
    vec![Action::Create { authentication: diff.source.authentication.clone(), settings }]
}

fn changed_settings(source: &Account, twin: &Account) -> BTreeMap<Setting, Value> {
    source
        .settings
        .iter()
        .filter(|(setting, value)| {
            **setting != Setting::DefaultRoles && twin.settings.get(setting) != Some(*value)
        })
        .map(|(setting, value)| {
            let value = match (value, twin.settings.get(setting)) {
                (Value::Json(new), Some(Value::Json(old))) => Value::Json(merge_patch(old, new)),
                _ => value.clone(),
            };
            (*setting, value)
        })
        .collect()
}

/// The RFC 7396 patch that makes `new` of `old`: the server merges an attribute, it does not
/// replace it.
fn merge_patch(old: &Map<String, Json>, new: &Map<String, Json>) -> Map<String, Json> {
    let gone =
        old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Json::Null));
    let changed = new.iter().filter(|(key, value)| old.get(*key) != Some(*value)).map(
        |(key, value)| match (old.get(key), value) {
            (Some(Json::Object(old)), Json::Object(new)) => {
                (key.clone(), Json::Object(merge_patch(old, new)))
            }
            _ => (key.clone(), value.clone()),
        },
    );
    gone.chain(changed).collect()
}
