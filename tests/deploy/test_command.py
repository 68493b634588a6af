"""The operator's command beside the function: it switches nothing in what is deployed."""

import shutil
import subprocess
import tempfile
import tomllib
import unittest
from pathlib import Path

from . import ROOT
from reproducible import take_the_command_out

COPIED = ("Cargo.toml", "Cargo.lock", "account-mirror", "benches", "build.rs", "examples", "operator", "src", "tests/it")


def features(folder: Path) -> str:
    tree = ["cargo", "tree", "--offline", "--edges=features,normal,build", "--package=secrets-manager-mysql-rotation"]
    told = subprocess.run([*tree, "--prefix=none"], cwd=folder, check=True, capture_output=True, text=True).stdout
    return told.replace(str(folder), "")


class CommandTest(unittest.TestCase):
    def test_it_is_no_default_member(self) -> None:
        workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
        self.assertIn("operator", workspace["members"])
        self.assertNotIn("operator", workspace["default-members"])

    def test_the_function_has_the_same_features_with_it_and_without(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            alone = Path(name).resolve()
            for part in COPIED:
                source = ROOT / part
                copy = shutil.copytree if source.is_dir() else shutil.copyfile
                (alone / part).parent.mkdir(parents=True, exist_ok=True)
                copy(source, alone / part)
            take_the_command_out(alone)
            self.assertFalse((alone / "operator").exists())
            self.assertEqual(features(alone), features(ROOT))
        self.assertNotIn("sso", features(ROOT))
