//! How wide a pattern is: of the rows that match, the server goes by the narrowest.

use crate::family::Family;

/// The most bytes in the name of a schema.
const LONGEST: usize = 64;

/// How wide the server takes a host or the name of a schema to be, the narrowest first. Equal ones
/// that match the same thing count in the order in which they were granted.
pub fn specificity(family: Family, pattern: &str) -> [usize; 4] {
    match family {
        // The later the first wildcard stands, the narrower.
        Family::MySql(_) => {
            let first = parts(pattern).find(|(_, wildcard)| wildcard.is_some());
            [first.map_or(0, |(at, _)| usize::MAX - at), 0, 0, 0]
        }
        // The fewer names match, the narrower. So it says in MariaDB's `sql_acl_getsort.ic`.
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
                _ => LONGEST.saturating_sub(literal + ones),
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
    const MARIADB: Family = Family::MariaDb((11, 8, 0));

    /// The patterns from the narrowest to the widest; equal ones together.
    fn in_order<'a>(family: Family, patterns: &[&'a str]) -> Vec<Vec<&'a str>> {
        let mut sorted = patterns.to_vec();
        sorted.sort_by_key(|pattern| specificity(family, pattern));
        let groups = sorted.chunk_by(|a, b| specificity(family, a) == specificity(family, b));
        groups.map(<[_]>::to_vec).collect()
    }

    #[test]
    fn for_mysql_the_place_of_the_first_wildcard_decides() {
        let patterns = ["%", "a_b", "ab%", "ab_", "a\\_b_", "a\\_b\\%c", "a\\"];
        let order: [&[_]; 5] = [
            // A backslash at the end escapes nothing.
            &["a\\_b\\%c", "a\\"],
            &["a\\_b_"],
            &["ab%", "ab_"],
            &["a_b"],
            &["%"],
        ];
        assert_eq!(in_order(MYSQL, &patterns), order);
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
        assert_eq!(in_order(MARIADB, &patterns), order);
    }
}
