"""The programs of database servers that the stack can run: Debian's packages, and folders that somebody unpacked.

A folder has the layout of the archives that MySQL and MariaDB publish: `bin/mysqld` or `bin/mariadbd`, `lib/plugin`,
`share`. Those under `.dev/servers/` are found, and those that MORE_SERVERS lists (folders, separated by commas).
Family and version are asked of the program, and make its name: mysql-8.0.30.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

import packages
from packages import HOME, SERVERS, Missing, root

PROGRAMS = ("bin/mysqld", "bin/mariadbd")
UNPACKED = HOME / "servers"
ASK_SECONDS = 30


@dataclass(frozen=True)
class Build:
    """A program that was not started yet."""

    name: str
    family: str
    version: tuple[int, ...]
    program: Path
    command: tuple[str, ...]  # with what loads it, up to the arguments that all servers have
    share: Path  # its messages, character sets and scripts
    part: str | None = None  # if it is a package: its name among the parts of the stack

    @property
    def is_mariadb(self) -> bool:
        return self.family == "mariadb"

    def describe(self) -> dict[str, object]:
        return {"name": self.name, "part": self.part, "family": self.family, "version": self.version}

    def stamp(self) -> str:
        """Changes when the program does."""
        file = self.program.stat()
        return f"{self.name} {self.program.resolve()} {file.st_size} {int(file.st_mtime)}"


def listed() -> list[tuple[str, str]]:
    """The names that can be given, and what they mean."""
    packaged = [(name, f"{server.package} {server.version}x of Debian {server.suite}") for name, server in SERVERS.items()]
    return packaged + [(build.name, str(build.program)) for build in unpacked()]


def choose(wanted: str) -> list[Build]:
    """The servers with these names, separated by commas, or `all`. Debian's are installed if need be."""
    more = unpacked()
    chosen: list[Build] = []
    names = [*SERVERS, *(build.name for build in more)] if wanted == "all" else wanted.split(",")
    more += [of_package(name) for name in SERVERS if packages.is_installed(name)]
    for name in names:
        if name in SERVERS:
            packages.setup([name], quiet=True)
            found = of_package(name)
        else:
            fits = [build for build in more if f"{build.name}.".startswith(name.rstrip(".") + ".") or build.name == name]
            if len(fits) != 1:
                names = ", ".join(name for name, _ in listed())
                raise Missing(f"{name!r} names {'several servers' if fits else 'no server'}: there is {names}.")
            found = fits[0]
        if found in chosen:
            raise Missing(f"{name!r} is named twice.")
        chosen.append(found)
    return chosen


def installed(first: list[Build]) -> list[Build]:
    """These, and the others of which a server can be started at once."""
    there = [of_package(name) for name in (*SERVERS, *packages.OLD) if packages.is_installed(name)] + unpacked()
    return list(dict.fromkeys(first + there))


def unpacked() -> list[Build]:
    """What is in the folders, newest version first."""
    folders = sorted(path for path in UNPACKED.glob("*") if path.is_dir())
    named = [Path(name.strip()) for name in os.environ.get("MORE_SERVERS", "").split(",") if name.strip()]
    found: dict[str, Build] = {}
    for folder in dict.fromkeys(folder.resolve() for folder in folders + named):
        build = of_folder(folder)
        if build.name in found:
            raise Missing(f"{folder} and {found[build.name].program} are both {build.name}: take one of them away.")
        found[build.name] = build
    return sorted(found.values(), key=lambda build: (build.family, build.version), reverse=True)


def of_folder(folder: Path) -> Build:
    program = next((folder / name for name in PROGRAMS if (folder / name).is_file()), None)
    if program is None:
        raise Missing(f"{folder} is no unpacked server: it has neither {' nor '.join(PROGRAMS)}.")
    share = next((path for path in (folder / "share", folder / "share/mysql") if (path / "charsets").is_dir()), None)
    plugins = next((path for path in (folder / "lib/plugin", folder / "lib/mysql/plugin") if path.is_dir()), None)
    if share is None or plugins is None:
        raise Missing(f"{folder} is no complete server: it has no share/charsets or no lib/plugin.")
    return _build((str(program),), folder, share, plugins)


