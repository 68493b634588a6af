//! The command `mysql-rotation`, as a person types it: against real servers, and with the function
//! attached where it starts rotations.

use std::time::Duration;

use aws_sdk_secretsmanager::types::RotationRulesType;
use serde_json::{Value, json};

use crate::support::account::{Tenant, account, literal};
use crate::support::canary::assert_absent;
use crate::support::command::{Output, Person};
use crate::support::scene::Scene;
use crate::support::server::{Need, Server};
use crate::support::stack::{Function, Rotations, setting};
use crate::support::untouched::Traces;

const FIRST: &str = "First-canary-1";

/// A secret, and a person who reads it.
async fn scene(server: Server) -> (Tenant, Scene, Person) {
    let (tenant, scene) = Scene::settled(Tenant::of(server).await, FIRST).await;
    let person = Person::with(&tenant.address);
    (tenant, scene, person)
}

/// Attaches the built function, without a rotation.
async fn attach(tenant: &Tenant, scene: &Scene, environment: &[(&str, &str)]) -> Function {
    Rotations::set(&scene.arn, json!({"attempts": 1})).await;
    let ca_file = tenant.address.ca_file.display().to_string();
    let mut variables = vec![("TLS_CA_FILE", ca_file.as_str())];
    variables.extend(environment);
    let name = format!("command-{}", tenant.mark());
    let binary = env!("CARGO_BIN_EXE_bootstrap");
    let function = Function::start(&name, binary, &variables, Duration::from_secs(30)).await;
    let rules = RotationRulesType::builder().automatically_after_days(30).build();
    let call = scene.secrets.rotate_secret().secret_id(&scene.arn).rotation_rules(rules);
    let call = call.rotation_lambda_arn(&function.arn).rotate_immediately(false);
    call.send().await.unwrap();
    Rotations::ended(&scene.arn).await;
    function
}

#[tokio::test]
async fn check_tells_what_the_next_rotation_would_do_and_changes_nothing() {
    for &server in Server::all() {
        let (tenant, scene, person) = scene(server).await;
        let before = Traces::of(&tenant, &scene).await;

        let first = person.types(&["check", &scene.arn, "--output", "json"]).await;
        assert_eq!(first.status, 2, "{first:?}");
        let first = first.json();
        assert_eq!(first["refusal"], Value::Null);
        assert_eq!(first["plan"]["created"].as_array().unwrap().len(), 1);
        assert!(first["plan"]["created"][0].as_str().unwrap().contains("<secret>"), "{first}");
        before.assert_unchanged(&tenant, &scene, "check").await;

        scene.rotate().await;
        let equal = person.types(&["check", &scene.arn]).await;
        assert_eq!(equal.status, 0, "{equal:?}");
        assert!(equal.stdout.contains("would only set a new password"), "{equal:?}");

        // Both users change places: the twin is the user now.
        let (database, twin) = (tenant.database(), account(&tenant.twin(), "%"));
        tenant.sql(format!("REVOKE SELECT ON {database}.* FROM {twin}")).await;
        let grants: Vec<_> = (0..30)
            .map(|n| format!("CREATE TABLE {database}.t{n} (id INT); GRANT SELECT ON {database}.t{n} TO {twin}"))
            .collect();
        tenant.sql(grants.join(";")).await;
        let drift = person.types(&["check", &scene.arn]).await;
        assert_eq!(drift.status, 2, "{drift:?}");
        assert!(drift.stdout.contains("- REVOKE SELECT ON"), "{drift:?}");
        assert!(drift.stdout.contains("… and 20 more; --full shows them"), "{drift:?}");
        assert!(drift.stdout.contains("create 0, grant 30, revoke 1, change 0"), "{drift:?}");
        let full = person.types(&["check", &scene.arn, "--full"]).await;
        assert_eq!(full.stdout.matches("+ GRANT").count(), 30, "{full:?}");
    }
}

#[tokio::test]
async fn check_says_as_the_function_does_why_a_rotation_would_be_refused() {
    for &server in Server::all() {
        let (tenant, scene, person) = scene(server).await;
        let user = account(&tenant.user(), "%");
        tenant
            .sql(format!("ALTER USER {user} IDENTIFIED BY {}", literal("Another-canary-1")))
            .await;
        let refused = person.types(&["check", &scene.arn, "--output", "json"]).await;
        assert_eq!(refused.status, 1, "{refused:?}");
        assert_eq!(refused.json()["refusal"]["errorType"], "CurrentPasswordWrong");
        let text = person.types(&["check", &scene.arn]).await;
        assert!(text.stdout.contains("mysql-rotation explain CurrentPasswordWrong"), "{text:?}");
        assert_absent(
            &[FIRST, "Another-canary-1"],
            &(text.stdout + &text.stderr),
            "a refused check",
        );
    }
}

