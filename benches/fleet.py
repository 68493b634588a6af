"""Many secrets of one server, rotated at once by several sandboxes.

A rotation that fails is tried again from its first step after a pause, as Secrets Manager does.
"""

from __future__ import annotations

import queue
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
    tenants = [Tenant(server, 10) for _ in range(secrets)]
    run(bench, server, tenants, 8)  # the first rotations clone
    rows = [run(bench, server, tenants, sandboxes) for sandboxes in bench.pick([1, 8], [1, 5, 10, 25, 50, 200])]
    for tenant in tenants:
        tenant.drop()
    return rows


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
    most = int(server.rows("SHOW GLOBAL STATUS LIKE 'Max_used_connections'")[0][1]) - 1  # the bench's own
    if len(times) < len(tenants):
        raise RuntimeError(f"{len(tenants) - len(times)} secrets were not rotated; the first failure: {failures[:1]}")
    return {
        "server": server.flavor, "secrets": len(tenants), "sandboxes": sandboxes, "seconds": round(seconds, 2),
        "connections": most, "allowed": int(server.rows("SELECT @@max_connections")[0][0]),
        "rotation_ms": summary(times), "failures": len(failures), "first_failure": failures[0][:300] if failures else None,
    }
