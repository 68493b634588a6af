//! What privileges are granted on, and what is granted there.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use crate::privilege::Privileges;

/// What is granted, or on what privileges are granted. The order is that of the levels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantTarget {
    /// A dynamic privilege, which is granted as a whole.
    Dynamic(String),
    /// `*.*`
    Global,
    /// A partial revoke: privileges that are *not* held on this schema although they are globally.
    PartialRevoke(String),
    /// A schema name or pattern, with its escapes as they were granted.
    Schema(String),
    /// A table or view, with its columns.
    Table {
        /// The schema's name.
        schema: String,
        /// The table's name.
        name: String,
    },
    /// A stored routine, library or package.
    Routine {
        /// Its kind, as SQL spells it.
        kind: RoutineKind,
        /// The schema's name.
        schema: String,
        /// The routine's name.
        name: CaselessName,
    },
    /// A role, which is granted as a whole.
    Role(RoleName),
    /// `PROXY`: the right to act as another account, which is granted as a whole.
    Proxy {
        /// The other account's user name.
        user: String,
        /// The other account's host.
        host: String,
    },
}

impl fmt::Display for GrantTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dynamic(name) => write!(f, "dynamic privilege {name}"),
            Self::Global => f.write_str("*.*"),
            Self::PartialRevoke(schema) => write!(f, "partial revoke on schema {schema}"),
            Self::Schema(pattern) => write!(f, "schema {pattern}"),
            Self::Table { schema, name } => write!(f, "table {schema}.{name}"),
            Self::Routine { kind, schema, name } => {
                write!(f, "{} {schema}.{name}", kind.as_sql().to_lowercase())
            }
            Self::Role(role) => write!(f, "role {role}"),
            Self::Proxy { user, host } => write!(f, "proxy user '{user}'@'{host}'"),
        }
    }
}

/// The name of a column or a routine, of which the letter case means nothing to the servers. It keeps
/// its spelling: `REVOKE` finds the row of a column by that alone. Only ASCII letters are folded: of the
/// others each server has rules of its own, and is asked.
#[derive(Clone)]
pub struct CaselessName(String);

impl CaselessName {
    /// The name in lower case, by which two of them are compared.
    pub fn to_lower_case(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    fn folded(&self) -> impl Iterator<Item = u8> {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

impl From<&str> for CaselessName {
    fn from(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl std::ops::Deref for CaselessName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl PartialEq for CaselessName {
    fn eq(&self, other: &Self) -> bool {
        self.folded().eq(other.folded())
    }
}

impl Eq for CaselessName {}

impl PartialOrd for CaselessName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for CaselessName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl fmt::Display for CaselessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CaselessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The kinds of things in `mysql.procs_priv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoutineKind {
    /// A stored function.
    Function,
    /// A stored procedure.
    Procedure,
    /// A library of MySQL 9.
    Library,
    /// A package of MariaDB.
    Package,
    /// The body of a package of MariaDB.
    PackageBody,
}

impl RoutineKind {
    const ALL: [Self; 5] =
        [Self::Function, Self::Procedure, Self::Library, Self::Package, Self::PackageBody];

    /// The kind with this SQL spelling, which is also that of the grant tables.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_sql() == name)
    }

    /// The SQL spelling.
    pub fn as_sql(self) -> &'static str {
        match self {
            Self::Function => "FUNCTION",
            Self::Procedure => "PROCEDURE",
            Self::Library => "LIBRARY",
            Self::Package => "PACKAGE",
            Self::PackageBody => "PACKAGE BODY",
        }
    }
}

/// The name of a role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoleName {
    /// The role's user part.
    pub user: String,
    /// The role's host part, which MariaDB's roles do not have.
    pub host: Option<String>,
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(f, "'{}'@'{host}'", self.user),
            None => f.write_str(&self.user),
        }
    }
}

/// What is granted on a target. A dynamic privilege, a role and a proxied user have no privileges to
/// name: the target itself is what is granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// The privileges on the whole target.
    pub privileges: Privileges,
    /// The privileges on single columns.
    pub columns: BTreeMap<CaselessName, Privileges>,
    /// The grant option; on a role, the admin option.
    pub grantable: bool,
}

impl Grant {
    /// Whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        self.privileges.is_empty() && self.columns.is_empty() && !self.grantable
    }

    /// Adds what is granted in `other`.
    pub fn add(&mut self, other: &Self) {
        self.privileges.extend(other.privileges.iter());
        for (column, privileges) in &other.columns {
            self.columns.entry(column.clone()).or_default().extend(privileges.iter());
        }
        self.grantable |= other.grantable;
    }

    /// What is granted here and not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let columns = self
            .columns
            .iter()
            .map(|(column, grant)| {
                let others = other.columns.get(column).copied().unwrap_or_default();
                (column.clone(), grant.minus(others))
            })
            .filter(|(_, rest)| !rest.is_empty())
            .collect();
        Self {
            privileges: self.privileges.minus(other.privileges),
            columns,
            grantable: self.grantable && !other.grantable,
        }
    }
}