#[tokio::test]
async fn check_judges_every_account_of_the_user_or_the_one_of_an_address_and_logs_in_as_nobody() {
    for &server in Server::all() {
        let (tenant, scene, person) = scene(server).await;
        let there = account(&tenant.user(), "10.9.9.9");
        tenant
            .sql(format!("CREATE USER {there} IDENTIFIED BY {} ACCOUNT LOCK", literal(FIRST)))
            .await;
        let all = person.types(&["check", &scene.arn, "--output", "json"]).await.json();
        let passed = all["passed"].to_string();
        let warnings = all["warnings"].to_string();
        assert!(passed.contains("'@'%' can be used"), "{all}");
        assert!(warnings.contains("'@'10.9.9.9'") && warnings.contains("locked"), "{all}");
        let of_function = ["check", &scene.arn, "--from", "10.9.9.9", "--output", "json"];
        let of_function = person.types(&of_function).await;
        assert_eq!(
            of_function.json()["refusal"]["errorType"],
            "AccountUnusable",
            "{of_function:?}"
        );
    }
}

#[tokio::test]
async fn status_tells_where_each_secret_stands_and_goes_on_after_one_that_fails() {
    for &server in Server::all() {
        let (tenant, scene, person) = scene(server).await;
        scene.rotate().await;
        let words = ["status", &scene.arn, "no-such-secret", "--output", "json"];
        let told = person.types(&words).await;
        assert_eq!(told.status, 0, "{told:?}");
        let told = told.json();
        let [row, missing] = told["secrets"].as_array().unwrap().as_slice() else {
            panic!("{told}");
        };
        assert_eq!(row["user"], tenant.twin(), "{told}");
        assert_eq!(row["server"]["currentValid"], true, "{told}");
        assert_eq!(row["server"]["previousValid"], true, "{told}");
        assert_eq!(row["server"]["drift"], 0, "{told}");
        assert_eq!(row["unfinished"], Value::Null, "{told}");
        assert_eq!(missing["error"]["errorType"], "SecretNotFound", "{told}");

        // A rotation that stops after setSecret.
        let token = scene.begin().await;
        scene.resume_until("testSecret", &token).await;
        let told = person.types(&["status", &scene.arn, "--output", "json"]).await.json();
        let row = &told["secrets"][0];
        assert_eq!(row["unfinished"], token, "{told}");
        assert_eq!(row["server"]["unfinishedValid"], true, "{told}");
        assert_eq!(row["server"]["previousValid"], false, "{told}");
        let text = person.types(&["status", &scene.arn]).await;
        assert!(text.stdout.contains("STUCK"), "{text:?}");

        let words = ["status", &scene.arn, "--no-database", "--output", "json"];
        let labels = person.types(&words).await;
        assert_eq!(labels.json()["secrets"][0]["server"], Value::Null);
    }
}

#[tokio::test]
async fn rotate_follows_a_rotation_and_replaces_a_leaked_login() {
    for &server in Server::all() {
        let (tenant, scene, person) = scene(server).await;
        let _function = attach(&tenant, &scene, &[]).await;
        let asked = person.types(&["rotate", &scene.arn]).await;
        assert_eq!(asked.status, 1, "without a terminal the answer is no: {asked:?}");
        assert_eq!(scene.login("AWSCURRENT").await.0, tenant.user());

        let once = person
            .types(&["rotate", &scene.arn, "--timeout", "60", "--yes", "--output", "json"])
            .await;
        assert_eq!(once.status, 0, "{once:?}");
        let once = once.json();
        assert_eq!(once["logins"][0]["user"], tenant.twin(), "{once}");
        assert!(tenant.logs_in(&tenant.user(), FIRST).await);

        let leaked = scene.login("AWSCURRENT").await;
        let words = ["rotate", &scene.arn, "--until-replaced", "--yes", "--output", "json"];
        let replaced = person.types(&words).await;
        assert_eq!(replaced.status, 0, "{replaced:?}");
        let replaced = replaced.json();
        assert_eq!(replaced["rotations"].as_array().unwrap().len(), 2, "{replaced}");
        assert_eq!(replaced["replaced"], true, "{replaced}");
        assert!(!tenant.logs_in(&leaked.0, &leaked.1).await);
        let current = scene.login("AWSCURRENT").await;
        assert!(tenant.logs_in(&current.0, &current.1).await);
    }
}

