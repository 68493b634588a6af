"""What somebody is told whose machine lacks something."""

import subprocess
import unittest
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


if __name__ == "__main__":
    unittest.main()
