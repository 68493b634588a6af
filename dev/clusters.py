"""Clusters of two servers that take writes for one another: Galera (MariaDB), and MySQL's Group Replication.

Both members begin with the same copy of a data folder, so that neither has to send the other its data.
"""

from __future__ import annotations

import os
import shutil
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path

from builds import Build
from packages import Missing, is_installed, root
from processes import free_port, wait_until
from servers import START_SECONDS, Server

GALERA = "galera"
TWO_PRIMARIES = "group-replication"
ONE_PRIMARY = "group-replication-with-one-primary"
# The part whose server is in the cluster, and the part that it needs beside that.
PARTS_OF = {GALERA: ("mariadb-11.8", "galera"), TWO_PRIMARIES: ("mysql", None), ONE_PRIMARY: ("mysql", None)}

# Galera runs this at the joiner and at the donor where a node needs the other's data. None does: it has a state of the
# cluster, and gets what was written since by itself. The joiner says where it can be told so, and is told there. A member
# that is started again with --wsrep-sst-method=slow has a donor that takes its time.
TRANSFER = """\
#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
        --role) role=$2; shift ;;
        --address) address=$2; shift ;;
        --gtid) gtid=$2; shift ;;
        --datadir) datadir=$2; shift ;;
    esac
    shift
done
if [ "$role" = donor ]; then
    cat > /dev/null
    sleep {seconds}
    echo "$gtid" > "$address.partial" && mv "$address.partial" "$address"
    echo "done $gtid"
else
    told=${datadir%/}.told
    rm -f "$told"
    echo "ready $told"
    while [ ! -e "$told" ]; do sleep 0.05; done
    cat "$told"
fi
"""
TRANSFERS = {"nothing": 0, "slow": 6}


def available() -> list[str]:
    """The kinds of which a cluster can be started."""
    return [kind for kind, parts in PARTS_OF.items() if all(part is None or is_installed(part) for part in parts)]


@dataclass
class Member(Server):
    """A server that is in a cluster from its second start on."""

    channel: bool = False  # it needs a login for Group Replication's own connections

    def start(self, extra: list[str] | None = None) -> None:
        before = self._synced()
        super().start(extra)
        if "--wsrep-on=ON" in self.arguments:
            # Until then a node of Galera ends the sessions that it has taken.
            wait_until(lambda: self._synced() > before, START_SECONDS, self.process)

    def _synced(self) -> int:
        """How often it has told that it has all that the cluster has."""
        return self.log.read_text(errors="replace").count("Synchronized with group") if self.log.exists() else 0

    def first_statements(self) -> str:
        login = f"SOURCE_USER='root', SOURCE_PASSWORD='{self.password}'"
        change = f"CHANGE REPLICATION SOURCE TO {login} FOR CHANNEL 'group_replication_recovery';\n"
        return super().first_statements() + (change if self.channel else "")


@dataclass
class Cluster:
    """Two members, of which the first was there before the second."""

    kind: str
    members: list[Member]
    arguments: list[str]
    ports: list[int] = field(default_factory=lambda: [free_port() for _ in range(4)])
    name: str = field(default_factory=lambda: str(uuid.uuid4()))

    def create(self) -> None:
        first, second = self.members
        own = self._galera if self.kind == GALERA else self._group_replication
        if self.kind == GALERA:
            for member in self.members:
                member.env = {**os.environ, "PATH": f"{member.folder}:{os.environ['PATH']}"}
            # Alone for a moment, so that the data has a state of the cluster, which the other then has as well.
            first.arguments = [*own(0), "--wsrep-new-cluster"]
        first.create()
        first.stop()
        second.password = first.password
        second.folder.mkdir()
        (first.datadir / "auto.cnf").unlink(missing_ok=True)
        shutil.copytree(first.datadir, second.datadir)
        for number, member in enumerate(self.members):
            member.arguments = [*own(number), *self.arguments]
            for method, seconds in TRANSFERS.items():
                script = member.folder / f"wsrep_sst_{method}"
                script.write_text(TRANSFER.replace("{seconds}", str(seconds)))
                script.chmod(0o755)
        first.start(["--wsrep-new-cluster" if self.kind == GALERA else "--loose-group-replication-bootstrap-group=ON"])
        second.start()

    def _galera(self, number: int) -> list[str]:
        port, transfer = self.ports[number], self.ports[2 + number]
        provider = {
            "base_port": port,
            "gmcast.listen_addr": f"tcp://127.0.0.1:{port}",
            "ist.recv_addr": f"127.0.0.1:{transfer}",
            "gcache.size": "16M",
            # A member that is gone is given up after so long.
            "evs.keepalive_period": "PT0.5S",
            "evs.suspect_timeout": "PT2S",
            "evs.inactive_timeout": "PT4S",
        }
        return [
            "--wsrep-on=ON",
            f"--wsrep-provider={root('galera')}/usr/lib/galera/libgalera_smm.so",
            f"--wsrep-cluster-name={self.name[:8]}",  # 32 characters at most
            f"--wsrep-cluster-address=gcomm://{','.join(f'127.0.0.1:{port}' for port in self.ports[:2])}",
            f"--wsrep-node-address=127.0.0.1:{port}",
            f"--wsrep-node-incoming-address=127.0.0.1:{self.members[number].port}",
            f"--wsrep-provider-options={';'.join(f'{name}={value}' for name, value in provider.items())}",
            "--wsrep-sst-method=nothing",
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
        ]

    def _group_replication(self, number: int) -> list[str]:
        many = self.kind == TWO_PRIMARIES
        group = {
            "group_name": self.name,
            "local_address": f"127.0.0.1:{self.ports[number]}",
            "group_seeds": ",".join(f"127.0.0.1:{port}" for port in self.ports[:2]),
            "ip_allowlist": "127.0.0.1/8",
            "start_on_boot": "ON",
            "recovery_use_ssl": "ON",
            "single_primary_mode": "OFF" if many else "ON",
            "enforce_update_everywhere_checks": "ON" if many else "OFF",
        }
        return [
            "--log-bin=binlog",
            "--sql-generate-invisible-primary-key=ON",  # a group takes no table without one
            f"--server-id={number + 1}",
            "--gtid-mode=ON",
            "--enforce-gtid-consistency=ON",
            "--report-host=127.0.0.1",
            f"--report-port={self.members[number].port}",
            "--plugin-load-add=group_replication.so",
            *(f"--loose-group-replication-{name.replace('_', '-')}={value}" for name, value in group.items()),
        ]


def of(kind: str, ids: list[str], build: Build, folder: Path, certificates: Path, args: list[str]) -> Cluster:
    """A cluster of this kind, not started yet."""
    if kind not in available():
        raise Missing(f"There is no cluster {kind!r}; there is {', '.join(available()) or 'none'}.")
    beside = PARTS_OF[kind][1]
    if beside:
        build = with_libraries(build, root(beside))
    members = [
        Member(id, build, folder / id, certificates, channel=kind != GALERA) for id in ids
    ]
    return Cluster(kind, members, args)


def with_libraries(build: Build, tree: Path) -> Build:
    """A package's program that also finds the libraries of another tree of the same release."""
    command = list(build.command)
    at = command.index("--library-path") + 1
    command[at] += f":{tree}/usr/lib/x86_64-linux-gnu"
    return replace(build, command=tuple(command))
