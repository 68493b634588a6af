"""The measurements. Each gives what goes into the results under its name."""

from __future__ import annotations

import itertools
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox import Failed, Function, Sandbox
from world import HERE, STEPS, Proxy, Server, Tenant

DRIFT = 0.01


@dataclass
class Bench:
    """What is measured, and where."""

    functions: list[Function]  # this one, and perhaps another
    servers: list[Server]
    folder: Path
    quick: bool
    zip: Path | None
    rounds: Path | None  # account-mirror's example of that name
    own_authority: Path
    command: Path | None = None  # mysql-rotation
    _logs: Iterator[int] = field(default_factory=itertools.count)

    @property
    def this(self) -> Function:
        return self.functions[0]

    def sandbox(self, function: Function, **kwargs: Any) -> Sandbox:
        return Sandbox(function, self.folder / f"{function.name}-{next(self._logs)}.log", **kwargs)

    def pick(self, quick: Any, full: Any) -> Any:
        return quick if self.quick else full


def summary(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 2), "least": round(min(values), 2), "most": round(max(values), 2),
        "runs": len(values),
    }


def size(bench: Bench) -> dict[str, Any]:
    program = Path(bench.this.command[0])
    return {"program": program.stat().st_size, "zip": bench.zip.stat().st_size if bench.zip else None}


def start(bench: Bench) -> dict[str, Any]:
    """From the start of the process to its first request for work."""
    functions = {"bare": None, "this": bench.this, "without_trust_store": bench.this}
    bare = bench.folder / "bare"
    if shutil.which("rustc"):
        subprocess.run(["rustc", "--edition=2024", "-Copt-level=s", "-Cstrip=symbols", "-o", bare, HERE / "bare.rs"], check=True)
        functions["bare"] = Function("bare", [str(bare)])
    # One certificate instead of the system's: the difference is what reading those takes.
    functions["without_trust_store"] = bench.this.with_env(SSL_CERT_FILE=str(bench.own_authority))
    functions |= {one.name: one for one in bench.functions[1:]}
    times: dict[str, list[float]] = {name: [] for name, one in functions.items() if one}
    memory: dict[str, list[float]] = {name: [] for name in times}
    for _ in range(bench.pick(10, 40)):
        for name in times:
            with bench.sandbox(functions[name]) as sandbox:  # type: ignore[arg-type]
                times[name].append(sandbox.start_ms)
                memory[name].append(sandbox.peak_kb())
    return {name: {"ms": summary(times[name]), "peak_kb": summary(memory[name])} for name in times}


# Rotations


class Collected:
    """Times and processor times of the same thing done several times."""

    def __init__(self) -> None:
        self.ms: list[float] = []
        self.cpu_ms: list[float] = []
        self.set_secret_ms: list[float] = []

    def add(self, tenant: Tenant, sandbox: Sandbox) -> None:
        before = sandbox.cpu_ms()
        steps = tenant.rotate(sandbox)
        self.cpu_ms.append(sandbox.cpu_ms() - before)
        self.ms.append(sum(steps.values()))
        self.set_secret_ms.append(steps["setSecret"])

    def summary(self) -> dict[str, Any]:
        return {
            "ms": summary(self.ms), "cpu_ms": summary(self.cpu_ms), "set_secret_ms": summary(self.set_secret_ms),
        }


def rotations(bench: Bench) -> list[dict[str, Any]]:
    """First clone, no drift and drift, by number of grants, on every server."""
    sizes = bench.pick({0: 3, 10: 3, 1000: 2}, {0: 9, 10: 9, 1000: 5, 10000: 2})
    servers = [server for server in bench.servers if server.flavor != "mariadb-10.11"]
    return [
        row
        for server in bench.pick(servers[:1], servers)
        for grants, runs in sizes.items()
        for row in rotate_in_turn(bench, server, grants, runs)
    ]


