//! A person with the command `mysql-rotation`.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::server::Address;
use super::stack::setting;

/// Somebody with credentials, and no terminal.
#[derive(Debug)]
pub(crate) struct Person {
    variables: Vec<(String, String)>,
}

/// What the command printed.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Person {
    /// Somebody who reaches AWS, and knows the authority of a server.
    pub(crate) fn with(address: &Address) -> Self {
        let names =
            ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        let of_aws = names.map(|name| (name.to_owned(), setting(name)));
        let mut person = Self { variables: of_aws.into() };
        person.set("TLS_CA_FILE", &address.ca_file.display().to_string());
        person
    }

    /// Somebody who reaches nothing.
    pub(crate) fn nowhere() -> Self {
        Self { variables: Vec::new() }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Runs the command with these arguments.
    pub(crate) async fn types(&self, arguments: &[&str]) -> Output {
        let program = Path::new(env!("CARGO_BIN_EXE_bootstrap")).with_file_name("mysql-rotation");
        assert!(program.exists(), "build it first: cargo build --package mysql-rotation");
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("RUST_LOG", "trace").stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Output {
            status: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}
