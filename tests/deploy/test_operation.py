"""What tells the owner that something is wrong."""

import json
import re
import unittest
from typing import Any

from . import ROOT
from cloudformation import Stack, load

TEMPLATE = load(ROOT / "template.yaml")
SUPERUSER = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:admin-AbC123"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:operators"


def event(name: str, **detail: Any) -> dict[str, Any]:
    """An event of Secrets Manager as CloudTrail delivers it.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html
    """
    return {
        "version": "0",
        "id": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
        "detail-type": "AWS Service Event via CloudTrail",
        "source": "aws.secretsmanager",
        "account": "123456789012",
        "time": "2026-01-01T03:00:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": {
            "eventVersion": "1.08",
            "userIdentity": {"accountId": "123456789012", "invokedBy": "secretsmanager.amazonaws.com"},
            "eventTime": "2026-01-01T03:00:00Z",
            "eventSource": "secretsmanager.amazonaws.com",
            "eventName": name,
            "awsRegion": "eu-central-1",
            "requestParameters": None,
            "responseElements": None,
            "additionalEventData": {"SecretId": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:app-AbC123"},
            "eventType": "AwsServiceEvent",
            "eventCategory": "Management",
            **detail,
        },
    }


def matches(pattern: Any, value: Any) -> bool:
    """Event patterns as far as exact values go."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(key in value and matches(one, value[key]) for key, one in pattern.items())
    return value in pattern


class OperationTest(unittest.TestCase):
    def resources(self, **parameters: str) -> dict[str, dict[str, Any]]:
        stack = Stack(TEMPLATE, {"superuserSecretArn": SUPERUSER, **parameters})
        self.assertEqual(stack.problems(), [])
        return stack.resources()

    def test_rotations_that_end_badly_are_told_and_the_others_are_not(self) -> None:
        pattern = self.resources(eventTopicArn=TOPIC)["RotationEvents"]["EventPattern"]
        for name in ("RotationFailed", "RotationAbandoned", "TestRotationFailed"):
            self.assertTrue(matches(pattern, event(name)), name)
        for name in ("RotationStarted", "RotationSucceeded", "TestRotationStarted", "TestRotationSucceeded"):
            self.assertFalse(matches(pattern, event(name)), name)
        self.assertFalse(matches(pattern, event("RotationFailed", eventSource="other.amazonaws.com")))
        self.assertFalse(matches(pattern, {**event("RotationFailed"), "source": "custom"}))

    def test_alarms_are_raised_by_an_error_by_a_throttle_and_at_four_fifths_of_the_timeout(self) -> None:
        resources = self.resources(alarmTopicArn=TOPIC, timeout="120")
        alarms = {name: one for name, one in resources.items() if one["Type"] == "AWS::CloudWatch::Alarm"}
        self.assertEqual(sorted(alarms), ["ErrorAlarm", "RefusedAlarm", "ThrottleAlarm", "TimeoutAlarm"])
        for alarm in alarms.values():
            self.assertEqual(alarm["AlarmActions"], [TOPIC])
            self.assertEqual(alarm["TreatMissingData"], "notBreaching")
        timeout = alarms["TimeoutAlarm"]
        expression = timeout["Metrics"][0]["Expression"]
        self.assertEqual(expression, "duration / (10 * 120)")
        percent = lambda milliseconds: eval(expression, {"duration": milliseconds})  # noqa: E731
        self.assertEqual((percent(96_000), percent(120_000)), (timeout["Threshold"], 100))

    def test_what_wakes_somebody_is_told_to_a_topic_of_its_own_and_to_the_other_if_there_is_none(self) -> None:
        page = TOPIC + "-on-call"
        for topics, told in [
            ({"pageTopicArn": page}, {"RefusedAlarm": page}),
            (
                {"pageTopicArn": page, "alarmTopicArn": TOPIC},
                {"RefusedAlarm": page, "ErrorAlarm": TOPIC, "TimeoutAlarm": TOPIC, "ThrottleAlarm": TOPIC},
            ),
        ]:
            resources = self.resources(**topics)
            alarms = {name: one for name, one in resources.items() if one["Type"] == "AWS::CloudWatch::Alarm"}
            self.assertEqual({name: one["AlarmActions"] for name, one in alarms.items()}, {n: [t] for n, t in told.items()})
        refused = resources["RefusedAlarm"]
        source = (ROOT / "src" / "log" / "metrics.rs").read_text()
        self.assertIn(f'("{refused["MetricName"]}", "Count")', source)
        self.assertIn(f'"Namespace": "{refused["Namespace"]}"', source)
        self.assertEqual([one["Name"] for one in refused["Dimensions"]], ["function"])

    def test_the_message_of_an_event_says_which_secret_what_happened_and_which_page(self) -> None:
        (target,) = self.resources(eventTopicArn=TOPIC)["RotationEvents"]["Targets"]
        transformer = target["InputTransformer"]
        text = transformer["InputTemplate"]
        for name, path in transformer["InputPathsMap"].items():
            value: Any = event("RotationFailed")
            for key in path.removeprefix("$.").split("."):
                value = value[key]
            self.assertIn(f"<{name}>", text)
            text = text.replace(f"<{name}>", value)
        self.assertNotRegex(text, "[<>\\n]")
        # EventBridge takes a quoted string for a message that is no JSON object.
        self.assertEqual((text[0], text[-1], text.count('"')), ('"', '"', 2))
        for part in ("RotationFailed", "secret:app-AbC123", "rotation-LogGroup-AbC123", "troubleshooting.md#must-i-get-up"):
            self.assertIn(part, text)

    def test_the_dashboard_is_json_about_this_function_and_shows_only_metrics_that_exist(self) -> None:
        body = self.resources(dashboard="true", functionName="rotate")["Dashboard"]["DashboardBody"]
        dashboard = json.loads(body)
        # Rotations are monthly: at CloudWatch's three hours everything would be empty.
        self.assertEqual(dashboard["start"], "-P3M")
        widgets = dashboard["widgets"]
        page = (ROOT / "docs" / "operations.md").read_text()
        documented = set(re.findall(r"\w+", "".join(re.findall(r"```logs\n(.*?)```", page, re.DOTALL))))
        source = "".join(path.read_text() for path in ROOT.glob("src/**/*.rs"))
        source_of_steps = (ROOT / "src" / "event.rs").read_text()
        for widget in widgets:
            properties = widget["properties"]
            self.assertEqual(properties["region"], "eu-central-1")
            if widget["type"] == "log":
                source_group, _, query = properties["query"].partition(" | ")
                self.assertEqual(source_group, "SOURCE 'rotation-LogGroup-AbC123'")
                # The queries of the page are tested against lines that the program wrote.
                self.assertLessEqual(set(re.findall(r"\w+", query)), documented | {"limit", "50", "100", "level", "WARN", "outcome"})
                continue
            units = set(re.findall(r'\("(\w+)", "(?:Count|Milliseconds)"\)', source))
            full: list[str] = []
            for row in properties["metrics"]:
                given = [one for one in row if isinstance(one, str)]
                if given[0] == "...":
                    given = full[: len(full) - len(given) + 1] + given[1:]
                full = [full[n] if one == "." else one for n, one in enumerate(given)]
                namespace, metric, *dimensions = full
                self.assertEqual(namespace, "SecretsManagerMySQLRotation")
                self.assertIn(metric, units)
                self.assertEqual(dimensions[::2], ["function", "step", "outcome"])
                self.assertEqual((dimensions[1], dimensions[5]), ("rotate", "Succeeded"))
                self.assertIn(dimensions[3], source_of_steps)


if __name__ == "__main__":
    unittest.main()
