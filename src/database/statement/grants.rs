//! The text of `GRANT` and `REVOKE`, for one account and one object.
//!
//! All privileges on the object go into one statement, each by its name: `ALL PRIVILEGES` means
//! something else in every version.

use std::collections::{BTreeMap, BTreeSet};

use super::{quote_account, quote_identifier};
use crate::database::account::{Held, Object, RoleName};
use crate::database::privilege::Privilege;

pub(super) fn grant(account: &str, object: &Object, held: &Held) -> String {
    let option = match (object, held.grantable) {
        (_, false) => "",
        (Object::Role(_), true) => " WITH ADMIN OPTION",
        (_, true) => " WITH GRANT OPTION",
    };
    let what = match object {
        Object::Role(role) => quote_role(role),
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

pub(super) fn revoke(account: &str, object: &Object, held: &Held) -> String {
    let what = match object {
        Object::Role(role) => quote_role(role),
        Object::Dynamic(_) | Object::Proxy { .. } => {
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

fn privileges(object: &Object, held: &Held) -> Vec<String> {
    match object {
        Object::Dynamic(name) => return vec![name.clone()],
        Object::Proxy { .. } => return vec!["PROXY".to_owned()],
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

fn place(object: &Object) -> String {
    match object {
        Object::Dynamic(_) | Object::Global => "*.*".to_owned(),
        Object::Restriction(name) | Object::Schema(name) => format!("{}.*", quote_identifier(name)),
        Object::Table { schema, name } => {
            format!("{}.{}", quote_identifier(schema), quote_identifier(name))
        }
        Object::Routine { kind, schema, name } => {
            format!("{} {}.{}", kind.as_sql(), quote_identifier(schema), quote_identifier(name))
        }
        Object::Role(role) => quote_role(role),
        Object::Proxy { user, host } => quote_account(user, host),
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
