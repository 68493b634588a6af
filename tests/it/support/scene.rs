//! A secret whose user is rotated by calling the handler, step by step, as Secrets Manager does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::types::RotationRulesType;
use lambda_runtime::{Context, LambdaEvent};
use rotation::config::Config;
use rotation::error::Error;
use rotation::handler::Handler;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::account::Tenant;
use super::proxy::Proxy;
use super::server::{Address, Server};
use super::stack::{Function, Rotations, secrets_manager, setting};

/// The steps of a rotation, in order.
pub(crate) const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

/// The user's secret, the superuser's secret, and a function that rotates the one by the other.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) secrets: Client,
    pub(crate) arn: String,
    pub(crate) superuser_arn: String,
    /// How long an invocation may take.
    pub(crate) timeout: Duration,
    handler: Handler,
}

impl Scene {
    /// A secret with the tenant's user and this password, which root rotates.
    pub(crate) async fn of(tenant: &Tenant, password: &str) -> Self {
        let user = document(&tenant.address, &tenant.user(), password);
        Self::with(tenant, &superuser_document(&tenant.address), user).await
    }

    /// A tenant whose user has this password, and its secret.
    pub(crate) async fn settled(tenant: Tenant, password: &str) -> (Tenant, Self) {
        tenant.settle(password).await;
        let scene = Self::of(&tenant, password).await;
        (tenant, scene)
    }

    /// A secret with this document, into which the superuser's secret is entered as `masterarn`.
    pub(crate) async fn with(tenant: &Tenant, superuser: &Value, mut user: Value) -> Self {
        Self::with_text(tenant, superuser, |superuser_arn| {
            user["masterarn"] = superuser_arn.into();
            user.to_string()
        })
        .await
    }

    /// A settled tenant, its user's secret, and a proxy that sees the superuser's statements: there is
    /// no TLS in between.
    pub(crate) async fn seen(server: Server, password: &str) -> (Tenant, Self, Proxy) {
        let tenant = Tenant::of(server).await;
        tenant.settle(password).await;
        let proxy = Proxy::mysql(&tenant.address.host, tenant.address.port).await;
        let user = document(&tenant.address, &tenant.user(), password);
        let superuser = through(&proxy, superuser_document(&tenant.address));
        let scene = Self::with(&tenant, &superuser, user).await;
        (tenant, scene, proxy)
    }

    /// A secret with the text that `user` makes from the ARN of the superuser's secret.
    pub(crate) async fn with_text(
        tenant: &Tenant,
        superuser: &Value,
        user: impl FnOnce(&str) -> String,
    ) -> Self {
        let secrets = secrets_manager().await;
        let superuser = superuser.to_string();
        let superuser_arn = create_secret(&secrets, tenant, "superuser", &superuser).await;
        let arn = create_secret(&secrets, tenant, "user", &user(&superuser_arn)).await;
        Rotations::set(&arn, json!({"attempts": 0})).await;
        Self {
            arn,
            handler: handler(&tenant.address, &[]).await,
            secrets,
            superuser_arn,
            timeout: Duration::from_secs(30),
        }
    }

    /// The same secret in another sandbox of the function, with this environment.
    pub(crate) async fn in_environment(
        mut self,
        tenant: &Tenant,
        environment: &[(&str, &str)],
    ) -> Self {
        self.handler = handler(&tenant.address, environment).await;
        self
    }

    /// Begins a rotation as Secrets Manager does: the new version has the label AWSPENDING, and no
    /// value. Its id is the token of the events. The steps are the test's to call.
    pub(crate) async fn begin(&self) -> String {
        let rules = RotationRulesType::builder().automatically_after_days(30).build();
        let call = self.secrets.rotate_secret().secret_id(&self.arn);
        let call = call.rotation_lambda_arn(never_invoked().await);
        let begun = call.rotation_rules(rules).send().await.unwrap();
        begun.version_id.expect("RotateSecret gives the version")
    }

    /// Stores this text as the version AWSPENDING, and gives its id.
    pub(crate) async fn put_pending(&self, text: &str) -> String {
        let call = self.secrets.put_secret_value().secret_id(&self.arn);
        let call = call.secret_string(text).version_stages("AWSPENDING");
        let put = call.send().await.unwrap();
        put.version_id.expect("PutSecretValue gives the version")
    }

    /// Invokes the function for one step.
    pub(crate) async fn step(&self, step: &str, token: &str) -> Result<(), Error> {
        self.invoke(json!({
            "Step": step,
            "SecretId": self.arn,
            "ClientRequestToken": token,
        }))
        .await
    }

    /// Invokes the function with this event.
    pub(crate) async fn invoke(&self, event: Value) -> Result<(), Error> {
        let end = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + self.timeout;
        let mut context = Context::default();
        context.deadline = u64::try_from(end.as_millis()).unwrap();
        // Boxed: the future of a whole step is large.
        Box::pin(self.handler.handle(LambdaEvent::new(event, context))).await
    }

