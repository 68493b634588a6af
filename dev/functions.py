"""Lambda functions: a binary in AWS's Runtime Interface Emulator, one emulator for each function."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packages import Missing, emulator
from processes import free_port, is_listening, start, stop, wait_until

START_SECONDS = 20
STOP_SECONDS = 5
ACCOUNT = "123456789012"


@dataclass
class Function:
    """One function and the process that runs it."""

    name: str
    binary: Path
    folder: Path
    stack_env: dict[str, str]
    env: dict[str, str] = field(default_factory=dict)
    timeout: int = 30
    memory: int = 256
    port: int = field(default_factory=free_port)
    runtime_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def describe(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "arn": f"arn:aws:lambda:{self.stack_env['AWS_REGION']}:{ACCOUNT}:function:{self.name}",
            "url": f"http://127.0.0.1:{self.port}/2015-03-31/functions/function/invocations",
            "log": str(self.log),
            "pid": self.process.pid if self.process else None,
            "running": self.process is not None and self.process.poll() is None,
        }

    def start(self) -> None:
        if not os.access(self.binary, os.X_OK):
            raise Missing(f"{self.binary} is not a program that can be run.")
        command = [
            str(emulator()),
            "--runtime-interface-emulator-address", f"127.0.0.1:{self.port}",
            "--runtime-api-address", f"127.0.0.1:{self.runtime_port}",
            str(self.binary),
        ]
        self.process = start(command, self.log, self._environment())
        try:
            wait_until(lambda: is_listening(self.port), START_SECONDS, self.process)
        except TimeoutError as error:
            self.stop()
            raise Missing(f"The emulator of {self.name} did not start ({error}): see {self.log}.") from error

    def _environment(self) -> dict[str, str]:
        """As small as in AWS, so that nothing of the developer's environment changes what the function does."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(self.timeout),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory),
            **self.stack_env,
            **self.env,
        }

    def stop(self) -> None:
        if self.process:
            stop(self.process, signal.SIGKILL, STOP_SECONDS)

    def restart(self) -> None:
        """A new sandbox: the next invocation is a cold start."""
        self.stop()
        self.start()
