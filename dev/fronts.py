"""What stands in front of servers: HAProxy and MySQL Router, each a process on a loopback port."""

from __future__ import annotations

import signal
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from packages import Missing, is_installed, root
from processes import free_port, is_listening, start, stop, wait_until

START_SECONDS = 20
STOP_SECONDS = 5
# The program and the folders of its own libraries, in the tree of its part.
PROGRAMS = {
    "haproxy": ("usr/sbin/haproxy", []),
    "router": ("usr/bin/mysqlrouter", ["usr/lib/mysql-router"]),
}

HAPROXY = """\
global
    maxconn 100
defaults
    mode tcp
    timeout connect 2s
    timeout client 60s
    timeout server 60s
frontend front
    bind 127.0.0.1:{port}
    default_backend servers
backend servers
"""

ROUTER = """\
[DEFAULT]
plugin_folder={root}/usr/lib/mysqlrouter/plugin
logging_folder=
runtime_folder={folder}
data_folder={folder}
[logger]
level=INFO
[routing:front]
bind_address=127.0.0.1
bind_port={port}
protocol=classic
routing_strategy=first-available
connect_timeout=2
destinations={servers}
"""


def available() -> list[str]:
    return [kind for kind in PROGRAMS if is_installed(kind)]


@dataclass
class Front:
    """One running front: where clients connect, and to which servers' ports it passes them on, the first that answers.

    `settings` are, of HAProxy, the words at the end of a server's line; of the Router, the lines of its route.
    """

    id: str
    kind: str
    folder: Path
    certificates: Path
    ports: list[int]
    settings: list[str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self.kind not in available():
            raise Missing(f"There is no front {self.kind!r}; there is {', '.join(available()) or 'none'}.")
        self.folder.mkdir()
        config = self.folder / "front.conf"
        config.write_text(self._config())
        tree = root(self.kind)
        program, own = PROGRAMS[self.kind]
        libraries = ":".join(f"{tree}/{folder}" for folder in ["usr/lib/x86_64-linux-gnu", *own])
        loader = tree / "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
        flag = {"haproxy": "-f", "router": "-c"}[self.kind]
        log = self.folder / "front.log"
        self.process = start([str(loader), "--library-path", libraries, str(tree / program), flag, str(config)], log)
        try:
            wait_until(lambda: is_listening(self.port), START_SECONDS, self.process)
        except TimeoutError as error:
            self.stop()
            raise Missing(f"{self.kind} did not start ({error}): {log.read_text()[-500:]}") from error

    def _config(self) -> str:
        servers = [f"127.0.0.1:{port}" for port in self.ports]
        if self.kind == "haproxy":
            words = " ".join(self.settings)
            lines = [
                f"    server s{number} {server} check inter 500ms {'backup ' if number else ''}{words}\n"
                for number, server in enumerate(servers)
            ]
            return HAPROXY.format(port=self.port) + "".join(lines)
        names = {"certificates": self.certificates}
        settings = "".join(f"{setting.format(**names)}\n" for setting in self.settings)
        base = ROUTER.format(root=root("router"), folder=self.folder, port=self.port, servers=",".join(servers))
        return base + settings

    def describe(self) -> dict[str, object]:
        return {"id": self.id, "kind": self.kind, "port": self.port, "log": str(self.folder / "front.log")}

    def stop(self) -> None:
        if self.process:
            stop(self.process, signal.SIGTERM, STOP_SECONDS)

    def delete(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