    /// The steps from `first` on.
    pub(crate) async fn resume(&self, first: &str, token: &str) -> Result<(), Error> {
        for step in STEPS.iter().skip_while(|step| **step != first) {
            self.step(step, token).await?;
        }
        Ok(())
    }

    /// The steps before `last`, which must succeed.
    pub(crate) async fn resume_until(&self, last: &str, token: &str) {
        for step in STEPS.iter().take_while(|step| **step != last) {
            self.step(step, token).await.unwrap();
        }
    }

    /// These two steps and those in between, which must succeed.
    pub(crate) async fn resume_from_to(&self, first: &str, last: &str, token: &str) {
        for step in STEPS.iter().skip_while(|step| **step != first) {
            self.step(step, token).await.unwrap();
            if *step == last {
                return;
            }
        }
    }

    /// A scene in plaintext through a proxy, which sees every statement.
    pub(crate) async fn through(proxy: &Proxy, tenant: &Tenant, password: &str) -> Self {
        let user = document(&tenant.address, &tenant.user(), password);
        let superuser = through(proxy, superuser_document(&tenant.address));
        Self::with(tenant, &superuser, through(proxy, user)).await
    }

    /// One whole rotation, which must succeed. Gives the version that it made.
    pub(crate) async fn rotate(&self) -> String {
        let token = self.begin().await;
        self.resume("createSecret", &token).await.unwrap();
        token
    }

    /// The text of the version with this label.
    pub(crate) async fn text(&self, label: &str) -> String {
        let call = self.secrets.get_secret_value().secret_id(&self.arn);
        let value = call.version_stage(label).send().await.unwrap();
        value.secret_string.expect("a text")
    }

    /// User and password of the version with this label.
    pub(crate) async fn login(&self, label: &str) -> (String, String) {
        let document: Value = serde_json::from_str(&self.text(label).await).unwrap();
        let text = |key: &str| document[key].as_str().expect(key).to_owned();
        (text("username"), text("password"))
    }

    /// The labels of each version that has one.
    pub(crate) async fn labels(&self) -> BTreeMap<String, BTreeSet<String>> {
        let call = self.secrets.describe_secret().secret_id(&self.arn);
        let described = call.send().await.unwrap();
        let versions = described.version_ids_to_stages.unwrap_or_default();
        versions
            .into_iter()
            .map(|(version, labels)| (version, labels.into_iter().collect()))
            .collect()
    }

    /// The version with this label.
    pub(crate) async fn version(&self, label: &str) -> Option<String> {
        let labels = self.labels().await;
        let mut found = labels.into_iter().filter(|(_, labels)| labels.contains(label));
        found.next().map(|(version, _)| version)
    }
}

/// The document of a user's secret on this server, without `masterarn`.
pub(crate) fn document(address: &Address, user: &str, password: &str) -> Value {
    json!({
        "engine": address.server.engine(),
        "host": address.host,
        "port": address.port,
        "username": user,
        "password": password,
    })
}

/// The document of root's secret.
pub(crate) fn superuser_document(address: &Address) -> Value {
    document(address, &address.root, &address.root_password)
}

/// The handler of a function with this environment, and the stack's certificate authority.
async fn handler(address: &Address, environment: &[(&str, &str)]) -> Handler {
    let ca_file = address.ca_file.to_string_lossy().into_owned();
    let mut variables = BTreeMap::from([
        ("SECRETS_MANAGER_ENDPOINT", setting("AWS_ENDPOINT_URL")),
        ("TLS_CA_FILE", ca_file),
    ]);
    for (name, value) in environment {
        variables.insert(name, (*value).to_owned());
    }
    Handler::new(Config::from_lookup(|name| variables.get(name).cloned())).await
}

/// The document of a login that goes through the proxy, without TLS, so that the proxy sees packets.
pub(crate) fn through(proxy: &Proxy, mut document: Value) -> Value {
    document["host"] = proxy.address.ip().to_string().into();
    document["port"] = proxy.address.port().into();
    document["ssl"] = false.into();
    document
}

async fn create_secret(secrets: &Client, tenant: &Tenant, role: &str, document: &str) -> String {
    let created = secrets
        .create_secret()
        .name(format!("{}/{role}", tenant.mark()))
        .secret_string(document)
        .send()
        .await
        .unwrap();
    created.arn.expect("CreateSecret gives the ARN")
}

/// The ARN of a function that Secrets Manager knows, and has no orders to invoke.
async fn never_invoked() -> &'static str {
    static FUNCTION: OnceCell<Function> = OnceCell::const_new();
    let function = FUNCTION.get_or_init(async || {
        let name = format!("never-invoked-{}", std::process::id());
        let timeout = Duration::from_secs(1);
        Function::start(&name, env!("CARGO_BIN_EXE_bootstrap"), &[], timeout).await
    });
    &function.await.arn
}
