"""What more grants cost a rotation without drift, and what of it is the server's: the same queries from a raw client."""

from __future__ import annotations

import time
from typing import Any

from measures import Bench, summary
from world import Proxy, Server, Tenant

SIZES = (0, 1000)
END = "the end of the answers"


def measure(bench: Bench) -> list[dict[str, Any]]:
    """Turn by turn, so that whatever else the machine does meets both."""
    rows = []
    for server in bench.pick(bench.servers[:1], bench.servers[:2]):
        proxied = {grants: seen(bench, server, grants) for grants in SIZES}
        tenants = {grants: Tenant(server, grants) for grants in SIZES}
        function: dict[int, list[float]] = {grants: [] for grants in SIZES}
        cpu: dict[int, list[float]] = {grants: [] for grants in SIZES}
        raw: dict[int, list[float]] = {grants: [] for grants in SIZES}
        for run in range(bench.pick(3, 12)):
            for grants, tenant in tenants.items():
                with bench.sandbox(bench.this) as sandbox:
                    before = sandbox.cpu_ms()
                    steps = tenant.rotate(sandbox)
                    if run:  # the first one clones
                        function[grants].append(sum(steps.values()))
                        cpu[grants].append(sandbox.cpu_ms() - before)
                        raw[grants].append(send(server, proxied[grants][1]))
        for tenant in [*tenants.values(), *(tenant for tenant, _ in proxied.values())]:
            tenant.drop()
        for grants in SIZES:
            rows.append({
                "server": server.flavor, "grants": grants, "ms": summary(function[grants]), "cpu_ms": summary(cpu[grants]),
                "raw_ms": summary(raw[grants]),
            })
    return rows


def seen(bench: Bench, server: Server, grants: int) -> tuple[Tenant, list[str]]:
    """A user, and the queries of its rotation without drift that read both users, seen on a plaintext connection."""
    with Proxy(f"{server.host}:{server.port}", "--mysql") as database:
        tenant = Tenant(server, grants, ("127.0.0.1", database.port), ssl=False)
        with bench.sandbox(bench.this) as sandbox:
            tenant.rotate(sandbox)
            database.take()
            tenant.rotate(sandbox)
        statements = database.take()["statements"]
    account = f"'{tenant.user}'@'%'"
    reading = [one for one in statements if "tables_priv" in one or "SHOW GRANTS" in one]
    # What the pending user asks about itself, as root asks it.
    own = [("SET ROLE NONE;\n", ""), ("SHOW GRANTS;", f"SHOW GRANTS FOR {account};"), ("CURRENT_USER()", account)]
    for old, new in own:
        reading = [one.replace(old, new) for one in reading]
    return tenant, reading


def send(server: Server, queries: list[str]) -> float:
    """The milliseconds until all answers to these are there. Nothing is parsed in the time measured."""
    connection = server.connect()
    connection.query("SET SESSION sql_mode = 'NO_BACKSLASH_ESCAPES'")
    stream, elapsed = connection._sock, 0.0
    for query in queries:
        payload = b"\3" + f"{query};\nSELECT '{END}'".encode()
        before = time.monotonic()
        stream.sendall(len(payload).to_bytes(3, "little") + b"\0" + payload)
        tail = b""
        while tail.count(END.encode()) < 2:  # as the name of the column, and as the value
            received = stream.recv(1 << 18)
            if not received:
                raise RuntimeError("the server has closed the raw client's connection")
            tail = (tail + received)[-4096:]
        elapsed += time.monotonic() - before
    stream.close()
    return elapsed * 1000