#[tokio::test]
async fn a_leaked_login_that_the_server_retains_is_discarded_where_that_is_asked_for() {
    for server in Server::with(&[Need::SecondPasswords]) {
        let (tenant, scene, person) = scene(server).await;
        let retain = [("RETAIN_PREVIOUS_PASSWORD", "true")];
        let _function = attach(&tenant, &scene, &retain).await;
        let once = person.types(&["rotate", &scene.arn, "--timeout", "60", "--yes"]).await;
        assert_eq!(once.status, 0, "{once:?}");
        let leaked = scene.login("AWSCURRENT").await;
        let words = [
            "rotate",
            &scene.arn,
            "--timeout",
            "60",
            "--until-replaced",
            "--discard-old-password",
            "--yes",
            "--output",
            "json",
        ];
        let replaced = person.types(&words).await;
        assert_eq!(replaced.status, 0, "{replaced:?}");
        let replaced = replaced.json();
        assert_eq!(replaced["rotations"].as_array().unwrap().len(), 2, "{replaced}");
        assert!(!tenant.logs_in(&leaked.0, &leaked.1).await, "{replaced}");
        let current = scene.login("AWSCURRENT").await;
        assert!(tenant.logs_in(&current.0, &current.1).await, "{replaced}");
    }
}

#[tokio::test]
async fn rollback_goes_back_to_a_proven_login_and_to_no_other() {
    for &server in Server::all() {
        let (tenant, scene, person) = scene(server).await;
        let nothing = person.types(&["rollback", &scene.arn, "--yes"]).await;
        assert_eq!(nothing.status, 1, "{nothing:?}");
        scene.rotate().await;
        let back = person.types(&["rollback", &scene.arn, "--yes", "--output", "json"]).await;
        assert_eq!(back.status, 0, "{back:?}");
        assert_eq!(back.json()["to"]["user"], tenant.user(), "{back:?}");
        assert_eq!(scene.login("AWSCURRENT").await, (tenant.user(), FIRST.to_owned()));
        // The next rotation goes on from here.
        scene.rotate().await;
        let current = scene.login("AWSCURRENT").await;
        assert_eq!(current.0, tenant.twin());
        assert!(tenant.logs_in(&current.0, &current.1).await);

        let user = account(&tenant.user(), "%");
        tenant
            .sql(format!("ALTER USER {user} IDENTIFIED BY {}", literal("Another-canary-1")))
            .await;
        let before = Traces::of(&tenant, &scene).await;
        let refused = person.types(&["rollback", &scene.arn, "--yes", "--output", "json"]).await;
        assert_eq!(refused.status, 1, "{refused:?}");
        assert_eq!(refused.json()["error"]["errorType"], "SecretInvalid");
        before.assert_unchanged(&tenant, &scene, "a refused rollback").await;
    }
}

#[tokio::test]
async fn unstick_tells_how_far_a_rotation_came_and_lets_the_next_one_begin_anew() {
    for &server in Server::all() {
        let (tenant, scene, person) = scene(server).await;
        let token = scene.begin().await;
        scene.resume_until("testSecret", &token).await;
        let asked = person.types(&["unstick", &scene.arn]).await;
        assert_eq!(asked.status, 1, "{asked:?}");
        assert!(asked.stdout.contains("setSecret has set it on the server"), "{asked:?}");
        assert!(asked.stdout.contains("Nothing was changed."), "{asked:?}");
        assert_eq!(scene.version("AWSPENDING").await, Some(token));

        let done = person.types(&["unstick", &scene.arn, "--yes", "--output", "json"]).await;
        assert_eq!(done.json()["done"], true, "{done:?}");
        assert_eq!(scene.version("AWSPENDING").await, None);
        scene.rotate().await;
        let current = scene.login("AWSCURRENT").await;
        assert!(tenant.logs_in(&current.0, &current.1).await);
        let nothing = person.types(&["unstick", &scene.arn, "--yes"]).await;
        assert_eq!(nothing.status, 1, "{nothing:?}");
    }
}

