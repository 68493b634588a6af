//! What the server shows the superuser of the tables and routines that there are.

use super::Powers;
use crate::grant::{Grant, GrantTarget};
use crate::pattern::like;
use crate::privilege::Privilege;

impl Powers {
    /// Whether the server surely shows the superuser this table or routine, if there is one. What it does
    /// not show may exist all the same.
    pub fn sees(&self, target: &GrantTarget) -> bool {
        let (schema, is_routine) = match target {
            GrantTarget::Table { schema, .. } => (schema, false),
            GrantTarget::Routine { schema, .. } => (schema, true),
            _ => return false,
        };
        let shows = |privilege: Privilege| {
            privilege.is_on_schemas()
                && (!is_routine || SHOW_ROUTINES.contains(&privilege.as_sql()))
        };
        let is_there = |(place, grant): (&GrantTarget, &Grant)| {
            let counts = match place {
                GrantTarget::Global => !self.is_restricted(schema),
                GrantTarget::Schema(pattern) => pattern == schema || like(schema, pattern),
                place => place == target,
            };
            counts && grant.privileges.iter().any(shows)
        };
        self.accounts.iter().flat_map(|account| &account.grants).any(is_there)
    }

    /// Whether the superuser may grant this, as far as that is modeled.
    pub fn may_grant(&self, target: &GrantTarget, grant: &Grant) -> bool {
        self.lacking(target, grant).is_none()
    }

    /// Whether the server's `init_connect` does not run in the superuser's sessions.
    pub fn skips_init_connect(&self) -> bool {
        let dynamic = GrantTarget::Dynamic("CONNECTION_ADMIN".to_owned());
        self.holds(&dynamic) || ["SUPER", "CONNECTION ADMIN"].iter().any(|p| self.has_globally(p))
    }

    fn is_restricted(&self, schema: &str) -> bool {
        let restricted = GrantTarget::PartialRevoke(schema.to_owned());
        self.accounts.iter().any(|account| account.grants.contains_key(&restricted))
    }
}

/// Any of these shows a routine.
const SHOW_ROUTINES: [&str; 3] = ["EXECUTE", "CREATE ROUTINE", "ALTER ROUTINE"];
