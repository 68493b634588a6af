#!/usr/bin/env python3
"""Runs the tests on every server, each with a stack of its own, and says what ran where and what was skipped.

    python3 dev/suite.py [--with SERVER,... | --with all] [--fast] [FILTER ...]

The tests are built once. Those that need no server run once; the others run on each server, some servers at the same
time. With FILTERs, only the tests whose names contain one of them run. `--fast` leaves all out but the tests that need
no server and one rotation on each. What a run said is in `.dev/logs/`; of a run that failed, the failures are shown.
"""

from __future__ import annotations

import sys

sys.dont_write_bytecode = True  # before the modules beside this one are read: they leave no folder there

import argparse
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

import builds
import packages
from packages import HOME, Missing

STACK = Path(__file__).with_name("stack.py")
PROJECT = STACK.parent.parent
LOGS = HOME / "logs"
# Modules of the tests that need no server.
PURE = ("fuzz::", "laws::", "support::")
# One rotation by the built program, and what it is measured with.
ROTATION = ["main_job::"]
# Of what is the same whatever the server is: the calls to AWS, the role of the template, the documents, labels that move
# while a step runs, listeners that are no server. They run with the first server, and with each where a FILTER asks for
# them.
WITH_ONE_SERVER = (
    "aws_errors::",
    "command_line::",
    "consistency::",
    "deadlines::a_host_that_swallows_packets",
    "deadlines::a_server_that_takes_the_connection_and_never_speaks",
    "documented::",
    "documents::",
    "emulator::",
    "error_numbers::",
    "guard::",
    "iam::",
    "preflight::a_real_rotation_whose_pending_value_is_hidden",
    "preflight::a_rotation_within_an_hour",
    "preflight::an_rds_proxy",
    "preflight::secrets_manager_gets_success",
    "proof::a_version_without_a_value",
    "proven::a_label_that_moves",
    "proven::a_rotation_that_has_ended",
    "proven::a_test_of_the_configuration_is_no_proof",
    "proven::a_version_is_judged_by_its_own_labels",
    "refusals::documented::",
    "regions::",
    "settings::",
    "states::a_pending_value_for_another_user",
    "states::a_value_from_before_an_edit",
    "steps::a_pending_value_that_is_not_the_twins",
    "steps::the_command_in_the_error_about_a_stale_value",
    "texts::",
)
# These have targets of their own: they start what the others do not need.
OF_OTHER_TARGETS = ("clusters::", "upgrades::")
# Those that mostly sleep take a thread each and little else.
WAITING = ("deadlines::", "faults::killed::", "ownership::an_account_made_after", "replica::")
# Of the others, so many at once on each server: most of the time they wait for an answer.
THREADS = 3
# So many servers at once. The tests have limits of time, which hold when the processors are shared by not too many.
JOBS = max(2, (os.cpu_count() or 2) // 2)
SKIPPED = re.compile(r"^skipped on (\S+): (\S+): lacks (.*)$", re.MULTILINE)
RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", re.MULTILINE)


@dataclass
class Run:
    """One process of a test program."""

    name: str
    command: list[str]
    env: dict[str, str] = field(default_factory=dict)
    code: int = 0
    seconds: float = 0
    passed: int = 0
    failed: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)

    @property
    def log(self) -> Path:
        return LOGS / f"{self.name}.log"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--with", dest="servers", default="all")
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--inside", metavar="PROGRAM", help=argparse.SUPPRESS)
    parser.add_argument("filters", nargs="*", metavar="FILTER")
    arguments = parser.parse_args()
    if arguments.inside:
        return inside(arguments.inside, Path(arguments.filters[0]).read_text().split())
    signal.signal(signal.SIGTERM, end)
    try:
        return suite(arguments)
    except Missing as error:
        print(f"suite: {error}", file=sys.stderr)
        return 1


def suite(arguments: argparse.Namespace) -> int:
    packages.setup(["python", "sam", "emulator"], quiet=True)
    given = builds.given()
    if given and not given.ca_file:
        raise Missing("the tests need MYSQL_CA_FILE beside MYSQL_URL: the authority of that server's certificate, as PEM")
    servers = [given.name] if given else [build.name for build in builds.choose(arguments.servers)]
    units, program = build()
    wanted = ROTATION if arguments.fast else arguments.filters
    names = [
        name
        for name in tests_of(program)
        if (any(word in name for word in arguments.filters) if arguments.filters else not name.startswith(OF_OTHER_TARGETS))
    ]
    pure = [name for name in names if name.startswith(PURE)]
    others = [name for name in names if name not in pure and (not wanted or any(word in name for word in wanted))]
    LOGS.mkdir(exist_ok=True)
    started = time.monotonic()
    on_every = others if arguments.filters else [name for name in others if not name.startswith(WITH_ONE_SERVER)]
    on_servers = [server_run(server, program, on_every if n else others) for n, server in enumerate(servers) if others]
    for run in on_servers[1:]:  # what is the same on every server is looked at with the first
        run.env["NOT_THE_REFERENCE"] = "1"
    alone = [
        Run(f"unit-tests-{path.name.rpartition('-')[0]}", [str(path), *arguments.filters], {"CARGO_MANIFEST_DIR": folder})
        for path, folder in units
    ]
    # The longest begin first: MySQL has more tests than MariaDB. What needs no server uses all processors, also those
    # that the servers no longer need at the end.
    runs = [*alone, *sorted(on_servers, key=lambda run: run.name.startswith("mariadb"))]
    runs += [Run("without-a-server", [program, "--exact", *pure])] if pure else []
    failed = False
    with ThreadPoolExecutor(JOBS) as pool:
        for future in as_completed([pool.submit(execute, run) for run in runs]):
            failed |= tell(future.result())
    tell_skipped(on_servers)
    print(f"{'FAILED' if failed else 'passed'} on {', '.join(servers)} ({time.monotonic() - started:.0f} s)")
    return int(failed)