def network(bench: Bench) -> list[dict[str, Any]]:
    """The same with a network between the function and the server."""
    sizes = bench.pick({10: 2}, {0: 3, 10: 3, 1000: 2})
    server, rows = bench.servers[0], []
    for rtt in bench.pick([20], [1, 20]):
        with Proxy(f"{server.host}:{server.port}", "--rtt", str(rtt)) as proxy:
            for grants, runs in sizes.items():
                found = rotate_in_turn(bench, server, grants, runs, ("127.0.0.1", proxy.port))
                rows += [{"rtt_ms": rtt, **row} for row in found]
    return rows


def rotate_in_turn(
    bench: Bench, server: Server, grants: int, runs: int, address: tuple[str, int] | None = None
) -> list[dict[str, Any]]:
    kinds = ["first", "none", "warm", "drift"]
    found = {(one.name, kind): Collected() for one in bench.functions for kind in kinds}
    failures: dict[str, str] = {}
    for _ in range(runs):
        for function in bench.functions:
            if function.name in failures:
                continue
            tenant = Tenant(server, grants, address)
            try:
                one_run(bench, function, tenant, {kind: found[function.name, kind] for kind in kinds})
            except Failed as error:
                failures[function.name] = str(error)
            finally:
                tenant.drop()
    rows = []
    for (name, kind), collected in found.items():
        row: dict[str, Any] = {"server": server.flavor, "function": name, "grants": grants, "kind": kind}
        if collected.ms:
            rows.append(row | collected.summary())
        elif name in failures and kind == "first":
            rows.append(row | {"failed": failures[name]})
    return rows


def one_run(bench: Bench, function: Function, tenant: Tenant, found: dict[str, Collected]) -> None:
    """A new user's first rotation, one without drift, one in the same sandbox, and one with drift; each cold but that."""
    with bench.sandbox(function) as sandbox:
        found["first"].add(tenant, sandbox)
    with bench.sandbox(function) as sandbox:
        found["none"].add(tenant, sandbox)
        found["warm"].add(tenant, sandbox)
    if tenant.grants:
        tenant.drift(DRIFT)
        with bench.sandbox(function) as sandbox:
            found["drift"].add(tenant, sandbox)


def memory(bench: Bench) -> list[dict[str, Any]]:
    """The most that was ever resident, after a first clone and after two rotations without drift."""
    rows = []
    for grants in bench.pick([1, 1000], [1, 1000, 10000]):
        for function in bench.functions:
            tenant = Tenant(bench.servers[0], grants)
            row: dict[str, Any] = {"function": function.name, "grants": grants}
            try:
                with bench.sandbox(function) as sandbox:
                    tenant.rotate(sandbox)
                    row["first_kb"] = sandbox.peak_kb()
                with bench.sandbox(function) as sandbox:
                    tenant.rotate(sandbox)
                    tenant.rotate(sandbox)
                    row["none_kb"] = sandbox.peak_kb()
            except Failed as error:
                row["failed"] = str(error)
            tenant.drop()
            rows.append(row)
    return rows


# What passes on the wire


def counts(bench: Bench) -> list[dict[str, Any]]:
    """Calls, connections, packets and round trips of a cold and a warm rotation without drift."""
    api = urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc
    rows = []
    for server in bench.servers:
        for function in bench.functions:
            with Proxy(api) as secrets, Proxy(f"{server.host}:{server.port}", "--mysql") as database:
                tenant = Tenant(server, 10, ("127.0.0.1", database.port))
                counted = function.with_env(SECRETS_MANAGER_ENDPOINT=f"http://127.0.0.1:{secrets.port}")
                row: dict[str, Any] = {"server": server.flavor, "function": function.name}
                try:
                    with bench.sandbox(counted) as sandbox:
                        tenant.rotate(sandbox)
                    for _ in range(bench.pick(2, 7)):
                        with bench.sandbox(counted) as sandbox:
                            for state in ("cold", "warm"):
                                found = count(tenant, sandbox, secrets, database)
                                # The times of the run that was disturbed least; what is counted is the same in each.
                                row[state] = min(row.get(state, found), found, key=lambda one: one["ms"])
                except Failed as error:
                    row["failed"] = str(error)
                tenant.drop()
                rows.append(row)
    return rows


