//! Which hosts match a client and which names a pattern, and which of several is the most specific,
//! as the servers decide it.
//!
//! * A host is a pattern, a name, an address, an address with a netmask or, on MySQL since 8.0.23, with
//!   the length of a prefix; on MySQL the empty one matches everybody.
//! * On accounts and schemas, such a MySQL goes from addresses by prefixes (the longest first) and
//!   netmasks to names and patterns, and on tables and routines takes all that have no wildcard for
//!   equal, as other servers do everywhere.
//! * Of patterns, the most specific to MySQL is the one that begins with the most characters before a
//!   wildcard, and to MariaDB the one that matches the fewest names.

use std::net::Ipv4Addr;

use super::generator::Flavor;

/// Whether a host matches a client, or what MySQL takes for one: another host.
pub(crate) fn matches(flavor: Flavor, host: &str, client: &str) -> bool {
    if host.is_empty() {
        return flavor.is_mysql();
    }
    let network = host.split_once('/').and_then(|(network, mask)| {
        let mask = match (mask.parse::<Ipv4Addr>(), mask.parse::<u32>()) {
            (Ok(mask), _) => u32::from(mask),
            (_, Ok(bits)) if flavor.ranks_addresses() => u32::MAX << (32 - bits),
            _ => return None,
        };
        Some((number(network)?, mask))
    });
    match (network, number(client)) {
        (Some((network, mask)), Some(client)) => client & mask == network,
        _ => like(host.as_bytes(), client.as_bytes()),
    }
}

fn number(address: &str) -> Option<u32> {
    address.parse::<Ipv4Addr>().ok().map(u32::from)
}

pub(crate) fn has_wildcard(host: &str) -> bool {
    host.is_empty() || host.contains(['%', '_'])
}

/// How specific a host is on accounts and schemas: the larger, the more.
pub(crate) fn on_schemas(flavor: Flavor, host: &str) -> (i64, i64) {
    if !flavor.ranks_addresses() {
        let of_empty = (i64::MIN, i64::MIN);
        return if host.is_empty() { of_empty } else { of_pattern(flavor, host) };
    }
    let after = host.split_once('/').map(|(_, after)| after);
    match after.map(|after| (after.parse::<i64>(), number(after))) {
        _ if host.is_empty() => (0, 0),
        _ if has_wildcard(host) => (1, of_pattern(flavor, host).0),
        None if number(host).is_none() => (2, 0),
        Some((Err(_), Some(mask))) => (3, mask.into()),
        Some((Ok(bits), _)) => (4, bits),
        _ => (5, 0),
    }
}

/// How specific a host is on tables and routines: the larger, the more.
pub(crate) fn on_objects(flavor: Flavor, host: &str) -> (i64, i64) {
    if has_wildcard(host) { on_schemas(flavor, host) } else { (i64::MAX, 0) }
}

/// `LIKE`, with the backslash as its escape.
pub(crate) fn like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        ([b'%', rest @ ..], _) => (0..=text.len()).any(|at| like(rest, &text[at..])),
        ([b'\\', escaped, rest @ ..], [first, others @ ..]) => {
            escaped == first && like(rest, others)
        }
        ([b'_', rest @ ..], [_, others @ ..]) => like(rest, others),
        ([literal, rest @ ..], [first, others @ ..]) if *literal != b'\\' => {
            literal == first && like(rest, others)
        }
        _ => false,
    }
}

/// How specific a pattern is: the larger, the more.
pub(crate) fn of_pattern(flavor: Flavor, pattern: &str) -> (i64, i64) {
    if pattern == "%" {
        return (i64::MIN, 0);
    }
    let mut literals = 0_i64;
    let mut wildcards = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '%' | '_' => wildcards.push((literals, character)),
            '\\' if rest.peek().is_some() => {
                rest.next();
                // To MySQL the backslash is one of the characters.
                literals += if flavor.is_mysql() { 2 } else { 1 };
            }
            _ => literals += 1,
        }
    }
    let Some((first, _)) = wildcards.first() else {
        return (i64::MAX, 0);
    };
    if flavor.is_mysql() {
        return (*first, 0);
    }
    let many = wildcards.iter().filter(|(_, wildcard)| *wildcard == '%').count();
    let ones = i64::try_from(wildcards.len() - many).unwrap();
    // The number of names that match, as a power of the number of characters: one `%` and literals
    // leave room for the more, the fewer literals there are.
    let names = if many > 0 { 64 - literals - ones } else { ones };
    (-names, -*first)
}
