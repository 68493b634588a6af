"""The servers, users and secrets that the real clients are tried with, and what the servers say of refused logins."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import threading
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pymysql

STACK = os.environ["STACK_URL"]
# The function's own logins come from the first; what comes from the second finds no cached password.
HOSTS = ("127.0.0.1", "127.0.0.2")
GTID = ["--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--log-bin=binlog"]
GTID += ["--log-error-verbosity=3", "--max-connections=1000"]
# As the server writes it down once for each login that it refuses.
REFUSED = re.compile(r"Access denied for user '([^']+)'@'[^']*'(?: \(using password|\. Account is locked)")
CATCH_UP_SECONDS = 60


def ask(method: str, path: str, body: Any = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(STACK + path, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)


class Database:
    """A server, and root's session there."""

    def __init__(self, described: dict[str, Any]) -> None:
        self.described = described
        url = urlsplit(described["url"])
        assert url.username and url.password and url.port
        self.port, self.ca_file, self.log = url.port, described["ca_file"], Path(described["log"])
        self.root = {"username": url.username, "password": url.password}
        self.lock = threading.Lock()
        self.connect()

    def connect(self) -> None:
        self.session = pymysql.connect(
            host="127.0.0.1", port=self.port, user=self.root["username"], password=self.root["password"],
            ssl={"ca": self.ca_file}, autocommit=True, database="mysql",
        )

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """Runs statements, and gives the rows of the last."""
        with self.lock, self.session.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def end_idle(self, users: tuple[str, str], held: list[int]) -> None:
        """Ends the sessions of these users, all but those that are held: a pool has to log in again."""
        for id, user in self.sql("SELECT ID, USER FROM information_schema.PROCESSLIST"):
            if user in users and id not in held:
                try:
                    self.sql(f"KILL {id}")
                except pymysql.err.OperationalError:
                    pass  # it has ended meanwhile

    def refused(self, users: tuple[str, str]) -> int:
        """How many logins of these users the server has refused so far."""
        log = self.log.read_text(errors="replace")
        return sum(1 for one in REFUSED.finditer(log) if one[1] in users)


class Servers:
    """A writer with a replica, which has the writer's accounts."""

    def __init__(self) -> None:
        self.writer = Database(ask("POST", "/servers", {"name": "mysql", "args": [*GTID, "--server-id=1"]}))
        replica = ask("POST", "/servers", {"name": "mysql", "args": [*GTID, "--server-id=2", "--read-only=ON"]})
        self.replica = Database(replica)
        root = self.writer.root
        self.writer.sql(f"ALTER USER 'root'@'%' IDENTIFIED BY '{root['password']}'")
        self.replica.sql(
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {self.writer.port}, "
            f"SOURCE_USER = 'root', SOURCE_PASSWORD = '{root['password']}', SOURCE_SSL = 1, "
            "SOURCE_CONNECT_RETRY = 1, SOURCE_AUTO_POSITION = 1",
            "START REPLICA",
        )
        self.relay = Relay(self.writer.port, HOSTS[1])
        self.functions = [self._function("clients", "false"), self._function("clients-retain", "true")]

    def _function(self, name: str, retain: str) -> str:
        binary = Path(__file__).resolve().parent.parent / "target/debug/bootstrap"
        env = {"TLS_CA_FILE": self.writer.ca_file, "RETAIN_PREVIOUS_PASSWORD": retain}
        return str(ask("POST", "/functions", {"name": name, "binary": str(binary), "env": env})["arn"])

    def catch_up(self) -> None:
        done = str(self.writer.sql("SELECT @@GLOBAL.gtid_executed")[0][0]).replace("\n", "")
        if self.replica.sql(f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{done}', {CATCH_UP_SECONDS})")[0][0] != 0:
            raise TimeoutError(f"the replica did not catch up within {CATCH_UP_SECONDS} s: see {self.replica.log}")


class User:
    """A pair of users, and their secret."""

    aws = boto3.client("secretsmanager")
    superuser: str | None = None

    def __init__(self, servers: Servers, name: str) -> None:
        self.servers, self.names = servers, (name, f"{name}_clone")
        password = secrets.token_hex(16)
        for host in HOSTS:
            servers.writer.sql(f"CREATE USER '{name}'@'{host}' IDENTIFIED BY '{password}'")
        document = {"engine": "mysql", "host": "127.0.0.1", "port": servers.writer.port}
        if User.superuser is None:
            root = json.dumps({**document, **servers.writer.root})
            User.superuser = self.aws.create_secret(Name="clients-root", SecretString=root)["ARN"]
        document |= {"username": name, "password": password, "masterarn": User.superuser}
        self.arn = self.aws.create_secret(Name=f"clients-{name}", SecretString=json.dumps(document))["ARN"]

    def login(self, label: str = "AWSCURRENT") -> dict[str, Any]:
        answer = self.aws.get_secret_value(SecretId=self.arn, VersionStage=label)
        document = json.loads(answer["SecretString"])
        return {key: document[key] for key in ("host", "port", "username", "password")}

    def rotate(self, retain: bool = False) -> None:
        function = self.servers.functions[int(retain)]
        self.aws.rotate_secret(SecretId=self.arn, RotationLambdaARN=function, RotationRules={"AutomaticallyAfterDays": 30})
        ended = ask("GET", f"/rotations?secret={self.arn}&wait=120")
        if ended["state"] != "succeeded":
            raise RuntimeError(f"the rotation of {self.names[0]} {ended['state']}: {ended['steps'][-1]}")

    def alter(self, clause: str) -> None:
        """Changes both accounts of the user in use."""
        for host in HOSTS:
            self.servers.writer.sql(f"ALTER USER '{self.login()['username']}'@'{host}' {clause}")


class Relay:
    """Hands connections on to a server, from another address of this machine."""

    def __init__(self, to: int, source: str) -> None:
        self.to, self.source = to, source
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._pass, "127.0.0.1", 0), self.loop).result()
        self.port = server.sockets[0].getsockname()[1]

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.to, local_addr=(self.source, 0))
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()
