//! Whether somebody holds something of what an account has.

use super::Powers;
use crate::family::Family;
use crate::grant::GrantTarget;
use crate::user::Account;

impl Powers {
    /// What these accounts have together.
    pub fn of_accounts(family: Family, name: String, accounts: Vec<Account>) -> Self {
        let itself = GrantTarget::Proxy { user: name.clone(), host: String::new() };
        let patterns = super::on_patterns(&accounts);
        Self { family, name, itself, accounts, patterns, system_roles: Default::default() }
    }

    /// Whether both have the same privilege, role or proxy on something, at any level of either.
    pub fn overlaps(&self, other: &Self) -> bool {
        let has_some = |one: &Self, other: &Self| other.accounts.iter().any(|o| one.has_some_of(o));
        has_some(self, other) || has_some(other, self)
    }

    /// Whether they have something of `other`, at a level that counts for that.
    fn has_some_of(&self, other: &Account) -> bool {
        other.grants.iter().any(|(target, grant)| match target {
            GrantTarget::Dynamic(_) | GrantTarget::Role(_) | GrantTarget::Proxy { .. } => {
                self.holds(target)
            }
            GrantTarget::PartialRevoke(_) => false,
            GrantTarget::Global
            | GrantTarget::Schema(_)
            | GrantTarget::Table { .. }
            | GrantTarget::Routine { .. } => self.places(target).iter().any(|held| {
                let mut columns = grant.columns.iter();
                !held.privileges.is_disjoint(grant.privileges)
                    || held.grantable && grant.grantable
                    || columns.any(|(column, privileges)| {
                        let of_column = held.columns.get(column).copied().unwrap_or_default();
                        !held.privileges.is_disjoint(*privileges)
                            || !of_column.is_disjoint(*privileges)
                    })
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Grant;
    use crate::privilege::Privilege;

    const MYSQL: Family = Family::MySql((9, 7, 0));

    fn holder(target: &str, privilege: &str) -> Powers {
        let target = match target.split_once('.') {
            Some(("*", _)) => GrantTarget::Global,
            Some((schema, "*")) => GrantTarget::Schema(schema.to_owned()),
            Some((schema, name)) => {
                GrantTarget::Table { schema: schema.to_owned(), name: name.to_owned() }
            }
            None => GrantTarget::Dynamic(target.to_owned()),
        };
        let privileges = Privilege::named(privilege).into_iter().collect();
        let grant = Grant { privileges, ..Grant::default() };
        let account = Account { grants: [(target, grant)].into(), ..Account::default() };
        Powers::of_accounts(MYSQL, "u".to_owned(), vec![account])
    }

    #[test]
    fn two_overlap_where_one_has_on_more_or_less_what_the_other_has() {
        for (one, other, overlap) in [
            (("*.*", "SELECT"), ("d.*", "SELECT"), true),
            (("d.*", "SELECT"), ("*.*", "SELECT"), true),
            (("d.t", "SELECT"), ("d.*", "SELECT"), true),
            (("d.*", "INSERT"), ("d.*", "SELECT"), false),
            (("e.*", "SELECT"), ("d.*", "SELECT"), false),
            (("XA_RECOVER_ADMIN", ""), ("XA_RECOVER_ADMIN", ""), true),
            (("XA_RECOVER_ADMIN", ""), ("*.*", "SELECT"), false),
        ] {
            let (one, other) = (holder(one.0, one.1), holder(other.0, other.1));
            assert_eq!(one.overlaps(&other), overlap);
        }
    }
}
