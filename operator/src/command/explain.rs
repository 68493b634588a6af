//! `explain`: the section of `docs/troubleshooting.md` about an error, offline.

use anstream::println;
use rotation::database::server_error;
use rotation::error::{Error, ErrorType};
use serde::Serialize;

use crate::arguments::Explain;
use crate::screen::{self, HEADING, NOTICE, item};

/// The page is in the program, so that it explains the errors of this very version.
const TROUBLESHOOTING: &str = include_str!("../../../docs/troubleshooting.md");

/// What is known of an error.
#[derive(Debug, Serialize)]
pub(crate) struct Explanations {
    explanations: Vec<Explanation>,
}

/// One type of error that it may be.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Explanation {
    error_type: String,
    retry: String,
    /// What to do about this number of MySQL or MariaDB.
    remedies: Vec<&'static str>,
    /// The text of the section, in Markdown.
    section: &'static str,
}

/// Finds the sections.
pub(crate) fn run(arguments: &Explain) -> Result<Explanations, Error> {
    let wanted = arguments.error.trim();
    let explanations = match wanted.parse() {
        Ok(number) => of_number(number),
        Err(_) => {
            let mut all = ErrorType::ALL.iter();
            let found = all.find(|known| known.to_string().eq_ignore_ascii_case(wanted));
            found.map(|found| Explanation::new(*found)).into_iter().collect()
        }
    };
    if explanations.is_empty() {
        return Err(ErrorType::EventInvalid.because(format!(
            "\"{wanted}\" is neither an errorType of the function nor a number that it knows; look the \
             number up in the manual of the server"
        )));
    }
    Ok(Explanations { explanations })
}

/// What a number of the server becomes, which depends on what was answered with it.
fn of_number(number: u16) -> Vec<Explanation> {
    let mut found: Vec<Explanation> = Vec::new();
    for row in server_error::rows().filter(|row| row.number == number) {
        for error_type in row.error_types() {
            let name = error_type.to_string();
            let at = found.iter().position(|known| known.error_type == name).unwrap_or_else(|| {
                found.push(Explanation::new(*error_type));
                found.len() - 1
            });
            if !found[at].remedies.contains(&row.remedy) {
                found[at].remedies.push(row.remedy);
            }
        }
    }
    found
}

impl Explanation {
    fn new(error_type: ErrorType) -> Self {
        let name = error_type.to_string();
        let section = section(&name);
        Self {
            error_type: name,
            retry: error_type.retry().to_string(),
            remedies: Vec::new(),
            section,
        }
    }
}

fn section(name: &str) -> &'static str {
    let heading = format!("\n## {name}\n");
    let Some(start) = TROUBLESHOOTING.find(&heading) else {
        return "";
    };
    let rest = &TROUBLESHOOTING[start + heading.len()..];
    let end = rest.match_indices("\n#").next().map_or(rest.len(), |(at, _)| at);
    rest[..end].trim()
}

impl screen::Result for Explanations {
    fn print(&self) {
        for Explanation { error_type, retry, remedies, section } in &self.explanations {
            println!("{HEADING}{error_type}{HEADING:#} ({retry})\n");
            for remedy in remedies {
                item(NOTICE, "- ", remedy);
            }
            println!("{section}\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_the_function_has_a_section_to_show() {
        for error_type in ErrorType::ALL {
            let found = run(&Explain { error: error_type.to_string() });
            let found = found.unwrap_or_else(|error| panic!("{error}"));
            assert!(found.explanations[0].section.len() > 100, "{error_type}");
        }
    }

    #[test]
    fn every_number_that_the_function_knows_is_explained() {
        for row in server_error::rows() {
            assert!(run(&Explain { error: row.number.to_string() }).is_ok(), "{row:?}");
        }
        assert!(run(&Explain { error: "65000".to_owned() }).is_err());
    }
}
