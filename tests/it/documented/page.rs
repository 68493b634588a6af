//! A document, and the blocks in it.

use std::path::Path;

pub(super) struct Page(String);

impl Page {
    pub(super) fn read(path: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        Self(std::fs::read_to_string(&path).unwrap())
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// The part of the page below this heading, up to the next one of its kind.
    pub(super) fn section(&self, heading: &str) -> Self {
        let (_, rest) = self.0.split_once(&format!("\n## {heading}\n")).expect("a section");
        Self(rest.split("\n## ").next().unwrap_or(rest).to_owned())
    }

    /// All blocks with this mark, of which there must be as many as the test names.
    pub(super) fn blocks<const N: usize>(&self, info: &str) -> [&str; N] {
        let found = blocks(&self.0, info);
        found
            .try_into()
            .unwrap_or_else(|found: Vec<_>| panic!("{} blocks: {found:#?}", found.len()))
    }
}

/// The blocks with this mark, without the indentation that they have in lists.
pub(super) fn blocks<'a>(text: &'a str, info: &str) -> Vec<&'a str> {
    all(text).filter(|(mark, _)| *mark == info).map(|(_, block)| block).collect()
}

/// The marks of all blocks.
pub(super) fn infos(text: &str) -> Vec<&str> {
    all(text).map(|(mark, _)| mark).collect()
}

fn all(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut fences = text.match_indices("```").map(|(at, _)| at);
    std::iter::from_fn(move || {
        let (start, end) = (fences.next()? + 3, fences.next().expect("a block that ends"));
        Some(text[start..end].split_once('\n').expect("a block of several lines"))
    })
}

/// The fields that a query of Logs Insights names, apart from those that it has for every line.
pub(super) fn fields(query: &str) -> Vec<String> {
    let words = [
        "fields",
        "filter",
        "stats",
        "sort",
        "display",
        "unnest",
        "into",
        "as",
        "desc",
        "asc",
        "by",
        "and",
        "or",
        "max",
        "avg",
        "count",
        "latest",
        "ispresent",
        "jsonParse",
    ];
    let (mut found, mut aliases, mut last) = (Vec::new(), Vec::new(), "");
    // Every other part stands in quotes.
    for unquoted in query.split('"').step_by(2) {
        for word in unquoted.split(|c: char| !(c.is_alphanumeric() || "_@".contains(c))) {
            let is_name = word.starts_with(|c: char| c.is_alphabetic());
            if ["as", "into"].contains(&last) {
                aliases.push(word.to_owned());
            } else if is_name && !words.contains(&word) && !found.iter().any(|known| known == word)
            {
                found.push(word.to_owned());
            }
            if !word.is_empty() {
                last = word;
            }
        }
    }
    found.retain(|name| !aliases.contains(name));
    found
}
