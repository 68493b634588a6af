//! The vocabulary of privileges: how the grant tables spell them and how SQL does.
//!
//! A privilege of a newer server is one line in [`VOCABULARY`]. What is not listed there is never
//! guessed: an account with an unknown privilege is refused before the first write.

use std::cmp::Ordering;
use std::fmt;

mod set;

pub use set::Privileges;

/// A static privilege: its place in [`VOCABULARY`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Privilege(u8);

impl Privilege {
    /// The privilege of a `…_priv` column of `mysql.user` or `mysql.db`.
    pub fn of_column(column: &str) -> Option<Self> {
        Self::find(|entry| !entry.column.is_empty() && entry.column == column)
    }

    /// The privilege of a set member in `tables_priv`, `columns_priv` or `procs_priv`.
    pub fn of_member(member: &str) -> Option<Self> {
        Self::find(|entry| !entry.member.is_empty() && entry.member.eq_ignore_ascii_case(member))
    }

    /// The privilege with this SQL spelling.
    pub fn named(sql: &str) -> Option<Self> {
        Self::find(|entry| entry.sql == sql)
    }

    /// `CREATE`, which makes a grant on a table that does not exist yet possible.
    pub const CREATE: Self = Self(4);

    /// Every privilege that is known.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).map(Self).take(VOCABULARY.len())
    }

    /// Whether it can be granted on a schema; the others are for the whole server alone.
    pub fn is_on_schemas(self) -> bool {
        !self.entry().only_global
    }

    /// Whether only Aurora MySQL has it.
    pub fn is_of_aurora(self) -> bool {
        self.entry().of_aurora
    }

    /// The SQL spelling.
    pub fn as_sql(self) -> &'static str {
        self.entry().sql
    }

    fn entry(self) -> &'static Entry {
        &VOCABULARY[usize::from(self.0)]
    }

    fn find(matches: impl Fn(&Entry) -> bool) -> Option<Self> {
        Self::all().find(|privilege| matches(privilege.entry()))
    }
}

impl Ord for Privilege {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_sql().cmp(other.as_sql())
    }
}

impl PartialOrd for Privilege {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_sql())
    }
}

impl fmt::Debug for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_sql())
    }
}

/// The column and the set member of the grant option, which is not a privilege here but a property
/// of the grant on a target.
pub(super) const GRANT_COLUMN: &str = "Grant_priv";
pub(super) const GRANT_MEMBER: &str = "Grant";

struct Entry {
    sql: &'static str,
    /// The column of `mysql.user` and `mysql.db`; empty where there is none.
    column: &'static str,
    /// The set member at table, column and routine level; empty where there is none.
    member: &'static str,
    /// Whether it exists only for the whole server.
    only_global: bool,
    of_aurora: bool,
}

const fn entry(sql: &'static str, column: &'static str, member: &'static str) -> Entry {
    Entry { sql, column, member, only_global: false, of_aurora: false }
}

const fn only_global(sql: &'static str, column: &'static str) -> Entry {
    Entry { only_global: true, ..entry(sql, column, "") }
}

const fn of_aurora(sql: &'static str, column: &'static str) -> Entry {
    Entry { of_aurora: true, ..entry(sql, column, "") }
}

