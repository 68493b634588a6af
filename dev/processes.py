"""Child processes: started in groups of their own, stopped by the ids that were given out at the start."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def start(command: list[str], output: Path, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Starts a process in a session of its own; what it prints is added to a file."""
    with open(output, "ab") as file:
        return subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )


def stop(process: subprocess.Popen[bytes], first: signal.Signals, seconds: float) -> None:
    """Sends a signal to a process that `start` made, waits, and ends what is left of its group."""
    if process.poll() is None:
        _signal(process, first)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        else:
            return
        _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        # The process was started as the leader of its group, and is not reaped yet: the id is still its own.
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def wait_until(ready: Callable[[], bool], seconds: float, process: subprocess.Popen[bytes]) -> None:
    """Waits for a process to be ready; TimeoutError when it ends or takes too long."""
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise TimeoutError(f"it ended with code {process.returncode}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer within {seconds:.0f} s")
        time.sleep(0.03)


def free_port() -> int:
    """A loopback port that nobody uses now.

    It lies below the range from which the system gives out ports to clients, so that it is still free when a server
    is started on it again.
    """
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