#[tokio::test]
async fn rollback_goes_back_to_the_other_user_where_the_one_in_use_was_dropped() {
    for &server in Server::all() {
        let (tenant, scene, person) = scene(server).await;
        scene.rotate().await;
        let (user, password) = scene.login("AWSCURRENT").await;
        assert!(tenant.logs_in(&user, &password).await);
        tenant.sql(format!("DROP USER {}", account(&user, "%"))).await;
        let back = person.types(&["rollback", &scene.arn, "--yes"]).await;
        assert_eq!(back.status, 0, "{back:?}");
        assert_eq!(scene.login("AWSCURRENT").await, (tenant.user(), FIRST.to_owned()));
        assert!(tenant.logs_in(&tenant.user(), FIRST).await);
        scene.rotate().await;
        let (user, password) = scene.login("AWSCURRENT").await;
        assert_eq!(user, tenant.twin());
        assert!(tenant.logs_in(&user, &password).await);
    }
}

#[tokio::test]
async fn rollback_refuses_a_login_that_has_expired_or_opens_one_host_alone_and_tells_of_drift() {
    for &server in Server::all() {
        let (tenant, scene, person) = scene(server).await;
        scene.rotate().await;
        let user = account(&tenant.user(), "%");
        let database = tenant.database();
        tenant.sql(format!("REVOKE SELECT ON {database}.* FROM {user}")).await;
        let drift = person.types(&["rollback", &scene.arn]).await;
        assert!(drift.stdout.contains("the two users differ by 1 statement"), "{drift:?}");
        tenant.sql(format!("GRANT SELECT ON {database}.* TO {user}")).await;

        let first = literal(FIRST);
        let there = account(&tenant.user(), "10.9.9.9");
        for (given, undone, error_type, found) in [
            (
                format!("ALTER USER {user} PASSWORD EXPIRE"),
                format!("ALTER USER {user} IDENTIFIED BY {first}"),
                "AccountUnusable",
                "has an expired password",
            ),
            (
                format!("CREATE USER {there} IDENTIFIED BY 'Another-canary-1'"),
                format!("DROP USER {there}"),
                "HostPasswordsDiffer",
                "10.9.9.9",
            ),
        ] {
            tenant.sql(given).await;
            let before = Traces::of(&tenant, &scene).await;
            let words = ["rollback", &scene.arn, "--yes", "--output", "json"];
            let refused = person.types(&words).await;
            let error = &refused.json()["error"];
            assert_eq!((refused.status, &error["errorType"]), (1, &error_type.into()), "{error}");
            assert!(error["errorMessage"].to_string().contains(found), "{error}");
            before.assert_unchanged(&tenant, &scene, "a refused rollback").await;
            tenant.sql(undone).await;
        }
        let current = scene.login("AWSCURRENT").await;
        assert!(tenant.logs_in(&current.0, &current.1).await);
        let done = person.types(&["rollback", &scene.arn, "--yes"]).await;
        assert_eq!(done.status, 0, "{done:?}");
        assert!(!done.stdout.contains("differ"), "{done:?}");
        assert_eq!(scene.login("AWSCURRENT").await, (tenant.user(), FIRST.to_owned()));
        assert!(tenant.logs_in(&tenant.user(), FIRST).await);
        assert!(tenant.logs_in(&current.0, &current.1).await);
    }
}

/// Without a terminal the answer is no, so that a script that goes on with `&&` does not.
#[tokio::test]
async fn a_label_that_stays_since_the_answer_was_no_is_a_failure_and_its_call_names_the_region() {
    let (tenant, scene, person) = scene(Server::one()).await;
    scene.rotate().await;
    let before = Traces::of(&tenant, &scene).await;
    let rollback = person.types(&["rollback", &scene.arn]).await;
    assert_eq!(rollback.status, 1, "{rollback:?}");
    assert!(rollback.stdout.contains("Nothing was changed."), "{rollback:?}");
    before.assert_unchanged(&tenant, &scene, "a rollback without an answer").await;

    scene.begin().await;
    let unstick = person.types(&["unstick", &scene.arn, "--output", "json"]).await;
    assert_eq!((unstick.status, &unstick.json()["done"]), (1, &false.into()), "{unstick:?}");
    let call = format!(
        "aws secretsmanager update-secret-version-stage --region {} --secret-id {}",
        scene.arn.split(':').nth(3).unwrap(),
        scene.arn
    );
    for told in [&rollback, &unstick] {
        assert!(told.stdout.contains(&call), "{told:?}");
    }
}

