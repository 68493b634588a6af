#!/usr/bin/env python3
"""Proves on a real RDS or Aurora database what this repository could only take from AWS's documentation.

    python3 dev/stack.py setup verify
    .dev/verify/bin/python dev/verify_on_aws.py --function ARN --superuser-secret ARN [--reader HOST] [--report FILE]

Run it where the database can be reached, with credentials of the AWS account, against a database that is not in
production. It creates a database user with a schema and a secret of its own, rotates the secret twice with the deployed
function, and removes all three. Of what is there already it changes nothing; two statements that RDS must refuse are
tried (they would have no effect). The function's role must be allowed to rotate secrets named `rotation-verify-*`.

It prints, and with --report writes, one line for each fact: what the documentation says, what was found, and whether
that is the same. No password is in it.
"""

from __future__ import annotations

import argparse
import json
import re
import secrets
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pymysql

ROOTS = Path(__file__).resolve().parent.parent / "certs" / "rds-roots.pem"
ROTATION_SECONDS = 300
# What the master user has, and what more where RDS gives it a role; see docs/servers.md.
STATIC = """SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES,
CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW,
CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER"""
FORBIDDEN = {"SUPER", "SYSTEM_USER", "SHUTDOWN", "FILE"}
VARIABLES = (
    "version", "version_comment", "aurora_version", "read_only", "super_read_only", "innodb_read_only",
    "require_secure_transport", "partial_revokes", "mandatory_roles", "activate_all_roles_on_login",
    "default_authentication_plugin", "authentication_policy", "lower_case_table_names", "sql_mode",
)


@dataclass
class Report:
    """The facts, in the order in which they were found."""

    lines: list[str]
    differ: int = 0

    def tell(self, fact: str, expected: str, found: str, same: bool | None = None) -> None:
        """`same` is None where there is nothing to compare with."""
        verdict = {True: "as documented", False: "DIFFERS", None: "noted"}[same]
        self.differ += same is False
        cells = [text.replace("|", "\\|").replace("\n", " ") for text in (fact, expected, found, verdict)]
        self.lines.append(f"| {' | '.join(cells)} |")
        print(f"{verdict:<14} {fact}: {found}", flush=True)

    def text(self) -> str:
        return "\n".join(["| Fact | Documented | Found | |", "|---|---|---|---|", *self.lines, ""])


