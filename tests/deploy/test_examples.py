"""The examples for other ways to deploy: each is complete, and none writes the role a second time."""

import json
import os
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

    def test_it_is_clean(self) -> None:
        subprocess.run([ROOT / ".dev/sam/bin/cfn-lint", self.PATH], check=True)


class TerraformTest(unittest.TestCase):
    def test_it_passes_parameters_that_the_template_has_and_does_not_rotate_at_once(self) -> None:
        program = [ROOT / ".dev/checks/bin/hcl2tojson", EXAMPLES / "terraform" / "main.tf"]
        parsed = json.loads(subprocess.run(program, check=True, capture_output=True, text=True).stdout)
        resources: dict[str, Any] = {}
        for one in parsed["resource"]:
            ((kind, named),) = one.items()
            ((_, body),) = named.items()
            # Every attribute is a list of one in this form.
            resources[kind] = {key: value[0] for key, value in body.items() if isinstance(value, list)}
        self.assertLessEqual(set(resources["aws_cloudformation_stack"]["parameters"]), PARAMETERS)
        rotation = resources["aws_secretsmanager_secret_rotation"]
        self.assertIs(rotation["rotate_immediately"], False)
        self.assertIn('rotation.outputs["RotationLambdaARN"]', rotation["rotation_lambda_arn"])
        # The text that is replaced by the place of the zip is in the template.
        self.assertIn("CodeUri: ${local.zip}", (EXAMPLES / "terraform" / "main.tf").read_text())
        template = (ROOT / "template.yaml").read_text()
        packaged = package.packaged(template, "mysql-rotation-arm64.zip", "arm64")
        self.assertEqual(packaged.count("CodeUri: mysql-rotation-arm64.zip"), 1)
        self.assertLess(len(packaged), 51_200)
        self.assertNotIn("aws_iam_", json.dumps(parsed))


@unittest.skipUnless(shutil.which("npm"), "there is no npm here")
class CdkTest(unittest.TestCase):
    HOME = ROOT / ".dev" / "cdk"

    @classmethod
    def setUpClass(cls) -> None:
        source, installed = EXAMPLES / "cdk", cls.HOME / "package-lock.json"
        wanted = (source / "package-lock.json").read_text()
        if not (cls.HOME / "node_modules").exists() or installed.read_text() != wanted:
            cls.HOME.mkdir(parents=True, exist_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(source / name, cls.HOME / name)
            subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], check=True, cwd=cls.HOME)

    def synthesize(self) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            release(Path(folder))
            context = {"superuserSecretArn": SECRET + "admin-AbC123", "userSecretArn": SECRET + "app-AbC123"}
            environment = {
                **os.environ,
                "NODE_PATH": str(self.HOME / "node_modules"),
                "RELEASE": folder,
                "CDK_OUTDIR": f"{folder}/out",
                "CDK_CONTEXT_JSON": json.dumps(context),
            }
            run = subprocess.run(["node", EXAMPLES / "cdk" / "app.js"], env=environment, capture_output=True, text=True)
            self.assertEqual(run.returncode, 0, run.stderr[-2000:])
            return json.loads(Path(folder, "out", "MySqlRotation.template.json").read_text())

    def test_it_becomes_a_template_with_the_role_as_it_is_and_a_schedule_that_does_not_rotate_at_once(self) -> None:
        made = self.synthesize()["Resources"]
        for kind in ("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::Lambda::Permission"):
            ours = [name for name, one in TEMPLATE["Resources"].items() if one["Type"] == kind]
            self.assertEqual([name for name, one in made.items() if one["Type"] == kind], ours, kind)
        (schedule,) = (one for one in made.values() if one["Type"] == "AWS::SecretsManager::RotationSchedule")
        properties = schedule["Properties"]
        self.assertIs(properties["RotateImmediatelyOnUpdate"], False)
        self.assertEqual(properties["RotationRules"], {"ScheduleExpression": "cron(0 3 1 * ? *)"})
        self.assertIn(FUNCTION, json.dumps(properties["RotationLambdaARN"]))
        self.assertIn("Permission", schedule["DependsOn"])
        self.assertIn("Bucket", made[FUNCTION]["Properties"]["CodeUri"])


if __name__ == "__main__":
    unittest.main()
