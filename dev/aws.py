"""AWS on a loopback port: secrets_manager.py in a process of its own, with nothing in it at first. And its command line."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packages import DEV, Missing, root
from processes import free_port, is_listening, start, stop, wait_until

START_SECONDS = 60
STOP_SECONDS = 5


@dataclass
class Aws:
    """One AWS and the process that plays it."""

    id: str
    folder: Path
    stack_url: str
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.id}.log"

    def describe(self) -> dict[str, Any]:
        return {"id": self.id, "url": self.url, "log": str(self.log)}

    def start(self) -> None:
        env = {**os.environ, "STACK_URL": self.stack_url, "PYTHONDONTWRITEBYTECODE": "1"}
        env["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"  # nobody asks for them, and each new AWS would make them
        env.pop("AWS_ENDPOINT_URL", None)
        python = root("python") / "bin" / "python"
        self.process = start([str(python), str(DEV / "secrets_manager.py"), str(self.port)], self.log, env)

    def wait(self) -> None:
        assert self.process
        try:
            wait_until(lambda: is_listening(self.port), START_SECONDS, self.process)
        except TimeoutError as error:
            raise Missing(f"moto did not start ({error}): {self.log.read_text()[-500:]}") from error

    def stop(self) -> None:
        if self.process:
            stop(self.process, signal.SIGKILL, STOP_SECONDS)


@dataclass
class CommandLine:
    """The process that plays the program `aws`."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def describe(self) -> dict[str, Any]:
        return {"folder": str(self.folder)}

    def start(self) -> None:
        self.folder.mkdir()
        python, log = root("python") / "bin" / "python", self.folder / "log"
        self.process = start([str(python), str(DEV / "aws_cli.py"), str(self.folder)], log)
        try:
            wait_until((self.folder / "aws").exists, START_SECONDS, self.process)
        except TimeoutError as error:
            raise Missing(f"the AWS CLI did not start ({error}): {log.read_text()[-500:]}") from error

    def stop(self) -> None:
        if self.process:
            stop(self.process, signal.SIGKILL, STOP_SECONDS)
