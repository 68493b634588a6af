//! The application that uses the secret while it is rotated.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::database::{Database, Login};
use crate::{Result, ensure};

/// A client that reads the secret, logs in, and does so again, until it is refused or stopped.
pub(crate) struct Application {
    stop: watch::Sender<bool>,
    work: JoinHandle<Result<Logins>>,
}

/// Times of the logins, by user.
pub(crate) type Logins = BTreeMap<String, Vec<Duration>>;

impl Application {
    pub(crate) fn start(secrets: Client, secret: String, database: Database) -> Self {
        let (stop, stopped) = watch::channel(false);
        let work = tokio::spawn(async move {
            let mut logins = Logins::new();
            while !*stopped.borrow() {
                let login = login_at(&secrets, &secret, "AWSCURRENT").await?;
                let started = Instant::now();
                let refused = format!("the application was refused as {}", login.user);
                ensure(database.lets_in(&login).await?, &refused)?;
                logins.entry(login.user).or_default().push(started.elapsed());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok(logins)
        });
        Self { stop, work }
    }

    /// Ends the work. It is an error if the application was ever refused.
    pub(crate) async fn stop(self) -> Result<Logins> {
        self.stop.send_replace(true);
        self.work.await?
    }
}

/// The login in the version of the secret with this label.
pub(crate) async fn login_at(secrets: &Client, secret: &str, label: &str) -> Result<Login> {
    let call = secrets.get_secret_value().secret_id(secret);
    let value = call.version_stage(label).send().await?.secret_string;
    let document: Value = serde_json::from_str(&value.unwrap_or_default())?;
    let text = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
    Ok(Login { user: text("username"), password: text("password") })
}
