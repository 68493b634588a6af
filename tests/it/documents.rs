//! The documents of secrets, from the bad ones to the strange ones.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::primitives::Blob;
use rotation::error::ErrorType::SecretInvalid;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::support::account::Tenant;
use crate::support::canary::{Capture, assert_absent};
use crate::support::scene::{Scene, document, superuser_document};
use crate::support::server::Server;
use crate::support::untouched::{Traces, assert_error, give_up};

const FIRST: &str = "first canary";
const NOT_JSON: &str = "canary-4711, canary-4711";

async fn settled() -> (Tenant, Scene) {
    Scene::settled(Tenant::of(Server::one()).await, FIRST).await
}

/// Texts that are no document of a user's login, and what is said of them.
fn bad_texts(good: &Value) -> Vec<(String, String)> {
    let with = |key: &str, value: Value| {
        let mut document = good.clone();
        document[key] = value;
        document.to_string()
    };
    let mut cases = vec![
        (NOT_JSON.to_owned(), "is not JSON (line 1".to_owned()),
        (good.to_string() + "}", "is not JSON".to_owned()),
        (json!([good]).to_string(), "is JSON, but not an object".to_owned()),
        (json!(NOT_JSON).to_string(), "is JSON, but not an object".to_owned()),
        ("null".to_owned(), "is JSON, but not an object".to_owned()),
    ];
    let text = good.to_string();
    for key in ["password", "username", "host", "note"] {
        let twice = format!("{{\"{key}\": \"{NOT_JSON}\", \"note\": 1, {}", &text[1..]);
        cases.push((twice, format!("has the key \"{key}\" twice")));
    }
    for key in ["engine", "host", "username", "password"] {
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove(key);
        cases.push((without.to_string(), format!("lacks the key \"{key}\"")));
        cases.push((with(key, json!(null)), format!("\"{key}\" is null")));
        cases.push((with(key, json!("")), format!("\"{key}\" is empty")));
        cases.push((with(key, json!(7)), format!("\"{key}\" is a number, not a string")));
        cases.push((with(key, json!([FIRST])), format!("\"{key}\" is an array, not a string")));
    }
    for key in ["dbname", "masterarn", "tls_server_name"] {
        cases.push((
            with(key, json!({"a": FIRST})),
            format!("\"{key}\" is an object, not a string"),
        ));
    }
    for port in
        [json!(0), json!(65536), json!(-1), json!(3306.5), json!("x"), json!(true), json!([])]
    {
        cases.push((with("port", port), "\"port\" is ".to_owned()));
    }
    for engine in ["postgres", "MySQL", "mysql "] {
        let found = "; it must be one of mysql, aurora-mysql, mariadb".to_owned();
        cases.push((with("engine", json!(engine)), found));
    }
    for name in ["blank ", "line\nbreak", "nul\0", "𝄞"] {
        cases.push((with("username", json!(name)), "\"username\" ".to_owned()));
    }
    cases
}

#[tokio::test]
async fn a_bad_document_is_refused_by_each_step_with_its_key_and_no_value() {
    let (tenant, scene) = settled().await;
    let mut good = document(&tenant.address, &tenant.user(), FIRST);
    good["masterarn"] = json!(scene.superuser_arn);
    let rows = Traces::of_database(&tenant).await;
    for (text, found) in bad_texts(&good) {
        let call = scene.secrets.put_secret_value().secret_id(&scene.arn);
        call.secret_string(&text).send().await.unwrap();
        let token = scene.begin().await;
        let labels = scene.labels().await;
        for step in ["createSecret", "setSecret", "testSecret"] {
            let log = Capture::everything();
            let Err(error) = scene.step(step, &token).await else {
                panic!("{step} took the document {text}");
            };
            assert_error(&error, SecretInvalid, &[&found, &scene.arn]);
            let secrets = [FIRST, "canary-4711"];
            assert_absent(&secrets, &error.to_string(), &text);
            assert_absent(&secrets, &log.text(), &text);
        }
        assert_eq!(scene.labels().await, labels);
        assert_eq!(scene.text("AWSCURRENT").await, text);
        let pending = scene.secrets.get_secret_value().secret_id(&scene.arn);
        let pending = pending.version_id(&token).send().await;
        assert!(pending.is_err(), "a value was stored after {text}");
        give_up(&scene, &token).await;
    }
    assert_eq!(Traces::of_database(&tenant).await, rows);
}

