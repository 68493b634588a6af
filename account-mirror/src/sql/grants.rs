//! The text of `GRANT` and `REVOKE`, for one account and one object.
//!
//! All privileges on the object go into one statement, each by its name: `ALL PRIVILEGES` means
//! something else in every version.

use std::collections::{BTreeMap, BTreeSet};

use super::{quote_account, quote_identifier};
use crate::database::account::{Grant, GrantTarget, RoleName};
use crate::database::privilege::Privilege;

pub(super) fn grant(account: &str, object: &GrantTarget, held: &Grant) -> String {
    let option = match (object, held.grantable) {
        (_, false) => "",
        (GrantTarget::Role(_), true) => " WITH ADMIN OPTION",
        (_, true) => " WITH GRANT OPTION",
    };
    let what = match object {
        GrantTarget::Role(role) => quote_role(role),
        _ => {
            let mut what = privileges(object, held);
            if what.is_empty() {
                what.push("USAGE".to_owned());
            }
            format!("{} ON {}", what.join(", "), place(object))
        }
    };
    format!("GRANT {what} TO {account}{option}")
}

pub(super) fn revoke(account: &str, object: &GrantTarget, held: &Grant) -> String {
    let what = match object {
        GrantTarget::Role(role) => quote_role(role),
        GrantTarget::Dynamic(_) | GrantTarget::Proxy { .. } => {
            format!("{} ON {}", privileges(object, held).join(", "), place(object))
        }
        _ => {
            let mut what = privileges(object, held);
            what.extend(held.grantable.then(|| "GRANT OPTION".to_owned()));
            format!("{} ON {}", what.join(", "), place(object))
        }
    };
    format!("REVOKE {what} FROM {account}")
}

fn privileges(object: &GrantTarget, held: &Grant) -> Vec<String> {
    match object {
        GrantTarget::Dynamic(name) => return vec![name.clone()],
        GrantTarget::Proxy { .. } => return vec!["PROXY".to_owned()],
        _ => {}
    }
    let mut columns: BTreeMap<Privilege, Vec<String>> = BTreeMap::new();
    for (column, privileges) in &held.columns {
        for privilege in privileges {
            columns.entry(*privilege).or_default().push(quote_identifier(column));
        }
    }
    let whole = held.privileges.iter().map(ToString::to_string);
    let parts = columns
        .into_iter()
        .map(|(privilege, columns)| format!("{privilege} ({})", columns.join(", ")));
    whole.chain(parts).collect()
}

fn place(object: &GrantTarget) -> String {
    match object {
        GrantTarget::Dynamic(_) | GrantTarget::Global => "*.*".to_owned(),
        GrantTarget::PartialRevoke(name) | GrantTarget::Schema(name) => format!("{}.*", quote_identifier(name)),
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

pub(super) fn list(privileges: &BTreeSet<Privilege>) -> String {
    let names: Vec<_> = privileges.iter().map(ToString::to_string).collect();
    names.join(", ")
}
