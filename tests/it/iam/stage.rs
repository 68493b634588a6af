//! A stack of the template, and a secret that its function rotates with its role.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::Credentials;
use aws_sdk_secretsmanager::types::{RotationRulesType, Tag};
use serde_json::{Value, json};

use crate::support::account::{Tenant, account};
use crate::support::aws::OwnAws;
use crate::support::edited::{Edit, Edited};
use crate::support::rds::Rds;
use crate::support::scene::document;
use crate::support::server::Server;
use crate::support::stack::{Function, Rotations, secrets_manager};

const USER_KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/user";
const SUPERUSER_KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/superuser";
const PASSWORD: &str = "a password";
const OLD_PASSWORD: &str = "an old password";

pub(super) struct Stage {
    pub(super) aws: OwnAws,
    pub(super) tenant: Tenant,
    /// With credentials that are nobody's as soon as policies are enforced.
    pub(super) secrets: Client,
    pub(super) user: String,
    pub(super) superuser: String,
    /// A secret that has nothing to do with the function.
    pub(super) other: String,
    pub(super) edited: Edited,
    function: Function,
    /// The name of the stack's role, and the credentials of a session that has taken it on.
    role: String,
    session: [(&'static str, String); 3],
    policies: Vec<(String, Value)>,
}

impl Stage {
    /// A user's secret and a superuser's, each with a key of its own; RDS manages the superuser's.
    pub(super) async fn start() -> Self {
        let aws = OwnAws::start().await;
        let tenant = Tenant::of(Server::one()).await;
        tenant.settle(PASSWORD).await;
        let address = &tenant.address;
        let secrets = secrets_manager().await.config().to_builder().endpoint_url(&aws.url);
        let secrets = Client::from_conf(secrets.build());
        let login = json!({"username": address.root, "password": address.root_password});
        let superuser = create_secret(&secrets, "superuser", SUPERUSER_KEY, &login).await;
        let other = create_secret(&secrets, "other", USER_KEY, &login).await;
        let twins = document(address, &tenant.twin(), OLD_PASSWORD);
        let user = create_secret(&secrets, "user", USER_KEY, &twins).await;
        let instance = Rds::at(&tenant, &aws.url).await.instance(address.port).await;
        tag(&secrets, &superuser, "aws:rds:primaryDBInstanceArn", "db", &instance).await;

        let edited = Edited::before(&aws.url).await;
        edited.edit(|call| {
            (call.operation == "DescribeDBInstances").then(|| Edit::change(on_loopback))
        });
        let name = format!("iam-{}", tenant.mark());
        let role = create_stack(&aws, &name, &superuser);
        let session = take_on(&aws, &role);
        let policies = policies(&aws, name_of(&role));
        let (url, ca_file) = (edited.url(), address.ca_file.to_string_lossy().into_owned());
        let mut environment = vec![
            ("AWS_ENDPOINT_URL", &*url),
            ("TLS_CA_FILE", &ca_file),
            ("SUPERUSER_SECRET_ARN", &superuser),
        ];
        environment.extend(session.iter().map(|(name, value)| (*name, value.as_str())));
        let binary = env!("CARGO_BIN_EXE_bootstrap");
        let function = Function::start(&name, binary, &environment, Duration::from_secs(30)).await;
        let current = document(&tenant.address, &tenant.user(), PASSWORD).to_string();
        for text in [&format!("{current} "), &current] {
            secrets.put_secret_value().secret_id(&user).secret_string(text).send().await.unwrap();
        }
        aws.attempts(&user, 1).await;
        Self {
            aws,
            tenant,
            secrets,
            user,
            superuser,
            other,
            edited,
            function,
            role: name_of(&role).to_owned(),
            session,
            policies,
        }
    }
}

// What a rotation needs, and what it is without something of it.
impl Stage {
    /// Rotates, or goes on with a rotation that failed, until it has ended.
    pub(super) async fn rotate(&self) -> Rotations {
        // RotateSecret itself is the owner's call; whatever comes after it is the role's.
        self.aws.enforce_after(1).await;
        let rules = RotationRulesType::builder().automatically_after_days(30).build();
        let call = self.secrets.rotate_secret().secret_id(&self.user).rotation_rules(rules);
        if let Err(error) = call.rotation_lambda_arn(&self.function.arn).send().await {
            let text = format!("{error:?}");
            assert!(text.contains("That rotation will be reattempted"), "{text}");
        }
        self.aws.rotations_ended(&self.user).await
    }

    /// Has the function rotate the secret later.
    pub(super) async fn attach(&self) {
        let rules = RotationRulesType::builder().automatically_after_days(30).build();
        let call = self.secrets.rotate_secret().secret_id(&self.user).rotation_rules(rules);
        let call = call.rotation_lambda_arn(&self.function.arn).rotate_immediately(false);
        call.send().await.unwrap();
        self.aws.rotations_ended(&self.user).await;
    }

    /// Gives the twin the password that the secret's oldest version has, and other versions do not.
    pub(super) async fn age_the_twin(&self) {
        let twin = account(&self.tenant.twin(), "%");
        self.tenant.sql(format!("CREATE USER {twin} IDENTIFIED BY '{OLD_PASSWORD}'")).await;
        // So much later that the twin is not taken for one that the next rotation has made.
        tokio::time::sleep(Duration::from_secs(7)).await;
    }

    /// Has the tags of the superuser secret name a cluster.
    pub(super) async fn move_superuser_to_a_cluster(&self) {
        self.aws.enforce_after(9).await;
        let [cluster, ..] = Rds::at(&self.tenant, &self.aws.url).await.cluster().await;
        let untag = self.secrets.untag_resource().secret_id(&self.superuser);
        untag.tag_keys("aws:rds:primaryDBInstanceArn").send().await.unwrap();
        let key = "aws:rds:primaryDBClusterArn";
        tag(&self.secrets, &self.superuser, key, "cluster", &cluster).await;
    }

    /// Every action that the role has: its policy, its statement, and itself.
    pub(super) fn granted(&self) -> Vec<(String, String, String)> {
        let mut granted = Vec::new();
        for (policy, document) in &self.policies {
            for statement in document["Statement"].as_array().unwrap() {
                let sid = statement["Sid"].as_str().expect("a statement without a Sid");
                for action in actions(statement) {
                    granted.push((policy.clone(), sid.to_owned(), action));
                }
            }
        }
        granted
    }

    /// Takes an action away from the role.
    pub(super) async fn take_away(&self, policy: &str, sid: &str, action: &str) {
        let (_, document) = self.policies.iter().find(|(name, _)| name == policy).unwrap();
        self.put(&self.role, policy, &without(document, sid, action)).await;
    }

    /// Gives the role back what the template gave it.
    pub(super) async fn give_back(&self, policy: &str) {
        let (_, document) = self.policies.iter().find(|(name, _)| name == policy).unwrap();
        self.put(&self.role, policy, document).await;
    }

    pub(super) async fn put(&self, role: &str, policy: &str, document: &Value) {
        self.aws.enforce_after(1).await;
        self.aws.put_role_policy(role, policy, &document.to_string()).await;
    }

    /// A client with the role's credentials.
    pub(super) fn as_role(&self) -> Client {
        let [key, secret, token] = [0, 1, 2].map(|n| self.session[n].1.clone());
        let credentials = Credentials::new(key, secret, Some(token), None, "the role");
        let config = self.secrets.config().to_builder().credentials_provider(credentials);
        Client::from_conf(config.build())
    }
}

/// A policy without one of its actions.
pub(super) fn without(document: &Value, sid: &str, action: &str) -> Value {
    let mut document = document.clone();
    for statement in document["Statement"].as_array_mut().unwrap() {
        if statement["Sid"] == sid {
            let mut left = actions(statement);
            left.retain(|one| one != action);
            // A statement needs an action; this one is nothing to the function.
            left.push("iam:GetUser".to_owned());
            statement["Action"] = json!(left);
        }
    }
    document
}

pub(super) fn actions(statement: &Value) -> Vec<String> {
    let one_or_many = match &statement["Action"] {
        Value::Array(many) => many.clone(),
        one => vec![one.clone()],
    };
    one_or_many.into_iter().map(|action| action.as_str().unwrap().to_owned()).collect()
}

async fn create_secret(secrets: &Client, name: &str, key: &str, value: &Value) -> String {
    let create = secrets.create_secret().name(name).kms_key_id(key);
    create.secret_string(value.to_string()).send().await.unwrap().arn.unwrap()
}

async fn tag(secrets: &Client, secret: &str, key: &str, kind: &str, id: &str) {
    let arn = format!("arn:aws:rds:eu-central-1:123456789012:{kind}:{id}");
    let tag = Tag::builder().key(key).value(arn).build();
    secrets.tag_resource().secret_id(secret).tags(tag).send().await.unwrap();
}

/// Makes a stack of the whole template. Gives the ARN of its role.
fn create_stack(aws: &OwnAws, function: &str, superuser: &str) -> String {
    let template = template_in(function);
    let template = template.to_str().unwrap();
    let place = ["--bucket", "code", "--key", "rotation.zip", "--body", template];
    aws.cli(&["s3api", "create-bucket", "--bucket", "code", "--region", "us-east-1"]);
    aws.cli(&[&["s3api", "put-object"], &place[..]].concat());
    let parameters = [
        ("functionName", function),
        ("superuserSecretArn", superuser),
        ("kmsKeyArn", USER_KEY),
        ("superuserSecretKmsKeyArn", SUPERUSER_KEY),
    ];
    let parameters =
        parameters.map(|(key, value)| format!("ParameterKey={key},ParameterValue={value}"));
    let body = format!("file://{template}");
    let mut arguments = vec!["cloudformation", "create-stack", "--stack-name", "rotation"];
    arguments.extend(["--template-body", &body, "--capabilities", "CAPABILITY_IAM"]);
    arguments.push("--parameters");
    arguments.extend(parameters.iter().map(String::as_str));
    aws.cli(&arguments);
    let stacks = aws.cli(&["cloudformation", "describe-stacks", "--stack-name", "rotation"]);
    let outputs = stacks["Stacks"][0]["Outputs"].as_array().unwrap_or_else(|| panic!("{stacks}"));
    let output = |name: &str| {
        let found = outputs.iter().find(|output| output["OutputKey"] == name);
        found.unwrap()["OutputValue"].as_str().unwrap().to_owned()
    };
    assert!(output("RotationLambdaARN").ends_with(function));
    output("RoleArn")
}

/// The template, with its code in S3.
fn template_in(test: &str) -> PathBuf {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("template.yaml");
    let template = std::fs::read_to_string(template).unwrap();
    let placed = template.replace("CodeUri: .", "CodeUri: s3://code/rotation.zip");
    assert_ne!(placed, template);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.yaml"));
    std::fs::write(&file, placed).unwrap();
    file
}

/// The environment of a function with the role.
pub(super) fn take_on(aws: &OwnAws, role: &str) -> [(&'static str, String); 3] {
    let session =
        aws.cli(&["sts", "assume-role", "--role-arn", role, "--role-session-name", "rotation"]);
    let key = |name: &str| session["Credentials"][name].as_str().unwrap().to_owned();
    [
        ("AWS_ACCESS_KEY_ID", key("AccessKeyId")),
        ("AWS_SECRET_ACCESS_KEY", key("SecretAccessKey")),
        ("AWS_SESSION_TOKEN", key("SessionToken")),
    ]
}

fn name_of(role: &str) -> &str {
    role.rsplit_once('/').unwrap().1
}

/// The role's policies, by name.
fn policies(aws: &OwnAws, role: &str) -> Vec<(String, Value)> {
    let all = aws.cli(&["iam", "get-account-authorization-details", "--filter", "Role"]);
    let mut roles = all["RoleDetailList"].as_array().unwrap().iter();
    let details = roles.find(|details| details["RoleName"] == role).unwrap();
    let policies = details["RolePolicyList"].as_array().unwrap().iter();
    let name = |policy: &Value| policy["PolicyName"].as_str().unwrap().to_owned();
    policies.map(|policy| (name(policy), policy["PolicyDocument"].clone())).collect()
}

fn on_loopback(answer: String) -> String {
    let Some((head, (_, tail))) = answer
        .split_once("<Address>")
        .and_then(|(head, rest)| Some((head, rest.split_once("</Address>")?)))
    else {
        return answer; // a denial
    };
    format!("{head}<Address>127.0.0.1</Address>{tail}")
}
