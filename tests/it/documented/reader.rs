//! Somebody who follows the documents: a folder, a shell, and an AWS with two secrets.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use mysql_async::Row;
use mysql_async::prelude::Queryable;
use serde_json::Value;

use crate::support::account::Tenant;
use crate::support::aws::OwnAws;
use crate::support::scene::{STEPS, document, superuser_document};
use crate::support::server::Server;
use crate::support::stack::{Function, secrets_manager, setting};

const PASSWORD: &str = "the first password";

pub(super) struct Reader {
    folder: PathBuf,
    aws: OwnAws,
    pub(super) tenant: Tenant,
    secrets: Client,
    secret: String,
    /// What stands in the documents, and what this reader has for it.
    names: Vec<(&'static str, String)>,
    superuser: String,
    function: Option<Function>,
}

impl Reader {
    /// With what a release has in the folder: here the program is the one under test.
    pub(super) async fn start() -> Self {
        let aws = OwnAws::start().await;
        let tenant = Tenant::of(Server::one()).await;
        tenant.settle(PASSWORD).await;
        let secrets = secrets_manager().await.config().to_builder().endpoint_url(&aws.url);
        let secrets = Client::from_conf(secrets.build());
        let create = async |name: &str, value: Value| {
            let call = secrets.create_secret().name(name).secret_string(value.to_string());
            call.send().await.unwrap().arn.unwrap()
        };
        let superuser = create("superuser", superuser_document(&tenant.address)).await;
        let secret = create("app/user", document(&tenant.address, &tenant.user(), PASSWORD)).await;
        aws.attempts(&secret, 1).await;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(tenant.mark());
        std::fs::create_dir_all(&folder).unwrap();
        let names = names(&aws, &tenant, &superuser, &secret);
        let reader =
            Self { folder, aws, tenant, secrets, secret, names, superuser, function: None };
        reader.release();
        reader
    }

    fn release(&self) {
        let program = "import sys, pathlib, package\n\
             root, folder, binary = map(pathlib.Path, sys.argv[1:])\n\
             package.pack(binary, folder / 'mysql-rotation-arm64.zip', level=1)\n\
             text = package.packaged((root / 'template.yaml').read_text(), 'mysql-rotation-arm64.zip', 'arm64')\n\
             (folder / 'packaged-arm64.yaml').write_text(text)\n";
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut python = Command::new("python3");
        python.env("PYTHONPATH", root.join("dev")).args(["-c", program]);
        python.args([root, &self.folder, Path::new(env!("CARGO_BIN_EXE_bootstrap"))]);
        done(&python.output().unwrap());
    }

