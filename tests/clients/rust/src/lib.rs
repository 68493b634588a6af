//! What the programs here have in common: the login in the secret, and orders on standard input.
//!
//! An order is one line of JSON; so is its answer. Only `SecretsManager` is for an application to copy.

use std::collections::HashMap;
use std::error::Error;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, stdin, stdout};

pub const URL: &str = "mysql://USER:PASSWORD@HOST:PORT/";

pub fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// User name and password, host and port.
#[derive(Clone, Debug, PartialEq)]
pub struct Login {
    pub host: String,
    pub port: u16,
    pub username: String,
    pub password: String,
}

impl Login {
    pub fn of(document: &Value) -> Self {
        let text = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
        let port = document["port"].as_u64().unwrap_or_default() as u16;
        Self { host: text("host"), port, username: text("username"), password: text("password") }
    }
}

pub struct SecretsManager(aws_sdk_secretsmanager::Client);

impl SecretsManager {
    pub async fn new() -> Self {
        Self(aws_sdk_secretsmanager::Client::new(&aws_config::load_from_env().await))
    }

    /// The login that is current now.
    pub async fn login(&self) -> Result<Login, Box<dyn Error>> {
        let answer = self.0.get_secret_value().secret_id(setting("SECRET")).send().await?;
        let document = serde_json::from_str(answer.secret_string().unwrap_or_default())?;
        Ok(Login::of(&document))
    }
}

/// Where a pool has its logins from.
pub enum Logins {
    Fixed(Login),
    Secret(SecretsManager),
}

impl Logins {
    pub async fn get(&self) -> Result<Login, Box<dyn Error>> {
        match self {
            Self::Fixed(login) => Ok(login.clone()),
            Self::Secret(secrets) => secrets.login().await,
        }
    }
}

/// What an order's answer says of an error.
pub struct Seen {
    pub name: String,
    pub number: Option<u16>,
    pub message: String,
}

/// One driver.
#[allow(async_fn_in_trait, reason = "nothing here needs Send")]
pub trait Driver {
    type Connection;
    type Pool;
    type Error: Error + 'static;
    const VERSION: &'static str;
    async fn connect(login: &Login, tls: bool) -> Result<Self::Connection, Self::Error>;
    async fn connect_url(url: &str) -> Result<Self::Connection, Self::Error>;
    async fn current_user(connection: &mut Self::Connection) -> Result<(String, u64), Self::Error>;
    fn open_pool(logins: Logins) -> Self::Pool;
    async fn take(pool: &mut Self::Pool) -> Result<Self::Connection, Box<dyn Error>>;
    fn describe(error: &Self::Error) -> Seen;
}

type Answer = Result<Value, Box<dyn Error>>;

/// Carries out the orders until there are no more.
pub async fn serve<D: Driver>() {
    let mut pools: HashMap<String, (D::Pool, Vec<D::Connection>)> = HashMap::new();
    let mut lines = BufReader::new(stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let order: Value = serde_json::from_str(&line).unwrap_or_default();
        let answer = match carry_out::<D>(&order, &mut pools).await {
            Ok(value) => json!({ "ok": value }),
            Err(error) => match error.downcast_ref::<D::Error>().map(D::describe) {
                Some(Seen { name, number, message }) => {
                    json!({"error": name, "number": number, "message": message})
                }
                None => json!({"error": "other", "message": error.to_string()}),
            },
        };
        let _ = stdout().write_all(format!("{answer}\n").as_bytes()).await;
        let _ = stdout().flush().await;
    }
}

async fn carry_out<D: Driver>(
    order: &Value,
    pools: &mut HashMap<String, (D::Pool, Vec<D::Connection>)>,
) -> Answer {
    let text = |key: &str| order[key].as_str().unwrap_or_default().to_owned();
    match text("do").as_str() {
        "version" => Ok(json!(D::VERSION)),
        "forms" => Ok(json!({ "URL": URL })),
        "login" => {
            let tls = order["tls"].as_bool().unwrap_or(true);
            let mut one = D::connect(&Login::of(&order["login"]), tls).await?;
            Ok(json!(D::current_user(&mut one).await?))
        }
        "open" => {
            let logins = match &order["login"] {
                Value::Null => Logins::Secret(SecretsManager::new().await),
                login => Logins::Fixed(Login::of(login)),
            };
            pools.insert(text("pool"), (D::open_pool(logins), Vec::new()));
            Ok(Value::Null)
        }
        "take" => {
            let (pool, held) = pools.get_mut(&text("pool")).ok_or("no such pool")?;
            let mut one = D::take(pool).await?;
            let user = D::current_user(&mut one).await?;
            held.push(one);
            Ok(json!(user))
        }
        "held" => {
            let (_, held) = pools.get_mut(&text("pool")).ok_or("no such pool")?;
            let mut users = Vec::new();
            for one in held {
                users.push(D::current_user(one).await?);
            }
            Ok(json!(users))
        }
        "paste" => {
            let mut one = D::connect_url(&text("text")).await?;
            Ok(json!(D::current_user(&mut one).await?))
        }
        other => Err(format!("no such order: {other}").into()),
    }
}