#[tokio::test]
async fn a_call_that_was_not_sent_says_what_the_person_lacks() {
    let known = |names: &[&str]| {
        let mut person = Person::nowhere();
        person.set("AWS_EC2_METADATA_DISABLED", "true");
        names.iter().for_each(|name| person.set(name, &setting(name)));
        person
    };
    let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    let mut misled = known(&[keys[0], keys[1], "AWS_REGION"]);
    misled.set("AWS_ENDPOINT_URL", "banana");
    for (person, words, found) in [
        (known(&keys), &["check", "app"][..], "region"),
        (known(&["AWS_ENDPOINT_URL", "AWS_REGION"]), &["check", "app"], "credentials"),
        (known(&["AWS_REGION"]), &["check", "app", "--profile", "nobody"], "credential"),
        (misled, &["check", "app"], "endpoint"),
    ] {
        let words = [words, &["--output", "json"]].concat();
        let told = person.types(&words).await;
        let error = told.json()["error"]["errorMessage"].to_string().to_lowercase();
        assert_eq!(told.status, 1, "{told:?}");
        assert!(error.contains("was not sent: ") && error.contains("--profile"), "{error}");
        let (_, reason) = error.split_once("was not sent: ").unwrap();
        let (reason, _) = reason.rsplit_once("; give --region").unwrap();
        assert!(reason.contains(found), "{found}: {error}");
    }
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_not_said_to_have_its_rotation_turned_off() {
    let (_tenant, _scene, person) = scene(Server::one()).await;
    let told = person.types(&["status", "no-such-secret"]).await;
    let row = told.stdout.lines().find(|line| line.contains("FAILED")).unwrap();
    assert!(!row.contains("off"), "{told:?}");
}

#[tokio::test]
async fn explain_needs_neither_aws_nor_a_database_and_wrong_words_are_no_plan() {
    let person = Person::nowhere();
    let told = person.types(&["explain", "currentpasswordwrong"]).await;
    assert_eq!(
        (told.status, told.stdout.starts_with("CurrentPasswordWrong")),
        (0, true),
        "{told:?}"
    );
    let asked = person.types(&["explain", "EventInvalid"]).await;
    assert!(asked.stdout.contains("The command `mysql-rotation`"), "{asked:?}");
    let number = person.types(&["explain", "1040", "--output", "json"]).await.json();
    assert_eq!(number["explanations"][0]["errorType"], "ServerBusy", "{number}");
    for words in [&["explain", "65000"][..], &["check"], &["no-such-command"]] {
        let wrong = person.types(words).await;
        assert_eq!(wrong.status, 1, "{words:?}: {wrong:?}");
    }
    for words in [&["--help"][..], &["--version"], &["completions", "bash"], &["manual"]] {
        let Output { status, stdout, .. } = person.types(words).await;
        assert!(status == 0 && stdout.contains("mysql-rotation"), "{words:?}: {stdout}");
    }
}

#[tokio::test]
async fn no_password_is_printed_or_logged_by_any_subcommand() {
    for &server in Server::all() {
        let (tenant, scene, person) = scene(server).await;
        let _function = attach(&tenant, &scene, &[]).await;
        let mut written = String::new();
        let mut passwords = vec![FIRST.to_owned()];
        for words in [
            &["check", &scene.arn][..],
            &["check", &scene.arn, "--login"],
            &["rotate", &scene.arn, "--yes"],
            &["status", &scene.arn],
            &["rollback", &scene.arn, "--yes"],
            &["rotate", &scene.arn, "--until-replaced", "--yes"],
        ] {
            for output in ["text", "json"] {
                let mut words = words.to_vec();
                words.extend(["--output", output]);
                let said = person.types(&words).await;
                written += &(said.stdout + &said.stderr);
                passwords.push(scene.login("AWSCURRENT").await.1);
            }
        }
        passwords.push(tenant.address.root_password.clone());
        let passwords: Vec<_> = passwords.iter().map(String::as_str).collect();
        assert!(written.len() > 2000);
        assert_absent(&passwords, &written, "what the command printed");
    }
}