def of_package(name: str) -> Build:
    """One of Debian's, which is installed: the program with its release's own loader and libraries."""
    tree = root(name)
    libraries = tree / "usr/lib/x86_64-linux-gnu"
    old_libraries = tree / "lib/x86_64-linux-gnu"
    loaders = [folder / "ld-linux-x86-64.so.2" for folder in (libraries, old_libraries)]
    loader = next((loader for loader in loaders if loader.exists()), None)
    program = next((tree / "usr/sbin" / name for name in ("mariadbd", "mysqld") if (tree / "usr/sbin" / name).exists()), None)
    if loader is None or program is None:
        raise Missing(f"{tree} is incomplete: remove it and run setup again.")
    share = next(path for path in (tree / "usr/share/mariadb", tree / "usr/share/mysql") if (path / "charsets").exists())
    command = (str(loader), "--library-path", f"{libraries}:{old_libraries}", str(program))
    return _build(command, tree / "usr", share, tree / "usr/lib/mysql/plugin", name)


def _build(command: tuple[str, ...], base: Path, share: Path, plugins: Path, part: str | None = None) -> Build:
    family, version = _ask([*command, "--no-defaults", "--version"])
    places = (
        "--no-defaults",
        f"--basedir={base}",
        f"--lc-messages-dir={share}",
        f"--character-sets-dir={share}/charsets",
        f"--plugin-dir={plugins}",
    )
    return Build(name_of(family, version), family, version, Path(command[-1]), command + places, share, part)


def _ask(command: list[str]) -> tuple[str, tuple[int, ...]]:
    """Family and version, out of the answer to --version."""
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=ASK_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"{' '.join(command)} cannot be run: {error}.") from error
    version = re.search(r"\bVer (\d+\.\d+\.\d+\S*)", answer.stdout)
    if answer.returncode != 0 or not version:
        raise Missing(f"`{' '.join(command)}` does not tell a version: {answer.stdout.strip()[-300:] or answer.returncode}")
    return read_version(version[1])


def read_version(text: str) -> tuple[str, tuple[int, ...]]:
    """Family and version of the text that a server gives as its version."""
    family = "mariadb" if "mariadb" in text.lower() else "mysql"
    # MariaDB once put a version that MySQL's replicas understand before its own.
    numbers = re.match(r"\d+\.\d+\.\d+", text.removeprefix("5.5.5-") if family == "mariadb" else text)
    if not numbers:
        raise Missing(f"{text!r} is no version of a database server.")
    return family, tuple(int(number) for number in numbers[0].split("."))


def name_of(family: str, version: tuple[int, ...]) -> str:
    return f"{family}-{'.'.join(map(str, version))}"


@dataclass(frozen=True)
class Given:
    """A running server that somebody else started: MYSQL_URL and MYSQL_CA_FILE. It can be neither stopped nor configured.

    Without a file it is used without TLS, which is enough for the demo.
    """

    name: str
    family: str
    version: tuple[int, ...]
    url: str
    ca_file: str

    def describe(self) -> dict[str, object]:
        return {
            "id": self.name,
            "name": self.name,
            "part": None,
            "family": self.family,
            "version": self.version,
            "url": self.url,
            "ca_file": self.ca_file,
            "shared": True,
            "given": True,
        }


def is_given() -> bool:
    return bool(os.environ.get("MYSQL_URL"))


def given() -> Given | None:
    """The server of MYSQL_URL, if that is set; its family and version are those of its greeting."""
    url = os.environ.get("MYSQL_URL")
    if not url:
        return None
    ca_file = os.environ.get("MYSQL_CA_FILE", "")
    if ca_file and not Path(ca_file).is_file():
        raise Missing(f"MYSQL_CA_FILE is {ca_file}, which is no file: the authority of that server's certificate, as PEM.")
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "mysql" or not parts.hostname:
        raise Missing("MYSQL_URL is not of the form mysql://USER:PASSWORD@HOST:PORT.")
    family, version = read_version(greeting(parts.hostname, parts.port or 3306))
    return Given(name_of(family, version), family, version, url, ca_file)


def greeting(host: str, port: int) -> str:
    """The version in a server's first packet: a length, a number, the protocol's version, and a text up to a zero."""
    try:
        with socket.create_connection((host, port), timeout=10) as connection:
            packet = b""
            while b"\0" not in packet[5:] and (received := connection.recv(1024)):
                packet += received
    except OSError as error:
        raise Missing(f"The server of MYSQL_URL, {host}:{port}, cannot be reached: {error}.") from error
    if packet[4:5] != b"\n":
        said = packet[7:].decode(errors="replace")[:200]
        raise Missing(f"{host}:{port} does not greet as a MySQL or MariaDB server does: {said!r}")
    return packet[5:].partition(b"\0")[0].decode(errors="replace")


if __name__ == "__main__":
    # Whether a server answers: python3 dev/builds.py HOST PORT
    try:
        print(name_of(*read_version(greeting(sys.argv[1], int(sys.argv[2])))))
    except Missing as error:
        sys.exit(str(error))
