//! Each runbook, on a secret in the state that it is for.

use super::page::Page;
use super::reader::Reader;
use crate::support::server::{Need, Server};

pub(super) async fn all(reader: &Reader) {
    let page = Page::read("docs/runbooks.md");
    where_a_secret_stands(reader, &page).await;
    a_leaked_password(reader, &page).await;
    back_to_the_previous_login(reader, &page).await;
    a_stuck_rotation(reader, &page).await;
    a_restored_server(reader, &page).await;
    a_deleted_user(reader, &page).await;
    a_changed_superuser(reader, &page).await;
    leaving(reader, &page).await;
}

async fn where_a_secret_stands(reader: &Reader, page: &Page) {
    let section = page.section("See where a secret stands");
    let [labels, user] = section.blocks("sh");
    assert!(reader.succeeds(labels).contains("AWSCURRENT"));
    assert_eq!(reader.succeeds(user).trim(), reader.login().await.0);
}

async fn a_leaked_password(reader: &Reader, page: &Page) {
    let section = page.section("A password has leaked");
    let [first, second] = section.blocks("sh");
    let [who, discard, list, kill, unlock] = section.blocks("sql");
    let (user, leaked) = reader.login().await;
    let mut thief = reader.tenant.log_in(&user, &leaked).await.unwrap();
    reader.succeeds(first);
    reader.was_rotated().await;
    assert!(reader.tenant.logs_in(&user, &leaked).await, "one rotation is not enough");
    reader.sql(who).await;
    reader.succeeds(second);
    reader.was_rotated().await;
    assert!(!reader.tenant.logs_in(&user, &leaked).await, "the leaked password still opens");

    // The session is still there; its number is what the list shows.
    let id = thief.id();
    let listed = reader.sql(list).await;
    assert!(listed.iter().any(|row| row[0] == id.to_string() && row[1] == user), "{listed:?}");
    reader.sql(&kill.replace("ID", &id.to_string())).await;
    assert!(mysql_async::prelude::Queryable::query_drop(&mut thief, "DO 1").await.is_err());
    let kept = if user.ends_with("_clone") { "'app_clone'" } else { "'app'" };
    if Server::one().has(Need::SecondPasswords) {
        reader.sql(&discard.replace("'app'", kept)).await;
    }
    reader.sql(unlock).await;
}

async fn back_to_the_previous_login(reader: &Reader, page: &Page) {
    let section = page.section("The rotation ended well and the application broke");
    let [stop, back, turn_on, rotate] = section.blocks("sh");
    let before = reader.login().await;
    reader.rotates().await;
    assert_ne!(reader.login().await, before);
    reader.succeeds(stop);
    reader.succeeds(&reader.versions_in(back).await);
    assert_eq!(reader.login().await, before);
    assert!(reader.tenant.logs_in(&before.0, &before.1).await);
    reader.succeeds(turn_on);
    reader.was_tested().await;
    reader.succeeds(rotate);
    reader.was_rotated().await;
    assert!(reader.tenant.logs_in(&before.0, &before.1).await);
}

async fn a_stuck_rotation(reader: &Reader, page: &Page) {
    let section = page.section("A rotation is stuck");
    let [go_on] = section.blocks("sh");
    reader.fails_to_rotate().await;
    reader.fails(go_on);
    reader.was_rotated().await;
}

/// As of a backup from before the last rotation: the user has the password that was replaced.
async fn a_restored_server(reader: &Reader, page: &Page) {
    let section = page.section("The server was restored");
    let [test, back, rotate] = section.blocks("sh");
    let (user, replaced) = reader.login_of("AWSPREVIOUS").await;
    reader.rotates().await;
    assert_eq!(reader.login().await.0, user);
    reader.tenant.sql(format!("ALTER USER '{user}'@'%' IDENTIFIED BY '{replaced}'")).await;
    reader.succeeds(test);
    reader.has_failed("CurrentPasswordWrong").await;
    reader.succeeds(&reader.versions_in(back).await);
    let (other, password) = reader.login().await;
    assert!(reader.tenant.logs_in(&other, &password).await);
    reader.starts_over().await;
    reader.succeeds(rotate);
    reader.was_rotated().await;
}

async fn a_deleted_user(reader: &Reader, page: &Page) {
    let section = page.section("A user of the pair was deleted");
    let [back_and_rotate] = section.blocks("sh");
    let (user, _) = reader.login().await;
    reader.tenant.sql(format!("DROP USER '{user}'@'%'")).await;
    reader.succeeds(&reader.versions_in(back_and_rotate).await);
    reader.was_rotated().await;
    assert_eq!(reader.login().await.0, user);
}

async fn a_changed_superuser(reader: &Reader, page: &Page) {
    let section = page.section("The superuser was changed");
    let [put_and_test] = section.blocks("sh");
    reader.write("superuser.json", &reader.superuser_document());
    reader.succeeds(put_and_test);
    reader.was_tested().await;
}

async fn leaving(reader: &Reader, page: &Page) {
    let section = page.section("Leave this product");
    let [off] = section.blocks("sh");
    let [definers, drop] = section.blocks("sql");
    while reader.login().await.0.ends_with("_clone") {
        reader.rotates().await;
    }
    reader.succeeds(off);
    assert_eq!(reader.sql(definers).await, Vec::<Vec<String>>::new());
    reader.sql(drop).await;
    let (user, password) = reader.login().await;
    assert!(reader.tenant.logs_in(&user, &password).await);
    assert!(reader.tenant.hosts(&reader.tenant.twin()).await.is_empty());
}
