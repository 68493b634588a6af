"""Installs the real clients under `.dev/clients/`, at the versions that tests/clients/ pins.

What cannot be had on a machine is left out, with a word; the clients that need it are then not tried.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import debian
from commands import Missing, last_line, run
from packages import DEV, HOME

CLIENTS = DEV.parent / "tests/clients"
ROOT = HOME / "clients"
NODE = (20, 12, 0)
PYTHON = ROOT / "python/bin/python"


def setup(needed: set[str]) -> dict[str, str]:
    """Installs these parts; the reason for each that is missing."""
    ROOT.mkdir(parents=True, exist_ok=True)
    with open(ROOT / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once must not install the same part
        return _setup(needed)


def _setup(needed: set[str]) -> dict[str, str]:
    missing = {}
    for part, install in PARTS.items():
        if part not in needed:
            continue
        try:
            install()
        except Missing as error:
            missing[part] = str(error)
        except (OSError, subprocess.CalledProcessError) as error:
            why = last_line(error) if isinstance(error, subprocess.CalledProcessError) else str(error)
            missing[part] = f"{part} could not be set up: {why}"
    return missing


def once(part: str, pins: Path | str, install: Callable[[], None]) -> None:
    """Installs a part unless it was, with the same pins."""
    stamp = ROOT / f"{part}.stamp"
    wanted = pins.read_text() if isinstance(pins, Path) else pins
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"{part}: installing ...", file=sys.stderr, flush=True)
    stamp.unlink(missing_ok=True)
    install()
    stamp.write_text(wanted)


def python() -> None:
    requirements = CLIENTS / "python/requirements.txt"

    def install() -> None:
        run([sys.executable, "-m", "venv", "--clear", str(ROOT / "python")])
        pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]
        run([*pip, "install", "--quiet", "--requirement", str(requirements)])

    once("python", requirements, install)


def node() -> None:
    if not shutil.which("npm"):
        raise Missing("There is no npm here.")
    has = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(map(int, has.lstrip("v").split("."))) < NODE:
        raise Missing(f"Node {has} is too old: the packages need {'.'.join(map(str, NODE))}.")
    sources, folder = CLIENTS / "node", ROOT / "node"

    def install() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(sources / name, folder / name)
        run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=folder)

    once("node", sources / "package-lock.json", install)
    # Node looks for packages beside the program.
    for program in sources.glob("*.mjs"):
        shutil.copyfile(program, folder / program.name)


def rust() -> None:
    """Cargo itself sees what is built already."""
    command = ["cargo", "build", "--locked", "--quiet", "--manifest-path", str(CLIENTS / "rust/Cargo.toml")]
    print("rust: building ...", file=sys.stderr, flush=True)
    run(command, {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "rust")})


# Of the stable release, but for what is wanted as new as MySQL 9 is.
GO_DRIVER = "golang-github-go-sql-driver-mysql-dev"
TRIXIE = ["perl", "php8.4-cli", "php8.4-mysql", "libdbd-mysql-perl", "libdbd-mariadb-perl", "ruby", "ruby-mysql2"]
TRIXIE += ["python3", "python3-mysqldb", "mariadb-client-core", "libhikaricp-java"]
TRIXIE += ["golang-go", GO_DRIVER]
SID = ["mysql-client-core", "libmariadb-java"]
TREES = {"trixie": ROOT / "trixie", "sid": ROOT / "sid"}


def trixie() -> None:
    once("trixie", f"{TRIXIE}", lambda: debian.unpack("trixie", TRIXIE, ROOT, TREES["trixie"]))


def sid() -> None:
    once("sid", f"{SID}", lambda: debian.unpack("sid", SID, ROOT, TREES["sid"]))


def go() -> None:
    tree, source = TREES["trixie"], CLIENTS / "go/main.go"
    env = {**os.environ, "GOROOT": str(tree / "usr/lib/go"), "GOPATH": str(tree / "usr/share/gocode"), "GO111MODULE": "off"}
    env |= {"CGO_ENABLED": "0", "GOCACHE": str(ROOT / "go-cache"), "GOTOOLCHAIN": "local"}
    command = [str(tree / "usr/lib/go-1.24/bin/go"), "build", "-o", str(ROOT / "go"), str(source)]
    once("go", f"{version('trixie', GO_DRIVER)} {source.read_text()}", lambda: run(command, env))


def java() -> None:
    if not shutil.which("javac"):
        raise Missing("There is no Java here.")
    source = CLIENTS / "java/Client.java"
    command = ["javac", "-cp", jars(), "-d", str(ROOT / "java"), str(source)]
    once("java", source.read_text() + jars(), lambda: run(command))


def jars() -> str:
    names = ("trixie/HikariCP", "trixie/slf4j-api", "trixie/slf4j-nop", "sid/mariadb-java-client")
    folders = [(TREES[tree] / "usr/share/java", name) for tree, name in (one.split("/") for one in names)]
    return ":".join(str(folder / f"{name}.jar") for folder, name in folders)


def version(tree: str, package: str) -> str:
    """The version of a Debian package that was unpacked."""
    lines = (TREES[tree] / "versions").read_text().splitlines()
    found = next(line.split()[1] for line in lines if line.split()[0] == package)
    return found.replace("%3a", ":").split(":")[-1].split("-")[0].split("+")[0]


def loaded(tree: str, program: str) -> list[str]:
    """A program of a Debian release, with the loader and the libraries of that release."""
    libraries = TREES[tree] / "usr/lib/x86_64-linux-gnu"
    loader = [str(libraries / "ld-linux-x86-64.so.2"), "--library-path", str(libraries)]
    return [*loader, str(TREES[tree] / "usr/bin" / program)]


PARTS = {"python": python, "node": node, "rust": rust, "trixie": trixie, "sid": sid, "go": go, "java": java}


# How the programs of each language are started


def command(language: str, program: str, arguments: tuple[str, ...]) -> list[str]:
    source = str(CLIENTS / language / program)
    tree = TREES["trixie"] / "usr"
    # Where libmariadb, moved to another folder, finds what it needs for caching_sha2_password.
    plugins = f"MARIADB_PLUGIN_DIR={tree / 'lib/x86_64-linux-gnu/libmariadb3/plugin'}"
    match language:
        case "python":
            return [str(PYTHON), source, *arguments]
        case "debian-python":  # whose mysqlclient needs no compiler
            site = next((ROOT / "python/lib").glob("python3.*")) / "site-packages"
            env = [plugins, f"PYTHONHOME={tree}", f"PYTHONPATH={tree / 'lib/python3/dist-packages'}:{site}"]
            return ["env", *env, *loaded("trixie", "python3.13"), str(CLIENTS / "python" / program), *arguments]
        case "node":
            return ["node", str(ROOT / "node" / program), *arguments]
        case "rust":
            return [str(ROOT / "rust/debug" / program), *arguments]
        case "php":
            settings = [f"extension_dir={next((tree / 'lib/php').glob('20*'))}", "extension=mysqlnd"]
            settings += ["extension=mysqli", "extension=pdo", "extension=pdo_mysql"]
            return [*loaded("trixie", "php8.4"), "-n", *(word for one in settings for word in ("-d", one)), source, *arguments]
        case "perl":
            folders = ["lib/x86_64-linux-gnu/perl5/5.40", "share/perl5", "lib/x86_64-linux-gnu/perl/5.40"]
            folders += ["share/perl/5.40", "lib/x86_64-linux-gnu/perl-base"]
            return ["env", plugins, *loaded("trixie", "perl"), *(f"-I{tree / one}" for one in folders), source, *arguments]
        case "ruby":
            folders = ["lib/ruby/vendor_ruby", "lib/x86_64-linux-gnu/ruby/vendor_ruby/3.3.0", "lib/ruby/3.3.0"]
            folders += ["lib/x86_64-linux-gnu/ruby/3.3.0"]
            gems = sorted((tree / "share/rubygems-integration").glob("*/gems/*/lib"))
            more = [*(f"-I{tree / one}" for one in folders), *(f"-I{one}" for one in gems)]
            return ["env", plugins, *loaded("trixie", "ruby3.3"), "--disable-gems", *more, source]
        case "go":
            return [str(ROOT / "go"), version("trixie", GO_DRIVER)]
        case "java":
            package, of = ("libhikaricp-java", "trixie") if arguments[0].startswith("hikari") else ("libmariadb-java", "sid")
            return ["java", "-cp", f"{jars()}:{ROOT / 'java'}", "Client", *arguments, version(of, package)]
        case "mysql":
            plugins = f"LIBMYSQL_PLUGIN_DIR={TREES['sid'] / 'usr/lib/mysql/plugin'}"
            what = ["mysql", version("sid", "mysql-client-core"), *loaded("sid", "mysql")]
        case _:
            what = ["mariadb", version("trixie", "mariadb-client-core"), *loaded("trixie", "mariadb")]
    return ["env", plugins, str(PYTHON), str(CLIENTS / "python" / program), *what]
