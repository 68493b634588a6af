"""Starts and stops MySQL and MariaDB servers on loopback ports.

An initialized data folder is kept for each program under `.dev/templates/` and copied for each server, which makes a
start fast. Names are not resolved (`--skip-name-resolve`), so a client's host is its IP address: 127.0.0.1. Durability
is given up as far as the machine's own end goes: a server that is killed still keeps what it committed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builds import Build
from packages import HOME, Missing
from processes import free_port, start, stop, wait_until

# An argument that MySQL takes only as its data folder was made with it.
FOR_GOOD = "--lower-case-table-names="
START_SECONDS = 60
STOP_SECONDS = 20
TEMPLATES = HOME / "templates"
TEMPLATE = threading.Lock()

COMMON = [
    "--user=root",  # refused otherwise when root runs it; ignored when another user does
    "--skip-name-resolve",
    "--skip-log-bin",
    "--bind-address=127.0.0.1",
    "--innodb-buffer-pool-size=32M",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-doublewrite=OFF",
    "--innodb-read-io-threads=1",
    "--innodb-write-io-threads=1",
    "--innodb-purge-threads=1",
    "--sync-binlog=0",
    "--general-log=OFF",
    "--max-connections=100",
    "--table-open-cache=400",
    "--character-set-server=utf8mb4",
]
# An older version ignores what it does not know after `loose-`.
MYSQL = [
    "--loose-mysqlx=OFF",
    "--secure-file-priv=",
    "--loose-innodb-redo-log-capacity=16M",
    "--loose-innodb-use-fdatasync=ON",
    "--performance-schema=ON",  # tests read the statement history
    "--performance-schema-max-table-instances=200",
    "--performance-schema-max-digest-length=256",
    "--performance-schema-digests-size=200",
    "--performance-schema-consumer-events-statements-history-long=ON",
]
# Before MySQL 8.0 the logs are of this size from the start, twice 48 MB otherwise in each copy of a data folder.
MYSQL_57 = ["--innodb-log-file-size=4M", "--explicit-defaults-for-timestamp=ON"]
MARIADB = ["--innodb-log-file-size=8M", "--performance-schema=OFF", "--aria-pagecache-buffer-size=8M"]

# Run once, by the first start on a fresh data folder. The server reads one statement a line.
MYSQL_TEMPLATE = """\
CREATE USER 'root'@'%' IDENTIFIED BY '{password}';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;
GRANT PROXY ON ''@'' TO 'root'@'%' WITH GRANT OPTION;
DROP USER 'root'@'localhost';
"""
MARIADB_TEMPLATE = """\
DELETE FROM mysql.global_priv WHERE User IN ('', 'root');
DELETE FROM mysql.proxies_priv;
FLUSH PRIVILEGES;
CREATE USER 'root'@'%' IDENTIFIED VIA mysql_native_password USING 'invalid';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;
INSERT INTO mysql.proxies_priv VALUES ('%', 'root', '', '', 1, '', NOW());
FLUSH PRIVILEGES;
"""
MARIADB_SCRIPTS = [
    "mariadb_system_tables.sql",
    "mariadb_performance_tables.sql",
    "mariadb_system_tables_data.sql",
    "maria_add_gis_sp_bootstrap.sql",
    "mariadb_sys_schema.sql",
]


def options(build: Build) -> list[str]:
    if build.is_mariadb:
        return [*COMMON, *MARIADB]
    return [*COMMON, *MYSQL, *(MYSQL_57 if build.version < (8,) else [])]


def template(build: Build, for_good: list[str]) -> Path:
    """The initialized data folder of a program and of the arguments that it keeps, made at its first use."""
    made_of = [build.stamp(), MYSQL_TEMPLATE, MARIADB_TEMPLATE, MYSQL_57, *MARIADB_SCRIPTS]
    name = "".join(for_good) + build.name
    done = TEMPLATES / f"{name}-{zlib.crc32(repr(made_of).encode()):08x}"
    if done.exists():
        return done
    TEMPLATES.mkdir(exist_ok=True)
    for old in TEMPLATES.glob(f"{name}-*"):
        shutil.rmtree(old)
    # Not among the finished ones, and with a place of its own for temporary tables, which MariaDB clears at a start.
    work = HOME / f"template.{build.name}.{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    data = work / "data"
    data.mkdir(parents=True)
    log = HOME / f"{build.name}.template.log"
    arguments = [*build.command, *options(build), f"--datadir={data}", f"--tmpdir={work}", *for_good]
    script = work / "first.sql"
    script.write_text(
        MARIADB_TEMPLATE if build.is_mariadb else MYSQL_TEMPLATE.format(password=f"Aa1-{secrets.token_hex(16)}")
    )
    port = free_port()
    first_start = [*arguments, f"--port={port}", f"--socket={work}/socket", f"--init-file={script}"]
    try:
        initialize(build, arguments, log)
        process = start(first_start, log)
        try:
            wait_until(lambda: answers(port), START_SECONDS, process)
        finally:
            stop(process, signal.SIGTERM, STOP_SECONDS)
        (data / "auto.cnf").unlink(missing_ok=True)  # each server has a server_uuid of its own
        whole, data = data, work / "sparse"
        subprocess.run(["cp", "-a", "--sparse=always", str(whole), str(data)], check=True)
        try:
            data.rename(done)
        except OSError:  # another run was faster
            pass
    except (TimeoutError, subprocess.SubprocessError) as error:
        raise Missing(f"The data folder of {build.name} could not be made ({error}): see {log}.") from error
    finally:
        shutil.rmtree(work)
    return done


def initialize(build: Build, arguments: list[str], log: Path) -> None:
    if build.is_mariadb:
        # What mariadb-install-db does; that script would run its server without the loader.
        command = [*arguments, "--bootstrap"]
        script = "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL, @skip_auth_anonymous=1;\n"
        for name in MARIADB_SCRIPTS:
            names = (name, name.replace("mariadb_", "mysql_"))
            # An old server has not all of them.
            found = [build.share / n for n in names if (build.share / n).exists()]
            script += "".join(file.read_text() + "\n" for file in found[:1])
    else:
        command = [*arguments, "--initialize-insecure", "--loose-innodb-redo-log-capacity=64M"]
        script = ""
    with open(log, "w") as output:
        subprocess.run(
            command, input=script, text=True, stdout=output, stderr=output, check=True, timeout=START_SECONDS
        )


def answers(port: int) -> bool:
    """True when a server sends its greeting there: it does so only after its init file was run."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            return len(connection.recv(5)) > 4
    except OSError:
        return False