    /// Puts a file into the folder, with the reader's own names in it.
    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), self.own(text)).unwrap();
    }

    /// The text with the reader's own names in place of the words in capitals.
    fn own(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, (word, own)| text.replace(word, own))
    }

    fn run(&self, commands: &str) -> Output {
        let path = format!("PATH={}:$PATH\n", self.aws.programs.display());
        Command::new("bash")
            .args(["-eu", "-o", "pipefail", "-c", &(path + &self.own(commands))])
            .current_dir(&self.folder)
            .env("AWS_ENDPOINT_URL", &self.aws.url)
            .env("AWS_PAGER", "")
            .output()
            .unwrap()
    }

    /// Runs commands that must end well. Gives what they wrote.
    pub(super) fn succeeds(&self, commands: &str) -> String {
        done(&self.run(commands))
    }

    /// Runs commands that must end with an error. Gives the error.
    pub(super) fn fails(&self, commands: &str) -> String {
        let output = self.run(commands);
        assert!(!output.status.success(), "{commands}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The environment of the stack's function.
    fn variables(&self) -> serde_json::Map<String, Value> {
        let name = ["--function-name", "mysql-rotation"];
        let get = [&["lambda", "get-function-configuration"], &name[..]].concat();
        self.aws.cli(&get)["Environment"]["Variables"].as_object().unwrap().clone()
    }

    /// A variable in the environment of the stack's function.
    pub(super) fn variable(&self, name: &str) -> String {
        self.variables()[name].as_str().unwrap().to_owned()
    }

    /// What Lambda does with the function of the stack: runs the program of the zip, in its environment.
    pub(super) async fn start_function(&mut self) {
        let variables = self.variables();
        let mut environment: Vec<(&str, String)> = Vec::new();
        for (name, value) in &variables {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            environment.push((name, text));
        }
        environment.push(("AWS_ENDPOINT_URL", self.aws.url.clone()));
        environment.push(("TLS_CA_FILE", setting("MYSQL_CA_FILE")));
        let environment: Vec<_> = environment.iter().map(|(n, v)| (*n, v.as_str())).collect();
        self.succeeds("python3 -m zipfile -e mysql-rotation-arm64.zip . && chmod +x bootstrap");
        let binary = self.folder.join("bootstrap");
        let timeout = Duration::from_secs(30);
        let binary = binary.to_str().unwrap();
        self.function =
            Some(Function::start("mysql-rotation", binary, &environment, timeout).await);
    }

    pub(super) async fn described(&self) -> DescribeSecretOutput {
        self.secrets.describe_secret().secret_id(&self.secret).send().await.unwrap()
    }

    /// The version with this label.
    pub(super) async fn version(&self, label: &str) -> Option<String> {
        let versions = self.described().await.version_ids_to_stages.unwrap_or_default();
        let mut found = versions.into_iter();
        found.find(|(_, labels)| labels.iter().any(|one| one == label)).map(|(version, _)| version)
    }

    /// The login in AWSCURRENT.
    pub(super) async fn login(&self) -> (String, String) {
        self.login_of("AWSCURRENT").await
    }

    /// The login in the version with this label.
    pub(super) async fn login_of(&self, label: &str) -> (String, String) {
        let call = self.secrets.get_secret_value().secret_id(&self.secret).version_stage(label);
        let value = call.send().await.unwrap();
        let value: Value = serde_json::from_str(value.secret_string().unwrap()).unwrap();
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        (text("username"), text("password"))
    }

    /// Fails unless what ran last was a test of the configuration, which changed nothing.
    pub(super) async fn was_tested(&self) {
        let rotations = self.aws.rotations_ended(&self.secret).await;
        let last = rotations.steps.last().unwrap();
        assert_eq!(rotations.state, "succeeded", "{last:?}");
        let steps = rotations.steps.iter().filter(|step| step.token == last.token);
        assert!(steps.map(|step| step.step.as_str()).eq(["testSecret"]));
        assert_ne!(self.version("AWSCURRENT").await.unwrap(), last.token);
    }

    /// Fails unless what ran last was a rotation, and the login that it left is good.
    pub(super) async fn was_rotated(&self) {
        let rotations = self.aws.rotations_ended(&self.secret).await;
        let last = rotations.steps.last().unwrap();
        assert_eq!(rotations.state, "succeeded", "{last:?}");
        assert_eq!(last.step, STEPS[3]);
        assert_eq!(self.version("AWSCURRENT").await.unwrap(), last.token);
        let (user, password) = self.login().await;
        assert!(self.tenant.logs_in(&user, &password).await);
    }

    /// Has a rotation fail, for a reason that is gone when it has ended.
    pub(super) async fn fails_to_rotate(&self) {
        let put = async |value: Value| {
            let call = self.secrets.put_secret_value().secret_id(&self.superuser);
            call.secret_string(value.to_string()).send().await.unwrap();
        };
        let right = superuser_document(&self.tenant.address);
        let mut wrong = right.clone();
        wrong["password"] = "not that one".into();
        put(wrong).await;
        self.succeeds("aws secretsmanager rotate-secret --secret-id SECRET");
        let rotations = self.aws.rotations_ended(&self.secret).await;
        put(right).await;
        assert_eq!(rotations.state, "failed", "{rotations:?}");
    }

    /// Fails unless what ran last ended with this error.
    pub(super) async fn has_failed(&self, error_type: &str) {
        let rotations = self.aws.rotations_ended(&self.secret).await;
        let error = rotations.steps.last().unwrap().error.as_ref().unwrap();
        assert_eq!(error.error_type, error_type, "{}", error.error_message);
    }

    pub(super) async fn rotates(&self) {
        self.succeeds("aws secretsmanager rotate-secret --secret-id SECRET");
        self.was_rotated().await;
    }

    /// Takes AWSPENDING away from a version that a failed rotation, or test, has left.
    pub(super) async fn starts_over(&self) {
        let Some(version) = self.version("AWSPENDING").await else { return };
        if self.version("AWSCURRENT").await.as_ref() != Some(&version) {
            let call = self.secrets.update_secret_version_stage().secret_id(&self.secret);
            let call = call.version_stage("AWSPENDING").remove_from_version_id(version);
            call.send().await.unwrap();
        }
    }

    /// Commands, with the ids of the versions that are labeled now.
    pub(super) async fn versions_in(&self, commands: &str) -> String {
        let (previous, current) =
            (self.version("AWSPREVIOUS").await.unwrap(), self.version("AWSCURRENT").await.unwrap());
        commands.replace("PREVIOUS_VERSION", &previous).replace("CURRENT_VERSION", &current)
    }

    pub(super) fn superuser_document(&self) -> String {
        superuser_document(&self.tenant.address).to_string()
    }

    /// Runs a statement of a page as root. Gives its rows, as text.
    pub(super) async fn sql(&self, statement: &str) -> Vec<Vec<String>> {
        let statement = statement
            .replace("app_clone", &self.tenant.twin())
            .replace("'app'", &format!("'{}'", self.tenant.user()));
        let rows: Vec<Row> = self.tenant.root().await.query(statement).await.unwrap();
        let text = |value: &mysql_async::Value| value.as_sql(true).trim_matches('\'').to_owned();
        rows.into_iter().map(|row| row.unwrap().iter().map(text).collect()).collect()
    }

    /// The fields that lines of the function's log have.
    pub(super) fn fields_of_the_log(&self) -> BTreeSet<String> {
        let log = self.function.as_ref().unwrap().logged();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let keys = |line: Value| line.as_object().map(|one| one.keys().cloned().collect());
        lines.filter_map(keys).flat_map(|keys: Vec<String>| keys).collect()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn names(
    aws: &OwnAws,
    tenant: &Tenant,
    superuser: &str,
    secret: &str,
) -> Vec<(&'static str, String)> {
    let subnets = aws.cli(&["ec2", "describe-subnets"]);
    let groups = aws.cli(&["ec2", "describe-security-groups"]);
    let subnet = |n: usize| subnets["Subnets"][n]["SubnetId"].as_str().unwrap();
    let group = groups["SecurityGroups"][0]["GroupId"].as_str().unwrap();
    let function = "arn:aws:lambda:eu-central-1:123456789012:function:mysql-rotation";
    vec![
        ("SUPERUSER_SECRET_ARN", superuser.to_owned()),
        ("SECRET_ARN", secret.to_owned()),
        ("TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:operators".to_owned()),
        ("SUBNET,SUBNET", format!("{},{}", subnet(0), subnet(1))),
        ("=GROUP", format!("={group}")),
        ("BUCKET", format!("bucket-{}", tenant.mark())),
        ("FUNCTION_ARN", function.to_owned()),
        ("--secret-id SECRET", "--secret-id app/user".to_owned()),
    ]
}

fn done(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout.clone()).unwrap()
}
