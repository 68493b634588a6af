//! The role of the template may do what a rotation needs, and nothing else.
//!
//! The stack is that of the whole template, and IAM decides with its conditions: see `dev/iam.py`.

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;

use reader::Reader;
use serde_json::Value;
use stage::Stage;

mod reader;
mod stage;

#[tokio::test]
async fn the_role_of_the_template_rotates_with_a_managed_superuser_and_may_do_nothing_else() {
    let stage = Stage::start().await;
    for _ in 0..2 {
        let rotations = stage.rotate().await;
        assert_eq!(rotations.state, "succeeded", "{rotations:?}");
    }
    for operation in [
        "DescribeSecret",
        "GetSecretValue",
        "PutSecretValue",
        "UpdateSecretVersionStage",
        "DescribeDBInstances",
    ] {
        assert!(stage.edited.count(operation) > 0, "{operation}");
    }

    let role = stage.as_role();
    let Stage { user, superuser, other, .. } = &stage;
    let list = role.list_secret_version_ids().secret_id(user).include_deprecated(true);
    assert!(list.send().await.unwrap().versions().len() > 1);
    let denied = |operation: &str, code: Option<&str>| {
        assert_eq!(code, Some("AccessDeniedException"), "{operation}");
    };
    let put = role.put_secret_value().secret_id(superuser).secret_string("{}").send().await;
    denied("PutSecretValue", put.unwrap_err().code());
    let get = role.get_secret_value().secret_id(other).send().await;
    denied("GetSecretValue", get.unwrap_err().code());
    let describe = role.describe_secret().secret_id(other).send().await;
    denied("DescribeSecret", describe.unwrap_err().code());
    let delete = role.delete_secret().secret_id(user).send().await;
    denied("DeleteSecret", delete.unwrap_err().code());
    let random = role.get_random_password().send().await;
    denied("GetRandomPassword", random.unwrap_err().code());
    // The stack's ordinary credentials are nobody's here.
    assert!(stage.secrets.get_secret_value().secret_id(user).send().await.is_err());
}

