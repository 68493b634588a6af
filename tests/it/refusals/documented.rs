//! Every error has its section in the documentation.

use rotation::error::ErrorType;

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
