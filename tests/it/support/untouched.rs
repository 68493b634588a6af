//! Everything that a refused rotation must leave as it was.

use std::collections::BTreeMap;

use mysql_async::Row;
use mysql_async::prelude::Queryable;
use rotation::error::{Error, ErrorType, Retry};
use serde_json::Value;

use super::account::Tenant;
use super::canary::{Capture, assert_absent};
use super::grants::tables;
use super::scene::Scene;
use crate::texts::has_remedy;

/// Every row of the grant tables about a tenant's users and roles, hashes and times included, and
/// every version of its secret, labels and values included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Traces {
    rows: Vec<String>,
    versions: BTreeMap<String, (Vec<String>, Option<String>)>,
}

impl Traces {
    pub(crate) async fn of(tenant: &Tenant, scene: &Scene) -> Self {
        Self { rows: rows(tenant).await, versions: versions(scene).await }
    }

    /// The rows of the grant tables alone.
    pub(crate) async fn of_database(tenant: &Tenant) -> Self {
        Self { rows: rows(tenant).await, versions: BTreeMap::new() }
    }

    /// Fails unless nothing has changed since these traces were taken.
    pub(crate) async fn assert_unchanged(&self, tenant: &Tenant, scene: &Scene, after: &str) {
        let now = Self::of(tenant, scene).await;
        let only = |a: &Self, b: &Self| -> Vec<String> {
            let rows = a.rows.iter().filter(|row| !b.rows.contains(row));
            rows.cloned().collect()
        };
        assert!(
            self.rows == now.rows,
            "written to the database after {after}:\nbefore {:#?}\nafter {:#?}",
            only(self, &now),
            only(&now, self)
        );
        assert_eq!(self.versions, now.versions, "written to the secret after {after}");
    }
}

async fn rows(tenant: &Tenant) -> Vec<String> {
    let mut root = tenant.root().await;
    let mut lines = Vec::new();
    for (table, user_column) in tables(tenant.address.server) {
        let query =
            format!("SELECT * FROM mysql.{table} WHERE {user_column} LIKE '%{}%'", tenant.mark());
        let rows: Vec<Row> = root.query(query).await.unwrap();
        lines.extend(rows.iter().map(|row| format!("{table}: {row:?}")));
    }
    root.disconnect().await.unwrap();
    lines.sort();
    lines
}

async fn versions(scene: &Scene) -> BTreeMap<String, (Vec<String>, Option<String>)> {
    let call = scene.secrets.list_secret_version_ids();
    let call = call.secret_id(&scene.arn).include_deprecated(true);
    let listed = call.send().await.unwrap().versions.unwrap_or_default();
    let mut versions = BTreeMap::new();
    for version in listed {
        let id = version.version_id.expect("each version has an id");
        let mut labels = version.version_stages.unwrap_or_default();
        labels.sort();
        let value = scene.secrets.get_secret_value().secret_id(&scene.arn);
        let value = value.version_id(&id).send().await;
        let text = value.ok().and_then(|value| value.secret_string);
        versions.insert(id, (labels, text));
    }
    versions
}

/// Begins a rotation of which `setSecret` must be refused, twice over, before anything is written:
/// with this type, these texts, and no secret in the error or in the log. The rotation is then given
/// up, so that another one can be begun. A preflight must have found the same.
pub(crate) async fn assert_refused(
    tenant: &Tenant,
    scene: &Scene,
    error_type: ErrorType,
    texts: &[&str],
) {
    let (foretold, _) = preflight(tenant, scene).await;
    assert_error(&foretold.expect_err("the preflight found nothing"), error_type, texts);
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    let before = Traces::of(tenant, scene).await;
    for _ in 0..2 {
        let log = Capture::everything();
        let result = scene.step("setSecret", &token).await;
        let log = log.text();
        let what = format!("{result:?}");
        let error = result.expect_err("setSecret was not refused");
        assert_error(&error, error_type, texts);
        before.assert_unchanged(tenant, scene, &what).await;
        let secrets = passwords(scene).await;
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        assert_absent(&secrets, &error.to_string(), "the error");
        assert_absent(&secrets, &log, "the log");
    }
    give_up(scene, &token).await;
}

/// Runs the preflight as Secrets Manager does, with a copy of the current value, and fails if it
/// changes anything or shows a secret. Gives its end and its log.
pub(crate) async fn preflight(tenant: &Tenant, scene: &Scene) -> (Result<(), Error>, String) {
    let token = scene.put_pending(&scene.text("AWSCURRENT").await).await;
    let before = Traces::of(tenant, scene).await;
    let capture = Capture::everything();
    let result = scene.step("testSecret", &token).await;
    let log = capture.text();
    drop(capture);
    before.assert_unchanged(tenant, scene, "the preflight").await;
    let secrets = passwords(scene).await;
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    assert_absent(&secrets, &log, "the log");
    give_up(scene, &token).await;
    (result, log)
}

pub(crate) fn assert_error(error: &Error, error_type: ErrorType, texts: &[&str]) {
    assert_eq!(error.error_type(), error_type, "{error}");
    let is_mended = error_type.retry() == Retry::AfterRepair;
    assert!(!is_mended || has_remedy(&error.to_string()), "what is to be done? {error}");
    for text in texts {
        assert!(error.to_string().contains(text), "{text:?} is not in: {error}");
    }
}

/// Takes AWSPENDING from the version.
pub(crate) async fn give_up(scene: &Scene, token: &str) {
    let call = scene.secrets.update_secret_version_stage();
    let call = call.secret_id(&scene.arn).version_stage("AWSPENDING");
    call.remove_from_version_id(token).send().await.unwrap();
}

/// The passwords that a rotation of this secret handles, as far as they are long enough to be
/// looked for.
pub(crate) async fn passwords(scene: &Scene) -> Vec<String> {
    let mut texts = Vec::new();
    for (secret, label) in [
        (&scene.arn, "AWSCURRENT"),
        (&scene.arn, "AWSPENDING"),
        (&scene.superuser_arn, "AWSCURRENT"),
    ] {
        let value = scene.secrets.get_secret_value().secret_id(secret);
        let value = value.version_stage(label).send().await;
        texts.extend(value.ok().and_then(|value| value.secret_string));
    }
    let documents = texts.iter().filter_map(|text| serde_json::from_str::<Value>(text).ok());
    documents
        .filter_map(|document| document["password"].as_str().map(str::to_owned))
        .filter(|password| password.len() >= 8)
        .collect()
}

/// Stores another document of the superuser.
pub(crate) async fn change_superuser(scene: &Scene, document: &Value) {
    let call = scene.secrets.put_secret_value();
    let call = call.secret_id(&scene.superuser_arn);
    let text = document.to_string();
    call.secret_string(text).send().await.unwrap();
}
