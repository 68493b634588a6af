#!/usr/bin/env python3
"""Tries real clients across rotations, and compares what they saw with what is stored.

    python3 dev/real_clients.py                 installs and runs everything; `make clients` builds the function before
    python3 dev/real_clients.py --write         stores what was seen, and writes docs/clients.md
    python3 dev/real_clients.py --only NAME,... some clients, by the beginning of their names
    python3 dev/real_clients.py --page          writes docs/clients.md from what is stored

What was seen is in tests/clients/results.json. A difference fails: of an error, its number, the band of its time, or
the number of refused logins, which is stored as at least and at most. What this machine lacks is no difference.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clients_setup
from clients_setup import CLIENTS, PYTHON, ROOT
from packages import DEV

RESULTS = CLIENTS / "results.json"
BANDS = [(2.5, "at once"), (5, "within 5 s"), (15, "within 15 s"), (60, "within 60 s")]


@dataclass(frozen=True)
class Client:
    """A program of tests/clients/: how it is named, and started."""

    name: str
    language: str
    program: str
    arguments: tuple[str, ...] = ()
    caches: bool = False  # it keeps the secret itself, and reads it again when it thinks fit

    @property
    def needs(self) -> set[str]:
        """The parts that it is made of."""
        if self.language in ("debian-python", "php", "perl", "ruby", "mariadb"):
            return {"python", "trixie"}
        more = {"mysql": ["sid"], "go": ["trixie", "go"], "java": ["trixie", "sid", "java"]}
        return {"python", *more.get(self.language, [self.language])}


ALL = [
    Client("PyMySQL", "python", "with_pymysql.py"),
    Client("PyMySQL without cryptography", "python", "with_pymysql.py", ("without-cryptography",)),
    Client("MySQL Connector/Python, C extension", "python", "with_connector.py"),
    Client("MySQL Connector/Python, pure Python", "python", "with_connector.py", ("pure",)),
    Client("mysqlclient", "debian-python", "with_mysqlclient.py"),
    Client("aiomysql", "python", "with_asyncio.py", ("aiomysql",)),
    Client("asyncmy", "python", "with_asyncio.py", ("asyncmy",)),
    Client("SQLAlchemy with pymysql", "python", "with_sqlalchemy.py", ("pymysql",)),
    Client("SQLAlchemy with mysqlconnector", "python", "with_sqlalchemy.py", ("mysqlconnector",)),
    Client("SQLAlchemy with mysqldb", "debian-python", "with_sqlalchemy.py", ("mysqldb",)),
    Client("aws-secretsmanager-caching (Python)", "python", "with_aws_caching.py", caches=True),
    Client("AWS Advanced Python Wrapper", "python", "with_aws_wrapper.py", ("pure",), caches=True),
    Client("mysql2", "node", "with_mysql2.mjs"),
    Client("mysql2, changeUser", "node", "with_mysql2.mjs", ("changeUser",)),
    Client("mariadb (npm)", "node", "with_mariadb.mjs"),
    Client("knex", "node", "with_knex.mjs"),
    Client("Sequelize", "node", "with_sequelize.mjs"),
    Client("AWS Advanced NodeJS Wrapper", "node", "with_aws_wrapper.mjs", caches=True),
    Client("AWS Advanced NodeJS Wrapper, its pool", "node", "with_aws_wrapper.mjs", ("pool",), caches=True),
    Client("sqlx", "rust", "sqlx"),
    Client("mysql_async", "rust", "mysql_async"),
    Client("aws_secretsmanager_caching (Rust)", "rust", "caching", caches=True),
    Client("Go-MySQL-Driver", "go", "main.go"),
    Client("MariaDB Connector/J", "java", "Client.java", ("pool",)),
    Client("HikariCP", "java", "Client.java", ("hikari",)),
    Client("HikariCP, setPassword", "java", "Client.java", ("hikari-set",)),
    Client("PHP mysqli", "php", "with_mysqli.php"),
    Client("PHP mysqli, persistent", "php", "with_mysqli.php", ("persistent",)),
    Client("PHP PDO", "php", "with_pdo.php"),
    Client("DBD::mysql", "perl", "with_dbi.pl", ("mysql",)),
    Client("DBD::MariaDB", "perl", "with_dbi.pl", ("MariaDB",)),
    Client("Ruby mysql2", "ruby", "with_mysql2.rb"),
    Client("mysql command", "mysql", "with_command.py"),
    Client("mariadb command", "mariadb", "with_command.py"),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--missing", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.missing is not None:
        return inside(arguments.only, arguments.write, json.loads(arguments.missing))
    if not arguments.page:
        needed = {part for one in named(arguments.only) for part in one.needs}
        missing = clients_setup.setup(needed)
        if "python" in missing:
            print(f"clients: {missing['python']}", file=sys.stderr)
            return 1
        me = [str(PYTHON), str(Path(__file__)), "--missing", json.dumps(missing), "--only", arguments.only]
        me += ["--write"] if arguments.write else []
        stack = [sys.executable, str(DEV / "stack.py"), "run", "--with", "mysql,mariadb-11.8", "--", *me]
        code = subprocess.run(stack).returncode
        if code or not arguments.write:
            return code
    import clients_page

    clients_page.write(json.loads(RESULTS.read_text()))
    return 0


def named(only: str) -> list[Client]:
    return [one for one in ALL if not only or any(one.name.startswith(name) for name in only.split(","))]


def inside(only: str, write: bool, missing: dict[str, str]) -> int:
    """In the stack: runs what there is, and compares or stores."""
    from clients_forms import PASSWORDS

    chosen = named(only)
    for one in chosen:
        for part in one.needs & missing.keys():
            print(f"left out, {one.name}: {missing[part]}", flush=True)
    seen = try_out([one for one in chosen if not one.needs & missing.keys()])
    (ROOT / "seen.json").write_text(json.dumps(seen, indent=1))
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if write:
        stored = {**known.get("clients", {}), **{name: store(one) for name, one in seen.items()}}
        order = [one.name for one in ALL if one.name in stored]
        known = {"date": str(datetime.date.today()), "passwords": PASSWORDS}
        known["clients"] = {name: stored[name] for name in order}
        RESULTS.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")
        return 0
    differences = [line for name, one in seen.items() for line in compare(name, known["clients"].get(name, {}), one)]
    print("\n".join(differences or [f"{len(seen)} clients saw what is stored."]))
    return int(bool(differences))


def try_out(chosen: list[Client]) -> dict[str, Any]:
    """What each client saw; one whose program does not start is left out with a word."""
    from clients_database import Servers
    from clients_forms import Passwords, paste
    from clients_scenes import Trial, all_scenes, each

    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:>5.0f} s  {text}", flush=True)

    say("starting servers and programs")
    servers = Servers()
    trials, versions = [], {}
    for number, client in enumerate(chosen):
        command = clients_setup.command(client.language, client.program, client.arguments)
        trial = Trial(client.name, command, client.caches, servers, number, ROOT)
        answer = trial.program.order("version")
        if "ok" in answer:
            versions[client.name] = answer["ok"]
            trials.append(trial)
        else:
            lines = trial.program.log.read_text().strip().splitlines()
            print(f"left out, {client.name}: {lines[-1] if lines else 'its program ended'}", flush=True)
    all_scenes(trials, say)
    say("pasted passwords")
    passwords, forms = Passwords(), {}
    each(trials, lambda trial: forms.update({trial.name: paste(trial.program, passwords)}))
    for trial in trials:
        trial.program.end()
    say("done")
    return {
        trial.name: {"version": versions[trial.name], "scenes": trial.seen, "forms": forms[trial.name]} for trial in trials
    }


def band(seconds: float) -> str:
    return next((name for limit, name in BANDS if seconds <= limit), "later")


def store(seen: dict[str, Any]) -> dict[str, Any]:
    """What was seen, in the bands in which it is compared."""
    scenes = {}
    for name, one in seen["scenes"].items():
        scene = {key: value for key, value in one.items() if key not in ("seconds", "refused", "message")}
        refused, at_once = one["refused"], one["seconds"] <= BANDS[0][0]
        # Who is let in has tried as often as it says; who goes on trying does so more or less often.
        is_exact = refused < 4 and (at_once or one["ok"])
        scene["refused"] = [refused, refused] if is_exact else [refused // 2, max(refused * 2, 10)]
        if not one["ok"] and name != "four rotations":  # there the time to read the secret is in it
            scene["after"] = band(one["seconds"])
        scenes[name] = scene
    return {**seen, "scenes": scenes}


def compare(name: str, stored: dict[str, Any], seen: dict[str, Any]) -> list[str]:
    if not stored:
        return [f"{name}: nothing is stored of it"]
    lines = []
    for scene, one in store(seen)["scenes"].items():
        before = dict(stored["scenes"].get(scene, {}))
        least, most = before.pop("refused", [0, 0])
        refused = seen["scenes"][scene]["refused"]
        one.pop("refused")
        # A busy machine takes longer, by up to twice.
        if "after" in one and before.get("after") == band(seen["scenes"][scene]["seconds"] / 2):
            one["after"] = before["after"]
        if before != one:
            lines.append(f"{name}, {scene}: was {before}, is {one}")
        if not least <= refused <= most:
            lines.append(f"{name}, {scene}: {refused} refused logins, not {least} to {most}")
    if pasted(stored) != pasted(seen):
        lines.append(f"{name}, pasted passwords: was {stored['forms']}, is {seen['forms']}")
    if lines and stored["version"] != seen["version"]:
        lines.append(f"{name} was {stored['version']}, is {seen['version']}")
    return lines


def pasted(client: dict[str, Any]) -> dict[str, Any]:
    """What hurts in each form, and whether a generated password was refused; how many are is chance."""
    return {name: (form["hurt"], form["refused"] > 0) for name, form in client["forms"].items()}


if __name__ == "__main__":
    sys.exit(main())
