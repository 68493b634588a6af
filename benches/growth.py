"""What a rotation takes of a processor at n, 2n, 4n and 8n of what a user, its server or its secret may have many of.

What grows faster than n log n is a defect: the last doubling, less what a rotation takes with none of it, must be near two.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from measures import Bench
from sandbox import Failed
from world import PASSWORD, Server, Tenant, another_server, call

Statements = Callable[[str, int], list[str]]  # of the user's name and the number


@dataclass
class Grown:
    """What there may be many of, the least number of it, and the statements that make it and take it away."""

    what: str
    least: int
    make: Statements
    undo: Statements = lambda user, n: []
    flavor: str = "mysql"
    alone: bool = False  # on a server of its own, since it is a setting of the whole server


def each(text: str) -> Statements:
    """A statement for each number: `{n}` in it, and the user's account."""
    return lambda user, n: [text.format(n=one, account=f"'{user}'@'%'", user=user, password=PASSWORD) for one in range(n)]


def wide_table(user: str, n: int) -> list[str]:
    columns = [f"c{one}" for one in range(n)]
    return [
        "DROP TABLE IF EXISTS bench.wide",
        f"CREATE TABLE bench.wide ({', '.join(f'{one} INT' for one in columns)})",
        f"GRANT SELECT ({', '.join(columns)}) ON bench.wide TO '{user}'@'%'",
    ]


def mandatory(user: str, n: int) -> list[str]:
    roles = [f"bench_m{one}" for one in range(n)]
    return [*(f"CREATE ROLE IF NOT EXISTS {role}" for role in roles), f"SET GLOBAL mandatory_roles = '{','.join(roles)}'"]


def drop_hosts(user: str, n: int) -> list[str]:
    return [f"DROP USER IF EXISTS '{one}'@'10.1.1.{host}'" for one in (user, f"{user}_clone") for host in range(n)]


def alternatives(user: str, n: int) -> list[str]:
    methods = " OR ".join(f"mysql_native_password USING PASSWORD('another-{one}')" for one in range(n))
    return [f"ALTER USER '{user}'@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('{PASSWORD}') OR {methods}"]


KINDS = [
    Grown("table grants", 1000, each("GRANT SELECT, CREATE ON bench.t{n} TO {account}")),
    Grown("schemas", 1000, each("GRANT SELECT ON `grown{n}`.* TO {account}")),
    Grown("columns of one table", 125, wide_table, lambda user, n: ["DROP TABLE bench.wide"]),
    Grown(
        "roles", 125, lambda user, n: [*each("CREATE ROLE {user}_r{n}")(user, n), *each("GRANT {user}_r{n} TO {account}")(user, n)],
        each("DROP ROLE {user}_r{n}"),
    ),
    Grown(
        "hosts", 25, each("CREATE USER '{user}'@'10.1.1.{n}' IDENTIFIED BY '{password}'"),
        drop_hosts,
    ),
    Grown(
        "hosts, each with a retained password", 25,
        lambda user, n: [
            *each("CREATE USER '{user}'@'10.1.1.{n}' IDENTIFIED BY 'before'")(user, n),
            *each("ALTER USER '{user}'@'10.1.1.{n}' IDENTIFIED BY '{password}' RETAIN CURRENT PASSWORD")(user, n),
        ],
        drop_hosts,
    ),
    Grown("mandatory roles", 25, mandatory, alone=True),
    Grown(
        "views of which the user is the definer", 250, each("CREATE DEFINER={account} SQL SECURITY DEFINER VIEW bench.{user}_v{n} AS SELECT 1"),
        each("DROP VIEW bench.{user}_v{n}"),
    ),
    Grown("tables of the server", 250, each("CREATE TABLE bench.{user}_t{n} (id INT)"), each("DROP TABLE bench.{user}_t{n}")),
    Grown("alternative passwords", 5, alternatives, flavor="mariadb-11.8"),
    # MariaDB's own time for a GRANT grows with the schemas that there are.
    Grown("schemas", 250, each("GRANT SELECT ON `grown{n}`.* TO {account}"), flavor="mariadb-11.8"),
    Grown("views of which the user is the definer", 250, each("CREATE DEFINER={account} SQL SECURITY DEFINER VIEW bench.{user}_v{n} AS SELECT 1"),
        each("DROP VIEW bench.{user}_v{n}"), flavor="mariadb-11.8"),
]


def measure(bench: Bench) -> list[dict[str, Any]]:
    servers = {server.flavor: server for server in bench.servers}
    rows = []
    for kind in KINDS:
        if kind.flavor in servers:
            sizes = [0, *(kind.least * factor for factor in bench.pick((1, 2), (1, 2, 4, 8)))]
            with another_server(kind.flavor) if kind.alone else nullcontext(servers[kind.flavor]) as server:
                rows += [row(bench, server, kind, size) for size in sizes]
    sizes = [0, *(12 * factor for factor in bench.pick((1, 2), (1, 2, 4, 8)))]
    rows += [versions(bench, bench.servers[0], size) for size in sizes]
    return rows


def row(bench: Bench, server: Server, kind: Grown, size: int) -> dict[str, Any]:
    tenant = Tenant(server, 0)
    if size:
        server.sql(*kind.make(tenant.user, size))
    found = {"server": server.flavor, "what": kind.what, "n": size, **rotations(bench, tenant)}
    tenant.drop()
    if size:
        server.sql(*kind.undo(tenant.user, size))
    return found


def versions(bench: Bench, server: Server, size: int) -> dict[str, Any]:
    """Of the secret, each with a label, and a twin that has the password of none of the last two: all are looked at."""
    tenant = Tenant(server, 0)
    value = call("GetSecretValue", SecretId=tenant.secret)["SecretString"]
    for n in range(size):
        call(
            "PutSecretValue", SecretId=tenant.secret, SecretString=value, VersionStages=[f"BENCH{n}"],
            ClientRequestToken=str(uuid.uuid4()),
        )
    found = {"server": server.flavor, "what": "versions of the secret", "n": size, **rotations(bench, tenant)}
    tenant.drop()
    return found


def rotations(bench: Bench, tenant: Tenant) -> dict[str, Any]:
    """The least time, and processor time, of a first clone and of one without drift."""
    found: dict[str, Any] = {}
    try:
        with bench.sandbox(bench.this) as sandbox:
            found["first"] = one(tenant, sandbox)
            many = [one(tenant, sandbox) for _ in range(bench.pick(2, 4))]
            found["none"] = {name: min(single[name] for single in many) for name in ("ms", "cpu_ms")}
            found["peak_kb"] = sandbox.peak_kb()
    except Failed as error:
        found["failed"] = str(error)
    return found


def one(tenant: Tenant, sandbox: Any) -> dict[str, float]:
    before = sandbox.cpu_ms()
    steps = tenant.rotate(sandbox)
    return {"ms": round(sum(steps.values()), 2), "cpu_ms": round(sandbox.cpu_ms() - before, 2)}
