//! What the servers' error numbers mean, in one table. No number stands elsewhere in the function.
//!
//! A number without a row is told as the server said it, under a type that claims nothing else.

use account_mirror::family::Family;

mod at_login;
mod in_changes;
mod in_reads;
mod of_others;
mod row;

pub use row::{At, Meaning, Of, Row};

/// Every row, in the order of the table: what a login is answered, a query, and a change of an account.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    [at_login::ROWS, in_reads::ROWS, in_changes::ROWS].into_iter().flatten()
}

/// What a number means there. Before a login the family is not known; no number that a login is
/// answered has two meanings.
pub fn find(number: u16, at: At, family: Option<Family>) -> Option<&'static Row> {
    rows().find(|row| row.number == number && row.at.contains(&at) && row.of.is(family))
}

/// Whether the number is one of those for statements that the function never sends.
pub fn is_of_others(number: u16) -> bool {
    of_others::NUMBERS.binary_search(&number).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const FAMILIES: [Family; 2] = [Family::MySql((9, 7, 4)), Family::MariaDb((11, 8, 9))];

    #[test]
    fn a_number_has_one_meaning_in_each_place_on_each_family() {
        for family in FAMILIES {
            let mut seen = BTreeSet::new();
            for row in rows().filter(|row| row.of.is(Some(family))) {
                for at in row.at {
                    assert!(seen.insert((row.number, *at as u8)), "{row:?}");
                }
            }
        }
        for row in rows().filter(|row| row.at.contains(&At::Login)) {
            let found = find(row.number, At::Login, None).unwrap();
            assert!(std::ptr::eq(found, row), "{row:?} and {found:?}");
        }
    }

    #[test]
    fn a_row_has_a_remedy_of_one_line_and_a_type_unless_it_is_that_of_a_login() {
        for row in rows() {
            assert!((10..=200).contains(&row.remedy.len()), "{row:?}");
            assert!(!row.remedy.ends_with('.'), "{row:?}");
            let by_role = row.meaning == Meaning::LoginRefused;
            assert_eq!(row.error_type.is_none(), by_role, "{row:?}");
            assert!(!row.error_types().is_empty() && !row.sections().is_empty());
        }
    }

    #[test]
    fn a_number_is_that_of_a_row_or_of_others_and_never_both() {
        assert!(of_others::NUMBERS.is_sorted_by(|one, next| one < next));
        for row in rows() {
            // MySQL and MariaDB use the numbers from 1900 on for different errors.
            assert!(!is_of_others(row.number) || row.of != Of::Both, "{row:?}");
        }
    }
}
