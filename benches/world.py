"""What a rotation needs around it: secrets at the stack's Secrets Manager, and users on its servers."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymysql
from pymysql.constants import CLIENT
from sandbox import Sandbox

HERE = Path(__file__).resolve().parent
STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]
SERVERS = ("mysql", "mariadb-11.8", "mariadb-10.11")
PASSWORD = "Aa1-the-first-password-of-them-all"[:32]  # as long as a new one
BATCH = 250

numbers = itertools.count(1)


def call(operation: str, **body: Any) -> dict[str, Any]:
    """Calls the stack's Secrets Manager. It checks no signature, but finds the service in it."""
    scope = f"{time.strftime('%Y%m%d')}/{os.environ['AWS_REGION']}/secretsmanager/aws4_request"
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"secretsmanager.{operation}",
        "Authorization": f"AWS4-HMAC-SHA256 Credential=test/{scope}, SignedHeaders=host, Signature=none",
    }
    request = urllib.request.Request(os.environ["AWS_ENDPOINT_URL"], json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{operation}: {error.read().decode()}") from error


def control(path: str, method: str = "POST", **body: Any) -> Any:
    """Asks the stack's control endpoint; see dev/control.py."""
    url = os.environ["STACK_URL"] + path
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def register_function(binary: Path) -> None:
    """Secrets Manager begins a rotation only with a function that is there; the bench invokes the steps itself."""
    control("/functions", name="bench", binary=str(binary))
    control("/rotations/settings", attempts=0)


@dataclass
class Server:
    """A database server of the stack, as root sees it."""

    flavor: str
    host: str
    port: int
    user: str
    password: str
    version: str = ""
    _root: Any = field(default=None, repr=False)

    @staticmethod
    def of_url(flavor: str, text: str) -> Server:
        url = urlsplit(text)
        server = Server(flavor, url.hostname or "", url.port or 3306, url.username or "", url.password or "")
        server.version = server.rows("SELECT VERSION()")[0][0]
        server.sql("CREATE DATABASE IF NOT EXISTS bench")
        return server

    def connect(self) -> Any:
        return pymysql.connect(
            host=self.host, port=self.port, user=self.user, password=self.password, autocommit=True,
            client_flag=CLIENT.MULTI_STATEMENTS, ssl={"ca": os.environ["MYSQL_CA_FILE"]},
        )

    @property
    def root(self) -> Any:
        if self._root is None:
            self._root = self.connect()
        return self._root

    def sql(self, *statements: str) -> None:
        with self.root.cursor() as cursor:
            for first in range(0, len(statements), BATCH):
                cursor.execute(";".join(statements[first : first + BATCH]))
                while cursor.nextset():
                    pass

    def rows(self, statement: str) -> Any:
        with self.root.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()


def servers_of_stack() -> list[Server]:
    shared = [server for server in control("/servers", method="GET") if server["shared"]]
    # One that is no package stands for its family where no package of that runs.
    urls = {server["part"] or server["family"]: server["url"] for server in sorted(shared, key=lambda one: bool(one["part"]))}
    return [Server.of_url(flavor, urls[flavor]) for flavor in SERVERS if flavor in urls]


@contextmanager
def another_server(flavor: str, *arguments: str) -> Iterator[Server]:
    """A server with these arguments, for as long as it is needed."""
    started = control("/servers", name=flavor, args=list(arguments))
    try:
        yield Server.of_url(flavor, started["url"])
    finally:
        control(f"/servers/{started['id']}", method="DELETE")


class Tenant:
    """A user with so many table grants, and the secrets with which a function rotates it."""

    def __init__(
        self, server: Server, grants: int, address: tuple[str, int] | None = None, superuser: str | None = None, **keys: Any
    ) -> None:
        self.server, self.grants = server, grants
        self.user = f"bench{next(numbers)}"
        self.drifted = 0
        self.pending: str | None = None
        account = f"'{self.user}'@'%'"
        server.sql(
            f"CREATE USER {account} IDENTIFIED BY '{PASSWORD}'",
            # The privilege to create may be granted on a table that does not exist.
            *(f"GRANT SELECT, CREATE ON bench.t{n} TO {account}" for n in range(grants)),
        )
        host, port = address or (server.host, server.port)
        engine = "mysql" if server.flavor == "mysql" else "mariadb"
        at = {"engine": engine, "host": host, "port": port, **keys}
        root = {**at, "username": server.user, "password": server.password}
        self.superuser = superuser or self._create(f"{self.user}-superuser", root)
        login = {**at, "username": self.user, "password": PASSWORD, "masterarn": self.superuser}
        self.secret = self._create(self.user, login)

    def _create(self, name: str, document: dict[str, Any]) -> str:
        name = f"bench/{name}-{uuid.uuid4()}"
        return call("CreateSecret", Name=name, SecretString=json.dumps(document))["ARN"]

    def begin(self) -> str:
        """A version with the label AWSPENDING and no value, as Secrets Manager makes it; its id."""
        arn = f"arn:aws:lambda:{os.environ['AWS_REGION']}:123456789012:function:bench"
        begun = call(
            "RotateSecret", SecretId=self.secret, RotationLambdaARN=arn, RotationRules={"AutomaticallyAfterDays": 30},
            ClientRequestToken=str(uuid.uuid4()),
        )
        return begun["VersionId"]

    def event(self, step: str, token: str) -> dict[str, Any]:
        return {"Step": step, "SecretId": self.secret, "ClientRequestToken": token}

    def rotate(self, sandbox: Sandbox, seconds: float = 900) -> dict[str, float]:
        """One whole rotation; the milliseconds of each step. One that failed before is tried again, with its token."""
        self.pending = self.pending or self.begin()
        times = {step: sandbox.invoke(self.event(step, self.pending), seconds) for step in STEPS}
        self.pending = None
        return times

    def current_user(self) -> str:
        value = call("GetSecretValue", SecretId=self.secret)["SecretString"]
        return json.loads(value)["username"]

    def drift(self, share: float) -> int:
        """Grants the user in use more, or less, on this share of its tables; how many those are."""
        count = max(1, int(self.grants * share))
        verb, what, to = ("REVOKE", "INSERT", "FROM") if self.drifted % 2 else ("GRANT", "INSERT, CREATE", "TO")
        account = f"'{self.current_user()}'@'%'"
        self.server.sql(*(f"{verb} {what} ON bench.t{n} {to} {account}" for n in range(count)))
        self.drifted += 1
        return count

    def drop(self) -> None:
        self.server.sql(f"DROP USER IF EXISTS '{self.user}'@'%', '{self.user}_clone'@'%'")


class Proxy:
    """A running proxy.py."""

    def __init__(self, upstream: str, *options: str) -> None:
        command = [sys.executable, str(HERE / "proxy.py"), upstream, *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._line())

    def _line(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the proxy has ended")
        return line

    def take(self) -> dict[str, Any]:
        """What passed since the last call."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self._line())

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
