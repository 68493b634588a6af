//! A secret, a MySQL user, two rotations: the function's whole job, done for real.
//!
//! Follows AWS's tutorial "Set up alternating users rotation for AWS Secrets Manager". `make demo`
//! starts the servers and runs it; it ends with an error if anything is not as it says.

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::RotationRulesType;
use mysql_async::prelude::Queryable;

#[path = "tutorial/application.rs"]
mod application;
#[path = "tutorial/database.rs"]
mod database;
#[path = "tutorial/page.rs"]
mod page;
#[path = "../tests/it/support/server.rs"]
#[allow(
    dead_code,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "it belongs to the tests, which use more of it"
)]
mod server;
#[path = "../tests/it/support/stack.rs"]
#[allow(
    dead_code,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "it belongs to the tests, which use more of it"
)]
mod stack;
#[path = "tutorial/words.rs"]
mod words;

use application::{Application, login_at};
use database::{Database, Login};
use page::{chapter, detail, line, timed, title, yes};
use server::Server;
use stack::{Function, Rotations, secrets_manager, setting};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const DATABASE: &str = "MyTestDatabase";
const USER: &str = "mytestuser";
const TWIN: &str = "mytestuser_clone";
const SUPERUSER_SECRET: &str = "MyTestDatabaseSuperuserSecret";
const USER_SECRET: &str = "MyTestDatabaseUserSecret";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => {
            println!("\nEverything was as it should be.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("\nNOT AS IT SHOULD BE: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    database::ensure_reachable().await?;
    let tutorial = Tutorial {
        database: Database::at(Server::one().address()).await?,
        secrets: secrets_manager().await,
    };
    tutorial.database.refuse_to_overwrite().await?;
    let story = tutorial.clone();
    // In a task of its own, so that it is cleaned up after a panic too.
    let told = tokio::spawn(async move { story.tell().await }).await;
    let told = told.unwrap_or_else(|panic| Err(panic.into()));
    told.and(tutorial.clean_up().await)
}

#[derive(Clone)]
struct Tutorial {
    database: Database,
    secrets: Client,
}

impl Tutorial {
    async fn tell(&self) -> Result<()> {
        self.introduce().await?;

        chapter("1. A database, and a user who may read");
        let first = self.create_user().await?;

        chapter("2. Two secrets: the superuser's, and the user's");
        let secret = self.create_secrets(&first).await?;

        chapter("3. The login in the secret works");
        let login = login_at(&self.secrets, &secret, "AWSCURRENT").await?;
        let let_in = self.database.lets_in(&login).await?;
        ensure(let_in, "the login in the secret was refused")?;
        line(&format!("logged in as {}, read a row", login.user));

        chapter("4. Rotation is turned on: every 30 days, and for now only tested");
        let function = self.start_function().await?;
        self.turn_rotation_on(&secret, &function).await?;

        let (secrets, database) = (self.secrets.clone(), self.database.clone());
        let application = Application::start(secrets, secret.clone(), database);

        chapter("5. The first rotation");
        self.rotate(&secret, &function, TWIN, USER).await?;

        chapter("6. The second rotation");
        self.rotate(&secret, &function, USER, TWIN).await?;
        let refused = !self.database.lets_in(&first).await?;
        ensure(refused, "the first password still logs in")?;
        line("");
        line(&format!("{USER} is refused with the password of chapter 1"));

        chapter("7. Somebody grants the idle user more: a test shows what a rotation would do");
        self.drift(&secret, &function).await?;

        chapter("8. The same, as a person asks for it");
        self.ask(&secret)?;

        chapter("9. Meanwhile, an application read the secret and logged in, over and over");
        let logins = application.stop().await?;
        ensure(logins.len() == 2, "the application did not see both users")?;
        for (user, times) in logins {
            let slowest = times.iter().max().map_or(0, Duration::as_millis);
            let count = times.len();
            line(&format!("{user:<18}{count:>4} logins, none refused, the slowest {slowest} ms"));
        }
        Ok(())
    }

    async fn introduce(&self) -> Result<()> {
        let address = &self.database.address;
        let version = self.database.version().await?;
        title("Alternating users: a rotation that no application notices");
        line(&format!(
            "database         {} {version} at {}:{}, {}",
            if address.server.is_mariadb() { "MariaDB" } else { "MySQL" },
            address.host,
            address.port,
            if self.database.has_tls() { "on TLS" } else { "in plain text" }
        ));
        if !self.database.has_tls() {
            line(
                "                 (MYSQL_CA_FILE, the authority of its certificate, would give TLS)",
            );
        }
        if self.database.host != "%" {
            line(&format!(
                "                 (with anonymous accounts, so the users are made at {})",
                self.database.host
            ));
        }
        let endpoint = setting("AWS_ENDPOINT_URL");
        line(&format!("Secrets Manager  moto, at {endpoint}"));
        line("function         as built, in AWS's Runtime Interface Emulator");
        Ok(())
    }

    async fn create_user(&self) -> Result<Login> {
        let login =
            Login { user: USER.to_owned(), password: format!("{:032x}", rand::random::<u128>()) };
        let account = self.database.account(USER);
        let mut root = self.database.root().await?;
        for statement in [
            format!("CREATE DATABASE {DATABASE}"),
            format!("CREATE TABLE {DATABASE}.people SELECT 'Ada' AS name"),
            format!("CREATE USER {account} IDENTIFIED BY '{}'", login.password),
            format!("GRANT SELECT ON *.* TO {account}"),
        ] {
            let started = Instant::now();
            root.query_drop(&statement).await?;
            timed(&statement.replace(&login.password, "..."), started.elapsed());
        }
        root.disconnect().await?;
        Ok(login)
    }

    /// The ARN of the user's secret.
    async fn create_secrets(&self, user: &Login) -> Result<String> {
        let superuser = self.database.superuser();
        let superuser = self.create_secret(SUPERUSER_SECRET, &superuser, &[]).await?;
        let more = [("dbname", DATABASE), ("masterarn", &superuser)];
        self.create_secret(USER_SECRET, user, &more).await
    }

    async fn create_secret(
        &self,
        name: &str,
        login: &Login,
        more: &[(&str, &str)],
    ) -> Result<String> {
        let host = self.database.address.host.as_str();
        let port = self.database.address.port.to_string();
        let (user, password) = (login.user.as_str(), login.password.as_str());
        let engine = self.database.engine();
        let mut entries = vec![("engine", engine), ("host", host), ("port", &port)];
        entries.extend([("username", user), ("password", password)]);
        entries.extend(more);
        if !self.database.has_tls() {
            entries.push(("ssl", "false"));
        }
        let document: BTreeMap<_, _> = entries.iter().copied().collect();

        let started = Instant::now();
        let call = self.secrets.create_secret().name(name);
        let call = call.secret_string(serde_json::to_string(&document)?);
        let arn = call.send().await?.arn.unwrap_or_default();
        timed(name, started.elapsed());
        for (key, value) in entries {
            let shown = if key == "password" { "..." } else { value };
            line(&format!("    {key:<10} {shown}"));
        }
        Ok(arn)
    }

    async fn start_function(&self) -> Result<Function> {
        let binary = built("bootstrap")?;
        let ca_file = self.database.address.ca_file.to_string_lossy();
        let environment = [("TLS_CA_FILE", ca_file.as_ref())];
        let timeout = Duration::from_secs(30);
        let binary = binary.to_string_lossy();
        Ok(Function::start("tutorial", &binary, &environment, timeout).await)
    }

    /// Secrets Manager has the function try, by a `testSecret` alone, whether it could rotate.
    async fn turn_rotation_on(&self, secret: &str, function: &Function) -> Result<()> {
        let before = self.definitions().await?;
        let rules = RotationRulesType::builder().automatically_after_days(30).build();
        let call = self.secrets.rotate_secret().secret_id(secret);
        let call = call.rotation_lambda_arn(&function.arn);
        let call = call.rotation_rules(rules).rotate_immediately(false);
        let token = call.send().await?.version_id.unwrap_or_default();
        self.watch(secret, function, &token).await?;
        ensure(self.definitions().await? == before, "the test changed an account")
    }

    async fn drift(&self, secret: &str, function: &Function) -> Result<()> {
        let mut root = self.database.root().await?;
        let grant = format!("GRANT INSERT ON {DATABASE}.* TO {}", self.database.account(TWIN));
        let started = Instant::now();
        root.query_drop(&grant).await?;
        timed(&grant, started.elapsed());
        root.disconnect().await?;
        let before = self.definitions().await?;
        let call = self.secrets.rotate_secret().secret_id(secret).rotate_immediately(false);
        let token = call.send().await?.version_id.unwrap_or_default();
        self.watch(secret, function, &token).await?;
        ensure(self.definitions().await? == before, "the test changed an account")
    }

    async fn definitions(&self) -> Result<[Option<Vec<String>>; 2]> {
        Ok([self.database.definition(USER).await?, self.database.definition(TWIN).await?])
    }

    /// One rotation, after which `promoted` is the current user and `kept` the previous one.
    async fn rotate(
        &self,
        secret: &str,
        function: &Function,
        promoted: &str,
        kept: &str,
    ) -> Result<()> {
        let promoted_before = self.database.definition(promoted).await?;
        let kept_before = self.database.definition(kept).await?;

        let call = self.secrets.rotate_secret().secret_id(secret);
        let token = call.send().await?.version_id.unwrap_or_default();
        self.watch(secret, function, &token).await?;

        let promoted_after = self.database.definition(promoted).await?;
        let kept_after = self.database.definition(kept).await?;
        ensure(promoted_after != promoted_before, "no new password was set")?;
        ensure(kept_after == kept_before, "the account in use was changed")?;
        let mirror = format!("is new, the exact mirror of {kept}");
        let change = promoted_before.map_or(mirror, |_| "has a new password".to_owned());
        line("");
        line(&format!("{promoted:<18}{change}"));
        line(&format!("{kept:<18}is untouched, for it was in use"));
        line("");
        self.show_versions(secret, promoted, kept).await
    }

    /// Shows the steps of a rotation as Secrets Manager reports them, until it has ended.
    async fn watch(&self, secret: &str, function: &Function, token: &str) -> Result<()> {
        let mut shown = 0;
        loop {
            let Rotations { state, mut steps } = Rotations::of(secret).await;
            steps.retain(|step| step.token == token);
            for step in &steps[shown..] {
                timed(&step.step, Duration::from_secs_f64(step.seconds));
                match &step.error {
                    Some(error) => {
                        detail(&format!("{}: {}", error.error_type, error.error_message))
                    }
                    None => words::show(function, &step.step, token).await,
                }
            }
            shown = steps.len();
            match state.as_str() {
                "running" => tokio::time::sleep(Duration::from_millis(10)).await,
                state => return ensure(state == "succeeded", &format!("the rotation {state}")),
            }
        }
    }

    /// The table of versions, each tried out on the server.
    async fn show_versions(&self, secret: &str, current: &str, previous: &str) -> Result<()> {
        let call = self.secrets.describe_secret().secret_id(secret);
        let labels = call.send().await?.version_ids_to_stages.unwrap_or_default();
        let equal =
            self.database.privileges(current).await? == self.database.privileges(previous).await?;

        line("version   label                    user              logs in  privileges equal");
        for (label, user) in [("AWSCURRENT", current), ("AWSPREVIOUS", previous)] {
            let login = login_at(&self.secrets, secret, label).await?;
            let lets_in = self.database.lets_in(&login).await?;
            let (version, all) = labels
                .iter()
                .find(|(_, labels)| labels.iter().any(|l| l == label))
                .ok_or_else(|| format!("no version is {label}"))?;
            let mut all = all.clone();
            all.sort();
            line(&format!(
                "{:<10}{:<25}{:<18}{:<9}{}",
                &version[..8],
                all.join(", "),
                login.user,
                yes(lets_in),
                yes(equal)
            ));
            ensure(login.user == user, &format!("{label} is not {user}"))?;
            ensure(lets_in, &format!("the login of {label} was refused"))?;
        }
        ensure(equal, "the privileges of the two users differ")
    }

    /// Types the two questions of the operator's command.
    fn ask(&self, secret: &str) -> Result<()> {
        let program = built("mysql-rotation")?;
        for (question, status) in [("status", 0), ("check", 2)] {
            line(&format!("$ mysql-rotation {question} {USER_SECRET}"));
            let mut command = Command::new(&program);
            command.args([question, secret]);
            command.env("TLS_CA_FILE", &self.database.address.ca_file);
            let output = command.output()?;
            for printed in String::from_utf8(output.stdout)?.lines() {
                line(printed);
            }
            line("");
            let said = String::from_utf8(output.stderr)?;
            ensure(output.status.code() == Some(status), &format!("the command failed: {said}"))?;
        }
        Ok(())
    }

    async fn clean_up(&self) -> Result<()> {
        chapter("10. Cleaning up");
        let mut root = self.database.root().await?;
        for statement in [
            format!(
                "DROP USER IF EXISTS {}, {}",
                self.database.account(USER),
                self.database.account(TWIN)
            ),
            format!("DROP DATABASE IF EXISTS {DATABASE}"),
        ] {
            let started = Instant::now();
            root.query_drop(&statement).await?;
            timed(&statement, started.elapsed());
        }
        root.disconnect().await?;
        for name in [USER_SECRET, SUPERUSER_SECRET] {
            let started = Instant::now();
            let call = self.secrets.delete_secret().secret_id(name);
            call.force_delete_without_recovery(true).send().await?;
            timed(&format!("secret {name} deleted"), started.elapsed());
        }
        Ok(())
    }
}

/// A program beside this one.
fn built(name: &str) -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let beside = program.ancestors().nth(2).map(|folder| folder.join(name));
    let found = beside.filter(|program| program.exists());
    found.ok_or_else(|| format!("{name} is not built: run make demo").into())
}

fn ensure(so: bool, otherwise: &str) -> Result<()> {
    if so { Ok(()) } else { Err(otherwise.into()) }
}