@dataclass
class Server:
    """One running server."""

    id: str
    build: Build
    folder: Path
    certificates: Path
    shared: bool = False  # by all tests, and not one test's own
    arguments: list[str] = field(default_factory=list)
    tls: bool = True
    port: int = field(default_factory=free_port)
    # Characters of every class, so that a password policy given as an argument accepts it; none that a URL escapes.
    password: str = field(default_factory=lambda: f"Aa1-{secrets.token_urlsafe(18)}")
    env: dict[str, str] | None = None
    process: subprocess.Popen[bytes] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"mysql://root:{self.password}@127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "error.log"

    @property
    def datadir(self) -> Path:
        return self.folder / "data"

    def describe(self) -> dict[str, Any]:
        return {
            "id": self.id,
            **self.build.describe(),
            "shared": self.shared,
            "given": False,
            "url": self.url,
            "ca_file": str(self.certificates / "ca.pem"),
            "pid": self.process.pid if self.process else None,
            "port": self.port,
            "log": str(self.log),
            "datadir": str(self.datadir),
            "args": self.arguments,
            "running": self.process is not None and self.process.poll() is None,
        }

    def create(self) -> None:
        """Copies the data folder and starts the server with its password."""
        self.folder.mkdir()
        with TEMPLATE:  # tests ask for servers at the same time
            for_good = [argument for argument in self.arguments if argument.startswith(FOR_GOOD)]
            data = template(self.build, for_good if self.build.version >= (8,) and not self.build.is_mariadb else [])
        # Most of it is zeros, which this leaves out.
        subprocess.run(["cp", "-a", str(data), str(self.datadir)], check=True)
        script = self.folder / "password.sql"
        script.touch(mode=0o600)
        script.write_text(self.first_statements())
        try:
            self.start([f"--init-file={script}"])
        finally:
            script.unlink()  # a restart must not set the password once more

    def first_statements(self) -> str:
        return f"ALTER USER 'root'@'%' IDENTIFIED BY '{self.password}';\n"

    def start(self, extra: list[str] | None = None) -> None:
        files = [
            f"--datadir={self.datadir}",
            f"--socket={self.folder}/socket",
            f"--pid-file={self.folder}/pid",
            f"--tmpdir={self.folder}",
            f"--log-error={self.log}",
            f"--port={self.port}",
        ]
        self.process = start(
            [*self.build.command, *options(self.build), *files, *self._tls(), *(extra or []), *self.arguments],
            output=self.folder / "output.log",
            env=self.env,
        )
        try:
            wait_until(lambda: answers(self.port), START_SECONDS, self.process)
        except TimeoutError as error:
            self.kill()
            raise Missing(f"The server {self.id} did not start ({error}): {self._last_error()}") from error

    def _tls(self) -> list[str]:
        if not self.tls:
            has_switch = self.build.is_mariadb or self.build.version < (8, 4)
            return ["--skip-ssl"] if has_switch else ["--tls-version="]
        return [
            f"--ssl-ca={self.certificates}/ca.pem",
            f"--ssl-cert={self.certificates}/server.pem",
            f"--ssl-key={self.certificates}/server-key.pem",
        ]

    def _last_error(self) -> str:
        logs = [log.read_text(errors="replace") for log in (self.log, self.folder / "output.log") if log.exists()]
        errors = [
            line
            for log in logs
            for line in log.splitlines()
            if ("ERROR" in line or "unknown" in line.lower()) and not line.endswith("Aborting")
        ]
        return errors[-1] if errors else "its log has no error"

    def stop(self) -> None:
        if self.process:
            self.thaw()
            stop(self.process, signal.SIGTERM, STOP_SECONDS)

    def kill(self) -> None:
        if self.process:
            stop(self.process, signal.SIGKILL, STOP_SECONDS)

    def restart(self, arguments: list[str] | None, build: Build | None = None) -> None:
        """With another build, its data is upgraded in place."""
        self.stop()
        self.build = build or self.build
        if arguments is not None:
            self.arguments = arguments
        self.start()

    def freeze(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)
            # Threads that are at work stop a moment later.
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)

    def delete(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
