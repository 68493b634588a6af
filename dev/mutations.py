#!/usr/bin/env python3
"""Breaks one rule of the function at a time and shows that a test on real servers notices.

    python3 dev/stack.py run --with all -- python3 dev/mutations.py [WORDS]
    python3 dev/mutations.py --check

`--check` only says which mutations no longer fit: whose text is not in its file once, or whose tests do not exist.

With WORDS, only the mutations whose rule contains them. Each is made in a copy of the project, `.dev/mutations/`. It
counts as noticed when the program still compiles and one of the tests that are named with it fails; what the tests
said is in `.dev/mutations.log`.

The model in account-mirror/tests/protocol/ breaks some rules in pairs, because two guards stand behind one promise. The tests
know each guard by itself, so that here each is broken alone. One rule of the model is not here: it is a rule of the
world, not of the function.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent
TABLE = PROJECT / "dev" / "mutations.toml"
COPY = PROJECT / ".dev" / "mutations"
LOG = PROJECT / ".dev" / "mutations.log"
# The copy shares the compiled dependencies with the project. What is compiled of the packages themselves must not be
# shared, or cargo would take the last mutation for the project's own program; under another profile it is not.
PACKAGES = ["secrets-manager-mysql-rotation", "account-mirror"]
OWN_PROFILE = [f"--config=profile.dev.package.{package}.debug=false" for package in PACKAGES]
# A test that waits for something that a mutation has taken away would wait for ever.
SECONDS = 600


class Mutation(NamedTuple):
    """What is broken, in which file, by which text in the place of which, and the tests that must notice."""

    rule: str
    file: str
    text: str
    broken: str
    tests: list[str]


MUTATIONS = [Mutation(**fields) for fields in tomllib.loads(TABLE.read_text())["mutation"]]


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        return check()
    words = " ".join(sys.argv[1:])
    chosen = [mutation for mutation in MUTATIONS if words in mutation.rule]
    if not chosen:
        sys.exit(f"mutations: no rule contains {words!r}.")
    copy_project()
    LOG.write_text("")
    for mutation in chosen:
        broken(mutation)
    started = time.monotonic()
    everything = sorted({test for mutation in chosen for test in mutation.tests})
    output = run_tests("no mutation", everything)
    if f"{len(everything)} passed; 0 failed" not in output:
        sys.exit(f"{output}\nmutations: without a mutation, not all of these tests are there and pass.")
    print(f"without a mutation, {len(everything)} tests pass ({time.monotonic() - started:.0f} s)", flush=True)

    unnoticed = 0
    for mutation in chosen:
        began = time.monotonic()
        file = COPY / mutation.file
        whole = file.read_text()
        file.write_text(broken(mutation))
        output = run_tests(mutation.rule, mutation.tests)
        file.write_text(whole)
        noticed = [test for test in mutation.tests if f"\n    {test}\n" in output]
        unnoticed += not noticed
        by = f"noticed by {', '.join(noticed)}" if noticed else "NOT NOTICED"
        print(f"{mutation.rule}: {by} ({time.monotonic() - began:.0f} s)", flush=True)
    minutes = (time.monotonic() - started) / 60
    print(f"{len(chosen) - unnoticed} of {len(chosen)} mutations were noticed, in {minutes:.0f} minutes")
    return 1 if unnoticed else 0


def copy_project() -> None:
    """Copies what git tracks. What is the same already is left alone, so that cargo need not compile it again."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True)
    names = {name for name in listed.stdout.split("\0") if name and (PROJECT / name).is_file()}
    for old in COPY.rglob("*"):
        if old.is_file() and str(old.relative_to(COPY)) not in names:
            old.unlink()
    for name in sorted(names):
        target = COPY / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != (PROJECT / name).read_bytes():
            shutil.copyfile(PROJECT / name, target)


def check() -> int:
    """Prints each mutation that no longer fits."""
    found = [text for mutation in MUTATIONS for text in stale(mutation)]
    print("\n".join(found) if found else f"{len(MUTATIONS)} mutations fit")
    return int(bool(found))


def stale(mutation: Mutation) -> list[str]:
    """Why a mutation does not fit."""
    name = mutation.file
    file = PROJECT / name
    times = file.read_text().count(mutation.text) if file.exists() else 0
    why = []
    if not file.exists():
        why.append(f"{name} does not exist")
    elif times != 1:
        why.append(f"{name} has its text {times} times: {mutation.text.strip().splitlines()[0]}")
    for test in mutation.tests:
        module, _, function = test.rpartition("::")
        source = (PROJECT / "tests" / "it" / module.replace("::", "/")).with_suffix(".rs")
        if not source.exists() or f"fn {function}(" not in source.read_text():
            why.append(f"there is no test {test}")
    return [f"{mutation.rule!r}: {one}" for one in why]


def broken(mutation: Mutation) -> str:
    """The file with the mutation."""
    if why := stale(mutation):
        sys.exit(f"mutations: {why[0]}")
    return (PROJECT / mutation.file).read_text().replace(mutation.text, mutation.broken)


def run_tests(what: str, tests: list[str]) -> str:
    """What the tests print. That they do not compile is a mistake in the table, and ends everything."""
    cargo = ["cargo", "test", "--locked", "--quiet", *OWN_PROFILE, "--test", "it"]
    env = {**os.environ, "CARGO_TARGET_DIR": str(PROJECT / "target"), "RUST_BACKTRACE": "0"}
    built = subprocess.run([*cargo, "--no-run"], cwd=COPY, env=env, stderr=subprocess.PIPE, text=True)
    if built.returncode != 0:
        sys.exit(f"{built.stderr}\nmutations: {what!r} does not compile.")
    try:
        ran = subprocess.run(
            [*cargo, "--", "--exact", *tests], cwd=COPY, env=env, timeout=SECONDS, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
    except subprocess.TimeoutExpired:
        sys.exit(f"mutations: {what!r}: its tests have not ended within {SECONDS} s.")
    # Metrics go past what holds the tests' own output back.
    said = "".join(line for line in ran.stdout.splitlines(True) if '{"_aws"' not in line)
    with LOG.open("a") as log:
        log.write(f"{what}\n{said}\n")
    return said


if __name__ == "__main__":
    sys.exit(main())
