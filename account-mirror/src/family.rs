//! The kind of server and its version, and everything that depends on the version.
//!
//! `docs/servers.md` has a line with the source of each of these rules.

use std::fmt;

/// The kind of server, with its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// MySQL, Aurora MySQL or Percona Server.
    MySql(Version),
    /// MariaDB.
    MariaDb(Version),
}

/// A server's version: major, minor and patch.
pub type Version = (u16, u16, u16);

impl Family {
    /// Reads what `VERSION()` returns, such as `9.7.4` or `10.11.19-MariaDB-log`.
    pub fn parse(version: &str) -> Option<Self> {
        let mut numbers =
            version.split(|c: char| !c.is_ascii_digit()).map_while(|n| n.parse().ok());
        let parsed = (numbers.next()?, numbers.next()?, numbers.next()?);
        Some(if version.to_ascii_lowercase().contains("mariadb") {
            Self::MariaDb(parsed)
        } else {
            Self::MySql(parsed)
        })
    }

    /// The likely family of a server that greets with this version.
    pub fn of_greeting(version: Version) -> Self {
        if version.0 >= 10 { Self::MariaDb(version) } else { Self::MySql(version) }
    }

    /// Whether it is MySQL, Aurora MySQL or Percona Server.
    pub fn is_mysql(self) -> bool {
        matches!(self, Self::MySql(_))
    }

    /// Whether it has roles; on MySQL, dynamic privileges and account attributes came with them.
    pub fn has_roles(self) -> bool {
        self.is_since((8, 0, 0)) || !self.is_mysql()
    }

    /// Whether what `information_schema` shows of views, routines, triggers and events is read from
    /// tables, and not by opening each (MySQL).
    pub fn has_data_dictionary(self) -> bool {
        self.is_since((8, 0, 0))
    }

    /// Whether a replaced password can be retained beside the new one (MySQL).
    pub fn retains_passwords(self) -> bool {
        self.is_since((8, 0, 14))
    }

    /// Whether it has the variable `print_identified_with_as_hex` (MySQL).
    pub fn shows_hashes_in_hex(self) -> bool {
        self.is_since((8, 0, 17))
    }

    /// Whether a host may be an address with a prefix length, such as `10.0.0.0/8`, and addresses
    /// are more specific than other hosts (MySQL).
    pub fn knows_prefix_lengths(self) -> bool {
        self.is_since((8, 0, 23))
    }

    /// Whether of two such hosts the one with the longer prefix is the more specific one (MySQL). It
    /// is the other way round on 8.0.30.
    pub fn prefers_longer_prefixes(self) -> bool {
        self.is_since((8, 4, 0))
    }

    /// Whether the patterns of schemas are ranked also at a host that is an address or a network. On
    /// MySQL 8.0.30 they are not: there the comparison of two rows ends with the mask.
    pub fn ranks_patterns_at_addresses(self) -> bool {
        !self.knows_prefix_lengths() || self.is_since((8, 4, 0))
    }

    /// Whether it creates no account of a name that objects have as their definer, unless the creator
    /// has a privilege for that (MySQL).
    pub fn protects_definers(self) -> bool {
        self.is_since((8, 0, 22))
    }

    /// Whether a GRANT to a missing account creates it unless the `sql_mode` forbids that.
    pub fn creates_accounts_by_grant(self) -> bool {
        !self.is_since((8, 0, 0))
    }

    /// The collation by which it finds a column in its memory, and since MariaDB 11.5 in a table too.
    pub fn collation_of_names(self) -> &'static str {
        if self.finds_columns_by_collation() {
            "utf8mb3_general1400_as_ci"
        } else {
            "utf8mb3_general_ci"
        }
    }

    /// Whether the column that a statement names is found by that collation. Elsewhere both names are
    /// compared in small letters.
    pub fn finds_columns_by_collation(self) -> bool {
        matches!(self, Self::MariaDb(version) if version >= (11, 5, 0))
    }

    /// Whether it finds there only a column whose name has the same number of bytes, too.
    pub fn compares_lengths_of_columns(self) -> bool {
        !self.is_since((8, 0, 0)) && !self.finds_columns_by_collation()
    }

    /// Whether it parses the word `PACKAGE` only in its `sql_mode` `ORACLE` (MariaDB).
    pub fn needs_oracle_mode_for_packages(self) -> bool {
        matches!(self, Self::MariaDb(version) if version < (11, 8, 0))
    }

    /// Whether `performance_schema` shows of each statement the whole text that it was sent in, with
    /// passwords that follow (MySQL before 8.0).
    pub fn shows_texts_as_a_whole(self) -> bool {
        self.is_mysql() && !self.is_since((8, 0, 0))
    }

    /// Whether it has a default plugin with SHA-256 (MySQL).
    pub fn has_caching_sha2(self) -> bool {
        self.is_since((8, 0, 4))
    }

    /// Whether it can have the plugin with SHA-1.
    pub fn has_native_passwords(self) -> bool {
        !self.is_since((9, 0, 0))
    }

    /// Whether it is MySQL of this version or a later one.
    fn is_since(self, version: Version) -> bool {
        matches!(self, Self::MySql(own) if own >= version)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, (major, minor, patch)) = match self {
            Self::MySql(version) => ("MySQL", version),
            Self::MariaDb(version) => ("MariaDB", version),
        };
        write!(f, "{name} {major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_says_which_family_it_is() {
        for (version, family) in [
            ("9.7.4", Family::MySql((9, 7, 4))),
            ("8.0.30-debug", Family::MySql((8, 0, 30))),
            ("5.7.44-rds.20240529-log", Family::MySql((5, 7, 44))),
            ("10.11.19-MariaDB-log", Family::MariaDb((10, 11, 19))),
        ] {
            assert_eq!(Family::parse(version), Some(family));
        }
        assert_eq!(Family::parse("PostgreSQL"), None);
        assert_eq!(Family::parse("8.0"), None);
    }
}
