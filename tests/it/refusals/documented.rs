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
fn every_section_says_whether_trying_again_helps() {
    let page = include_str!("../../../docs/troubleshooting.md");
    for section in page.split("\n## ").skip(1) {
        let (name, text) = section.split_once('\n').unwrap();
        let text = text.to_lowercase();
        let says = ["trying again", "nothing is to be done", "trying the same version again"];
        let is_type = ErrorType::ALL.iter().any(|error| error.to_string() == name);
        let said = says.iter().any(|words| text.contains(words));
        assert!(!is_type || said, "{name}");
    }
}
