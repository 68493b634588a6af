use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::aws::Replica;
use crate::event::{SecretId, VersionId};

fn event(step: &str) -> RotationEvent {
    let event = json!({"Step": step, "SecretId": "app", "ClientRequestToken": "new"});
    RotationEvent::parse(&event).unwrap()
}

fn labeled(versions: &[(&str, &[&str])]) -> Description {
    let labels = |labels: &[&str]| labels.iter().map(|&l| l.to_owned()).collect();
    Description {
        arn: SecretId::new("app"),
        rotation_enabled: Some(true),
        versions: versions
            .iter()
            .map(|&(version, l)| (VersionId::new(version), labels(l)))
            .collect::<BTreeMap<_, _>>(),
        tags: Vec::new(),
        replicas: Vec::new(),
    }
}

fn pending() -> Description {
    labeled(&[("old", &["AWSCURRENT"]), ("new", &["AWSPENDING"])])
}

fn decide(step: &str, description: &Description, ignore: &str) -> Result<Readiness, NotReady> {
    let ignore = |name: &str| (name == "IGNORE_REPLICA_STATUS").then(|| ignore.to_owned());
    let config = Config::from_lookup(ignore).unwrap();
    readiness(&config, &event(step), description)
}

fn refused(result: Result<Readiness, NotReady>, error_type: ErrorType, found: &str) -> Duration {
    let refusal = result.unwrap_err();
    assert_eq!(refusal.error.error_type(), error_type);
    let text = refusal.error.to_string();
    assert!(text.contains(found), "{text}");
    refusal.patience
}

#[test]
fn a_pending_version_is_ready() {
    let both = labeled(&[("new", &["AWSCURRENT", "AWSPENDING"])]);
    for step in ["createSecret", "setSecret", "testSecret", "finishSecret"] {
        let warnings = Vec::new();
        let ready = decide(step, &pending(), "").unwrap();
        assert_eq!(ready, Readiness::Pending { warnings });
        let ready = decide(step, &both, "").unwrap();
        assert_eq!(ready, Readiness::AlreadyCurrent);
    }
}

#[test]
fn a_version_without_the_label_is_refused_after_some_patience() {
    for (description, error_type, found) in [
        (
            labeled(&[]),
            ErrorType::VersionUnknown,
            "no version new of the secret has a staging label",
        ),
        (
            labeled(&[("new", &[])]),
            ErrorType::VersionNotPending,
            "(its labels: none; no version has AWSPENDING)",
        ),
        (
            labeled(&[("new", &["AWSPREVIOUS", "mine"]), ("b", &["AWSPENDING"])]),
            ErrorType::VersionNotPending,
            "(its labels: AWSPREVIOUS, mine; AWSPENDING is on version b)",
        ),
    ] {
        let patience = refused(decide("setSecret", &description, ""), error_type, found);
        assert_eq!(patience, VISIBILITY_PAUSES.iter().sum::<Duration>());
    }
}

#[test]
fn with_rotation_turned_off_only_the_test_goes_on() {
    let mut description = pending();
    description.rotation_enabled = Some(false);
    for step in ["createSecret", "setSecret", "finishSecret"] {
        let result = decide(step, &description, "");
        let patience = refused(result, ErrorType::RotationDisabled, "turned off");
        assert_eq!(patience, Duration::ZERO);
    }
    let warnings = vec!["rotation is turned off".to_owned()];
    let ready = decide("testSecret", &description, "").unwrap();
    assert_eq!(ready, Readiness::Pending { warnings });
}

#[test]
fn replicas_are_waited_for_or_refused_by_region() {
    let with = |status: StatusType| {
        let replica = |place: &str, status| Replica {
            place: place.to_owned(),
            status: Some(status),
            message: "no key".to_owned(),
        };
        let mut description = pending();
        description.replicas.push(replica("us-east-1", StatusType::InSync));
        description.replicas.push(replica("eu-west-3", status));
        description
    };
    let incomplete = ErrorType::ReplicationIncomplete;
    for (step, waits) in [
        ("createSecret", true),
        ("setSecret", false),
        ("testSecret", false),
        ("finishSecret", true),
    ] {
        let result = decide(step, &with(StatusType::Failed), "");
        let patience = refused(result, incomplete, "to eu-west-3 fails (\"no key\")");
        assert_eq!(patience, Duration::ZERO);
        let ignored = decide(step, &with(StatusType::Failed), "true").unwrap();
        assert_ne!(ignored, Readiness::Pending { warnings: vec![] });

        let result = decide(step, &with(StatusType::InProgress), "");
        if waits {
            let patience = refused(result, incomplete, "to eu-west-3 is still in progress");
            assert_eq!(patience, REPLICATION);
        } else {
            assert!(result.is_ok());
        }
        assert!(decide(step, &with(StatusType::InProgress), "true").is_ok());

        for (status, text, patience) in [
            ("Pending", "to eu-west-3 is still in progress", REPLICATION),
            ("Detached", "to eu-west-3 has ended: it is Detached", Duration::ZERO),
            ("Paused", "to eu-west-3 has the status \"Paused\", which", REPLICATION),
        ] {
            let result = decide(step, &with(StatusType::from(status)), "");
            if waits || status == "Detached" {
                assert_eq!(refused(result, incomplete, text), patience, "{step} {status}");
            } else if status == "Paused" {
                assert_ne!(result.unwrap(), Readiness::Pending { warnings: vec![] });
            } else {
                assert_eq!(result.unwrap(), Readiness::Pending { warnings: vec![] });
            }
            assert!(decide(step, &with(StatusType::from(status)), "true").is_ok());
        }
    }
}
