//! The role of the template may do what a rotation needs, and nothing else.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{Builder, Credentials};
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use serde_json::{Value, json};

use crate::support::account::Tenant;
use crate::support::aws::OwnAws;
use crate::support::edited::{Edit, Edited};
use crate::support::rds::Rds;
use crate::support::scene::document;
use crate::support::stack::{Function, Server, secrets_manager};

/// The template without the function itself: the role, its policies and what they name.
fn role_of_the_template() -> String {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("template.yaml");
    let template = std::fs::read_to_string(template).unwrap();
    let mut kept = String::new();
    let (mut section, mut name) = ("", "");
    for line in template.lines().filter(|line| !line.starts_with("Transform:")) {
        match line.trim_end().strip_suffix(':') {
            Some(key) if !key.starts_with(' ') => section = key,
            Some(key) if key.starts_with("  ") && !key.starts_with("   ") => name = key.trim(),
            _ => {}
        }
        let inside = line.starts_with("  ");
        let kept_name = match section {
            "Resources" => ["Role", "RdsPolicy", "LogGroup"].contains(&name),
            "Outputs" => name == "RoleArn",
            "Metadata" => false,
            _ => true,
        };
        if !inside && section != "Metadata" || inside && kept_name {
            writeln!(kept, "{line}").unwrap();
        }
    }
    kept
}

/// Creates the stack and takes its role on. Gives the environment of a function with that role.
fn role_environment(aws: &OwnAws, user: &str, superuser: &str) -> [(&'static str, String); 3] {
    let file =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("role-{}.yaml", std::process::id()));
    std::fs::write(&file, role_of_the_template()).unwrap();
    let parameter = |key: &str, value: &str| format!("ParameterKey={key},ParameterValue={value}");
    aws.cli(&[
        "cloudformation",
        "create-stack",
        "--stack-name",
        "rotation",
        "--template-body",
        &format!("file://{}", file.display()),
        "--capabilities",
        "CAPABILITY_IAM",
        "--parameters",
        &parameter("UserSecretArns", user),
        &parameter("SuperuserSecretArn", superuser),
    ]);
    let stacks = aws.cli(&["cloudformation", "describe-stacks", "--stack-name", "rotation"]);
    let role = &stacks["Stacks"][0]["Outputs"][0]["OutputValue"];
    let role = role.as_str().unwrap_or_else(|| panic!("no role: {stacks}"));
    let session =
        aws.cli(&["sts", "assume-role", "--role-arn", role, "--role-session-name", "rotation"]);
    let key = |name: &str| session["Credentials"][name].as_str().unwrap().to_owned();
    [
        ("AWS_ACCESS_KEY_ID", key("AccessKeyId")),
        ("AWS_SECRET_ACCESS_KEY", key("SecretAccessKey")),
        ("AWS_SESSION_TOKEN", key("SessionToken")),
    ]
}

async fn create_secret(secrets: &Client, name: &str, value: &Value) -> String {
    let create = secrets.create_secret().name(name).secret_string(value.to_string());
    create.send().await.unwrap().arn.unwrap()
}

fn as_role(secrets: &Client, role: &[(&str, String)]) -> Client {
    let [key, secret, token] = [0, 1, 2].map(|n| role[n].1.clone());
    let credentials = Credentials::new(key, secret, Some(token), None, "the role");
    let config: Builder = secrets.config().to_builder();
    Client::from_conf(config.credentials_provider(credentials).build())
}

#[tokio::test]
async fn the_role_of_the_template_rotates_with_a_managed_superuser_and_may_do_nothing_else() {
    let aws = OwnAws::start().await;
    let tenant = Tenant::of(Server::Mysql).await;
    tenant.settle("a password").await;
    let address = &tenant.address;
    let secrets = secrets_manager().await.config().to_builder().endpoint_url(&aws.url);
    let secrets = Client::from_conf(secrets.build());
    let login = json!({"username": address.root, "password": address.root_password});
    let superuser = create_secret(&secrets, "superuser", &login).await;
    let other = create_secret(&secrets, "other", &login).await;
    let mut user = document(address, &tenant.user(), "a password");
    user["masterarn"] = superuser.as_str().into();
    let user = create_secret(&secrets, "user", &user).await;
    let rds = Rds::at(&tenant, &aws.url).await;
    let instance = rds.instance(address.port).await;
    let tag = aws_sdk_secretsmanager::types::Tag::builder().key("aws:rds:primaryDBInstanceArn");
    let tag = tag.value(format!("arn:aws:rds:eu-central-1:123456789012:db:{instance}"));
    let call = secrets.tag_resource().secret_id(&superuser).tags(tag.build());
    call.send().await.unwrap();

    let role = role_environment(&aws, &user, &superuser);
    let edited = Edited::before(&aws.url).await;
    edited
        .edit(|call| (call.operation == "DescribeDBInstances").then(|| Edit::change(on_loopback)));
    let (url, ca_file) = (edited.url(), address.ca_file.to_string_lossy().into_owned());
    let mut environment = vec![("AWS_ENDPOINT_URL", &*url), ("TLS_CA_FILE", &ca_file)];
    environment.extend(role.iter().map(|(name, value)| (*name, value.as_str())));
    let name = format!("iam-{}", tenant.mark());
    let binary = env!("CARGO_BIN_EXE_bootstrap");
    let function = Function::start(&name, binary, &environment, Duration::from_secs(30)).await;

    let rules = aws_sdk_secretsmanager::types::RotationRulesType::builder();
    let rules = rules.automatically_after_days(30).build();
    for _ in 0..2 {
        // RotateSecret itself is the owner's call; whatever comes after it is the role's.
        aws.enforce_after(1).await;
        let call = secrets.rotate_secret().secret_id(&user).rotation_lambda_arn(&function.arn);
        call.rotation_rules(rules.clone()).send().await.unwrap();
        let rotations = aws.rotations_ended(&user).await;
        assert_eq!(rotations.state, "succeeded", "{rotations:?}");
    }
    for operation in [
        "DescribeSecret",
        "GetSecretValue",
        "PutSecretValue",
        "UpdateSecretVersionStage",
        "DescribeDBInstances",
    ] {
        assert!(edited.count(operation) > 0, "{operation}");
    }

    let role = as_role(&secrets, &role);
    let list = role.list_secret_version_ids().secret_id(&user).include_deprecated(true);
    assert!(list.send().await.unwrap().versions().len() > 1);
    let denied = |operation: &str, code: Option<&str>| {
        assert_eq!(code, Some("AccessDeniedException"), "{operation}");
    };
    let put = role.put_secret_value().secret_id(&superuser).secret_string("{}").send().await;
    denied("PutSecretValue", put.unwrap_err().code());
    let get = role.get_secret_value().secret_id(&other).send().await;
    denied("GetSecretValue", get.unwrap_err().code());
    let describe = role.describe_secret().secret_id(&other).send().await;
    denied("DescribeSecret", describe.unwrap_err().code());
    let delete = role.delete_secret().secret_id(&user).send().await;
    denied("DeleteSecret", delete.unwrap_err().code());
    let random = role.get_random_password().send().await;
    denied("GetRandomPassword", random.unwrap_err().code());
    // The stack's ordinary credentials are nobody's here.
    assert!(secrets.get_secret_value().secret_id(&user).send().await.is_err());
}

fn on_loopback(answer: String) -> String {
    let (head, rest) = answer.split_once("<Address>").unwrap_or_else(|| panic!("{answer}"));
    let (_, tail) = rest.split_once("</Address>").unwrap();
    format!("{head}<Address>127.0.0.1</Address>{tail}")
}
