"""Runs programs to their end, and says what is missing for that."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Missing(Exception):
    """Something that the stack needs is not there; the text is one sentence for the user."""


def run(command: list[str], env: dict[str, str] | None = None, cwd: Path | None = None) -> None:
    subprocess.run(command, env=env, cwd=cwd, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def output(command: list[str], env: dict[str, str] | None = None) -> str:
    return subprocess.run(command, env=env, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout


def last_line(error: subprocess.CalledProcessError) -> str:
    lines = (error.stdout or "").strip().splitlines()
    return lines[-1] if lines else f"exit code {error.returncode}"
