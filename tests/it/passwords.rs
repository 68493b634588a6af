//! Passwords of every printable character, and the quoting that carries them.

use account_mirror::sql::{quote_identifier, quote_literal};
use mysql_async::prelude::Queryable;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rotation::error::ErrorType;
use serde_json::json;

use crate::support::account::Tenant;
use crate::support::canary::Capture;
use crate::support::grants::assert_equal_accounts;
use crate::support::refusal::refused;
use crate::support::scene::{STEPS, Scene, document, superuser_document};
use crate::support::server::{Address, Need, OwnServer, Server};

/// Each of the 95 printable characters of ASCII, at the start, in the middle and at the end.
fn passwords() -> Vec<String> {
    let all: String = (' '..='~').collect();
    let backwards = all.chars().rev().collect();
    let pairs: String = ['\'', '"', '\\', '`', '%', '$', '{', ' '].iter().fold(
        String::new(),
        |mut text, special| {
            text.extend([*special, *special, 'x', '\\', *special, '\'', *special]);
            text
        },
    );
    vec![format!("{all}{}", "x".repeat(100)), backwards, pairs, " \\".repeat(4)]
}

/// A document of this login, on TLS or not.
fn login(address: &Address, user: &str, password: &str, ssl: bool) -> serde_json::Value {
    let mut document = document(address, user, password);
    document["ssl"] = json!(ssl);
    document
}

#[tokio::test]
async fn a_password_of_any_printable_characters_is_set_and_logs_in_with_and_without_tls() {
    for &server in Server::all() {
        for ssl in [true, false] {
            let tenant = Tenant::of(server).await;
            let all = passwords();
            tenant.settle(&all[1]).await;
            let mut superuser = superuser_document(&tenant.address);
            superuser["ssl"] = json!(ssl);
            let user = login(&tenant.address, &tenant.user(), &all[1], ssl);
            let scene = Scene::with(&tenant, &superuser, user).await;
            for password in &all {
                let (user, before) = scene.login("AWSCURRENT").await;
                let text = scene.text("AWSCURRENT").await;
                let mut next: serde_json::Value = serde_json::from_str(&text).unwrap();
                let names = [tenant.user(), tenant.twin()];
                let twin = names.iter().find(|name| **name != user).unwrap();
                next["username"] = json!(twin);
                next["password"] = json!(password);
                let token = scene.put_pending(&next.to_string()).await;
                for step in STEPS {
                    scene.step(step, &token).await.unwrap();
                }
                assert_eq!(scene.login("AWSCURRENT").await.1, *password);
                assert!(tenant.logs_in(twin, password).await, "{server:?} {password}");
                assert!(tenant.logs_in(&user, &before).await, "{server:?} {before}");
            }
            assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
        }
    }
}

#[tokio::test]
async fn generated_passwords_with_nothing_excluded_log_in() {
    for &server in Server::all() {
        let (tenant, scene) = Scene::settled(Tenant::of(server).await, "first canary").await;
        let all = [("EXCLUDE_CHARACTERS", ""), ("PASSWORD_LENGTH", "256")];
        let scene = scene.in_environment(&tenant, &all).await;
        for _ in 0..3 {
            scene.rotate().await;
            let (user, password) = scene.login("AWSCURRENT").await;
            assert_eq!(password.len(), 256);
            assert!(tenant.logs_in(&user, &password).await, "{password}");
        }
    }
}

#[tokio::test]
async fn a_mariadb_that_insists_on_checking_passwords_itself_gets_them_and_the_log_a_warning() {
    Capture::prepare();
    for server in Server::with(&[Need::Mariadb, Need::OwnServers]) {
        let own = OwnServer::start(server, &[]).await;
        let tenant = Tenant::at(own.address.clone());
        tenant.sql("INSTALL SONAME 'simple_password_check'").await;
        tenant.settle("Canary: 1").await;
        let scene = Scene::of(&tenant, "Canary: 1").await;
        for _ in 0..2 {
            let capture = Capture::everything();
            scene.rotate().await;
            let log = capture.text();
            drop(capture);
            let warning = "stands in a statement that the server may log";
            assert!(log.contains(warning), "{server:?}: {log}");
            let (user, password) = scene.login("AWSCURRENT").await;
            assert!(!log.contains(&password), "{server:?}: {password} in {log}");
            assert!(tenant.logs_in(&user, &password).await);
            let (user, password) = scene.login("AWSPREVIOUS").await;
            assert!(tenant.logs_in(&user, &password).await);
        }
        assert_equal_accounts(&tenant, &tenant.user(), &tenant.twin()).await;
    }
}

#[tokio::test]
async fn a_password_whose_hash_is_in_another_format_than_the_server_enforces_is_set_again() {
    Capture::prepare();
    for server in Server::with(&[Need::OwnServers, Need::StorageFormats]) {
        for formats in [["CRYPT5", "PBKDF2_SHA512"], ["PBKDF2_SHA512", "CRYPT5"]] {
            enforced(server, formats).await;
        }
    }
}

