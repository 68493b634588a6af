"""Starts and stops MySQL and MariaDB servers on loopback ports.

An initialised data folder is kept for each flavour under `.dev/` and copied for each server, which makes a start fast.
Names are not resolved (`--skip-name-resolve`), so a client's host is its IP address: 127.0.0.1. Durability is
given up as far as the machine's own end goes: a server that is killed still keeps what it committed.
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

from packages import HOME, Missing, root
from processes import free_port, start, stop, wait_until

START_SECONDS = 60
STOP_SECONDS = 20

COMMON = [
    "--user=root",  # refused otherwise when root runs it; ignored when another user does
    "--skip-name-resolve",
    "--skip-log-bin",
    "--bind-address=127.0.0.1",
    "--innodb-buffer-pool-size=32M",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-doublewrite=OFF",
    "--sync-binlog=0",
    "--general-log=OFF",
    "--max-connections=100",
    "--table-open-cache=400",
    "--character-set-server=utf8mb4",
]
MYSQL = [
    "--mysqlx=OFF",
    "--secure-file-priv=",
    "--innodb-redo-log-capacity=16M",
    "--innodb-use-fdatasync=ON",
    "--performance-schema=ON",  # tests read the statement history
    "--performance-schema-max-table-instances=200",
    "--performance-schema-max-digest-length=256",
    "--performance-schema-digests-size=200",
    "--performance-schema-consumer-events-statements-history-long=ON",
]
MARIADB = ["--innodb-log-file-size=8M", "--performance-schema=OFF", "--aria-pagecache-buffer-size=8M"]

# Run once, by the first start on a fresh data folder. The server reads one statement a line.
MYSQL_TEMPLATE = """\
CREATE USER 'root'@'%' IDENTIFIED WITH caching_sha2_password BY RANDOM PASSWORD;
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


def program(flavor: str) -> list[str]:
    """The server's command up to its own arguments: its release's loader and libraries, and its own files."""
    tree = root(flavor)
    libraries = tree / "usr/lib/x86_64-linux-gnu"
    old_libraries = tree / "lib/x86_64-linux-gnu"
    loader = next(
        (folder / "ld-linux-x86-64.so.2" for folder in (libraries, old_libraries) if (folder / "ld-linux-x86-64.so.2").exists()),
        None,
    )
    if loader is None:
        raise Missing(f"{tree} is incomplete: remove it and run setup again.")
    binary = "usr/sbin/mysqld" if flavor == "mysql" else "usr/sbin/mariadbd"
    share = share_folder(flavor)
    return [
        str(loader),
        "--library-path",
        f"{libraries}:{old_libraries}",
        str(tree / binary),
        "--no-defaults",
        f"--basedir={tree}/usr",
        f"--lc-messages-dir={share}",
        f"--character-sets-dir={share}/charsets",
        f"--plugin-dir={tree}/usr/lib/mysql/plugin",
        *COMMON,
        *(MYSQL if flavor == "mysql" else MARIADB),
    ]


def share_folder(flavor: str) -> Path:
    share = root(flavor) / "usr/share"
    return next(folder for folder in (share / "mariadb", share / "mysql") if (folder / "charsets").exists())


def template(flavor: str) -> Path:
    """The initialised data folder of a flavour, made at its first use."""
    made_of = [(HOME / f"{flavor}.stamp").read_text(), MYSQL_TEMPLATE, MARIADB_TEMPLATE, *MARIADB_SCRIPTS]
    done = HOME / f"{flavor}.template-{zlib.crc32(repr(made_of).encode()):08x}"
    if done.exists():
        return done
    for old in HOME.glob(f"{flavor}.template-*"):
        shutil.rmtree(old)
    partial = HOME / f"{flavor}.partial.{os.getpid()}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    log = HOME / f"{flavor}.template.log"
    arguments = [*program(flavor), f"--datadir={partial}", f"--tmpdir={HOME}"]
    script = HOME / f"{flavor}.{os.getpid()}.sql"
    script.write_text(MYSQL_TEMPLATE if flavor == "mysql" else MARIADB_TEMPLATE)
    port = free_port()
    first_start = [*arguments, f"--port={port}", f"--socket={partial}/socket", f"--init-file={script}"]
    try:
        initialize(flavor, arguments, log)
        process = start(first_start, log)
        try:
            wait_until(lambda: answers(port), START_SECONDS, process)
        finally:
            stop(process, signal.SIGTERM, STOP_SECONDS)
    except (TimeoutError, subprocess.SubprocessError) as error:
        raise Missing(f"The data folder of {flavor} could not be made ({error}): see {log}.") from error
    finally:
        script.unlink()
    (partial / "auto.cnf").unlink(missing_ok=True)  # each server has a server_uuid of its own
    try:
        partial.rename(done)
    except OSError:  # another run was faster
        shutil.rmtree(partial)
    return done


def initialize(flavor: str, arguments: list[str], log: Path) -> None:
    if flavor == "mysql":
        command = [*arguments, "--initialize-insecure", "--innodb-redo-log-capacity=64M"]
        script = ""
    else:
        # What mariadb-install-db does; that script would run its server without the loader.
        command = [*arguments, "--bootstrap"]
        script = "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL, @skip_auth_anonymous=1;\n"
        share = share_folder(flavor)
        for name in MARIADB_SCRIPTS:
            names = (name, name.replace("mariadb_", "mysql_"))
            script += next(share / n for n in names if (share / n).exists()).read_text() + "\n"
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
    flavor: str
    folder: Path
    certificates: Path
    arguments: list[str] = field(default_factory=list)
    tls: bool = True
    port: int = field(default_factory=free_port)
    # Characters of every class, so that a password policy given as an argument accepts it; none that a URL escapes.
    password: str = field(default_factory=lambda: f"Aa1-{secrets.token_urlsafe(18)}")
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
            "flavor": self.flavor,
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
        shutil.copytree(template(self.flavor), self.datadir)
        script = self.folder / "password.sql"
        script.touch(mode=0o600)
        script.write_text(f"ALTER USER 'root'@'%' IDENTIFIED BY '{self.password}';\n")
        try:
            self.start([f"--init-file={script}"])
        finally:
            script.unlink()  # a restart must not set the password once more

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
            [*program(self.flavor), *files, *self._tls(), *(extra or []), *self.arguments],
            output=self.folder / "output.log",
        )
        try:
            wait_until(lambda: answers(self.port), START_SECONDS, self.process)
        except TimeoutError as error:
            self.kill()
            raise Missing(f"The server {self.id} did not start ({error}): {self._last_error()}") from error

    def _tls(self) -> list[str]:
        if not self.tls:
            return ["--tls-version="] if self.flavor == "mysql" else ["--skip-ssl"]
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

    def restart(self, arguments: list[str] | None) -> None:
        self.stop()
        if arguments is not None:
            self.arguments = arguments
        self.start()

    def freeze(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)

    def delete(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
