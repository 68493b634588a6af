"""The examples for other ways to deploy: each is complete, and none writes the role a second time."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

from . import ROOT
import package
from cloudformation import load
from .test_parameters import FUNCTION, TEMPLATE

EXAMPLES = ROOT / "examples"
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
PARAMETERS = set(TEMPLATE["Parameters"])


def release(folder: Path) -> None:
    """What a release has, with something else for the program."""
    program = folder / "program"
    program.write_bytes(b"a program")
    package.pack(program, folder / "mysql-rotation-arm64.zip")
    text = package.packaged((ROOT / "template.yaml").read_text(), "mysql-rotation-arm64.zip", "arm64")
    (folder / "packaged-arm64.yaml").write_text(text)


# What the alarm on a rotation that is stuck must be, wherever it is made.
UNFINISHED = {"namespace": "SecretsManagerMySQLRotation", "metric": "unfinished", "statistic": "Minimum", "missing": "ignore"}


class CloudFormationTest(unittest.TestCase):
    PATH = EXAMPLES / "cloudformation" / "rotation.yaml"

    def test_it_passes_parameters_that_the_template_has_and_reads_an_output_that_it_has(self) -> None:
        resources = load(self.PATH)["Resources"]
        self.assertLessEqual(set(resources["Rotation"]["Properties"]["Parameters"]), PARAMETERS)
        schedule = resources["Schedule"]["Properties"]
        resource, output = schedule["RotationLambdaARN"]["Fn::GetAtt"]
        self.assertEqual(resource, "Rotation")
        self.assertIn(output.removeprefix("Outputs."), TEMPLATE["Outputs"])
        self.assertIs(schedule["RotateImmediatelyOnUpdate"], False)
        self.assertEqual(schedule["RotationRules"]["Duration"], "3h")
        alarm = resources["Unfinished"]["Properties"]
        found = {"namespace": alarm["Namespace"], "metric": alarm["MetricName"], "statistic": alarm["Statistic"], "missing": alarm["TreatMissingData"]}
        self.assertEqual(found, UNFINISHED)
        self.assertEqual([one["Name"] for one in alarm["Dimensions"]], ["function", "secret"])

    def test_it_is_clean(self) -> None:
        for path in (self.PATH, self.PATH.with_name("restart-ecs.yaml")):
            subprocess.run([ROOT / ".dev/sam/bin/cfn-lint", path], check=True)


class TerraformTest(unittest.TestCase):
    def parsed(self, path: str) -> dict[str, Any]:
        program = [ROOT / ".dev/checks/bin/hcl2tojson", EXAMPLES / "terraform" / path]
        return json.loads(subprocess.run(program, check=True, capture_output=True, text=True).stdout)

    def resources(self, path: str) -> dict[str, Any]:
        resources: dict[str, Any] = {}
        for one in self.parsed(path)["resource"]:
            ((kind, named),) = one.items()
            ((_, body),) = named.items()
            # Every attribute is a list of one in this form.
            resources[kind] = {key: value[0] for key, value in body.items() if isinstance(value, list)}
        return resources

    def test_the_module_of_the_function_passes_parameters_that_the_template_has(self) -> None:
        path = "modules/rotation/main.tf"
        parameters = self.resources(path)["aws_cloudformation_stack"]["parameters"]
        for name in ("functionName", "superuserSecretArn", "vpcSubnetIds", "vpcSecurityGroupIds"):
            self.assertIn(name, parameters)
            self.assertIn(name, PARAMETERS)
        source = (EXAMPLES / "terraform" / path).read_text()
        # The text that is replaced by the place of the zip is in the template.
        self.assertIn("CodeUri: ${local.zip}", source)
        for output in re.findall(r'outputs\["(\w+)"\]', source):
            self.assertIn(output, TEMPLATE["Outputs"])
        template = (ROOT / "template.yaml").read_text()
        packaged = package.packaged(template, "mysql-rotation-arm64.zip", "arm64")
        self.assertEqual(packaged.count("CodeUri: mysql-rotation-arm64.zip"), 1)
        self.assertLess(len(packaged), 51_200)
        self.assertNotIn("aws_iam_", source)

    def test_the_module_of_a_secret_does_not_rotate_at_once_and_has_a_window_and_an_alarm(self) -> None:
        resources = self.resources("modules/secret/main.tf")
        rotation = resources["aws_secretsmanager_secret_rotation"]
        self.assertIs(rotation["rotate_immediately"], False)
        self.assertEqual(set(rotation["rotation_rules"]) - {"__start_line__", "__end_line__"}, {"schedule_expression", "duration"})
        alarm = resources["aws_cloudwatch_metric_alarm"]
        found = {"namespace": alarm["namespace"], "metric": alarm["metric_name"], "statistic": alarm["statistic"], "missing": alarm["treat_missing_data"]}
        self.assertEqual(found, UNFINISHED)
        self.assertEqual(set(alarm["dimensions"]), {"function", "secret"})

    def test_an_apply_puts_no_password_back(self) -> None:
        version = self.resources("main.tf")["aws_secretsmanager_secret_version"]
        (ignored,) = version["lifecycle"]["ignore_changes"]
        self.assertIn("${secret_string}", ignored)

    def test_every_file_asks_for_the_provider_that_passes_rotate_immediately_on(self) -> None:
        for path in ("main.tf", "modules/rotation/main.tf", "modules/secret/main.tf"):
            self.assertIn('version = ">= 5.33"', (EXAMPLES / "terraform" / path).read_text())

    @unittest.skipUnless(shutil.which("terraform"), "there is no terraform here")
    def test_they_are_formatted(self) -> None:
        subprocess.run(["terraform", "fmt", "-check", "-recursive", EXAMPLES / "terraform"], check=True, capture_output=True)


@unittest.skipUnless(shutil.which("npm"), "there is no npm here")
class CdkTest(unittest.TestCase):
    HOME = ROOT / ".dev" / "cdk"

    @classmethod
    def setUpClass(cls) -> None:
        source, installed = EXAMPLES / "cdk", cls.HOME / "package-lock.json"
        wanted = (source / "package-lock.json").read_text()
        if not (cls.HOME / "node_modules").exists() or not installed.exists() or installed.read_text() != wanted:
            shutil.rmtree(cls.HOME, ignore_errors=True)
            cls.HOME.mkdir(parents=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(source / name, cls.HOME / name)
            subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], check=True, cwd=cls.HOME)

    def synthesize(self) -> Path:
        """The assembly that `cdk synth --strict` makes of the example, which ends well only without a warning."""
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        release(folder)
        shutil.copytree(EXAMPLES / "cdk", folder / "app", ignore=shutil.ignore_patterns("node_modules", "*.js", "*.d.ts"))
        (folder / "app" / "node_modules").symlink_to(self.HOME / "node_modules")
        context = ("--context", f"superuserSecretArn={SECRET}admin-AbC123", "--context", f"userSecretArn={SECRET}app-AbC123")
        environment = {**os.environ, "RELEASE": str(folder), "CDK_DISABLE_CLI_TELEMETRY": "true"}
        for command in (["tsc"], ["cdk", "synth", "--strict", "--quiet", *context]):
            program = [str(self.HOME / "node_modules" / ".bin" / command[0]), *command[1:]]
            run = subprocess.run(program, env=environment, capture_output=True, text=True, cwd=folder / "app")
            self.assertEqual(run.returncode, 0, f"{command}: {run.stdout[-2000:]}{run.stderr[-3000:]}")
        return folder / "app" / "cdk.out"

    def test_the_constructs_synthesize_strictly_with_the_role_as_it_is_and_a_schedule_that_does_not_rotate_at_once(self) -> None:
        assembly = self.synthesize()
        (nested,) = (json.loads(path.read_text())["Resources"] for path in assembly.glob("*.nested.template.json"))
        for kind in ("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::Lambda::Permission"):
            ours = [name for name, one in TEMPLATE["Resources"].items() if one["Type"] == kind]
            self.assertEqual([name for name, one in nested.items() if one["Type"] == kind], ours, kind)
        self.assertIn("Bucket", nested[FUNCTION]["Properties"]["CodeUri"])
        made = json.loads((assembly / "MySqlRotation.template.json").read_text())["Resources"]
        self.assertEqual([one["Type"] for one in made.values() if one["Type"].startswith("AWS::IAM::")], [])
        (schedule,) = (one for one in made.values() if one["Type"] == "AWS::SecretsManager::RotationSchedule")
        properties = schedule["Properties"]
        self.assertIs(properties["RotateImmediatelyOnUpdate"], False)
        self.assertEqual(properties["RotationRules"]["Duration"], "3h")
        self.assertRegex(properties["RotationRules"]["ScheduleExpression"], r"^cron\(0 [0-3] \d{1,2} \* \? \*\)$")
        self.assertIn(FUNCTION, json.dumps(properties["RotationLambdaARN"]))
        self.assertEqual(len(schedule["DependsOn"]), 1)
        (alarm,) = (one["Properties"] for one in made.values() if one["Type"] == "AWS::CloudWatch::Alarm")
        found = {"namespace": alarm["Namespace"], "metric": alarm["MetricName"], "statistic": alarm["Statistic"], "missing": alarm["TreatMissingData"]}
        self.assertEqual(found, UNFINISHED)
        self.assertEqual([one["Name"] for one in alarm["Dimensions"]], ["function", "secret"])


if __name__ == "__main__":
    unittest.main()
