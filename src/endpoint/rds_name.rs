//! The host names that RDS gives.

use super::normalized;

/// The DNS suffixes of AWS's partitions; `aws-us-gov` has that of `aws`.
const SUFFIXES: [&str; 7] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".c2s.ic.gov",
    ".sc2s.sgov.gov",
    ".cloud.adc-e.uk",
    ".csp.hci.ic.gov",
];

/// Whether the host is an RDS Proxy, also one of its own endpoints.
pub fn is_proxy(host: &str) -> bool {
    let host = normalized(host);
    within_rds(&host)
        .is_some_and(|name| name.split('.').skip(1).any(|label| label.starts_with("proxy-")))
}

/// The region in an RDS host name. Not of a proxy, whose certificate is from another authority.
pub fn region_of_host(host: &str) -> Option<String> {
    RdsName::parse(host).map(|name| name.region)
}

/// A host name of RDS, such as `app.cluster-ro-abc.eu-west-1.rds.amazonaws.com`.
#[derive(Debug, PartialEq, Eq)]
pub struct RdsName {
    /// The identifier of the instance, cluster or custom endpoint.
    pub id: String,
    /// What it names.
    pub kind: RdsNameKind,
    /// The region.
    pub region: String,
}

/// What a host name of RDS belongs to.
#[derive(Debug, PartialEq, Eq)]
pub enum RdsNameKind {
    /// An instance.
    Instance,
    /// A cluster, at its writer or reader endpoint.
    Cluster,
    /// A custom endpoint of a cluster, which the name does not say.
    Custom,
}

impl RdsName {
    /// Parses the name; `None` if it is not from RDS.
    pub fn parse(host: &str) -> Option<Self> {
        let host = normalized(host);
        if is_proxy(&host) {
            return None;
        }
        // In China the region stands behind "rds".
        let labels: Vec<_> = within_rds(&host)?.split('.').collect();
        let ([id, account, region, "rds"] | [id, account, "rds", region]) = labels[..] else {
            return None;
        };
        Some(Self {
            id: id.to_owned(),
            kind: match account {
                _ if account.starts_with("cluster-custom-") => RdsNameKind::Custom,
                _ if account.starts_with("cluster-") => RdsNameKind::Cluster,
                _ => RdsNameKind::Instance,
            },
            region: region.to_owned(),
        })
    }
}

/// The name without AWS's suffix; `None` if it is no name of RDS.
fn within_rds(host: &str) -> Option<&str> {
    let name = SUFFIXES.iter().find_map(|suffix| host.strip_suffix(suffix))?;
    name.split('.').any(|label| label == "rds").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_recognized() {
        for (host, proxy) in [
            ("app.proxy-abc.eu-west-1.rds.amazonaws.com", true),
            ("APP.PROXY-abc.eu-west-1.rds.amazonaws.com.", true),
            ("ro.endpoint.proxy-abc.eu-west-1.rds.amazonaws.com", true),
            ("app.proxy-abc.rds.cn-north-1.amazonaws.com.cn", true),
            ("app.proxy-abc.eusc-de-east-1.rds.amazonaws.eu", true),
            ("proxy-app.abc.eu-west-1.rds.amazonaws.com", false),
            ("app.proxy-abc.example.com", false),
        ] {
            assert_eq!(is_proxy(host), proxy, "{host}");
        }
    }

    #[test]
    fn names_of_rds_are_parsed() {
        let name = |id: &str, kind, region: &str| {
            Some(RdsName { id: id.to_owned(), kind, region: region.to_owned() })
        };
        for (host, expected) in [
            (
                "App.abc.eu-west-1.rds.amazonaws.com.",
                name("app", RdsNameKind::Instance, "eu-west-1"),
            ),
            (
                "a.cluster-x.us-east-1.rds.amazonaws.com",
                name("a", RdsNameKind::Cluster, "us-east-1"),
            ),
            (
                "a.cluster-ro-x.us-east-1.rds.amazonaws.com",
                name("a", RdsNameKind::Cluster, "us-east-1"),
            ),
            (
                "a.cluster-custom-x.us-east-1.rds.amazonaws.com",
                name("a", RdsNameKind::Custom, "us-east-1"),
            ),
            ("a.x.rds.cn-north-1.amazonaws.com.cn", name("a", RdsNameKind::Instance, "cn-north-1")),
            (
                "a.x.us-gov-west-1.rds.amazonaws.com",
                name("a", RdsNameKind::Instance, "us-gov-west-1"),
            ),
            (
                "a.x.eusc-de-east-1.rds.amazonaws.eu",
                name("a", RdsNameKind::Instance, "eusc-de-east-1"),
            ),
            ("a.x.us-iso-east-1.rds.c2s.ic.gov", name("a", RdsNameKind::Instance, "us-iso-east-1")),
            (
                "a.x.us-isob-east-1.rds.sc2s.sgov.gov",
                name("a", RdsNameKind::Instance, "us-isob-east-1"),
            ),
            (
                "a.x.eu-isoe-west-1.rds.cloud.adc-e.uk",
                name("a", RdsNameKind::Instance, "eu-isoe-west-1"),
            ),
            (
                "a.x.us-isof-south-1.rds.csp.hci.ic.gov",
                name("a", RdsNameKind::Instance, "us-isof-south-1"),
            ),
            ("a.x.eu-west-1.rds.amazonaws.com.example.com", None),
            ("a.x.eu-west-1.rds.notamazonaws.com", None),
            ("a.proxy-x.us-east-1.rds.amazonaws.com", None),
            ("db.example.com", None),
            ("127.0.0.1", None),
        ] {
            assert_eq!(RdsName::parse(host), expected, "{host}");
        }
    }
}