/// A policy of the role, a statement in it, one of its actions, the step that fails without it, and
/// the error.
type Needed = (&'static str, &'static str, &'static str, &'static str, &'static str);

const USER: (&str, &str) = ("rotation", "SecretsThatThisFunctionRotates");

/// In the order in which a rotation meets them: each failure leaves the next try where it was.
const NEEDED: [Needed; 12] = [
    (USER.0, USER.1, "secretsmanager:DescribeSecret", "createSecret", "AccessDenied"),
    (USER.0, USER.1, "secretsmanager:GetSecretValue", "createSecret", "AccessDenied"),
    ("user-secrets-key", "UserSecretsKey", "kms:Decrypt", "createSecret", "KmsDenied"),
    ("user-secrets-key", "UserSecretsKey", "kms:GenerateDataKey", "createSecret", "KmsDenied"),
    (USER.0, USER.1, "secretsmanager:PutSecretValue", "createSecret", "AccessDenied"),
    ("rotation", "SuperuserSecret", "secretsmanager:GetSecretValue", "setSecret", "AccessDenied"),
    ("superuser-secret-key", "SuperuserSecretKey", "kms:Decrypt", "setSecret", "KmsDenied"),
    (
        "rds",
        "TagsOfTheSuperuserSecret",
        "secretsmanager:DescribeSecret",
        "setSecret",
        "AccessDenied",
    ),
    ("rds", "Databases", "rds:DescribeDBInstances", "setSecret", "AccessDenied"),
    // The twin is there, and only an older version of the secret shows whose it is.
    (USER.0, USER.1, "secretsmanager:ListSecretVersionIds", "setSecret", "TwinNotOurs"),
    (USER.0, USER.1, "secretsmanager:UpdateSecretVersionStage", "finishSecret", "AccessDenied"),
    // From here on the superuser secret is that of a cluster.
    ("rds", "Databases", "rds:DescribeDBClusters", "setSecret", "AccessDenied"),
];

#[tokio::test]
async fn each_action_of_the_role_is_needed() {
    let stage = Stage::start().await;
    stage.age_the_twin().await;
    let mut all: Vec<_> = NEEDED.iter().map(|needed| (needed.0, needed.1, needed.2)).collect();
    let mut granted = stage.granted();
    all.sort_unstable();
    granted.retain(|(_, statement, _)| statement != "Logs");
    granted.sort_unstable();
    let borrowed: Vec<_> = granted.iter().map(|(p, s, a)| (&**p, &**s, &**a)).collect();
    assert_eq!(borrowed, all, "an action without a case here, or the reverse");

    for (policy, statement, action, step, error_type) in NEEDED {
        if action == "rds:DescribeDBClusters" {
            let rotations = stage.rotate().await;
            assert_eq!(rotations.state, "succeeded", "{rotations:?}");
            stage.move_superuser_to_a_cluster().await;
        }
        stage.take_away(policy, statement, action).await;
        let rotations = stage.rotate().await;
        stage.give_back(policy).await;
        let last = rotations.steps.last().unwrap();
        let error = last.error.as_ref().unwrap_or_else(|| panic!("{action} is not needed"));
        assert_eq!(last.step, step, "{action}: {error:?}");
        assert_eq!(error.error_type, error_type, "{action}: {error:?}");
        if error_type == "AccessDenied" {
            assert!(error.error_message.contains(action), "{action}: {error:?}");
        }
    }
    let rotations = stage.rotate().await;
    let error = rotations.steps.last().unwrap().error.as_ref();
    let error = error.expect("RDS gave the cluster an address that leads nowhere");
    assert_ne!(error.error_type, "AccessDenied", "{error:?}");
}

/// Of the command's policy: a statement, one of its actions, the words that fail without it, and the error.
const NEEDED_BY_COMMAND: [(&str, &str, &str, &str); 10] = [
    ("SecretsOfUsers", "secretsmanager:DescribeSecret", "check", "AccessDenied"),
    ("SecretsOfUsers", "secretsmanager:GetSecretValue", "check", "AccessDenied"),
    ("SecretsOfUsers", "secretsmanager:ListSecretVersionIds", "check", "TwinNotOurs"),
    ("SuperuserSecret", "secretsmanager:GetSecretValue", "check", "AccessDenied"),
    ("SettingsOfTheFunction", "lambda:GetFunctionConfiguration", "check", "SuperuserSecretUnknown"),
    ("StatusOfAll", "secretsmanager:ListSecrets", "status", "AccessDenied"),
    ("CustomerManagedKeys", "kms:Decrypt", "check", "KmsDenied"),
    (
        "TagsOfASuperuserSecretThatRdsManages",
        "secretsmanager:DescribeSecret",
        "check",
        "AccessDenied",
    ),
    ("DatabasesOfRds", "rds:DescribeDBInstances", "check", "AccessDenied"),
    ("DatabasesOfRds", "rds:DescribeDBClusters", "check", "AccessDenied"),
];

#[tokio::test]
async fn each_action_of_the_policy_for_the_command_is_needed_and_all_together_are_enough() {
    let stage = Stage::start().await;
    stage.age_the_twin().await;
    stage.attach().await;
    let reader = Reader::of(&stage).await;
    let mut granted = reader.granted();
    granted.sort_unstable();
    let mut needed: Vec<_> = NEEDED_BY_COMMAND.iter().map(|needed| (needed.0, needed.1)).collect();
    needed.sort_unstable();
    let borrowed: Vec<_> = granted.iter().map(|(sid, action)| (&**sid, &**action)).collect();
    assert_eq!(borrowed, needed, "an action without a case here, or the reverse");

    let check = ["check", &stage.user];
    let all = reader.types(&check).await;
    assert_eq!((all.status, &all.json()["refusal"]), (2, &Value::Null), "{all:?}");
    let all = reader.types(&["status", "--all"]).await;
    assert_eq!(all.status, 0, "{all:?}");
    assert_eq!(all.json()["secrets"][0]["error"], Value::Null, "{all:?}");
    assert_eq!(all.json()["secrets"][0]["server"]["currentValid"], true, "{all:?}");
    for (sid, action, subcommand, error_type) in NEEDED_BY_COMMAND {
        if action == "rds:DescribeDBClusters" {
            stage.move_superuser_to_a_cluster().await;
        }
        reader.may_not(&stage, sid, action).await;
        let words: &[&str] = if subcommand == "check" { &check } else { &["status", "--all"] };
        let said = reader.types(words).await;
        reader.may_do_all(&stage).await;
        assert_eq!(said.status, 1, "{action} is not needed: {said:?}");
        let told = said.json();
        let errors = [&told["refusal"], &told["error"]];
        let error = errors.into_iter().find(|error| error.is_object()).unwrap();
        assert_eq!(error["errorType"], error_type, "{action}: {error:?}");
        if error_type == "AccessDenied" {
            let text = error["errorMessage"].as_str().unwrap();
            assert!(text.contains(action) && text.contains("your user or role"), "{text}");
        }
    }
}
