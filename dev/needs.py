"""Says, before anything is downloaded, what a target needs, how long it takes, and what is missing here.

    python3 dev/needs.py demo|test

Ends with 1 if something is missing. Times are those of two cores and a fast network, the first time; later runs compile
only what has changed.
"""

from __future__ import annotations

import sys

sys.dont_write_bytecode = True  # before the modules beside this one are read: they leave no folder there

import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

import builds
import packages
import toolchain
from commands import Missing

ROOT = Path(__file__).resolve().parent.parent
GIGABYTE = 1 << 30


@dataclass(frozen=True)
class Need:
    download_megabytes: int
    disk_gigabytes: int
    minutes: int
    then: str


NEEDS = {
    "demo": Need(400, 3, 8, "10 seconds"),
    "test": Need(700, 6, 20, "6 minutes"),
}


def main() -> int:
    target = sys.argv[1]
    need, missing = NEEDS[target], lacking(NEEDS[target])
    print(
        f"make {target}: the first time about {need.minutes} minutes, {need.download_megabytes} MB of downloads and "
        f"{need.disk_gigabytes} GB of disk, all below {ROOT}/.dev and {ROOT}/target; later {need.then}.",
        file=sys.stderr,
    )
    for one in missing:
        print(f"make {target} cannot run here: {one}", file=sys.stderr)
    return 1 if missing else 0


def lacking(need: Need) -> list[str]:
    missing = []
    try:
        toolchain.check_cargo()
    except Missing as error:
        missing.append(str(error))
    if sys.version_info < (3, 11):
        missing.append(f"Python 3.11 or later is needed; this is {platform.python_version()}.")
    if not any(shutil.which(compiler) for compiler in ("cc", "gcc", "clang")):
        missing.append("there is no C compiler (cc); on Debian, install gcc.")
    if not is_set_up() and shutil.disk_usage(ROOT).free < need.disk_gigabytes * GIGABYTE:
        free = shutil.disk_usage(ROOT).free / GIGABYTE
        missing.append(f"{need.disk_gigabytes} GB of disk are needed at {ROOT}; {free:.1f} GB are free.")
    try:
        packages.emulator_in_wheel()
        builds.given()
    except Missing as error:
        missing.append(str(error))
    if not builds.is_given() and (sys.platform, platform.machine()) != ("linux", "x86_64"):
        missing.append(
            "the servers that it sets up are Debian's for x86_64; "
            "set MYSQL_URL=mysql://ROOT:PASSWORD@HOST:PORT to a server of your own."
        )
    return missing


def is_set_up() -> bool:
    return packages.is_installed("python") and (ROOT / "target" / "debug").exists()


if __name__ == "__main__":
    sys.exit(main())