#[tokio::test]
async fn a_secret_of_bytes_is_refused() {
    let (tenant, scene) = settled().await;
    let good = document(&tenant.address, &tenant.user(), FIRST).to_string();
    let call = scene.secrets.put_secret_value().secret_id(&scene.arn);
    call.secret_binary(Blob::new(good)).send().await.unwrap();
    let token = scene.begin().await;
    let error = scene.step("createSecret", &token).await.unwrap_err();
    assert_error(&error, SecretInvalid, &["is binary", &scene.arn]);
}

#[tokio::test]
async fn a_bad_document_of_the_superuser_is_refused_with_that_secrets_name() {
    let (tenant, scene) = settled().await;
    let good = superuser_document(&tenant.address);
    let token = scene.begin().await;
    scene.step("createSecret", &token).await.unwrap();
    let before = Traces::of(&tenant, &scene).await;
    for (text, found) in bad_texts(&good) {
        // A superuser's document need not have a kind of server or a host, as RDS's own does not, and
        // two keys mean nothing there.
        let may_lack = ["\"engine\"", "\"host\""].iter().any(|key| found.contains(key));
        let unread = ["\"dbname\"", "\"masterarn\""].iter().any(|key| found.contains(key));
        if unread || may_lack && ["lacks", "null", "empty"].iter().any(|how| found.contains(how)) {
            continue;
        }
        let call = scene.secrets.put_secret_value();
        let call = call.secret_id(&scene.superuser_arn).secret_string(&text);
        call.send().await.unwrap();
        let log = Capture::everything();
        let error = scene.step("setSecret", &token).await.unwrap_err();
        assert_error(&error, SecretInvalid, &[&found, &scene.superuser_arn]);
        let secrets = [FIRST, "canary-4711", &tenant.address.root_password];
        assert_absent(&secrets, &error.to_string(), &text);
        assert_absent(&secrets, &log.text(), &text);
    }
    let after = "the bad documents";
    before.assert_unchanged(&tenant, &scene, after).await;
}

#[tokio::test]
async fn every_other_key_is_the_same_byte_for_byte_after_two_rotations() {
    for &server in Server::all() {
        let tenant = Tenant::of(server).await;
        tenant.settle(FIRST).await;
        let (user, twin, host) = (tenant.user(), tenant.twin(), &tenant.address.host);
        let text = |arn: &str, username: &str, password: &str| {
            format!(
                "\n {{\"z\":9223372036854775813 ,\t\"a\" : 0.1, \"e\":1e400,\"E\":-1.50E+07,\r\n\
                 \"host\": \"{host}\", \"port\" :\"{}\" , \"engine\":\"{}\", \"dbname\":null,\n\
                 \"esc\":\"\\u00e9\\/\\\"\\\\\\ud834\\udd1e\\u0000\", \"é漢🎹\":\"é漢🎹\",\n\
                 \"password\" : {password}  , \"masterarn\":\"{arn}\",\"username\":{username},\
                 \"nested\":{{\"password\":\"p\",\"username\":[1,2 , 3.0,{{\"b\":1,\"a\":2}}]}} ,\
                 \"\":\"\",\"tls_server_name\":\"\",\"no\":false,\"ssl\":\"TRUE\"}}\n ",
                tenant.address.port,
                server.engine(),
            )
        };
        let quoted = |text: &str| json!(text).to_string();
        let superuser = superuser_document(&tenant.address);
        let scene = Scene::with_text(&tenant, &superuser, |arn| {
            // However these are written, they are the same login.
            let escaped: String = user.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
            text(arn, &format!("\"{escaped}\""), &quoted(FIRST))
        })
        .await;
        for name in [&twin, &user, &twin] {
            scene.rotate().await;
            let stored = scene.text("AWSCURRENT").await;
            // 1e400 is more than the usual reader takes.
            let keys: BTreeMap<String, &RawValue> = serde_json::from_str(&stored).unwrap();
            let password: String = serde_json::from_str(keys["password"].get()).unwrap();
            let expected = text(&scene.superuser_arn, &quoted(name), &quoted(&password));
            assert_eq!(stored, expected);
            assert!(tenant.logs_in(name, &password).await);
        }
    }
}
