"""Child processes: started in groups of their own, stopped by the ids that were given out at the start."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

guard: subprocess.Popen[str] | None = None
guard_lock = threading.Lock()
held_ports: list[socket.socket] = []


def start(command: list[str], output: Path, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Starts a process in a session of its own; what it prints is added to a file."""
    with open(output, "ab") as file:
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    tell_guard(f"+{process.pid}")
    return process


def start_guard(folder: Path) -> None:
    """From now on, what is started here ends even when this process is killed; see guard.py."""
    global guard
    command = [sys.executable, str(Path(__file__).with_name("guard.py")), str(folder)]
    guard = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, text=True)


def tell_guard(line: str) -> None:
    if guard and guard.stdin:
        with guard_lock:
            try:
                guard.stdin.write(f"{line}\n")
                guard.stdin.flush()
            except OSError:
                pass  # the guard itself was killed; without it everything else goes on


def end_guard() -> None:
    if guard and guard.stdin:
        guard.stdin.close()
        guard.wait()


def stop(process: subprocess.Popen[bytes], first: signal.Signals, seconds: float) -> None:
    """Sends a signal to a process that `start` made, waits, and ends what is left of its group."""
    if process.poll() is None:
        _signal(process, first)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
        process.wait()
        kill_session(process.pid)
    tell_guard(f"-{process.pid}")


def kill_session(leader: int) -> None:
    """Kills what is left of a session: the emulator puts the function into a group of its own."""
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            # After the name, which may hold anything: state, parent, group, session.
            fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader:
                os.kill(int(entry.name), signal.SIGKILL)
        except (OSError, ValueError, IndexError):
            continue  # it has ended meanwhile


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


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def free_port() -> int:
    """A loopback port that nobody else gets while this process runs.

    It lies below the range from which the system gives out ports to clients, and is held by a socket that does not
    listen: a server, which sets SO_REUSEADDR, may listen there, also when it is started again, and nobody finds it free.
    """
    while True:
        port = random.randrange(20000, 32000)
        holder = socket.socket()
        try:
            holder.bind(("127.0.0.1", port))
        except OSError:
            holder.close()
            continue
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held_ports.append(holder)
        return port
