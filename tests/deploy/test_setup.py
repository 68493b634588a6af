"""What somebody is told whose machine lacks something."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from . import ROOT  # noqa: F401
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


if __name__ == "__main__":
    unittest.main()