def count(tenant: Tenant, sandbox: Sandbox, secrets: Proxy, database: Proxy) -> dict[str, Any]:
    token = tenant.begin()
    secrets.take(), database.take()
    steps, cpu = {}, sandbox.cpu_ms()
    for step in STEPS:
        ms = sandbox.invoke(tenant.event(step, token))
        calls, traffic = secrets.take(), database.take()
        steps[step] = {
            "ms": round(ms, 2),
            "calls": calls["operations"],
            "waited_for_calls_ms": round(calls["waited_ms"], 2),
            "waited_for_database_ms": round(traffic["waited_ms"], 2),
            **{name: traffic[name] for name in ("connections", "round_trips", "packets", "from_client", "bytes")},
        }
    names = ("ms", "waited_for_calls_ms", "waited_for_database_ms", "connections", "round_trips", "packets", "from_client", "bytes")
    totals = {name: round(sum(step[name] for step in steps.values()), 2) for name in names}
    return {**totals, "cpu_ms": round(sandbox.cpu_ms() - cpu, 2), "calls": sum(sum(step["calls"].values()) for step in steps.values()), "steps": steps}


# Against the server alone


def raw_client(bench: Bench) -> list[dict[str, Any]]:
    """A first clone, and the same statements sent by a client that does nothing else, turn by turn."""
    rows = []
    grants = 1000
    for server in bench.pick(bench.servers[:1], bench.servers[:2]):
        mine, raw = [], []
        statements = first_clone_statements(bench, server, grants)
        for _ in range(bench.pick(2, 7)):
            tenant = Tenant(server, grants)
            with bench.sandbox(bench.this) as sandbox:
                mine.append(tenant.rotate(sandbox)["setSecret"])
            tenant.drop()
            raw.append(send(server, [one.replace("{twin}", f"{tenant.user}_raw") for one in statements]))
            server.sql(f"DROP USER '{tenant.user}_raw'@'%'")
        rows.append({
            "server": server.flavor, "grants": grants, "statements": len(statements),
            "set_secret_ms": summary(mine), "raw_ms": summary(raw),
        })
    return rows


def first_clone_statements(bench: Bench, server: Server, grants: int) -> list[str]:
    """The statements that change something, seen on a plaintext connection; `{twin}` is the twin's name."""
    with Proxy(f"{server.host}:{server.port}", "--mysql") as database:
        tenant = Tenant(server, grants, ("127.0.0.1", database.port), ssl=False)
        with bench.sandbox(bench.this) as sandbox:
            tenant.rotate(sandbox)
        seen = database.take()["statements"]
        tenant.drop()
    verbs = ("CREATE USER", "ALTER USER", "GRANT", "REVOKE", "SET DEFAULT ROLE", "SET PASSWORD")
    # Those that stand in a row are one text, with guards between them.
    statements = [one.lstrip() for text in seen for one in text.split(";\n")]
    return [one.replace(f"{tenant.user}_clone", "{twin}") for one in statements if one.startswith(verbs)]


def send(server: Server, statements: list[str]) -> float:
    """The milliseconds of these statements, one at a time, with nothing between them but the network's own work."""
    connection = server.connect()
    packets = [len(text).to_bytes(3, "little") + b"\0" + text for text in (b"\3" + one.encode() for one in statements)]
    stream = connection._sock  # the driver logs in; what follows is neither parsed nor built in the time measured
    before = time.monotonic()
    for statement, packet in zip(statements, packets, strict=True):
        stream.sendall(packet)
        answer = stream.recv(1 << 16)
        if answer[4] != 0:
            raise RuntimeError(f"the raw client was answered {answer[13:]!r} to {statement[:80]}")
    elapsed = (time.monotonic() - before) * 1000
    stream.close()
    return elapsed
