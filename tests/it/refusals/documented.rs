//! Every error has its section in the documentation.

use expect_test::expect_file;
use rotation::database::server_error::{self, At, Of};
use rotation::error::{Applications, ErrorType};

#[test]
fn every_error_type_has_its_section_in_the_documentation_in_the_same_order() {
    let page = include_str!("../../../docs/troubleshooting.md");
    let sections = page.lines().filter_map(|line| line.strip_prefix("## "));
    let sections: Vec<&str> = sections.filter(|section| !section.contains(' ')).collect();
    let types: Vec<String> = ErrorType::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(sections, types);
}

#[test]
fn every_section_says_what_the_error_says_about_trying_again() {
    let page = include_str!("../../../docs/troubleshooting.md");
    for error in ErrorType::ALL {
        let (_, section) = page.split_once(&format!("\n## {error}\n")).unwrap();
        let section = section.split("\n## ").next().unwrap().to_lowercase();
        let retry = error.retry().to_string();
        assert!(section.contains(&retry), "{error}: {retry}");
    }
}

#[test]
fn the_table_of_what_cannot_wait_has_each_error_where_the_program_has_it() {
    let page = include_str!("../../../docs/troubleshooting.md");
    let (_, section) = page.split_once("\n## Must I get up?\n").unwrap();
    let section = section.split("\n### ").next().unwrap();
    for applications in [
        Applications::Refused,
        Applications::MayBeRefused,
        Applications::Unknown,
        Applications::Served,
    ] {
        let start = format!("| `{}` | ", applications.as_str());
        let row = section.lines().find_map(|line| line.strip_prefix(&start)).unwrap();
        let cell = row.split(" | ").next().unwrap();
        if applications == Applications::Served {
            assert_eq!(cell, "all others");
            continue;
        }
        let listed: Vec<&str> = cell.split(", ").collect();
        let is_one = |error: &&ErrorType| error.applications() == applications;
        let link = |error: &ErrorType| format!("[{error}](#{})", error.to_string().to_lowercase());
        let known: Vec<String> = ErrorType::ALL.iter().filter(is_one).map(link).collect();
        assert_eq!(listed, known);
    }
}

#[test]
fn the_page_of_numbers_is_the_table_of_the_program() {
    expect_file!["../../../docs/error-numbers.md"].assert_eq(&page_of_numbers());
}

fn page_of_numbers() -> String {
    let mut rows: Vec<_> = server_error::rows().collect();
    rows.sort_by_key(|row| row.number);
    let mut page = "# By the server's error number\n\n\
         What the function concludes from an error number of MySQL or MariaDB, generated from its own table. \
         Applications log the same numbers, but the remedies are for the function's logins and \
         statements.\n\n\
         | Number | Server | In | Error | What to do |\n| ---: | --- | --- | --- | --- |\n"
        .to_owned();
    for row in rows {
        let server = match row.of {
            Of::Both => "both",
            Of::MySql => "MySQL",
            Of::MariaDb => "MariaDB",
        };
        let place = |at: &At| match at {
            At::Login => "a login",
            At::Read => "a query",
            At::Use => "`USE`",
            At::Change => "a change",
        };
        let places: Vec<&str> = row.at.iter().map(place).collect();
        let link = |error: &ErrorType| {
            format!("[{error}](troubleshooting.md#{})", error.to_string().to_lowercase())
        };
        let errors: Vec<String> = row.error_types().iter().map(link).collect();
        let (places, errors) = (places.join(", "), errors.join(", "));
        let advice = row.advice().replace('|', "\\|");
        page += &format!("| {} | {server} | {places} | {errors} | {advice} |\n", row.number);
    }
    page
}
