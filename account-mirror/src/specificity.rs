//! Which of several rows counts: of those that match, the server goes by the most specific one.
//!
//! Each function returns a key by which the most specific one sorts first. Of two that have the same
//! key and match the same thing, the server takes one by the order in which they were granted or, after
//! a restart, by the order of its tables; nothing can be promised of those.

use crate::family::Family;
use crate::grant::GrantTarget;

/// The most bytes in the name of a schema.
const SCHEMA_LENGTH: usize = 64;

/// The most bytes of a host that MariaDB reckons with.
const HOST_LENGTH: usize = 60;

/// MySQL tells no positions apart beyond this one.
const LAST_POSITION: usize = 125;

/// The key of a pattern of schema names, or of a host.
pub type Specificity = [usize; 4];

/// The key of a pattern of schema names.
fn schema_specificity(family: Family, pattern: &str) -> Specificity {
    pattern_specificity(family, pattern, SCHEMA_LENGTH)
}

/// The key of the host of an account, or of its rows on schemas.
pub fn host_specificity(family: Family, host: &str) -> Specificity {
    if host.is_empty() {
        return [usize::MAX; 4];
    }
    match Form::of(host) {
        Form::Address if family.knows_prefix_lengths() => [0; 4],
        Form::Prefix(length) if family.knows_prefix_lengths() => {
            let length = usize::from(length);
            [1, if family.prefers_longer_prefixes() { 32 - length } else { length }, 0, 0]
        }
        Form::Netmask(mask) if family.knows_prefix_lengths() => [2, !mask as usize, 0, 0],
        _ => {
            let [first, rest @ ..] = pattern_specificity(family, host, HOST_LENGTH);
            // Names come after addresses.
            [first.saturating_add(3), rest[0], rest[1], rest[2]]
        }
    }
}

/// The key of a row of an account at `host`. On tables and routines, hosts without a wildcard are all
/// equally specific.
pub fn row_specificity(family: Family, host: &str, target: &GrantTarget) -> [Specificity; 2] {
    let of_host = host_specificity(family, host);
    match target {
        GrantTarget::Schema(_)
            if !family.ranks_patterns_at_addresses() && !matches!(Form::of(host), Form::Other) =>
        {
            [of_host, [0; 4]]
        }
        GrantTarget::Schema(pattern) => [of_host, schema_specificity(family, pattern)],
        _ if !host.is_empty() && !parts(host).any(|(_, wildcard)| wildcard.is_some()) => {
            [[0; 4]; 2]
        }
        _ => [of_host, [0; 4]],
    }
}

/// The forms of hosts that servers tell apart, patterns and names aside.
enum Form {
    /// `10.0.0.1`
    Address,
    /// `10.0.0.0/8`, with the number after the slash.
    Prefix(u8),
    /// `10.0.0.0/255.0.0.0`, with the mask.
    Netmask(u32),
    /// Anything else.
    Other,
}

