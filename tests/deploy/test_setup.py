"""What somebody is told whose machine lacks something."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from . import ROOT
import needs
import packages


class SetupTest(unittest.TestCase):
    def test_without_pythons_venv_the_package_to_install_is_named(self) -> None:
        # What a minimal Debian says.
        said = "The virtual environment was not created successfully ...\n\nFailing command: /x/.dev/venv/bin/python3\n"
        failed = subprocess.CalledProcessError(1, ["python3"], said)
        with mock.patch.object(packages, "run", side_effect=failed):
            with self.assertRaisesRegex(packages.Missing, "install python3-venv"):
                packages._install_environment("python")

    def test_without_cargo_or_with_an_old_one_nothing_is_downloaded(self) -> None:
        for version, said in ((None, "there is no cargo"), ("1.70.0", "this is cargo 1.70.0")):
            with self.subTest(version=version), tempfile.TemporaryDirectory() as folder:
                if version:
                    cargo = Path(folder, "cargo")
                    cargo.write_text(f"#!/bin/sh\necho cargo {version}\n")
                    cargo.chmod(0o755)
                with mock.patch.dict(os.environ, PATH=folder), mock.patch.object(packages, "_install") as install:
                    with self.assertRaisesRegex(packages.Missing, f"{said}.*Rust 1\\..*rustup"):
                        packages.setup(["mysql", "python"])
                install.assert_not_called()

    def test_a_newer_cargo_will_do(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            cargo = Path(folder, "cargo")
            cargo.write_text("#!/bin/sh\necho 'cargo 2.0.0 (abc 2030-01-01)'\n")
            cargo.chmod(0o755)
            with mock.patch.dict(os.environ, PATH=folder):
                packages.toolchain.check_cargo()

    def test_a_script_leaves_no_folder_of_pythons_beside_it(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, "dev")
            shutil.copytree(ROOT / "dev", copy, ignore=shutil.ignore_patterns("__pycache__"))
            before = sorted(path.name for path in copy.iterdir())
            environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
            subprocess.run([sys.executable, copy / "stack.py", "servers"], check=True, env=environment, capture_output=True)
            self.assertEqual(sorted(path.name for path in copy.iterdir()), before)

    def test_what_is_missing_is_said_before_anything_is_downloaded(self) -> None:
        demo = needs.NEEDS["demo"]
        here = mock.patch.multiple(needs.platform, machine=mock.Mock(return_value="x86_64"))
        with here, mock.patch.object(needs.sys, "platform", "linux"):
            with mock.patch.dict(os.environ, PATH="/nowhere"):
                self.assertRegex("".join(needs.lacking(demo)), "there is no cargo.*there is no C compiler")
            full = mock.Mock(free=1 << 30)
            with (
                mock.patch.object(needs.toolchain, "check_cargo"),
                mock.patch.object(needs, "is_set_up", return_value=False),
            ):
                with mock.patch.object(needs.shutil, "disk_usage", return_value=full):
                    (lacking,) = needs.lacking(demo)
                    self.assertRegex(lacking, "3 GB of disk are needed .* 1.0 GB are free")
                self.assertEqual(needs.lacking(demo), [])

    def test_where_the_emulator_has_no_program_that_is_said_at_once(self) -> None:
        with mock.patch.object(packages.sys, "platform", "darwin"), mock.patch.object(packages.platform, "machine", return_value="arm64"):
            with self.assertRaisesRegex(packages.Missing, "no program for darwin arm64, only for Linux"):
                packages.emulator_in_wheel()
        with mock.patch.object(packages.platform, "machine", return_value="aarch64"):
            self.assertTrue(packages.emulator_in_wheel().endswith("-arm64"))


if __name__ == "__main__":
    unittest.main()