const VOCABULARY: &[Entry] = &[
    // Every server.
    entry("SELECT", "Select_priv", "Select"),
    entry("INSERT", "Insert_priv", "Insert"),
    entry("UPDATE", "Update_priv", "Update"),
    entry("DELETE", "Delete_priv", "Delete"),
    entry("CREATE", "Create_priv", "Create"),
    entry("DROP", "Drop_priv", "Drop"),
    only_global("RELOAD", "Reload_priv"),
    only_global("SHUTDOWN", "Shutdown_priv"),
    only_global("PROCESS", "Process_priv"),
    only_global("FILE", "File_priv"),
    entry("REFERENCES", "References_priv", "References"),
    entry("INDEX", "Index_priv", "Index"),
    entry("ALTER", "Alter_priv", "Alter"),
    only_global("SHOW DATABASES", "Show_db_priv"),
    only_global("SUPER", "Super_priv"),
    entry("CREATE TEMPORARY TABLES", "Create_tmp_table_priv", ""),
    entry("LOCK TABLES", "Lock_tables_priv", ""),
    entry("EXECUTE", "Execute_priv", "Execute"),
    only_global("REPLICATION SLAVE", "Repl_slave_priv"),
    only_global("REPLICATION CLIENT", "Repl_client_priv"),
    entry("CREATE VIEW", "Create_view_priv", "Create View"),
    entry("SHOW VIEW", "Show_view_priv", "Show view"),
    entry("CREATE ROUTINE", "Create_routine_priv", ""),
    entry("ALTER ROUTINE", "Alter_routine_priv", "Alter Routine"),
    only_global("CREATE USER", "Create_user_priv"),
    entry("EVENT", "Event_priv", ""),
    entry("TRIGGER", "Trigger_priv", "Trigger"),
    only_global("CREATE TABLESPACE", "Create_tablespace_priv"),
    // MySQL 8 and later.
    only_global("CREATE ROLE", "Create_role_priv"),
    only_global("DROP ROLE", "Drop_role_priv"),
    // Aurora MySQL.
    of_aurora("LOAD FROM S3", "Load_from_S3_priv"),
    of_aurora("SELECT INTO S3", "Select_into_S3_priv"),
    of_aurora("INVOKE LAMBDA", "Invoke_lambda_priv"),
    of_aurora("INVOKE SAGEMAKER", "Invoke_sagemaker_priv"),
    of_aurora("INVOKE COMPREHEND", "Invoke_comprehend_priv"),
    // MariaDB.
    entry("DELETE HISTORY", "Delete_history_priv", "Delete versioning rows"),
    entry("SHOW CREATE ROUTINE", "Show_create_routine_priv", "Show Create Routine"),
    only_global("BINLOG ADMIN", ""),
    only_global("BINLOG MONITOR", ""),
    only_global("BINLOG REPLAY", ""),
    only_global("CONNECTION ADMIN", ""),
    only_global("FEDERATED ADMIN", ""),
    only_global("READ_ONLY ADMIN", ""),
    only_global("REPLICATION MASTER ADMIN", ""),
    only_global("REPLICATION SLAVE ADMIN", ""),
    only_global("SET USER", ""),
    only_global("SLAVE MONITOR", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_leads_to_one_privilege() {
        for (privilege, entry) in Privilege::all().zip(VOCABULARY) {
            assert_eq!(privilege.as_sql(), entry.sql);
            assert_eq!(Privilege::named(entry.sql), Some(privilege));
            if !entry.column.is_empty() {
                assert_eq!(Privilege::of_column(entry.column), Some(privilege));
            }
            if !entry.member.is_empty() {
                assert_eq!(Privilege::of_member(entry.member), Some(privilege));
            }
        }
        assert_eq!(Privilege::CREATE.as_sql(), "CREATE");
    }

    #[test]
    fn a_set_has_what_was_added_and_not_what_was_taken_out() {
        let mut all: Vec<_> = Privilege::all().collect();
        let set: Privileges = all.iter().copied().collect();
        all.sort();
        assert_eq!(set.iter().collect::<Vec<_>>(), all);
        assert!(all.is_sorted_by_key(|privilege| privilege.as_sql()));
        for privilege in all {
            let one = Privileges::from_iter([privilege]);
            assert!(one.contains(privilege) && one.iter().eq([privilege]) && !one.is_empty());
            assert!(!set.minus(one).contains(privilege) && set.minus(one).is_disjoint(one));
            assert_eq!(set.minus(one).iter().count(), VOCABULARY.len() - 1);
            assert!(!set.is_disjoint(one));
        }
        assert!(set.minus(set).is_empty() && Privileges::NONE.iter().next().is_none());
    }

    #[test]
    fn an_unknown_spelling_is_no_privilege() {
        assert_eq!(Privilege::of_column("Teleport_priv"), None);
        assert_eq!(Privilege::of_column(""), None);
        assert_eq!(Privilege::of_member(""), None);
    }
}
