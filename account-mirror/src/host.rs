//! Which account a client gets: the host parts of accounts, matched as the servers do.

use std::net::{IpAddr, Ipv4Addr};

use crate::family::Family;
use crate::pattern::like;
use crate::specificity::{Specificity, host_specificity};

/// The host part of the account that a client at `client` gets when it logs in as a user with
/// accounts at these hosts, or `Some(None)` if an anonymous account is more specific.
///
/// `client` is what the server calls it in `USER()`. `None` where that does not decide it: the
/// server may have resolved a name, several hosts may be equally specific, or none may match.
pub fn account_for<'a>(
    family: Family,
    client: &str,
    user: impl IntoIterator<Item = &'a str>,
    anonymous: impl IntoIterator<Item = &'a str>,
) -> Option<Option<&'a str>> {
    let client: Option<IpAddr> = client.parse().ok();
    let named = user.into_iter().map(|host| (host, true));
    let mut best: Option<(Specificity, &str, bool)> = None;
    let mut is_tie = false;
    for (host, is_named) in named.chain(anonymous.into_iter().map(|host| (host, false))) {
        let Some(rank) = rank(family, host, client)? else {
            continue;
        };
        match &best {
            Some((other, ..)) if *other < rank => {}
            // At one host the name goes before none; of two hosts the server's memory decides.
            Some((other, of, _)) if *other == rank => is_tie |= !of.eq_ignore_ascii_case(host),
            _ => {
                best = Some((rank, host, is_named));
                is_tie = false;
            }
        }
    }
    best.filter(|_| !is_tie).map(|(_, host, is_named)| is_named.then_some(host))
}

/// Whether what has this host in its definer can run as the account at `host`: the servers take the
/// host of a definer for a client's name and address.
pub fn runs_as(family: Family, definer: &str, host: &str) -> bool {
    let is_same = definer.eq_ignore_ascii_case(host) || like(definer, host);
    is_same || matches(family, host, definer.parse().ok()).unwrap_or(host.contains('/'))
}

/// Whether a host is a name, which a server that resolves none cannot match: MariaDB then leaves the
/// account out of its memory.
pub fn is_name(host: &str) -> bool {
    let is_of_address = |c: char| c.is_ascii_digit() || matches!(c, '%' | '_' | '.' | '/');
    !host.eq_ignore_ascii_case("localhost") && !host.chars().all(is_of_address)
}

/// How specific a host is that matches the client, `Some(None)` if it does not match, `None` if that
/// is not known here.
#[expect(clippy::option_option, reason = "matching, not matching, and not known")]
fn rank(family: Family, host: &str, client: Option<IpAddr>) -> Option<Option<Specificity>> {
    let matches = matches(family, host, client)?;
    Some(matches.then(|| host_specificity(family, host)))
}

/// Whether a host matches the client, `None` if that is not known here.
fn matches(family: Family, host: &str, client: Option<IpAddr>) -> Option<bool> {
    if matches!(host, "" | "%") {
        return Some(true);
    }
    // A client that the server calls by a name may match any other host by its address too.
    let client = client?;
    if let Some((network, mask)) = host.split_once('/') {
        let IpAddr::V4(client) = client else {
            return Some(false);
        };
        let network: Ipv4Addr = network.parse().ok()?;
        let mask = match mask.parse::<Ipv4Addr>() {
            Ok(mask) => u32::from(mask),
            // Older servers and MariaDB accept such a host and, by version, never match it.
            Err(_) if !family.knows_prefix_lengths() => return None,
            Err(_) => prefix(mask.parse().ok()?)?,
        };
        return Some(u32::from(client) & mask == u32::from(network));
    }
    if host.contains(['%', '_']) {
        return Some(like(&client.to_string(), host));
    }
    Some(host.parse() == Ok(client))
}

