//! The names that RDS gives its servers.

/// Whether the host is an RDS Proxy, also one of its own endpoints.
pub fn is_proxy(host: &str) -> bool {
    let host = normalized(host);
    is_of_rds(&host) && host.split('.').skip(1).any(|label| label.starts_with("proxy-"))
}

/// The region of a host that RDS named. A proxy is none: its certificate is another one.
pub fn region_of_host(host: &str) -> Option<String> {
    RdsName::parse(host).map(|name| name.region)
}

/// A name that RDS gave out, such as `app.cluster-ro-abc.eu-west-1.rds.amazonaws.com`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RdsName {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) region: String,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Instance,
    Cluster,
    Custom,
}

impl RdsName {
    pub(super) fn parse(host: &str) -> Option<Self> {
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
                _ if account.starts_with("cluster-custom-") => Kind::Custom,
                _ if account.starts_with("cluster-") => Kind::Cluster,
                _ => Kind::Instance,
            },
            region: region.to_owned(),
        })
    }
}

fn is_of_rds(host: &str) -> bool {
    host.contains(".rds.")
        && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"))
}

pub(super) fn is_one_of<'a>(
    host: Option<&str>,
    names: impl IntoIterator<Item = Option<&'a str>>,
) -> bool {
    let mut names = names.into_iter().flatten();
    host.is_none_or(|host| names.any(|name| normalized(name) == normalized(host)))
}

pub(super) fn normalized(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

pub(super) fn region_of_arn(arn: &str) -> Option<&str> {
    match arn.split(':').collect::<Vec<_>>()[..] {
        ["arn", _, "rds", region, ..] => Some(region),
        _ => None,
    }
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
            ("App.abc.eu-west-1.rds.amazonaws.com.", name("app", Kind::Instance, "eu-west-1")),
            ("a.cluster-x.us-east-1.rds.amazonaws.com", name("a", Kind::Cluster, "us-east-1")),
            ("a.cluster-ro-x.us-east-1.rds.amazonaws.com", name("a", Kind::Cluster, "us-east-1")),
            (
                "a.cluster-custom-x.us-east-1.rds.amazonaws.com",
                name("a", Kind::Custom, "us-east-1"),
            ),
            ("a.x.rds.cn-north-1.amazonaws.com.cn", name("a", Kind::Instance, "cn-north-1")),
            ("a.proxy-x.us-east-1.rds.amazonaws.com", None),
            ("db.example.com", None),
            ("127.0.0.1", None),
        ] {
            assert_eq!(RdsName::parse(host), expected, "{host}");
        }
    }
}
