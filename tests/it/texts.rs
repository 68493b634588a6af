//! Every text and every fixed statement of the program, in two files, so that a review sees each
//! change of words. `UPDATE_EXPECT=1 cargo test --test it texts::` writes them anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use rotation::error::{ErrorType, Retry};

/// The most characters of our own words in one text; what was found comes on top.
const LONGEST: usize = 300;

const STATEMENTS: [&str; 12] = [
    "SELECT", "SHOW", "SET", "USE", "CREATE", "ALTER", "GRANT", "REVOKE", "DROP", "UPDATE", "WITH",
    "FROM",
];

#[test]
fn the_texts_and_the_statements_of_the_program_are_those_that_were_reviewed() {
    let (mut texts, mut statements) = (String::new(), String::new());
    for (file, literal) in literals() {
        let list = match is_statement(&literal) {
            true => &mut statements,
            false if is_text(&literal) => &mut texts,
            false => continue,
        };
        if !list.contains(&format!("\n{file}\n")) {
            writeln!(list, "\n{file}").unwrap();
        }
        writeln!(list, "    {literal}").unwrap();
    }
    assert!(texts.lines().count() > 200 && statements.lines().count() > 30);
    expect_file!["texts/texts.txt"].assert_eq(&texts);
    expect_file!["texts/statements.txt"].assert_eq(&statements);
}

#[test]
fn no_text_has_more_than_three_hundred_characters_of_our_own_words() {
    for (file, literal) in literals().into_iter().filter(|(_, literal)| is_text(literal)) {
        let mut depth = 0;
        let own = literal.chars().filter(|c| {
            depth += i32::from(*c == '{');
            let outside = depth == 0;
            depth -= i32::from(*c == '}');
            outside
        });
        let own = own.count();
        assert!(own <= LONGEST, "{file}: {own} characters: {literal}");
    }
}

/// What is to be done where the function runs, and to what belongs to it. A person who runs the checks is
/// somewhere else.
const OF_THE_FUNCTION: [&str; 13] = [
    "the function's role",
    "the function's timeout",
    "the function's memory",
    "the function's VPC",
    "the function's subnets",
    "the function's security group",
    "the function's address",
    "the function's network",
    "the function's package",
    "the function's environment",
    "the function is in a VPC",
    "a layer",
    "TLS_CA_FILE",
];

#[test]
fn no_text_of_the_command_sends_a_person_to_the_functions_role_time_memory_or_network() {
    let sayings = sayings();
    assert!(sayings.len() > 10, "{sayings:#?}");
    let told: Vec<_> = sayings.iter().map(|(_, of_person)| of_person.clone()).collect();
    let either: Vec<_> = sayings.iter().flat_map(|(one, other)| [one, other]).collect();
    let of_command = literals_in(&["operator/src"]);
    let texts = literals().into_iter().filter(|(_, literal)| !either.contains(&literal));
    for (file, literal) in texts.chain(of_command).filter(|(_, literal)| is_text(literal)) {
        let found = OF_THE_FUNCTION.iter().find(|part| literal.contains(**part));
        assert!(found.is_none(), "{file} goes without `say`: {literal}");
    }
    for (of_function, of_person) in &sayings {
        let is_of_function = OF_THE_FUNCTION.iter().any(|part| of_function.contains(part));
        assert!(is_of_function, "said to the function alone, and why: {of_function}");
        let found = OF_THE_FUNCTION[..11].iter().find(|part| of_person.contains(**part));
        assert!(found.is_none(), "said to a person: {of_person}");
        assert!(of_person.is_empty() || !told.contains(of_function), "{of_function}");
    }
}

/// What is said of the function, with what is said of a person in its place.
pub(crate) fn sayings() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let sources = sources(&["src"]);
    for (_, source) in sources.iter().filter(|(file, _)| file != "src/caller.rs") {
        for (at, _) in source.match_indices(" say(") {
            let arguments = source[at..].split_once('(').expect("it has arguments").1;
            let mut both = of_source(arguments).into_iter();
            found.push((both.next().unwrap(), both.next().unwrap()));
        }
    }
    found
}

/// The first words of what to do, in the imperative.
const VERBS: [&str; 57] = [
    "add", "allow", "ask", "be", "call", "change", "check", "correct", "create", "drop", "enable",
    "end", "find", "give", "grant", "have", "it must", "increase", "keep", "leave", "let", "load",
    "lock", "look", "lower", "make", "name", "point", "put", "raise", "remove", "rename", "renew",
    "replace", "report", "require", "restore", "revoke", "rotate", "run", "say", "see", "set",
    "start", "stop", "store", "take", "tell", "turn", "unlock", "update", "use", "wait", "write",
    "attach", "move", "reset",
];

