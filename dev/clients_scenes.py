"""What each real client goes through: four rotations and the cases around them, and passwords that are pasted.

A scene's outcome is what the program answered, how long that took, and how many of its logins the server refused.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from clients_database import Database, Servers, User

# Clients at once. More of them would make the times those of a busy machine.
AT_ONCE = 4
ANSWER_SECONDS = 90

Outcome = dict[str, Any]


class Program:
    """A client's program, which carries out orders (see tests/clients/python/orders.py)."""

    def __init__(self, name: str, command: list[str], env: dict[str, str], log: Path) -> None:
        self.name, self.log = name, log
        with open(log, "w") as errors:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **env}
            )
        self.held: dict[str, list[int]] = {}

    def order(self, do: str, **more: Any) -> Outcome:
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
            self.process.stdin.flush()
            killer = threading.Timer(ANSWER_SECONDS, self.process.kill)
            killer.start()
            while (line := self.process.stdout.readline()) and not line.startswith("{"):
                pass  # what a driver prints by itself
            killer.cancel()
        except BrokenPipeError:
            line = ""
        if not line:
            return {"error": "its program ended, or did not answer", "message": f"at {do!r}: see {self.log}"}
        return dict(json.loads(line))

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Trial:
    """One client with its user: what it saw, by the name of the scene."""

    def __init__(self, name: str, command: list[str], caches: bool, servers: Servers, number: int, logs: Path) -> None:
        self.name, self.caches, self.servers = name, caches, servers
        self.user = User(servers, f"client_{number}")
        env = {"SECRET": self.user.arn, "CA_FILE": servers.writer.ca_file}
        self.program = Program(name, command, env, logs / f"client-{number}.log")
        self.first = self.user.login()
        self.seen: dict[str, Outcome] = {}
        self.held: list[int] = []

    def see(self, scene: str, server: Database, do: str, **more: Any) -> Outcome:
        """Notes what comes of an order. Of several under one name the first that failed counts, and all refused logins."""
        refused, started = server.refused(self.user.names), time.monotonic()
        answer = self.program.order(do, **more)
        told = ("error", "number", "cause", "message")
        outcome: Outcome = {key: answer[key] for key in told if answer.get(key) is not None}
        outcome["ok"] = "ok" in answer
        outcome["seconds"] = round(time.monotonic() - started, 1)
        outcome["refused"] = server.refused(self.user.names) - refused
        before = self.seen.get(scene, {"ok": True, "refused": 0})
        all_refused = before["refused"] + outcome["refused"]
        self.seen[scene] = {**(outcome if before["ok"] else before), "refused": all_refused}
        if do == "take" and answer.get("ok"):
            self.held.append(answer["ok"][1])
        return answer

    def take(self, scene: str, pool: str, expected: str | None = None) -> None:
        """One more connection of a pool, of which no idle one is left."""
        self.servers.writer.end_idle(self.user.names, self.held)
        answer = self.see(scene, self.servers.writer, "take", pool=pool)
        if expected and answer.get("ok") and not str(answer["ok"][0]).startswith(f"{expected}@"):
            self.seen[scene] = {"ok": False, "error": f"logged in as {answer['ok'][0]}", "seconds": 0, "refused": 0}

    def log_in(self, scene: str, tls: bool, port: int | None = None, login: dict[str, Any] | None = None) -> None:
        if self.caches:
            return  # this is its driver's, which goes through it under its own name
        login = {**(login or self.user.login())}
        login["port"] = port or self.servers.writer.port
        server = self.servers.replica if port == self.servers.replica.port else self.servers.writer
        self.see(scene, server, "login", login=login, tls=tls)

    # The scenes, in their order

    def begin(self) -> None:
        for pool, login in [("fresh", None), ("fixed", self.first)][: 1 if self.caches else 2]:
            self.program.order("open", pool=pool, login=login)
            self.take("four rotations" if pool == "fresh" else "one rotation, login of the start", pool)

    def rotated(self, turn: int) -> None:
        self.take("four rotations", "fresh", None if self.caches else self.user.login()["username"])
        self.see("open sessions", self.servers.writer, "held", pool="fresh")
        if self.caches:
            return
        if turn == 1:
            self.take("one rotation, login of the start", "fixed", self.first["username"])
        if turn == 2:
            self.take("two rotations, login of the start", "fixed")
        self.see("open sessions", self.servers.writer, "held", pool="fixed")

    def reader_behind(self) -> None:
        port = self.servers.replica.port
        self.log_in("reader behind, AWSCURRENT", True, port)
        self.log_in("reader behind, AWSPREVIOUS", True, port, self.user.login("AWSPREVIOUS"))

    def plain(self) -> None:
        self.log_in("plain, after a rotation", False)
        self.log_in("plain, other host", False, self.servers.relay.port)
        self.log_in("plain, replica", False, self.servers.replica.port)
        self.log_in("plain, replaced password", False, None, self.first)

    def plain_cold(self) -> None:
        self.log_in("plain, FLUSH PRIVILEGES", False)

    def locked(self) -> None:
        pool = "fresh" if self.caches else "locked"
        if not self.caches:
            self.program.order("open", pool=pool, login=self.user.login())
        self.user.alter("ACCOUNT LOCK")
        self.log_in("locked", True)
        self.take("locked, pool", pool)
        self.user.alter("ACCOUNT UNLOCK FAILED_LOGIN_ATTEMPTS 1 PASSWORD_LOCK_TIME 1")
        self.program.order("login", login={**self.user.login(), "password": "not the password"}, tls=True)
        time.sleep(0.5)  # until the server has written that down
        self.log_in("blocked", True)
        self.user.alter("ACCOUNT UNLOCK FAILED_LOGIN_ATTEMPTS 0 PASSWORD_LOCK_TIME 0")

    def retained(self) -> None:
        replaced = self.user.login("AWSPREVIOUS")
        self.user.rotate(retain=True)
        self.log_in("retained password, plain", False, None, replaced)
        self.log_in("retained password, TLS", True, None, replaced)


def all_scenes(trials: list[Trial], say: Callable[[str], None]) -> None:
    """Takes all clients through the scenes together, since some concern a whole server."""
    servers = trials[0].servers
    say("opening pools")
    each(trials, Trial.begin)
    for turn in (1, 2, 3, 4):
        say(f"rotation {turn}")
        servers.catch_up()
        servers.replica.sql("STOP REPLICA SQL_THREAD")
        each(trials, lambda trial: trial.user.rotate())
        if turn == 2:
            each(trials, Trial.reader_behind)
        each(trials, lambda trial, turn=turn: trial.rotated(turn))
        servers.replica.sql("START REPLICA SQL_THREAD")
    servers.catch_up()
    say("plain TCP")
    each(trials, Trial.plain)
    servers.writer.sql("FLUSH PRIVILEGES")
    each(trials, Trial.plain_cold)
    say("locked accounts")
    each(trials, Trial.locked)
    say("a retained password")
    each(trials, Trial.retained)


def each(trials: Iterable[Trial], scene: Callable[[Trial], None]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(scene, trials))
