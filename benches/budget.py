#!/usr/bin/env python3
"""Compares the instructions of one cold and one warm rotation with budget.json. `make budget` runs it in the stack.

usage: budget.py PROGRAM [--write]

Instructions, unlike times, are the same again on a busy machine, so that a tenth more is a change of the program.
A tenth less is an error as well: the budget has to follow, or the next regression hides behind it. --write does that.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import bench
import instructions
from world import HERE

BUDGET = HERE / "budget.json"
TOLERANCE = 0.1
GRANTS = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    if not shutil.which("valgrind"):
        print(f"budget: {instructions.MISSING}", file=sys.stderr)
        return 1
    found = count(arguments.program)
    if arguments.write:
        BUDGET.write_text(json.dumps(found, indent=1) + "\n")
    return compare(json.loads(BUDGET.read_text()), found)


def count(program: Path) -> dict[str, dict[str, int]]:
    with tempfile.TemporaryDirectory(prefix="budget-") as folder:
        prepared = bench.prepare(argparse.Namespace(program=program, zip=None, rounds=None, function=None, mode="full"), Path(folder))
        # The certificates of the system differ from machine to machine.
        prepared.functions = [prepared.this.with_env(SSL_CERT_FILE=str(prepared.own_authority))]
        rows = [instructions.row(prepared, server, GRANTS) for server in prepared.servers if server.flavor != "mysql"]
        mysql = instructions.apart(prepared, GRANTS)
    # Apart from the proofs of passwords, behind which much could hide.
    states = ("cold", "warm")
    found = {"mysql": {state: mysql[state]["rest"] for state in states} | {"proofs": mysql["warm"]["rounds_5000"]}}
    return found | {row["server"]: {state: row[state] for state in states} for row in rows}


def compare(budget: dict[str, dict[str, int]], found: dict[str, dict[str, int]]) -> int:
    worst = 0
    for server, states in found.items():
        for state, instructions_now in states.items():
            allowed = budget[server][state]
            ratio = instructions_now / allowed
            verdict = "ok"
            if ratio > 1 + TOLERANCE:
                verdict = "FAILED: more than a tenth over; `make bench BENCH=quick` shows where it shows"
            elif ratio < 1 - TOLERANCE:
                verdict = "FAILED: more than a tenth below; write the new budget with `make budget WRITE=1`"
            worst |= verdict != "ok"
            print(f"{server:14} {state:6} {instructions_now:>12,} instructions, budget {allowed:>12,} ({ratio:.2f})  {verdict}")
    return worst


if __name__ == "__main__":
    sys.exit(main())
