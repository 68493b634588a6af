"""Programs of Debian's archive, unpacked so that a program of one Debian release runs on another.

The packages and their libraries, down to libc, are downloaded by a private apt into a folder of their own. What was
unpacked last is kept in the user's cache: where the archive cannot be reached, or a suite has moved on to a version
that the tests are not made for, it is used again.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from commands import Missing, last_line, output, run

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "secrets-manager-mysql-rotation" / "debian"
OTHERWISE = "Set MYSQL_URL or MORE_SERVERS to use a server of your own instead."


@dataclass(frozen=True)
class Server:
    """A database server as Debian packages it: the release, the package, and the version that is acceptable."""

    suite: str
    package: str
    version: str
    extras: tuple[str, ...] = ()  # unpacked without their own dependencies: they only bring plugins


def install(part: str, server: Server, home: Path, tree: Path) -> str:
    """Unpacks the server into `tree`, and says which version it is."""
    try:
        archives = _download(part, server, home)
    except Missing as error:
        version = _version_in(CACHE / part, server)
        if not version:
            raise Missing(f"{error} {OTHERWISE}") from error
        print(f"{part}: {error} Version {version} is still in {CACHE / part}, and is used.", file=sys.stderr)
        archives = CACHE / part
    version = _version_in(archives, server)
    partial = home / f"{part}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    for package in sorted(archives.glob("*.deb")):
        run(["dpkg-deb", "-x", str(package), str(partial)])
    shutil.rmtree(tree, ignore_errors=True)
    partial.rename(tree)
    if archives != CACHE / part:
        _keep(archives, CACHE / part)
        shutil.rmtree(home / "apt" / server.suite)
    return f"{server.package} {version} from Debian {server.suite}"


def add_library(part: str, server: Server, library: str, home: Path, tree: Path) -> None:
    """Adds a library of another release's package. Where it cannot be had, the tests that need it are skipped."""
    kept = CACHE / f"{part}.libraries" / Path(library).name
    if not kept.exists():
        unpacked = home / f"{part}.library"
        shutil.rmtree(unpacked, ignore_errors=True)
        try:
            apt = private_apt(home, server.suite)
            apt_get(apt, "update")
            version = _candidate(apt, server.package)
            if not version.split(":", 1)[-1].startswith(server.version):
                raise Missing(f"Debian {server.suite} has {server.package} {version} now, not {server.version}x.")
            apt_get(apt, "download", server.package, cwd=apt)
            package = next(apt.glob(f"{server.package}_*.deb"))
            run(["dpkg-deb", "-x", str(package), str(unpacked)])
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(unpacked / library, kept)
        except (Missing, OSError) as error:
            print(f"{part}: without {Path(library).name}: {error}", file=sys.stderr)
            return
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)
            shutil.rmtree(home / "apt" / server.suite, ignore_errors=True)
    shutil.copyfile(kept, tree / library)


def unpack(suite: str, packages: list[str], home: Path, tree: Path) -> None:
    """Unpacks packages of a suite, with all that they depend on, into `tree`.

    The file `versions` there says which they are.
    """
    apt = private_apt(home, suite)
    (apt / "status").write_text("")  # here perl is wanted too
    apt_get(apt, "update")
    apt_get(apt, "install", "--yes", "--download-only", "--no-install-recommends", *packages)
    shutil.rmtree(tree, ignore_errors=True)
    archives = sorted((apt / "cache" / "archives").glob("*.deb"))
    for package in archives:
        run(["dpkg-deb", "-x", str(package), str(tree)])
    (tree / "versions").write_text("".join(" ".join(file.name.split("_")[:2]) + "\n" for file in archives))
    shutil.rmtree(apt)


def _download(part: str, server: Server, home: Path) -> Path:
    """The folder with the packages."""
    apt = private_apt(home, server.suite)
    apt_get(apt, "update")
    version = _candidate(apt, server.package)
    if not version.split(":", 1)[-1].startswith(server.version):
        raise Missing(
            f"Debian {server.suite} has moved on: {part} is made for {server.package} {server.version}x, and there is "
            f'{version} now; docs/servers.md, "When Debian moves on", says how to follow.'
        )
    apt_get(apt, "install", "--yes", "--download-only", "--no-install-recommends", server.package)
    archives = apt / "cache" / "archives"
    if server.extras:
        apt_get(apt, "download", *server.extras, cwd=archives)
    return archives


def _version_in(archives: Path, server: Server) -> str | None:
    """The acceptable version of the server among these packages; in the name of a file, %3a is a colon."""
    names = [file.name.split("_")[1].replace("%3a", ":") for file in archives.glob(f"{server.package}_*.deb")]
    return next((name for name in names if name.split(":", 1)[-1].startswith(server.version)), None)


def _keep(archives: Path, folder: Path) -> None:
    """Keeps the packages for the next time; without room for them, everything else goes on."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for package in archives.glob("*.deb"):
            shutil.copyfile(package, folder / package.name)
    except OSError as error:
        print(f"The packages could not be kept in {folder}: {error.strerror}.", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)


def private_apt(home: Path, suite: str, foreign: tuple[str, ...] = ()) -> Path:
    """A folder in which apt keeps its own lists, status and downloads, for one suite.

    The archive's address, the keys and the way to the network are the system's own. Packages come for x86_64, and for
    the `foreign` architectures where one is named.
    """
    if platform.machine() != "x86_64" or not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Missing("Debian's packages need Debian for x86_64 (apt-get and dpkg-deb were looked for).")
    apt = home / "apt" / suite
    for folder in ("etc/parts", "etc/preferences.d", "state/lists/partial", "cache/archives/partial"):
        (apt / folder).mkdir(parents=True, exist_ok=True)
    # Nothing counts as installed, so that libc and the rest resolve into the folder. perl is for scripts
    # of the packages that are never run here.
    (apt / "status").write_text(
        "Package: perl\nStatus: install ok installed\nVersion: 99\nArchitecture: amd64\nMulti-Arch: allowed\n"
        "Maintainer: none\nDescription: none\n\n"
    )
    (apt / "sources.list").write_text("".join(_sources(suite)))
    network = [line for line in output(["apt-config", "dump"]).splitlines() if line.startswith("Acquire::")]
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
                "APT::Architectures { " + " ".join(f'"{one}";' for one in ("amd64", *foreign)) + " };",
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
    targets = output(
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
        raise Missing(f"The system's apt has no Debian archive among its sources, or {KEYRING} is missing.")
    lines = [f"deb [signed-by={KEYRING}] {archive} {suite} main\n"]
    if security and suite != "sid":
        lines.append(f"deb [signed-by={KEYRING}] {security} {suite}-security main\n")
    return lines


def _candidate(apt: Path, package: str) -> str:
    policy = output(["apt-cache", "policy", package], _apt_environment(apt))
    for line in policy.splitlines():
        name, _, value = line.strip().partition(": ")
        if name == "Candidate" and value != "(none)":
            return value
    raise Missing(f"Debian has no package {package} here.")


def apt_get(apt: Path, *arguments: str, cwd: Path | None = None) -> None:
    try:
        run(["apt-get", "-q", *arguments], _apt_environment(apt), cwd)
    except subprocess.CalledProcessError as error:
        text = f"`apt-get {arguments[0]}` failed ({last_line(error)}): is the Debian archive reachable?"
        raise Missing(text) from error


def _apt_environment(apt: Path) -> dict[str, str]:
    return {**os.environ, "APT_CONFIG": str(apt / "apt.conf"), "LC_ALL": "C.UTF-8"}