fn prefix(bits: u32) -> Option<u32> {
    (bits <= 32).then(|| u32::MAX.checked_shl(32 - bits).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MYSQL: Family = Family::MySql((9, 7, 0));
    const MARIADB: Family = Family::MariaDb((11, 8, 0));

    fn of(family: Family, client: &str, user: &[&str], anonymous: &[&str]) -> Option<String> {
        let found = account_for(family, client, user.iter().copied(), anonymous.iter().copied());
        found.map(|host| host.unwrap_or("anonymous").to_owned())
    }

    #[test]
    fn the_most_specific_host_that_matches_is_taken() {
        let hosts = ["%", "127.%", "127.0.0.0/255.0.0.0", "127.0.0.1", "10.%", "localhost"];
        // To MariaDB, an address is no more specific than a network.
        for (family, first) in [(MYSQL, 0), (MARIADB, 1)] {
            let order = ["127.0.0.1", "127.0.0.0/255.0.0.0", "127.%", "%"];
            for skipped in first..order.len() {
                let left: Vec<_> =
                    hosts.iter().copied().filter(|h| !order[..skipped].contains(h)).collect();
                let expected = Some(order[skipped].to_owned());
                assert_eq!(of(family, "127.0.0.1", &left, &[]), expected, "{left:?}");
            }
        }
        let networks = ["127.0.0.0/255.0.0.0", "127.0.0.0/8", "127.0.0.0/16"];
        assert_eq!(of(MYSQL, "127.0.0.1", &networks, &[]).as_deref(), Some("127.0.0.0/16"));
    }

    #[test]
    fn an_anonymous_account_that_is_more_specific_is_taken() {
        assert_eq!(of(MYSQL, "127.0.0.1", &["%"], &["127.0.0.1"]).as_deref(), Some("anonymous"));
        assert_eq!(of(MYSQL, "127.0.0.1", &["%"], &["%", "10.%"]).as_deref(), Some("%"));
    }

    #[test]
    fn a_definer_is_an_account_whose_host_matches_that_of_the_definer() {
        for (definer, host, is_it) in [
            ("%", "%", true),
            ("10.1.2.3", "%", true),
            ("localhost", "%", true),
            ("LocalHost", "localhost", true),
            ("10.1.2.3", "10.1.%", true),
            ("10.1.2.3", "10.1.0.0/255.255.0.0", true),
            ("10.0.0.0/8", "10.0.0.0/8", true),
            ("10.%", "10.%", true),
            ("%", "10.%", false),
            ("%", "localhost", false),
            ("10.1.2.3", "10.2.0.0/255.255.0.0", false),
            ("10.1.2.3", "10.1.2.4", false),
        ] {
            assert_eq!(runs_as(MYSQL, definer, host), is_it, "{definer} as {host}");
        }
    }

    #[test]
    fn a_name_has_what_no_address_has() {
        for (host, is_it) in [
            ("", false),
            ("%", false),
            ("10.0.0.1", false),
            ("10.%", false),
            ("10.0.0.0/255.0.0.0", false),
            ("LocalHost", false),
            ("web", true),
            ("%.example.com", true),
            ("::1", true),
        ] {
            assert_eq!(is_name(host), is_it, "{host}");
        }
    }

    #[test]
    fn what_is_not_certain_is_not_decided() {
        for (family, client, user, anonymous) in [
            (MYSQL, "localhost", vec!["%", "127.0.0.1"], vec![]),
            (MYSQL, "app.example.com", vec!["%", "10.%"], vec![]),
            (MYSQL, "127.0.0.1", vec!["10.%"], vec![]),
            (MYSQL, "127.0.0.1", vec!["127.0.0.%", "127.0.0._"], vec![]),
            (MYSQL, "127.0.0.1", vec!["127.0.0.%"], vec!["127.0.0._"]),
            (MARIADB, "127.0.0.1", vec!["%", "127.0.0.0/8"], vec![]),
            (MARIADB, "127.0.0.1", vec!["127.0.0.1", "127.0.0.0/255.0.0.0"], vec![]),
        ] {
            assert_eq!(of(family, client, &user, &anonymous), None, "{client} {user:?}");
        }
        assert_eq!(of(MYSQL, "app.example.com", &["%"], &[]).as_deref(), Some("%"));
    }
}
