//! The text of `GRANT` and `REVOKE`, for one account and one target.
//!
//! All privileges on the target go into one statement, each by its name: `ALL PRIVILEGES` means
//! something else in every version.

use std::collections::BTreeMap;

use super::quote::{quote_account, quote_identifier};
use crate::grant::{Grant, GrantTarget, RoleName};
use crate::privilege::{Privilege, Privileges};

pub(super) fn grant(account: &str, target: &GrantTarget, grant: &Grant) -> String {
    let option = match (target, grant.grantable) {
        (_, false) => "",
        (GrantTarget::Role(_), true) => " WITH ADMIN OPTION",
        (_, true) => " WITH GRANT OPTION",
    };
    let what = match target {
        GrantTarget::Role(role) => quote_role(role),
        _ => {
            let mut what = privileges(target, grant);
            if what.is_empty() {
                what.push("USAGE".to_owned());
            }
            format!("{} ON {}", what.join(", "), quote_target(target))
        }
    };
    format!("GRANT {what} TO {account}{option}")
}

pub(super) fn revoke(account: &str, target: &GrantTarget, grant: &Grant) -> String {
    let what = match target {
        GrantTarget::Role(role) => quote_role(role),
        GrantTarget::Dynamic(_) | GrantTarget::Proxy { .. } => {
            format!("{} ON {}", privileges(target, grant).join(", "), quote_target(target))
        }
        _ => {
            let mut what = privileges(target, grant);
            what.extend(grant.grantable.then(|| "GRANT OPTION".to_owned()));
            format!("{} ON {}", what.join(", "), quote_target(target))
        }
    };
    format!("REVOKE {what} FROM {account}")
}

fn privileges(target: &GrantTarget, grant: &Grant) -> Vec<String> {
    match target {
        GrantTarget::Dynamic(name) => return vec![name.clone()],
        GrantTarget::Proxy { .. } => return vec!["PROXY".to_owned()],
        _ => {}
    }
    let mut columns: BTreeMap<Privilege, Vec<String>> = BTreeMap::new();
    for (column, privileges) in &grant.columns {
        for privilege in privileges.iter() {
            columns.entry(privilege).or_default().push(quote_identifier(column));
        }
    }
    let whole = grant.privileges.iter().map(|privilege| privilege.to_string());
    let parts = columns
        .into_iter()
        .map(|(privilege, columns)| format!("{privilege} ({})", columns.join(", ")));
    whole.chain(parts).collect()
}

/// What a grant is on, as a statement names it.
pub fn quote_target(target: &GrantTarget) -> String {
    match target {
        GrantTarget::Dynamic(_) | GrantTarget::Global => "*.*".to_owned(),
        GrantTarget::PartialRevoke(name) | GrantTarget::Schema(name) => {
            format!("{}.*", quote_identifier(name))
        }
        GrantTarget::Table { schema, name } => {
            format!("{}.{}", quote_identifier(schema), quote_identifier(name))
        }
        GrantTarget::Routine { kind, schema, name } => {
            format!("{} {}.{}", kind.as_sql(), quote_identifier(schema), quote_identifier(name))
        }
        GrantTarget::Role(role) => quote_role(role),
        GrantTarget::Proxy { user, host } => quote_account(user, host),
    }
}

pub(super) fn quote_role(role: &RoleName) -> String {
    match &role.host {
        Some(host) => quote_account(&role.user, host),
        None => quote_identifier(&role.user),
    }
}

pub(super) fn list(privileges: Privileges) -> String {
    let names: Vec<_> = privileges.iter().map(Privilege::as_sql).collect();
    names.join(", ")
}
