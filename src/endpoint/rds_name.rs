//! The names that RDS gives its servers.

use super::normalized;

/// Whether the host is an RDS Proxy, also one of its own endpoints.
pub fn is_proxy(host: &str) -> bool {
    let host = normalized(host);
    is_of_rds(&host) && host.split('.').skip(1).any(|label| label.starts_with("proxy-"))
}

/// The region of a host that RDS named. A proxy is none: its certificate is another one.
pub fn region_of_host(host: &str) -> Option<String> {
    RdsName::parse(host).map(|name| name.region)
}

/// A name given by RDS, such as `app.cluster-ro-abc.eu-west-1.rds.amazonaws.com`.
#[derive(Debug, PartialEq, Eq)]
pub struct RdsName {
    /// The identifier of the instance, cluster or custom endpoint.
    pub id: String,
    /// What it names.
    pub kind: RdsNameKind,
    /// The region.
    pub region: String,
}

/// What a name of RDS leads to.
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
    /// Takes the name apart; `None` if it is none of RDS.
    pub fn parse(host: &str) -> Option<Self> {
        let host = normalized(host);
        if !is_of_rds(&host) || is_proxy(&host) {
            return None;
        }
        // In China the region stands behind "rds".
        let labels: Vec<_> = host.split('.').collect();
        let ([id, account, region, "rds", "amazonaws", "com"]
        | [id, account, "rds", region, "amazonaws", "com", "cn"]) = labels[..]
        else {
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

fn is_of_rds(host: &str) -> bool {
    host.contains(".rds.")
        && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"))
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
            ("proxy-app.abc.eu-west-1.rds.amazonaws.com", false),
            ("app.proxy-abc.example.com", false),
        ] {
            assert_eq!(is_proxy(host), proxy, "{host}");
        }
    }

    #[test]
    fn names_of_rds_are_taken_apart() {
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
            ("a.proxy-x.us-east-1.rds.amazonaws.com", None),
            ("db.example.com", None),
            ("127.0.0.1", None),
        ] {
            assert_eq!(RdsName::parse(host), expected, "{host}");
        }
    }
}