def build() -> tuple[list[tuple[Path, str]], str]:
    """Builds all tests. Gives the programs of the unit tests with their packages, and that of the tests on servers.

    The operator's command apart, since what it needs would switch features of the function's dependencies.
    """
    command = ["cargo", "test", "--locked", "--no-run", "--message-format=json-render-diagnostics"]
    tests = []
    for package in ([], ["--package", "mysql-rotation"]):
        built = subprocess.run([*command, *package], stdout=subprocess.PIPE, text=True)
        if built.returncode != 0:
            raise Missing("the tests do not compile.")
        messages = [json.loads(line) for line in built.stdout.splitlines()]
        tests += [
            (message["target"]["name"], message["executable"], str(Path(message["manifest_path"]).parent))
            for message in messages
            if message.get("executable") and message["profile"]["test"]
        ]
    if subprocess.run(["cargo", "build", "--locked", "--quiet", "--package", "mysql-rotation"]).returncode != 0:
        raise Missing("the operator's command does not compile.")
    (program,) = [path for name, path, _ in tests if name == "it"]
    return [(Path(path), folder) for name, path, folder in tests if name != "it"], program


def tests_of(program: str) -> list[str]:
    listed = subprocess.run([program, "--list", "--format=terse"], stdout=subprocess.PIPE, text=True, check=True)
    return [line.removesuffix(": test") for line in listed.stdout.splitlines() if line.endswith(": test")]


def server_run(server: str, program: str, names: list[str]) -> Run:
    tests = LOGS / f"{server}.tests"
    tests.write_text("\n".join(names))
    me = [sys.executable, str(Path(__file__)), "--inside", program, "--", str(tests)]
    return Run(server, [sys.executable, str(STACK), "run", "--with", server, "--", *me])


def inside(program: str, names: list[str]) -> int:
    """In the stack of one server: the tests that mostly wait are begun at once, beside the others."""
    waiting = [name for name in names if name.startswith(WAITING)]
    parts = [(waiting, len(waiting)), ([name for name in names if name not in waiting], THREADS)]
    commands = [[program, "--exact", f"--test-threads={threads}", *part] for part, threads in parts if part]
    processes = [subprocess.Popen(command) for command in commands]
    return int(any([process.wait() != 0 for process in processes]))


RUNNING: list[subprocess.Popen[bytes]] = []
ENDING = threading.Event()


def end(number: int, frame: object) -> None:
    """Lets each stack stop what it has started, and begins no more runs."""
    ENDING.set()
    for process in RUNNING:
        process.terminate()
    sys.exit(128 + number)


def execute(run: Run) -> Run:
    if ENDING.is_set():
        return run
    started = time.monotonic()
    with open(run.log, "w") as log:
        # What cargo would give the program beside what it has.
        env = {"RUST_BACKTRACE": "0", **os.environ, "CARGO_MANIFEST_DIR": str(PROJECT), **run.env}
        process = subprocess.Popen(
            run.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd=env["CARGO_MANIFEST_DIR"]
        )
        RUNNING.append(process)
        run.code = process.wait()
    run.seconds = time.monotonic() - started
    text = run.log.read_text(errors="replace")
    for passed, failed, _ in RESULT.findall(text):
        run.passed += int(passed)
        run.failed += int(failed)
    run.skipped = sorted({(test, lacks) for _, test, lacks in SKIPPED.findall(text)})
    return run


def tell(run: Run) -> bool:
    """One line for a run, and its failures. True when it failed."""
    failed = run.code != 0 or run.failed > 0
    skipped = len({test for test, _ in run.skipped})
    what = f"{run.passed - skipped:>4} passed, {skipped:>2} skipped, {run.failed} failed"
    print(f"{run.name:<28} {what} {run.seconds:>6.0f} s{'  FAILED' if failed else ''}", flush=True)
    if failed:
        lines = [line for line in run.log.read_text(errors="replace").splitlines() if not line.startswith('{"_aws"')]
        first = next((at for at, line in enumerate(lines) if line == "failures:"), max(0, len(lines) - 40))
        print("\n".join(lines[first : first + 200]), f"\nall of it: {run.log}", flush=True)
    return failed


def tell_skipped(runs: list[Run]) -> None:
    for run in runs:
        reasons = Counter(lacks for _, lacks in run.skipped)
        for lacks, count in sorted(reasons.items()):
            print(f"skipped on {run.name}: {count} for lack of {lacks.strip('[]')}")


if __name__ == "__main__":
    sys.exit(main())
