//! The authentication plugins of the accounts: what can be given to a twin, and what is loaded.

use account_mirror::family::Family;
use account_mirror::plugin::{self, Plugin};
use account_mirror::user::{Account, AuthMethod, User};

use crate::error::{Error, ErrorType, refuse};
use crate::step::pair::Pair;

/// Every host's authentication must be one that can be given to a twin.
pub(super) fn mirrorable(family: Family, source: &User) -> Result<(), Error> {
    let is_foreign = |method: &&AuthMethod| {
        !plugin::find(family, &method.plugin).is_some_and(Plugin::is_mirrorable)
    };
    for (host, account) in &source.accounts {
        if let Some(method) = account.authentication.iter().find(is_foreign) {
            let name = format!("'{}'@'{host}'", source.name);
            return Err(unsupported(family, &name, &method.plugin));
        }
    }
    Ok(())
}

/// The driver must be able to log in to the account.
pub(super) fn usable(family: Family, name: &str, account: &Account) -> Result<(), Error> {
    let logs_in =
        |method: &AuthMethod| plugin::find(family, &method.plugin).is_some_and(Plugin::logs_in);
    match account.authentication.first() {
        Some(method) if !account.authentication.iter().any(logs_in) => {
            Err(unsupported(family, name, &method.plugin))
        }
        _ => Ok(()),
    }
}

/// An account of the twin holds nothing of a form that is not known: whoever uses it would be locked
/// out by the new password.
pub(super) fn provable(name: &str, twin: &Account) -> Result<(), Error> {
    let Some(unknown) = twin.state.passwords.iter().find(|stored| stored.format.is_none()) else {
        return Ok(());
    };
    refuse!(
        PluginUnsupported,
        "{name} was not taken over as the twin: it authenticates with the plugin \"{}\", of which this \
         function cannot prove whose it is; lock it (ALTER USER … ACCOUNT LOCK), which locks out \
         whoever uses it; or drop it",
        unknown.plugin
    );
}

/// The server must have loaded the plugin of every account of the user: the twin is to get it.
pub(super) fn loaded(pair: &Pair<'_>, host_in_use: Option<&str>) -> Result<(), Error> {
    let (family, source) = (pair.session.family, &pair.source);
    let is_missing = |method: &&AuthMethod| !pair.plugins.contains(&method.plugin.to_lowercase());
    let mut missing = source.accounts.iter().filter_map(|(host, account)| {
        Some((host, &account.authentication.iter().find(is_missing)?.plugin))
    });
    let Some((host, plugin)) = missing.next() else {
        return Ok(());
    };
    let is_in_use = source.accounts.len() == 1 || host_in_use == Some(host);
    refuse!(
        PluginUnsupported,
        "'{name}'@'{host}' was not rotated: the server has not loaded its plugin \"{plugin}\", so {}; {}, \
         or give the account another plugin{}",
        if is_in_use {
            "applications cannot log in either"
        } else {
            "the twin cannot get it, and nobody can log in by this account"
        },
        plugin::load(family, plugin),
        if is_in_use { "" } else { ", or drop it" },
        name = source.name,
    );
}

pub(super) fn not_understood(name: &str, plugin: &str) -> Error {
    ErrorType::PluginUnsupported.because(format!(
        "{name} was not rotated: what the server stores for its plugin \"{plugin}\" is no hash that this \
         function can prove; set its password again, or drop it"
    ))
}

pub(super) fn unsupported(family: Family, name: &str, plugin: &str) -> Error {
    ErrorType::PluginUnsupported.because(format!(
        "{name} was not rotated: it authenticates with the plugin \"{plugin}\", which this function \
         does not support; {}",
        plugin::change_it(family)
    ))
}
