#!/usr/bin/env python3
"""Measures the built function: its start, its rotations, and what they take. `make bench` runs it in the stack.

usage: bench.py PROGRAM [--zip FILE] [--rounds PROGRAM] [--command PROGRAM] [--function 'COMMAND LINE'] [--before PROGRAM] [--mode quick|full] [--only PART,...] [--results FILE]

PROGRAM is measured as Lambda runs it: its own process, and the runtime API. The results go into a file of JSON, those
with another rotation function into a part of their own, `compared`. That function is given by its command line, and
measured in the same run, turn by turn, so that whatever else the machine does meets both. --before is an earlier build
of this function, measured in the same way. report.py makes the tables
and plots.

--rounds is account-mirror's example that proves passwords, and --command is mysql-rotation.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fleet
import growth
import instructions
import limits
import measures
import reads
import report
from measures import Bench
from sandbox import Function
from world import HERE, register_function, servers_of_stack

RESULTS = HERE / "results.json"
BUNDLES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"]

PARTS: dict[str, Callable[[Bench], Any]] = {
    "size": measures.size,
    "start": measures.start,
    "instructions": instructions.measure,
    "counts": measures.counts,
    "memory": measures.memory,
    "rotations": measures.rotations,
    "network": measures.network,
    "raw": measures.raw_client,
    "reads": reads.measure,
    "throttled": limits.throttled,
    "large": limits.large,
    "fleet": fleet.measure,
    "command": fleet.command,
    "proofs": instructions.proofs,
    "growth": growth.measure,
}
COMPARED = ["start", "counts", "memory", "rotations", "network", "throttled"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--zip", type=Path)
    parser.add_argument("--rounds", type=Path)
    parser.add_argument("--command", type=Path)
    parser.add_argument("--function")
    parser.add_argument("--before", type=Path)
    parser.add_argument("--mode", choices=["quick", "full"], default="full")
    parser.add_argument("--only", help=", ".join(PARTS))
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    is_compared = bool(arguments.function or arguments.before)
    parts = arguments.only.split(",") if arguments.only else COMPARED if is_compared else list(PARTS)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = prepare(arguments, Path(folder))
        results = json.loads(arguments.results.read_text()) if arguments.results.exists() else {}
        section = results.setdefault("compared", {}) if is_compared else results
        # A part that is not measured now keeps the figures, and the commit, of its last time.
        before = section.get("of", {}).get("commit", "unknown")
        commits = section.setdefault("commits", {part: before for part in PARTS if part in section})
        for part in parts:
            begun = time.monotonic()
            print(f"{part} ...", file=sys.stderr, flush=True)
            section[part] = PARTS[part](bench)
            section["of"] = circumstances(bench, arguments.mode)
            commits[part] = section["of"]["commit"]
            arguments.results.write_text(json.dumps(results, indent=1) + "\n")
            print(f"{part}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    report.write(results, arguments.results)
    print(report.tables(results))


def prepare(arguments: argparse.Namespace, folder: Path) -> Bench:
    program = arguments.program.resolve()
    register_function(program)
    bundle = next((Path(path) for path in BUNDLES if Path(path).exists()), None)
    if bundle is None:
        sys.exit("The start is measured with the system's certificates; none were found: install ca-certificates.")
    own = Path(os.environ["MYSQL_CA_FILE"])
    trust = folder / "trust.pem"
    trust.write_text(bundle.read_text() + own.read_text())
    env = {
        "SECRETS_MANAGER_ENDPOINT": os.environ["AWS_ENDPOINT_URL"],
        "TLS_CA_FILE": str(own),
        "SSL_CERT_FILE": str(trust),  # how rustls-native-certs and OpenSSL are told of the system's certificates
        "AWS_CA_BUNDLE": str(trust),  # how boto3 is
    }
    functions = [Function("this", [str(program)])]
    if arguments.before:
        functions.append(Function("before", [str(arguments.before.resolve())]))
    if arguments.function:
        functions.append(Function.of_command_line("other", arguments.function))
    return Bench(
        functions=[one.with_env(**env) for one in functions],
        servers=servers_of_stack(),
        folder=folder,
        quick=arguments.mode == "quick",
        zip=arguments.zip,
        rounds=arguments.rounds,
        own_authority=own,
        command=arguments.command,
    )


def circumstances(bench: Bench, mode: str) -> dict[str, Any]:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=HERE)
    model = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "commit": commit.stdout.strip() or "unknown",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "mode": mode,
        "processor": f"{len(model)} × {model[0]}" if model else platform.machine(),
        "load": round(os.getloadavg()[2], 1),
        "servers": {server.flavor: server.version for server in bench.servers},
    }


if __name__ == "__main__":
    main()
