//! The event that Secrets Manager sends: which step of which rotation to do.
//!
//! The raw JSON is parsed here, so that a bad event is an error of this function that names the field.
//! The rotation token is itself a secret and appears in no text.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::de::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::{Error, ErrorType};

/// What the function is invoked with. Where it cannot be read as JSON, that is an error of this function,
/// and not of the Lambda runtime, which would not call it.
#[derive(Debug)]
pub struct Payload(Option<Value>);

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Self(Some(value))
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The parser's message could quote the event.
        Ok(Self(Value::deserialize(deserializer).ok()))
    }
}

/// A call of the function for one step of the rotation of one secret.
///
/// See <https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html>.
#[derive(Debug)]
pub struct RotationEvent {
    /// The step to do.
    pub step: Step,
    /// The secret that is rotated.
    pub secret_id: SecretId,
    /// The version that the rotation makes; the event calls it `ClientRequestToken`.
    pub version: VersionId,
    /// For rotations across accounts: proves to Secrets Manager that it started the rotation.
    pub rotation_token: Option<RotationToken>,
}

impl RotationEvent {
    /// Reads the event of an invocation.
    pub fn of(payload: &Payload) -> Result<Self, Error> {
        match &payload.0 {
            Some(event) => Self::parse(event),
            None => Err(invalid("it cannot be read as JSON")),
        }
    }

    /// Reads the event. Unknown fields are ignored.
    pub fn parse(event: &Value) -> Result<Self, Error> {
        let step = required(event, "Step")?;
        let rotation_token = match event.get("RotationToken") {
            None | Some(Value::Null) => None,
            Some(Value::String(token)) => Some(RotationToken(token.as_str().into())),
            Some(other) => {
                return Err(invalid(format!("\"RotationToken\" is {}, not a string", kind(other))));
            }
        };
        Ok(Self {
            step: Step::parse(step).ok_or_else(|| {
                let steps = Step::ALL.map(|step| step.to_string()).join(", ");
                invalid(format!("\"Step\" is {step:?}; it must be one of {steps}"))
            })?,
            secret_id: SecretId(required(event, "SecretId")?.to_owned()),
            version: VersionId(required(event, "ClientRequestToken")?.to_owned()),
            rotation_token,
        })
    }
}

fn required<'a>(event: &'a Value, field: &str) -> Result<&'a str, Error> {
    if !event.is_object() {
        return Err(invalid(format!("it is {}, not an object", kind(event))));
    }
    match event.get(field) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(Value::String(_)) => Err(invalid(format!("\"{field}\" is empty"))),
        Some(other) => Err(invalid(format!("\"{field}\" is {}, not a string", kind(other)))),
        None => Err(invalid(format!("it has no \"{field}\""))),
    }
}

fn invalid(found: impl fmt::Display) -> Error {
    ErrorType::EventInvalid.because(format!(
        "the event is not that of a rotation: {found}; start rotations with aws secretsmanager \
         rotate-secret, not by invoking this function"
    ))
}

/// What a value of JSON is, for the text of an error.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A step of a rotation, in the order in which Secrets Manager calls them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Stores a login for the twin as AWSPENDING.
    CreateSecret,
    /// Makes the twin equal to the user in use, and sets its password.
    SetSecret,
    /// Proves that the login works.
    TestSecret,
    /// Makes it AWSCURRENT.
    FinishSecret,
}

impl Step {
    const ALL: [Self; 4] =
        [Self::CreateSecret, Self::SetSecret, Self::TestSecret, Self::FinishSecret];

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == name)
    }

    /// The step's name in events and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateSecret => "createSecret",
            Self::SetSecret => "setSecret",
            Self::TestSecret => "testSecret",
            Self::FinishSecret => "finishSecret",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The ARN of a secret, or its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretId(String);

impl SecretId {
    /// The identifier with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text of the identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The region in the ARN; a name has none.
    pub fn region(&self) -> Option<&str> {
        match self.0.split(':').collect::<Vec<_>>()[..] {
            ["arn", _, "secretsmanager", region, ..] => Some(region),
            _ => None,
        }
    }

    /// The call of AWS's command line that moves a label of this secret, in its region, which is not taken
    /// from the ARN there.
    pub fn update_stage(&self, options: &str) -> String {
        let region = self.region().unwrap_or("REGION");
        format!(
            "aws secretsmanager update-secret-version-stage --region {region} --secret-id {self} {options}"
        )
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a version of a secret.
///
/// The client request token of an event is the id of the version that the rotation makes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId(String);

impl VersionId {
    /// The identifier with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text of the identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The token that proves to Secrets Manager that a rotation stores the value.
#[derive(Clone, Debug)]
pub struct RotationToken(SecretString);

impl RotationToken {
    /// The token's text.
    #[expect(
        clippy::disallowed_methods,
        reason = "PutSecretValue takes the token, and marks it as sensitive"
    )]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_of_secrets_manager_is_read() {
        let event = RotationEvent::parse(&json!({
            "Step": "setSecret",
            "SecretId": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-AbCdEf",
            "ClientRequestToken": "5767",
            "RotationToken": "canary",
            "Unknown": {"canary": 1},
        }))
        .unwrap();
        assert_eq!(event.step, Step::SetSecret);
        assert_eq!(event.secret_id.region(), Some("eu-west-1"));
        assert_eq!(event.version.as_str(), "5767");
        assert_eq!(event.rotation_token.as_ref().unwrap().expose(), "canary");
        assert!(!format!("{event:?}").contains("canary"));
    }

    #[test]
    fn a_name_and_a_missing_rotation_token_are_accepted() {
        let event = json!({"Step": "testSecret", "SecretId": "app", "ClientRequestToken": "1"});
        let event = RotationEvent::parse(&event).unwrap();
        assert_eq!(event.secret_id.region(), None);
        assert!(event.rotation_token.is_none());
    }

    #[test]
    fn a_bad_event_is_refused_with_the_field_and_without_the_token() {
        for (event, found) in [
            (json!([1]), "it is an array, not an object"),
            (json!({}), "it has no \"Step\""),
            (
                json!({"Step": "create_secret", "RotationToken": "canary"}),
                "\"Step\" is \"create_secret\"; it must be one of createSecret, setSecret, ",
            ),
            (json!({"Step": "setSecret", "SecretId": 1}), "\"SecretId\" is a number, not a string"),
            (
                json!({"Step": "setSecret", "SecretId": "app", "ClientRequestToken": ""}),
                "\"ClientRequestToken\" is empty",
            ),
            (
                json!({"Step": "setSecret", "RotationToken": {"canary": 1}}),
                "\"RotationToken\" is an object, not a string",
            ),
        ] {
            let error = RotationEvent::parse(&event).unwrap_err();
            assert_eq!(error.error_type(), ErrorType::EventInvalid);
            assert!(error.to_string().contains(found), "{error}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
