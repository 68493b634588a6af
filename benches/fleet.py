"""Many secrets of one server: rotated at once by several sandboxes, and looked at by the command.

A rotation that fails is tried again from its first step after a pause, as Secrets Manager does.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from typing import Any

from measures import Bench, summary
from sandbox import Failed
from world import Server, Tenant


def measure(bench: Bench) -> list[dict[str, Any]]:
    """By number of sandboxes: how long it takes, how many connections are open at most, and what fails."""
    secrets = bench.pick(40, 200)
    server = bench.servers[0]
    tenants = tenants_of(server, secrets)
    run(bench, server, tenants, 8)  # the first rotations clone
    rows = [run(bench, server, tenants, sandboxes) for sandboxes in bench.pick([1, 8], [1, 5, 10, 25, 50, 200])]
    for tenant in tenants:
        tenant.drop()
    return rows


def tenants_of(server: Server, secrets: int) -> list[Tenant]:
    first = Tenant(server, 10)
    return [first, *(Tenant(server, 10, superuser=first.superuser) for _ in range(secrets - 1))]


def command(bench: Bench) -> dict[str, Any]:
    """What it takes the command to say where all secrets stand: with their users on the server, and without."""
    if not bench.command:
        return {"unavailable": "the command was not built"}
    secrets, server = bench.pick(40, 200), bench.servers[0]
    tenants = tenants_of(server, secrets)
    run(bench, server, tenants, 8)
    env = {**os.environ, "TLS_CA_FILE": os.environ["MYSQL_CA_FILE"]}
    rows: dict[str, Any] = {"secrets": secrets}
    for name, more in (("with the server", []), ("labels alone", ["--no-database"])):
        times, peaks = [], []
        server.sql("FLUSH STATUS")
        for _ in range(bench.pick(2, 5)):
            before = time.monotonic()
            arguments = [str(bench.command), "status", *(tenant.secret for tenant in tenants), "--output", "json", *more]
            process = subprocess.Popen(arguments, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            assert process.stdout
            told = json.load(process.stdout)["secrets"]
            _, _, usage = os.wait4(process.pid, 0)
            times.append(time.monotonic() - before)
            peaks.append(usage.ru_maxrss)
            failed = [row for row in told if row["error"] or not (more or row["server"]["previousValid"])]
            if failed or len(told) != secrets:
                raise RuntimeError(f"the command told of {len(told)} secrets, and of a failure: {failed[:1]}")
        most = most_connections(server)
        rows[name] = {"seconds": summary(times), "peak_kb": summary(peaks), "connections": most}
    for tenant in tenants:
        tenant.drop()
    return rows


def most_connections(server: Server) -> int:
    """How many were open at once since FLUSH STATUS, but for the bench's own."""
    return int(server.rows("SHOW GLOBAL STATUS LIKE 'Max_used_connections'")[0][1]) - 1


PAUSE_SECONDS = 1
MOST_FAILURES = 2000


def run(bench: Bench, server: Server, tenants: list[Tenant], sandboxes: int) -> dict[str, Any]:
    work: queue.SimpleQueue[Tenant] = queue.SimpleQueue()
    for tenant in tenants:
        work.put(tenant)
    times: list[float] = []
    failures: list[str] = []
    lock = threading.Lock()

    def worker() -> None:
        with bench.sandbox(bench.this) as sandbox:
            while True:
                try:
                    tenant = work.get_nowait()
                except queue.Empty:
                    return
                try:
                    ms = sum(tenant.rotate(sandbox).values())
                    with lock:
                        times.append(ms)
                except Failed as error:
                    with lock:
                        failures.append(str(error))
                    if len(failures) > MOST_FAILURES:
                        return
                    time.sleep(PAUSE_SECONDS)
                    work.put(tenant)

    server.sql("FLUSH STATUS")
    threads = [threading.Thread(target=worker) for _ in range(sandboxes)]
    before = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - before
    most = most_connections(server)
    if len(times) < len(tenants):
        raise RuntimeError(f"{len(tenants) - len(times)} secrets were not rotated; the first failure: {failures[:1]}")
    return {
        "server": server.flavor, "secrets": len(tenants), "sandboxes": sandboxes, "seconds": round(seconds, 2),
        "connections": most, "allowed": int(server.rows("SELECT @@max_connections")[0][0]),
        "rotation_ms": summary(times), "failures": len(failures), "first_failure": failures[0][:300] if failures else None,
    }