impl Form {
    fn of(host: &str) -> Self {
        let address = |text: &str| text.parse::<std::net::Ipv4Addr>().ok();
        let (before, after) = host.split_once('/').map_or((host, None), |(b, a)| (b, Some(a)));
        match (address(before), after) {
            (Some(_), None) => Self::Address,
            (Some(_), Some(after)) => match (after.parse(), address(after)) {
                (Ok(length @ 0..=32), _) => Self::Prefix(length),
                (_, Some(mask)) => Self::Netmask(mask.into()),
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

fn pattern_specificity(family: Family, pattern: &str, longest: usize) -> Specificity {
    match family {
        // The later the first wildcard stands, the more specific. `%` alone is the least of all.
        Family::MySql(_) if pattern == "%" => [LAST_POSITION + 2, 0, 0, 0],
        Family::MySql(_) => {
            let first = parts(pattern).find(|(_, wildcard)| wildcard.is_some());
            [first.map_or(0, |(at, _)| 1 + LAST_POSITION.saturating_sub(at)), 0, 0, 0]
        }
        // The fewer names match, the more specific. So it says in MariaDB's `sql_acl_getsort.ic`.
        Family::MariaDb(_) => {
            let (mut literal, mut ones, mut many, mut before) = (0, 0, 0, 0);
            let mut last = None;
            for (_, wildcard) in parts(pattern) {
                if wildcard.is_some() && ones + many == 0 {
                    before = literal;
                }
                match wildcard {
                    None => literal += 1,
                    Some(b'%') => many += usize::from(last != wildcard),
                    Some(_) => ones += 1,
                }
                last = wildcard;
            }
            let room = match many {
                0 => 0,
                _ => longest.saturating_sub(literal + ones),
            };
            if room > ones {
                [2 * room + 1, many, ones, before]
            } else {
                [2 * ones, room, many, before]
            }
        }
    }
}

/// What a pattern is made of, and where each part stands: a wildcard, or what stands for itself.
fn parts(pattern: &str) -> impl Iterator<Item = (usize, Option<u8>)> {
    let bytes = pattern.as_bytes();
    let mut next = 0;
    std::iter::from_fn(move || {
        let at = next;
        let byte = *bytes.get(at)?;
        let escapes = byte == b'\\' && at + 1 < bytes.len();
        next += if escapes { 2 } else { 1 };
        Some((at, matches!(byte, b'%' | b'_').then_some(byte)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MYSQL: Family = Family::MySql((9, 7, 0));
    const MYSQL57: Family = Family::MySql((5, 7, 36));
    const MARIADB: Family = Family::MariaDb((11, 8, 0));

    /// What is given, the most specific first; equal ones together.
    fn in_order<'a>(all: &[&'a str], key: impl Fn(&str) -> Specificity) -> Vec<Vec<&'a str>> {
        let mut sorted = all.to_vec();
        sorted.sort_by_key(|one| key(one));
        sorted.chunk_by(|a, b| key(a) == key(b)).map(<[_]>::to_vec).collect()
    }

    #[test]
    fn for_mysql_the_place_of_the_first_wildcard_decides() {
        let patterns = ["%", "%b", "a_b", "ab%", "ab_", "a\\_b_", "a\\_b\\%c", "a\\"];
        let order: [&[_]; 6] = [
            // A backslash at the end escapes nothing.
            &["a\\_b\\%c", "a\\"],
            &["a\\_b_"],
            &["ab%", "ab_"],
            &["a_b"],
            &["%b"],
            &["%"],
        ];
        assert_eq!(in_order(&patterns, |pattern| schema_specificity(MYSQL, pattern)), order);
    }

    #[test]
    fn for_mariadb_the_number_of_names_that_match_decides() {
        let patterns = ["%", "%b", "a\\_%", "a_", "_b", "__", "a%%b", "a%_b", "%a%b", "ab"];
        let order: [&[_]; 10] = [
            &["ab"],
            &["_b"],
            &["a_"],
            &["__"],
            &["a%_b"],
            &["a%%b"],
            &["a\\_%"],
            &["%a%b"],
            &["%b"],
            &["%"],
        ];
        assert_eq!(in_order(&patterns, |pattern| schema_specificity(MARIADB, pattern)), order);
    }

    const HOSTS: [&str; 12] = [
        "",
        "%",
        "%.1",
        "10.%",
        "10.1._.%",
        "localhost",
        "10.0.0.0/255.0.0.0",
        "10.1.0.0/255.255.0.0",
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.2.3",
        "10.1.2.3/99",
    ];

    #[test]
    fn mysql_goes_from_addresses_by_prefixes_netmasks_names_and_patterns_to_the_empty_host() {
        let order: [&[_]; 11] = [
            &["10.1.2.3"],
            &["10.1.0.0/16"],
            &["10.0.0.0/8"],
            &["10.1.0.0/255.255.0.0"],
            &["10.0.0.0/255.0.0.0"],
            &["localhost", "10.1.2.3/99"],
            &["10.1._.%"],
            &["10.%"],
            &["%.1"],
            &["%"],
            &[""],
        ];
        assert_eq!(in_order(&HOSTS, |host| host_specificity(MYSQL, host)), order);
    }

    #[test]
    fn mysql_5_7_and_mariadb_know_hosts_with_a_wildcard_and_hosts_without() {
        let without = &HOSTS[5..];
        for (family, patterns) in [(MYSQL57, ["10.1._.%", "10.%"]), (MARIADB, ["10.1._.%", "10.%"])]
        {
            let order: [&[_]; 6] =
                [without, &[patterns[0]], &[patterns[1]], &["%.1"], &["%"], &[""]];
            assert_eq!(in_order(&HOSTS, |host| host_specificity(family, host)), order);
        }
    }

    #[test]
    fn on_tables_hosts_without_a_wildcard_are_equally_specific() {
        let table = GrantTarget::Table { schema: "s".to_owned(), name: "t".to_owned() };
        let key = |host| row_specificity(MYSQL, host, &table);
        assert_eq!(key("10.1.2.3"), key("10.0.0.0/255.0.0.0"));
        assert!(key("10.0.0.0/8") < key("10.%") && key("10.%") < key(""));
        let schema = GrantTarget::Schema("s".to_owned());
        let key = |host| row_specificity(MYSQL, host, &schema);
        assert!(key("10.1.2.3") < key("10.0.0.0/255.0.0.0"));
    }

    #[test]
    fn at_an_address_mysql_8_0_takes_all_patterns_for_equally_specific() {
        let key = |family, host, pattern: &str| {
            row_specificity(family, host, &GrantTarget::Schema(pattern.to_owned()))
        };
        let mysql80 = Family::MySql((8, 0, 30));
        for host in ["10.1.2.3", "10.0.0.0/8", "10.0.0.0/255.0.0.0"] {
            assert_eq!(key(mysql80, host, "app_"), key(mysql80, host, "%"), "{host}");
            assert!(key(MYSQL, host, "app_") < key(MYSQL, host, "%"), "{host}");
        }
        assert!(key(mysql80, "10.%", "app_") < key(mysql80, "10.%", "%"));
    }
}