class Database:
    """The server of the superuser's secret."""

    def __init__(self, document: dict[str, Any], ca_file: Path) -> None:
        self.document, self.ca_file = document, ca_file

    def connect(self, user: str | None = None, password: str | None = None, host: str | None = None) -> Any:
        return pymysql.connect(
            host=host or self.document["host"],
            port=int(self.document.get("port", 3306)),
            user=user or self.document["username"],
            password=password or self.document["password"],
            ssl={"ca": str(self.ca_file)},
            autocommit=True,
            connect_timeout=10,
        )

    def rows(self, sql: str, connection: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def refusal(self, sql: str, connection: Any) -> str:
        """The error of a statement that is expected to fail."""
        try:
            self.rows(sql, connection)
        except pymysql.Error as error:
            return f"error {error.args[0]}"
        return "no error"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--function", required=True, help="ARN of the deployed function")
    parser.add_argument("--superuser-secret", required=True)
    parser.add_argument("--host", help="of the database, where the secret has none: RDS manages it")
    parser.add_argument("--reader", help="host of a reader of the same cluster, or of a replica")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--ca-file", type=Path, default=ROOTS)
    arguments = parser.parse_args()
    manager = boto3.client("secretsmanager")
    document = json.loads(manager.get_secret_value(SecretId=arguments.superuser_secret)["SecretString"])
    document.setdefault("host", arguments.host)
    database, report = Database(document, arguments.ca_file), Report([])
    root = database.connect()
    report.tell("TLS to the host", "its chain ends in a root of certs/rds-roots.pem", "verified", True)
    accounts(database, root, report)
    if arguments.reader:
        reader(database, arguments.reader, report)
    rotations(manager, arguments.function, arguments.superuser_secret, database, root, report)
    if arguments.report:
        arguments.report.write_text(report.text())
    print(f"{len(report.lines)} facts, {report.differ} of them not as documented")
    return int(report.differ > 0)


def accounts(database: Database, root: Any, report: Report) -> None:
    """What the server says of itself and of its master user."""
    for name in VARIABLES:
        rows = database.rows(f"SHOW GLOBAL VARIABLES LIKE '{name}'", root)
        report.tell(f"@@{name}", "", str(rows[0][1]) if rows else "there is no such variable")
    is_mariadb = "mariadb" in database.rows("SELECT VERSION()", root)[0][0].lower()
    own = [line for (line,) in database.rows("SHOW GRANTS", root)]
    roles = [] if is_mariadb else re.findall(r"`([^`]+)`@`%`", " ".join(line for line in own if " ON " not in line))
    if roles and not is_mariadb:
        database.rows("SET ROLE ALL", root)
        own = [line for (line,) in database.rows("SHOW GRANTS", root)]
    for line in own:
        report.tell("SHOW GRANTS of the master user", "", re.sub(r"'\*?[0-9A-F]{40}'|PASSWORD '[^']*'", "'...'", line))
    held = {one.strip() for line in own if " ON *.* TO " in line for one in line[6 : line.index(" ON *.*")].split(",")}
    lacks = sorted({one.strip() for one in STATIC.replace("\n", " ").split(",")} - held)
    report.tell("what the master user lacks of its list", "nothing", ", ".join(lacks) or "nothing", not lacks)
    beyond = sorted(FORBIDDEN & held)
    report.tell("SUPER, SYSTEM_USER, SHUTDOWN, FILE", "none of them", ", ".join(beyond) or "none of them", not beyond)
    for table in ("user", "db", "tables_priv", "procs_priv", "proxies_priv", "global_grants", "role_edges", "global_priv"):
        columns = f"SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'mysql' AND TABLE_NAME = '{table}'"
        names = [name for (name,) in database.rows(f"{columns} ORDER BY ORDINAL_POSITION", root)]
        report.tell(f"columns of mysql.{table}", "", " ".join(names) or "there is no such table")
    if not is_mariadb:
        write = database.refusal("DELETE FROM mysql.user WHERE User = 'rotation-verify-nobody'", root)
        report.tell("DML on mysql.user", "refused from 8.0.36 on", write)
        alter = database.refusal("ALTER USER 'rdsadmin'@'localhost' ACCOUNT UNLOCK", root)
        report.tell("ALTER USER rdsadmin", "refused: error 1227 from 8.0 on", alter, alter == "error 1227")


def reader(database: Database, host: str, report: Report) -> None:
    connection = database.connect(host=host)
    flags = {name: database.rows(f"SELECT @@{name}", connection)[0][0] for name in ("read_only", "innodb_read_only")}
    shown = ", ".join(f"{name} = {value}" for name, value in flags.items())
    report.tell("a reader says that it is one", "read_only or innodb_read_only is 1", shown, 1 in flags.values())
    connection.close()


def rotations(manager: Any, function: str, superuser: str, database: Database, root: Any, report: Report) -> None:
    """A user of its own is rotated twice, and everything is removed."""
    name = f"verify{secrets.token_hex(4)}"
    password = f"Aa1-{secrets.token_urlsafe(18)}"
    host, port = database.document["host"], int(database.document.get("port", 3306))
    document = {"engine": database.document.get("engine", "mysql"), "host": host, "port": port, "username": name,
                "password": password, "masterarn": superuser}
    secret = manager.create_secret(Name=f"rotation-verify-{name}", SecretString=json.dumps(document))["ARN"]
    try:
        for sql in (f"CREATE DATABASE {name}", f"CREATE TABLE {name}.items (id INT)",
                    f"CREATE USER {name}@'%' IDENTIFIED BY '{password}'",
                    f"GRANT SELECT, INSERT ON {name}.* TO {name}@'%'", f"GRANT UPDATE (id) ON {name}.items TO {name}@'%'",
                    f"ALTER USER {name}@'%' WITH MAX_USER_CONNECTIONS 20"):
            database.rows(sql, root)
        logins = [(name, password)]
        for number in (1, 2):
            logins.append(rotate(manager, secret, function, report, number))
            for user, word in logins[-2:]:
                database.connect(user, word).close()
            report.tell(f"logins after rotation {number}", "the new one and the one before work", "both work", True)
            lines = [shown(database, root, user) for user in (name, f"{name}_clone")]
            report.tell(f"SHOW GRANTS after rotation {number}", "the same for both users", "; ".join(lines[1]), lines[0] == lines[1])
        report.tell("who is current after two rotations", "the first user", logins[-1][0], logins[-1][0] == name)
    finally:
        manager.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
        for sql in (f"DROP USER IF EXISTS {name}@'%', {name}_clone@'%'", f"DROP DATABASE IF EXISTS {name}"):
            database.rows(sql, root)


def rotate(manager: Any, secret: str, function: str, report: Report, number: int) -> tuple[str, str]:
    """One rotation by Secrets Manager. Gives the login that is current afterwards."""
    started = time.monotonic()
    rules = {"AutomaticallyAfterDays": 30}
    version = manager.rotate_secret(SecretId=secret, RotationLambdaARN=function, RotationRules=rules)["VersionId"]

    def labels() -> list[str]:
        return manager.describe_secret(SecretId=secret)["VersionIdsToStages"].get(version, [])

    ended = wait(lambda: "AWSCURRENT" in labels())
    report.tell(f"rotation {number}", "AWSCURRENT moves to the new version", f"{time.monotonic() - started:.1f} s" if ended else
                f"not within {ROTATION_SECONDS} s: see the function's log", ended)
    if not ended:
        raise SystemExit(report.text())
    value = json.loads(manager.get_secret_value(SecretId=secret)["SecretString"])
    return value["username"], value["password"]


def wait(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + ROTATION_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(1)
    return True


def shown(database: Database, root: Any, user: str) -> list[str]:
    """What SHOW GRANTS says, without the user's name and without hashes."""
    lines = [line for (line,) in database.rows(f"SHOW GRANTS FOR {user}@'%'", root)]
    lines = [re.sub(r" IDENTIFIED BY PASSWORD '[^']*'", "", line) for line in lines]
    return sorted(re.sub(rf"[`']{user}[`']@", "user@", line) for line in lines)


if __name__ == "__main__":
    sys.exit(main())
