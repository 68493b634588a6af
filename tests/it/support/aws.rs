//! An AWS of a test's own, in which IAM decides who may do what.

use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};

use super::canary::percent_encoded;
use super::stack::{Rotations, control, finally, request, send};

/// An AWS with nothing in it, ended when dropped.
#[derive(Debug)]
pub(crate) struct OwnAws {
    id: String,
    pub(crate) url: String,
    /// The folder with the program `aws`.
    pub(crate) programs: PathBuf,
}

impl OwnAws {
    pub(crate) async fn start() -> Self {
        #[derive(Deserialize)]
        struct Started {
            id: String,
            url: String,
        }
        #[derive(Deserialize)]
        struct CommandLine {
            folder: PathBuf,
        }
        let Started { id, url } =
            control("POST", "/aws", Some(Value::Object(Default::default()))).await;
        let CommandLine { folder: programs } = control("GET", "/command-line", None).await;
        Self { id, url, programs }
    }

    /// Enforces IAM's policies after this many more calls.
    pub(crate) async fn enforce_after(&self, calls: u32) {
        let url = format!("{}/moto-api/reset-auth", self.url);
        let (status, answer) = request("POST", &url, Some(&calls.into())).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// The rotations of a secret, when none is running any more.
    pub(crate) async fn rotations_ended(&self, secret_arn: &str) -> Rotations {
        let url = format!("{}/rotations?secret={secret_arn}&wait=120", self.url);
        let (_, answer) = request("GET", &url, None).await;
        serde_json::from_str(&answer).unwrap()
    }

    /// Settles how often a rotation of this secret is tried.
    pub(crate) async fn attempts(&self, secret_arn: &str, attempts: u32) {
        let url = format!("{}/rotations/settings", self.url);
        let settings = json!({"secret": secret_arn, "attempts": attempts});
        let (status, answer) = request("POST", &url, Some(&settings)).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// Puts a policy into a role. For the command line this is most of a second.
    pub(crate) async fn put_role_policy(&self, role: &str, policy: &str, document: &str) {
        let form = format!(
            "Action=PutRolePolicy&Version=2010-05-08&RoleName={role}&PolicyName={policy}\
             &PolicyDocument={}",
            percent_encoded(document)
        );
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/iam/aws4_request";
        let (status, answer) = send("POST", &format!("{}/", self.url), headers, &form).await;
        assert_eq!(status, 200, "{answer}");
    }

    /// What the command line of AWS answers.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Value {
        let output = Command::new(self.programs.join("aws"))
            .args(["--endpoint-url", &self.url, "--output", "json"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "aws {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }
}

impl Drop for OwnAws {
    fn drop(&mut self) {
        let path = format!("/aws/{}", self.id);
        finally(async move {
            let _: Value = control("DELETE", &path, None).await;
        });
    }
}