/// The format is enforced when `setSecret` has set a password that is stored in the other one.
async fn enforced(server: Server, formats: [&str; 2]) {
    let [other, enforced] =
        formats.map(|name| format!("SET GLOBAL caching_sha2_password_storage_format = {name}"));
    let own = OwnServer::start(server, &[]).await;
    let tenant = Tenant::at(own.address.clone());
    let mut root = tenant.root().await;
    let set_root = format!("ALTER USER USER() IDENTIFIED BY '{}'", own.address.root_password);
    root.query_drop(format!("{other}; {set_root}")).await.unwrap();
    tenant.settle("first canary").await;
    let scene = Scene::of(&tenant, "first canary").await;
    scene.rotate().await;
    let token = scene.begin().await;
    scene.resume_until("testSecret", &token).await;
    let (twin, password) = scene.login("AWSPENDING").await;
    assert!(tenant.logs_in(&twin, &password).await);

    let enforce = "SET GLOBAL caching_sha2_password_enforce_storage_format = ON";
    root.query_drop(enforced).await.unwrap();
    scene.step("testSecret", &token).await.unwrap();
    root.query_drop(enforce).await.unwrap();
    let result = scene.step("testSecret", &token).await;
    refused(
        result,
        ErrorType::SuperuserLoginRefused,
        &["1820", "caching_sha2_password_storage_format"],
    );
    root.query_drop(set_root).await.unwrap();
    let taken = tenant.log_in(&twin, &password).await.unwrap_err();
    assert!(taken.to_string().contains("1820"), "{server:?}: {taken}");
    let result = scene.step("testSecret", &token).await;
    refused(result, ErrorType::PendingLoginRefused, &["another format of hashes", "rotate again"]);

    let capture = Capture::everything();
    scene.step("setSecret", &token).await.unwrap();
    let (log, (in_use, _)) = (capture.text(), scene.login("AWSCURRENT").await);
    assert!(
        log.contains(&format!(
            "whoever logs in as '{in_use}'@'%' can do nothing but set another password"
        )),
        "{log}"
    );
    drop(capture);
    scene.resume("testSecret", &token).await.unwrap();
    scene.rotate().await;
    for label in ["AWSCURRENT", "AWSPREVIOUS"] {
        let (user, password) = scene.login(label).await;
        assert!(tenant.logs_in(&user, &password).await, "{server:?}: {label}");
    }
    root.disconnect().await.unwrap();
}

/// As many texts as fit in a few questions to each server. A failure shows the text itself.
fn samples(strategy: &impl Strategy<Value = String>, count: usize) -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    let mut texts: Vec<_> =
        (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    texts.sort();
    texts.dedup();
    texts
}

#[tokio::test]
async fn a_quoted_text_is_the_text_at_the_server() {
    let plain = samples(&"\\PC{0,40}", 400);
    let special = samples(&"['\"`\\\\%_;#\\-/*\u{0}\n\r\t\u{1a}\u{bf}\u{5c}a é漢𝄞]{0,30}", 600);
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        let mut root = tenant.root().await;
        root.query_drop("SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'").await.unwrap();
        for texts in plain.chunks(100).chain(special.chunks(100)) {
            let literals: Vec<_> = texts.iter().map(|text| quote_literal(text)).collect();
            let query = format!("SELECT {}", literals.join(", "));
            let row: Option<mysql_async::Row> = root.query_first(&query).await.unwrap();
            let row = row.unwrap();
            for (at, text) in texts.iter().enumerate() {
                let found: Vec<u8> = row.get(at).unwrap();
                assert_eq!(String::from_utf8_lossy(&found), *text, "{server:?}");
            }
        }
        root.disconnect().await.unwrap();
    }
}

#[tokio::test]
async fn a_quoted_name_is_the_name_at_the_server_in_any_mode() {
    // What names may have: nothing of four bytes, no NUL, and no blank at the end.
    let plain = samples(&"[\\x20-\\x7eéß漢ÿ]{0,40}[a-z'\"`\\\\]", 400);
    let special = samples(&"['\"`\\\\.@%_;#\\-/* é漢]{1,30}x", 400);
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        let mut root = tenant.root().await;
        for mode in ["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES", "ANSI,NO_BACKSLASH_ESCAPES"] {
            root.query_drop(format!("SET SESSION sql_mode = '{mode}'")).await.unwrap();
            for names in plain.chunks(100).chain(special.chunks(100)) {
                let columns = names.iter().map(|name| format!("1 AS {}", quote_identifier(name)));
                let query = format!("SELECT {}", columns.collect::<Vec<_>>().join(", "));
                let row: Option<mysql_async::Row> = root.query_first(&query).await.unwrap();
                let row = row.unwrap();
                let found = row.columns_ref().iter().map(mysql_async::Column::name_str);
                for (found, name) in found.zip(names) {
                    // The server takes blanks away from the start of an alias, and of nothing else.
                    assert_eq!(found, name.trim_start(), "{server:?} {mode}");
                }
            }
        }
        root.disconnect().await.unwrap();
    }
}
