//! Somebody with the command and the policy of `docs/command.md`, and nothing else.

use serde_json::{Value, json};

use super::stage::{Stage, actions, take_on, without};
use crate::support::command::{Output, Person};

const ROLE: &str = "reader";

pub(super) struct Reader {
    person: Person,
    policy: Value,
    ca_file: String,
}

impl Reader {
    pub(super) async fn of(stage: &Stage) -> Self {
        let page = include_str!("../../../docs/command.md");
        let policy = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
        // The names of this stage's secrets.
        let policy = policy.replace("secret:app/*", "secret:user-*");
        let trust = json!({"Version": "2012-10-17", "Statement": []}).to_string();
        let create = ["iam", "create-role", "--role-name", ROLE];
        let create = [&create[..], &["--assume-role-policy-document", &trust]].concat();
        let role = stage.aws.cli(&create);
        let role = role["Role"]["Arn"].as_str().unwrap();
        let mut person = Person::with(&stage.tenant.address);
        person.set("AWS_ENDPOINT_URL", &stage.edited.url());
        for (name, value) in take_on(&stage.aws, role) {
            person.set(name, &value);
        }
        let ca_file = stage.tenant.address.ca_file.display().to_string();
        let reader = Self { person, policy: serde_json::from_str(&policy).unwrap(), ca_file };
        reader.may_do_all(stage).await;
        reader
    }

    /// Every statement and action of the policy.
    pub(super) fn granted(&self) -> Vec<(String, String)> {
        let statements = self.policy["Statement"].as_array().unwrap().iter();
        let of_statement = |statement: &Value| {
            let sid = statement["Sid"].as_str().unwrap().to_owned();
            actions(statement).into_iter().map(move |action| (sid.clone(), action))
        };
        statements.flat_map(of_statement).collect()
    }

    pub(super) async fn may_do_all(&self, stage: &Stage) {
        stage.put(ROLE, ROLE, &self.policy).await;
    }

    pub(super) async fn may_not(&self, stage: &Stage, sid: &str, action: &str) {
        let policy = without(&self.policy, sid, action);
        stage.put(ROLE, ROLE, &policy).await;
    }

    pub(super) async fn types(&self, words: &[&str]) -> Output {
        let words = [words, &["--ca-file", &self.ca_file, "--output", "json"]].concat();
        self.person.types(&words).await
    }
}
