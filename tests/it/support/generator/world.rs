//! The few names that accounts are made of.

use account_mirror::family::{Family, Version};
use account_mirror::grant::{GrantTarget, RoleName, RoutineKind};
use account_mirror::username::Username;

use crate::support::server::Server;

/// What differs between the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavor {
    Mysql { version: Version, partial_revokes: bool },
    Mariadb1011,
    Mariadb118,
}

impl Flavor {
    pub(crate) fn of(server: Server) -> Self {
        match server.version() {
            version if !server.is_mariadb() => Self::Mysql { version, partial_revokes: false },
            (11.., ..) => Self::Mariadb118,
            _ => Self::Mariadb1011,
        }
    }

    pub(crate) fn under_partial_revokes(self) -> Self {
        match self {
            Self::Mysql { version, .. } => Self::Mysql { version, partial_revokes: true },
            other => panic!("{other:?} has no partial revokes"),
        }
    }

    pub(crate) fn is_mysql(self) -> bool {
        matches!(self, Self::Mysql { .. })
    }

    /// Whether it is MySQL of this version or a later one.
    pub(crate) fn is_mysql_since(self, since: Version) -> bool {
        matches!(self, Self::Mysql { version, .. } if version >= since)
    }

    /// Whether hosts with the length of a prefix match, and addresses go before networks.
    pub(crate) fn ranks_addresses(self) -> bool {
        self.is_mysql_since((8, 0, 23))
    }

    pub(crate) fn has_roles(self) -> bool {
        self.is_mysql_since((8, 0, 0)) || !self.is_mysql()
    }

    pub(crate) fn family(self) -> Family {
        match self {
            Self::Mysql { version, .. } => Family::MySql(version),
            Self::Mariadb1011 => Family::MariaDb((10, 11, 0)),
            Self::Mariadb118 => Family::MariaDb((11, 8, 0)),
        }
    }

    pub(crate) fn has_partial_revokes(self) -> bool {
        matches!(self, Self::Mysql { partial_revokes: true, .. })
    }
}

/// Where accounts are made: a flavor, and the text that every name of the test holds.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) flavor: Flavor,
    pub(crate) mark: String,
}

impl World {
    /// The user that the source is, and its twin's name. Both are ASCII: the servers store other
    /// names wrongly with privileges on routines, and forget these when they are restarted.
    pub(crate) fn names(&self) -> (Username, Username) {
        let source = format!("{}'`\"\\%_", self.mark);
        let twin = format!("{source}_clone");
        (Username::parse(&source).unwrap(), Username::parse(&twin).unwrap())
    }

    /// Hosts of one user, of which the first is the most specific one that matches 127.0.0.1.
    pub(crate) fn hosts(&self) -> Vec<Vec<&'static str>> {
        let mut hosts = vec![
            vec!["%"],
            vec!["%"],
            vec!["127.%"],
            vec!["127.%", "%"],
            vec!["127.0.0.1", "10.1.%"],
            vec!["127.0.0.1", "127.%", "%", "10.1.%"],
            vec!["127.0.0.0/255.255.0.0", "127.%", "%"],
        ];
        if self.flavor.is_mysql() {
            hosts.push(vec!["127.%", "%", ""]);
        }
        // Elsewhere a prefix matches nothing, and an address is no more specific than a network.
        if self.flavor.ranks_addresses() {
            hosts.extend([
                vec!["127.0.0.1", "127.0.0.0/24", "127.%", ""],
                vec!["127.0.0.0/8", "127.0.0.0/255.255.255.0", "%"],
                vec!["127.0.0.0/255.255.255.0", "127.0.0.0/255.0.0.0", "%.1", "%", ""],
            ]);
        }
        hosts
    }

    /// Schemas that exist.
    pub(crate) fn schemas(&self) -> Vec<String> {
        ["_a", "xa", "`t'o TO \"é"].iter().map(|rest| format!("{}{rest}", self.mark)).collect()
    }

    /// What schema privileges are granted on: names, and patterns that match some of the schemas. No
    /// two that match one schema are equally specific: between such, a server decides by the order
    /// in which they were granted, until it is restarted.
    pub(crate) fn patterns(&self) -> Vec<String> {
        let rests = ["_a", "\\_a", "\\_%", "xa", "x_", "`t'o TO \"é", "\\\\"];
        let mut patterns: Vec<_> =
            rests.iter().map(|rest| format!("{}{rest}", self.mark)).collect();
        let wide = &self.mark[..self.mark.len() - 1];
        patterns.push(format!("{wide}%"));
        patterns
    }

    /// Tables and a view, with the columns of each.
    pub(crate) fn tables(&self) -> Vec<GrantTarget> {
        let schemas = self.schemas();
        [(0, "t"), (0, "ta TO `b"), (1, "ẞÉ İ"), (1, VIEW), (2, "t")]
            .iter()
            .map(|(schema, name)| GrantTarget::Table {
                schema: schemas[*schema].clone(),
                name: (*name).to_owned(),
            })
            .collect()
    }

    pub(crate) fn routines(&self) -> Vec<GrantTarget> {
        let schemas = self.schemas();
        let mut routines = vec![(RoutineKind::Function, "f"), (RoutineKind::Procedure, "p`'")];
        if self.flavor.is_mysql_since((9, 2, 0)) {
            routines.push((RoutineKind::Library, "l"));
        }
        if !self.flavor.is_mysql() {
            routines.extend([(RoutineKind::Package, "k"), (RoutineKind::PackageBody, "k")]);
        }
        routines
            .iter()
            .map(|(kind, name)| GrantTarget::Routine {
                kind: *kind,
                schema: schemas[0].clone(),
                name: (*name).into(),
            })
            .collect()
    }

    pub(crate) fn roles(&self) -> Vec<RoleName> {
        let names = [("r1", "%"), ("r'`2", "10.%"), ("r TO 3", "%")];
        names
            .iter()
            .filter(|_| self.flavor.has_roles())
            .map(|(user, host)| RoleName {
                user: format!("{}{user}", self.mark),
                host: self.flavor.is_mysql().then(|| (*host).to_owned()),
            })
            .collect()
    }

    pub(crate) fn proxied(&self) -> Vec<GrantTarget> {
        [(format!("{}p'`", self.mark), "%"), (String::new(), "%")]
            .into_iter()
            .map(|(user, host)| GrantTarget::Proxy { user, host: host.to_owned() })
            .collect()
    }
}

/// A view on a table of the same schema, which belongs to nobody else.
pub(crate) const VIEW: &str = "view";
/// The last two are one to Unicode, and two to every server.
pub(crate) const COLUMNS: [&str; 3] = ["id", "co`l'ẞ", "co`l'ß"];
