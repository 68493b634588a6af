//! Every command of the documents, run as it stands there, on the local stack.
//!
//! A block marked `sh aws` needs AWS or the Internet, and is not run. Each `sh` block must be known
//! to a test here.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use page::{Page, blocks};
use reader::Reader;

mod page;
mod reader;
mod runbooks;

/// What a person types who has the sources; `.ci/run` types it too.
const FROM_SOURCES: &str = "make demo    # ";
/// And what a contributor types: `.ci/run` the first two, whoever runs this test the third.
const CONTRIBUTOR: [&str; 3] =
    ["make check ", "make test ", "python3 dev/stack.py run -- cargo test "];

#[tokio::test]
async fn a_newcomer_gets_from_the_zip_to_a_rotated_secret_and_on_through_every_page() {
    let mut reader = Reader::start().await;
    the_readme(&mut reader).await;
    the_page_on_operations(&reader).await;
    the_page_on_migration(&reader).await;
    the_page_on_trouble(&reader).await;
    runbooks::all(&reader).await;
    the_queries_of_the_log(&reader);
}

async fn the_readme(reader: &mut Reader) {
    let page = Page::read("README.md");
    let [sources] = page.blocks("sh");
    assert!(sources.starts_with(FROM_SOURCES));
    assert!(sources.contains("make package "));
    for target in ["demo", "test"] {
        assert!(sources.contains(&format!("make {target} ")));
        let ci = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/run"));
        assert!(ci.unwrap().contains(target), "{target}");
    }
    the_page_on_deploying(reader).await;
}

async fn the_page_on_deploying(reader: &mut Reader) {
    let page = Page::read("docs/deploy.md");
    let [deploy, turn_on, rotate, place] = page.blocks("sh");
    let [parameters] = page.blocks("json");
    // What CDK excludes, and what a shell, and SAM's own parameters, would not let through.
    let excluded = " %+~`#$&*()|[]{}:;<>?!'/@\"\\";
    let entry = serde_json::to_string(&format!("excludeCharacters={excluded}")).unwrap();
    reader.write("parameters.json", &parameters.replacen('[', &format!("[{entry},"), 1));
    let outputs = reader.succeeds(deploy);
    assert!(outputs.contains("\"OutputKey\": \"RotationLambdaARN\""), "{outputs}");
    assert!(outputs.contains("\"OutputKey\": \"LogGroupName\""), "{outputs}");
    assert_eq!(reader.variable("EXCLUDE_CHARACTERS"), excluded);
    reader.start_function().await;

    reader.succeeds(turn_on);
    reader.was_tested().await;
    reader.succeeds(rotate);
    reader.was_rotated().await;
    let place =
        place.replace("s3://BUCKET", "s3://BUCKET-2").replace("bucket BUCKET", "bucket BUCKET-2");
    reader.succeeds(&place);
}

async fn the_page_on_operations(reader: &Reader) {
    let page = Page::read("docs/operations.md");
    let [add, rotate, remove, unfinished, drift] = page.blocks("sh");
    for (alarm, metric) in [(unfinished, "unfinished"), (drift, "planned_drift")] {
        reader.succeeds(alarm);
        let made = reader.succeeds("aws cloudwatch describe-alarms");
        assert!(made.contains(&format!("\"MetricName\": \"{metric}\"")), "{made}");
    }
    reader.succeeds(add);
    reader.was_tested().await;
    reader.succeeds(rotate);
    reader.was_rotated().await;
    reader.succeeds(remove);
    assert_eq!(reader.described().await.rotation_enabled(), Some(false));
}

/// After rotations that succeeded and that failed, so that lines of both kinds are there.
fn the_queries_of_the_log(reader: &Reader) {
    let page = Page::read("docs/operations.md");
    let known = reader.fields_of_the_log();
    for query in blocks(page.text(), "logs") {
        for field in page::fields(query) {
            assert!(known.contains(&field), "no line has {field}; there is {known:?}");
        }
    }
    let (_, table) = page.text().split_once("\n### Fields\n").unwrap();
    let (table, _) = table.split_once("\n### ").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |"));
    let mut documented: BTreeSet<&str> =
        rows.flat_map(|(cell, _)| cell.trim_end_matches('`').split("`, `")).collect();
    // Lines at DEBUG alone have it, and this function writes none.
    assert!(documented.remove("statement"));
    let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
    assert_eq!(documented, known);
}

async fn the_page_on_migration(reader: &Reader) {
    let page = Page::read("docs/migration.md");
    let [keep_schedule, add_schedule, rotate] = page.blocks("sh");
    let before = reader.described().await;
    reader.succeeds(keep_schedule);
    reader.was_tested().await;
    let after = reader.described().await;
    assert_eq!(after.rotation_rules(), before.rotation_rules());
    assert!(after.rotation_rules().is_some());
    reader.succeeds(add_schedule);
    reader.was_tested().await;
    reader.succeeds(rotate);
    reader.was_rotated().await;
}

async fn the_page_on_trouble(reader: &Reader) {
    let page = Page::read("docs/troubleshooting.md");
    let [try_again, give_up] = page.blocks("sh");
    let in_the_way = "A previous rotation isn't complete. That rotation will be reattempted.";

    reader.fails_to_rotate().await;
    let answer = reader.fails(try_again);
    assert!(answer.contains(in_the_way), "{answer}");
    reader.was_rotated().await;

    // What the page warns of: with a failed rotation in the way, a test of the configuration rotates.
    reader.fails_to_rotate().await;
    let answer =
        reader.fails("aws secretsmanager rotate-secret --secret-id SECRET --no-rotate-immediately");
    assert!(answer.contains(in_the_way), "{answer}");
    reader.was_rotated().await;

    reader.fails_to_rotate().await;
    let pending = reader.version("AWSPENDING").await.unwrap();
    reader.succeeds(&give_up.replace("VERSION", &pending));
    reader.was_tested().await;
}

#[test]
fn every_block_of_commands_is_marked_or_known_to_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = [
        "README.md",
        "CONTRIBUTING.md",
        "docs/deploy.md",
        "docs/operations.md",
        "docs/runbooks.md",
        "docs/migration.md",
        "docs/troubleshooting.md",
    ];
    let contributing = Page::read("CONTRIBUTING.md");
    let [typed] = contributing.blocks("sh");
    let mut lines = typed.lines().zip(CONTRIBUTOR);
    assert!(lines.all(|(line, start)| line.starts_with(start)), "{typed}");
    assert_eq!(typed.lines().count(), CONTRIBUTOR.len(), "{typed}");
    let folders = [root.to_path_buf(), root.join("certs"), root.join("docs")];
    let pages = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    for path in pages.map(|entry| entry.unwrap().path()) {
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for info in page::infos(&text) {
            let known = ["sh", "sh aws", "json", "sql", "text", "yaml", "toml", "logs", "mermaid"];
            assert!(known.contains(&info), "{}: a block of {info:?}", path.display());
        }
        let is_run = run.iter().any(|name| path == root.join(name));
        assert!(is_run || blocks(&text, "sh").is_empty(), "{}: is run by no test", path.display());
    }
    assert_eq!(
        json!(page::fields("fields @timestamp, a as x | filter b > 0 and c = \"x\" and x > 0")),
        json!(["a", "b", "c"])
    );
}