/// Whether a text says what to do: a part of it begins with one of these words.
pub(crate) fn has_remedy(text: &str) -> bool {
    let parts = ["; ", ": ", ", or ", ", and "].iter().flat_map(|end| text.split(end).skip(1));
    let starts = |part: &str| {
        let mut verbs = VERBS.iter();
        verbs.any(|verb| {
            part.strip_prefix(verb).is_some_and(|rest| rest.starts_with([' ', ':', ';']))
        })
    };
    parts.into_iter().any(starts)
}

#[test]
fn every_text_that_ends_in_retry_after_fixing_this_says_before_what_to_do() {
    let (mut read, mut without) = (0, Vec::new());
    for (file, source) in sources(&["src", "account-mirror/src"]) {
        for (marker, between) in
            [("refuse!(", ","), ("ErrorType::", "because("), ("ErrorKind::", "because(")]
        {
            for rest in source.split(marker).skip(1) {
                let rest = rest.trim_start();
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
                let Some(of) = ErrorType::ALL.iter().find(|of| of.to_string() == rest[..end])
                else {
                    continue;
                };
                let after = rest[end..].trim_start().trim_start_matches('.');
                let Some(after) = after.strip_prefix(between) else { continue };
                let after = after.trim_start();
                let after = after.strip_prefix("format!(").unwrap_or(after).trim_start();
                let Some(literal) = after.strip_prefix('"') else { continue };
                let text = joined(&literal[..end_of(literal, false)]);
                read += 1;
                // What stands in braces is looked at wherever a test meets the error.
                let is_filled = [": ", "; "]
                    .iter()
                    .any(|end| text.rsplit(end).next().is_some_and(|last| last.starts_with('{')));
                if of.retry() == Retry::AfterRepair && !is_filled && !has_remedy(&text) {
                    without.push(format!("{file}: {of}: {text}"));
                }
            }
        }
    }
    assert!(read > 90, "{read} texts were found");
    assert!(without.is_empty(), "what is to be done? (or add the verb)\n{}", without.join("\n"));
}

fn is_statement(literal: &str) -> bool {
    let first = literal.split([' ', '\n']).next();
    literal.contains(' ') && first.is_some_and(|first| STATEMENTS.contains(&first))
}

/// Whether it is for people: three words or more, not all in capitals.
fn is_text(literal: &str) -> bool {
    !is_statement(literal)
        && literal.split(' ').count() > 2
        && literal.chars().any(|c| c.is_ascii_lowercase())
}

/// The string literals of the program without its tests, each with its file, in their order.
fn literals() -> Vec<(String, String)> {
    literals_in(&["src", "account-mirror/src"])
}

fn literals_in(folders: &[&str]) -> Vec<(String, String)> {
    let of_file = |(name, text): (String, String)| {
        of_source(&text).into_iter().map(move |literal| (name.clone(), literal))
    };
    sources(folders).into_iter().flat_map(of_file).collect()
}

/// The files of these folders with their names, without their tests.
fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    folders.iter().for_each(|folder| find(&root.join(folder), &mut files));
    files.sort();
    let source = |file: PathBuf| {
        let name = file.strip_prefix(root).unwrap().display().to_string();
        let text = std::fs::read_to_string(&file).unwrap();
        (name, text.split("\n#[cfg(test)]\nmod tests {").next().unwrap().to_owned())
    };
    files.into_iter().map(source).collect()
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            find(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// The string literals of a source, without those of attributes and comments.
fn of_source(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '/', '\'', '#']) {
        let (before, from) = rest.split_at(at);
        rest = if from.starts_with("//") {
            from.split_once('\n').map_or("", |(_, rest)| rest)
        } else if from.starts_with("#[") && before.lines().last().unwrap_or("").trim().is_empty() {
            from.split_once("]\n").map_or("", |(_, rest)| rest)
        } else if from.starts_with("'\"'") || from.starts_with("'\\\"'") {
            from.split_at(from[1..].find('\'').unwrap() + 2).1
        } else if let Some(literal) = from.strip_prefix('"') {
            let raw = before.ends_with('r');
            let (text, rest) = literal.split_at(end_of(literal, raw));
            found.push(if raw { text.to_owned() } else { joined(text) });
            &rest[1..]
        } else {
            &from[1..]
        };
    }
    found
}

/// Where a literal ends: at a quote that no backslash escapes.
fn end_of(literal: &str, raw: bool) -> usize {
    let mut escaped = false;
    let quote = literal.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped && !raw;
        ends
    });
    quote.expect("a literal ends")
}

/// The text of a literal, with its continued lines in one.
fn joined(literal: &str) -> String {
    let mut lines = literal.split("\\\n");
    let mut text = lines.next().unwrap().to_owned();
    lines.for_each(|line| text.push_str(line.trim_start()));
    text.replace("\\\"", "\"")
}
