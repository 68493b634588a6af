//! The table of error numbers, against the servers' own lists of their errors, and against the source.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mysql_async::prelude::Queryable;
use rotation::database::server_error::{self, Of};

use crate::support::account::root;
use crate::support::server::{Need, Server};

/// The texts with which the sections of MySQL's file begin, and their numbers.
const SECTIONS: &[(&str, u16)] = &[
    ("hashchk", 1000),
    ("File %s is corrupted", 3000),
    ("CREATE TEMPORARY TABLE is not allowed with ROW_FORMAT=COMPRESSED or KEY_BLOCK_SIZE.", 3500),
    ("Language component: Not available.", 6001),
    ("The server is currently in offline mode since %s, reason: %s", 6400),
    // From here on they are for the server's own log.
    ("Parser saw: %s", 10_000),
];

/// Words that speak of what this function must understand.
const WORDS: &[&str] =
    &["denied", "absent", "exist", "exists", "limit", "limits", "limited", "read-only", "readonly"];

/// The file of a server's messages in English, compiled by its makers.
async fn file(server: Server) -> Option<Vec<u8>> {
    let mut root = root(&server.address()).await;
    let place: Option<String> = root.query_first("SELECT @@lc_messages_dir").await.unwrap();
    root.disconnect().await.unwrap();
    let read = fs::read(Path::new(&place.unwrap()).join("english/errmsg.sys"));
    assert!(read.is_ok() || !server.has(Need::OwnServers), "{server:?} has no messages");
    read.ok()
}

fn number_at(file: &[u8], at: usize, bytes: usize) -> usize {
    let bytes = file[at..at + bytes].iter().rev();
    bytes.fold(0, |number, byte| number << 8 | usize::from(*byte))
}

fn text_at(file: &[u8], at: usize) -> String {
    let end = file[at..].iter().position(|byte| *byte == 0).unwrap();
    String::from_utf8_lossy(&file[at..at + end]).into_owned()
}

/// MySQL: a head of 32 bytes with the count of texts, where each begins, and the texts.
fn of_mysql(file: &[u8]) -> BTreeMap<u16, String> {
    let count = number_at(file, 10, 4);
    let start = 32 + 4 * count;
    let (mut messages, mut next) = (BTreeMap::new(), 0);
    for n in 0..count {
        let text = text_at(file, start + number_at(file, 32 + 4 * n, 4));
        if let Some((_, number)) = SECTIONS.iter().find(|(first, _)| *first == text) {
            next = *number;
        }
        messages.insert(next, text);
        next += 1;
    }
    messages.retain(|number, _| *number < 10_000);
    messages
}

/// MariaDB: a head of 32 bytes with the counts of texts and of sections, the size of each section, the
/// length of each text, and the texts. A section has the next thousand of numbers.
fn of_mariadb(file: &[u8]) -> BTreeMap<u16, String> {
    let (count, sections) = (number_at(file, 12, 2), number_at(file, 14, 2));
    let lengths = 32 + 2 * sections;
    let (mut messages, mut n, mut at) = (BTreeMap::new(), 0, lengths + 2 * count);
    for section in 0..sections {
        for number in 0..number_at(file, 32 + 2 * section, 2) {
            let number = u16::try_from(1000 * (section + 1) + number).unwrap();
            messages.insert(number, text_at(file, at));
            at += number_at(file, lengths + 2 * n, 2);
            n += 1;
        }
    }
    messages
}

fn speaks_of_it(text: &str) -> bool {
    let text = text.to_lowercase().replace("read only", "read-only");
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_');
    words.any(|word| WORDS.contains(&word))
}

#[tokio::test]
async fn each_error_of_a_server_that_speaks_of_denial_absence_or_limits_is_in_the_table() {
    for &server in Server::all() {
        let Some(file) = file(server).await else {
            continue;
        };
        let is_mariadb = server.is_mariadb();
        let messages = if is_mariadb { of_mariadb(&file) } else { of_mysql(&file) };
        assert!(messages.len() > 1000, "{server:?}: {}", messages.len());
        for (number, start) in [(1045, "Access denied for user"), (1146, "Table"), (3118, "Acc")] {
            let text = messages.get(&number);
            let is_it = text.is_some_and(|text| text.starts_with(start));
            assert!(is_it || (is_mariadb && number == 3118), "{server:?} {number}: {text:?}");
        }
        let of = if is_mariadb { Of::MariaDb } else { Of::MySql };
        let is_known = |number: u16| {
            let mut rows = server_error::rows().filter(|row| row.number == number);
            rows.any(|row| [Of::Both, of].contains(&row.of)) || server_error::is_of_others(number)
        };
        let unknown: Vec<_> = messages
            .iter()
            .filter(|(number, text)| speaks_of_it(text) && !is_known(**number))
            .collect();
        assert!(unknown.is_empty(), "{server:?}: {unknown:#?}");
        for row in server_error::rows().filter(|row| row.of == of) {
            let is_told = messages.contains_key(&row.number);
            let is_new = row.number >= 3000 || row.number == 1047;
            assert!(is_told || is_new, "{server:?} has no {}", row.number);
        }
    }
}

#[test]
fn no_error_number_stands_in_the_source_but_in_the_table() {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("server_error") {
                    folders.push(path);
                }
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                if words.any(|word| word.parse().is_ok_and(is_in_the_table)) {
                    found.push(format!("{}: {}", path.display(), line.trim()));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

fn is_in_the_table(number: u16) -> bool {
    server_error::rows().any(|row| row.number == number)
}

#[test]
fn each_section_that_the_table_names_is_there() {
    let page = include_str!("../../docs/troubleshooting.md");
    for row in server_error::rows() {
        for section in row.sections() {
            assert!(page.contains(&format!("\n## {section}\n")), "{}: {section}", row.number);
        }
    }
}
