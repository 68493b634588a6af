"""A Lambda sandbox: one process of a function, and the runtime API that it asks for work.

It is AWS's interface and nothing else, so that any function, in any language, is measured by the same rule. The
emulator of the tests is not used here, since its own time would be part of each figure.
"""

from __future__ import annotations

import json
import os
import queue
import re
import shlex
import signal
import socket
import subprocess
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_SECONDS = 120
INVOCATION_SECONDS = 900


class Failed(Exception):
    """The function answered an error, or ended."""


@dataclass
class Invocation:
    event: bytes
    seconds: float
    begun: float = 0.0
    ended: float = 0.0
    error: str | None = None
    done: threading.Event = field(default_factory=threading.Event)


class Runtime:
    """The runtime API of one sandbox: it hands out one event at a time, and takes the answer."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._work: queue.Queue[Invocation | None] = queue.Queue()
        self._current: Invocation | None = None
        self.asked = threading.Event()
        self.asked_at = 0.0
        threading.Thread(target=self._listen, daemon=True).start()

    def submit(self, event: dict[str, Any], seconds: float) -> Invocation:
        invocation = Invocation(json.dumps(event).encode(), seconds)
        self.asked.clear()
        self._work.put(invocation)
        return invocation

    def close(self) -> None:
        self._work.put(None)
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            try:
                while (request := stream.readline()):
                    seen = time.monotonic()
                    body = _body(stream)
                    if request.startswith(b"GET"):
                        if not self._next(connection, seen):
                            return
                    else:
                        self._answer(request.split()[1].decode(), seen, body)
                        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
            except OSError:
                return  # the process has ended

    def _next(self, connection: socket.socket, seen: float) -> bool:
        self.asked_at = seen
        self.asked.set()
        invocation = self._work.get()
        if invocation is None:
            return False
        self._current = invocation
        deadline = int((time.time() + invocation.seconds) * 1000)
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Lambda-Runtime-Aws-Request-Id: {uuid.uuid4()}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {deadline}\r\n"
            "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-central-1:123456789012:function:bench\r\n"
            f"Content-Length: {len(invocation.event)}\r\n\r\n"
        )
        invocation.begun = time.monotonic()
        connection.sendall(head.encode() + invocation.event)
        return True

    def _answer(self, path: str, seen: float, body: bytes) -> None:
        if self._current is None:  # an error of the initialization
            self.asked.set()
            return
        self._current.ended = seen
        if path.endswith("/error"):
            self._current.error = body.decode(errors="replace")
        self._current.done.set()


def _body(stream: Any) -> bytes:
    """What follows the request's line: headers, and as many bytes as they say."""
    length, chunked = 0, False
    while (line := stream.readline().strip().lower()):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
        chunked |= line.startswith(b"transfer-encoding:") and b"chunked" in line
    if not chunked:
        return stream.read(length)
    body = b""
    while (size := int(stream.readline().split(b";")[0], 16)):
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return body


def _short(error: str) -> str:
    try:
        answer = json.loads(error)
        return f"{answer['errorType']}: {answer['errorMessage']}"[:600]
    except (ValueError, KeyError, TypeError):
        return error[:600]


@dataclass
class Function:
    """How to run a rotation function: a command, and what is different in its environment."""

    name: str
    command: list[str]
    env: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of_command_line(name: str, line: str) -> Function:
        return Function(name, shlex.split(line))

    def with_env(self, **env: str) -> Function:
        return Function(self.name, self.command, {**self.env, **env})


class Sandbox:
    """One process of a function. `start_ms` is from its start to its first request for work."""

    def __init__(self, function: Function, log: Path, memory: int = 256) -> None:
        self.runtime = Runtime()
        self.log = log
        env = {
            "PATH": os.environ["PATH"],
            "LANG": "en_US.UTF-8",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_LAMBDA_FUNCTION_NAME": "bench",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
            "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
            **function.env,
            "AWS_LAMBDA_RUNTIME_API": self.runtime.address,
        }
        with open(log, "ab") as output:
            before = time.monotonic()
            self.process = subprocess.Popen(
                function.command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        if not self.runtime.asked.wait(START_SECONDS) or self.runtime.asked_at == 0:
            self.close()
            raise Failed(f"{function.name} did not ask for work: {self.last_words()}")
        self.start_ms = (self.runtime.asked_at - before) * 1000

    def invoke(self, event: dict[str, Any], seconds: float = INVOCATION_SECONDS) -> float:
        """The milliseconds from the event to the answer, when the function has asked for more work."""
        invocation = self.runtime.submit(event, seconds)
        end = time.monotonic() + seconds + 5
        while not invocation.done.wait(0.25):
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failed(f"no answer to {event.get('Step')}: {self.last_words()}")
        self.runtime.asked.wait(START_SECONDS)
        if invocation.error:
            raise Failed(_short(invocation.error))
        return (invocation.ended - invocation.begun) * 1000

    def cpu_ms(self) -> float:
        """User and system time of the whole process so far; its clock has nanoseconds, `stat` has hundredths."""
        clock = (~self.process.pid << 3) | 2  # what clock_getcpuclockid(3) gives
        return time.clock_gettime(clock) * 1000

    def peak_kb(self) -> int:
        """The most memory that was resident at once."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])  # type: ignore[index]

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-600:] if self.log.exists() else "nothing in its log"

    def close(self, first: signal.Signals = signal.SIGKILL) -> None:
        if self.process.poll() is None:
            self.process.send_signal(first)
        self.process.wait()
        self.runtime.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
