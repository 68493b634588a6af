"""Counts instructions under callgrind, which gives the same number again to a tenth of a percent, whatever else runs."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

from measures import Bench
from sandbox import Function
from world import Server, Tenant, another_server

TOTAL = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)
MISSING = "valgrind is not installed; Debian has it as `valgrind`"


def measure(bench: Bench) -> dict[str, Any]:
    """Start, cold and warm rotation, on each server, and how they grow with the grants."""
    if not shutil.which("valgrind"):
        return {"unavailable": MISSING}
    sizes = bench.pick([10], [0, 10, 1000])
    servers = bench.pick(bench.servers[:1], bench.servers)
    return {"rows": [row(bench, server, grants) for server in servers for grants in sizes]}


def proofs(bench: Bench) -> dict[str, Any]:
    """What hashing takes of a rotation: the difference between servers whose hashes have 5,000 and 10,000 rounds.

    The rounds are all that differs, and their work is proportional to their number.
    """
    if not shutil.which("valgrind"):
        return {"unavailable": MISSING}
    if bench.servers[0].flavor != "mysql":
        return {"unavailable": "only MySQL has hashes of many rounds"}
    found: dict[str, Any] = apart(bench, 0)
    if bench.rounds:
        one = process(bench, [str(bench.rounds), "10"]) - process(bench, [str(bench.rounds), "5"])
        found["one"] = {"rounds_5000": one, **times(bench.rounds)}
        found["count"] = round(found["warm"]["rounds_5000"] / one)
    return found


def apart(bench: Bench, grants: int) -> dict[str, dict[str, int]]:
    """The rounds of hashes, at 5,000 each, and everything else, in a cold and in a warm rotation.

    The default of MySQL 9.7 is 10,000 rounds, that of earlier releases 5,000.
    """
    with (
        another_server("mysql", "--caching-sha2-password-digest-rounds=5000") as fast,
        another_server("mysql", "--caching-sha2-password-digest-rounds=10000") as slow,
    ):
        few, many = row(bench, fast, grants), row(bench, slow, grants)
    return {
        state: {"rounds_5000": many[state] - few[state], "rest": 2 * few[state] - many[state]} for state in ("cold", "warm")
    }


def times(rounds: Path) -> dict[str, str]:
    """What one proof takes with the processor's own instructions for it, which valgrind does not have."""
    printed = subprocess.run([rounds], capture_output=True, text=True, check=True).stdout
    lines = re.findall(r"^SHA-crypt +(\d+),000 rounds, +32 bytes of password: (.*)$", printed, re.MULTILINE)
    return {f"time_of_{thousands}000": time for thousands, time in lines}


def process(bench: Bench, command: list[str]) -> int:
    """All instructions of a program."""
    output = bench.folder / "callgrind.out"
    valgrind = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={output}"]
    subprocess.run([*valgrind, *command], check=True, stdout=subprocess.DEVNULL)
    return read(output)


def row(bench: Bench, server: Server, grants: int) -> dict[str, Any]:
    """Instructions of the function's process: the differences between processes that rotate 0, 1 and 3 times."""
    tenant = Tenant(server, grants)
    with bench.sandbox(bench.this) as sandbox:
        tenant.rotate(sandbox)  # the first one clones
    totals = [total(bench, tenant, rotations) for rotations in (0, 1, 3)]
    tenant.drop()
    begin, cold, warm = totals
    return {
        "server": server.flavor,
        "grants": grants,
        "start": begin,
        "cold": cold - begin,
        "warm": (warm - cold) // 2,
    }


def total(bench: Bench, tenant: Tenant, rotations: int) -> int:
    """All instructions of one process that starts, rotates so often, and is told to end."""
    output = bench.folder / "callgrind.out"
    output.unlink(missing_ok=True)
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={output}", *bench.this.command]
    with bench.sandbox(Function("callgrind", command, bench.this.env)) as sandbox:
        for _ in range(rotations):
            tenant.rotate(sandbox)
        sandbox.close(signal.SIGTERM)
    return read(output)


def read(output: Path) -> int:
    return int(TOTAL.search(output.read_text())[1])  # type: ignore[index]
