"""Rotations with no more of a processor than Lambda gives for the memory that is paid for."""

from __future__ import annotations

import os
import time
from typing import Any
from urllib.parse import urlsplit

from measures import Bench, Collected
from sandbox import Failed, Sandbox
from throttle import Share, Unavailable
from world import STEPS, Proxy, Tenant


def throttled(bench: Bench) -> dict[str, Any]:
    """The whole cold rotation at 128 MB's share of a processor, after an initialization with all of it, as in Lambda."""
    memory_mb = 128
    try:
        Share(memory_mb).close()
    except Unavailable as error:
        return {"unavailable": f"no control group with a share of a processor: {error}"}
    found = {one.name: Collected() for one in bench.functions}
    failures = {}
    tls = ["--certificate", str(bench.own_authority.with_name("server.pem"))]
    tls += ["--key", str(bench.own_authority.with_name("server-key.pem"))]
    with Proxy(urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc, *tls) as secrets:
        https = {"SECRETS_MANAGER_ENDPOINT": f"https://127.0.0.1:{secrets.port}"}
        tenants = {one.name: Tenant(bench.servers[0], 10) for one in bench.functions}
        for run in range(bench.pick(4, 10)):
            for function in bench.functions:
                try:
                    with bench.sandbox(function.with_env(**https), memory=memory_mb) as sandbox, Share(memory_mb) as share:
                        share.hold(sandbox.process.pid)
                        # The first one clones.
                        collected = found[function.name] if run else Collected()
                        collected.add(tenants[function.name], sandbox)
                        sandbox.close()
                except Failed as error:
                    failures[function.name] = str(error)
        for tenant in tenants.values():
            tenant.drop()
    rows = {name: one.summary() for name, one in found.items() if one.ms}
    return {"memory_mb": memory_mb, **rows, **({"failed": failures} if failures else {})}


def large(bench: Bench) -> list[dict[str, Any]]:
    """Ten thousand grants in invocations of 60 s, at 256 MB's share of a processor."""
    rows, memory_mb = [], 256
    grants = bench.pick(2000, 10000)
    for server in bench.servers[:2]:
        tenant = Tenant(server, grants)
        for kind in ("first", "none"):
            rows.append({"server": server.flavor, "grants": grants, "memory_mb": memory_mb, "timeout_s": 60, "kind": kind})
            rows[-1] |= in_time(bench, tenant, memory_mb, 60)
        tenant.drop()
        if bench.quick:
            continue
        # A timeout that the first rotation cannot keep: each try goes on from where the one before was.
        short = 3
        tenant = Tenant(server, grants)
        rows.append({"server": server.flavor, "grants": grants, "memory_mb": memory_mb, "timeout_s": short, "kind": "first"})
        rows[-1] |= in_time(bench, tenant, memory_mb, short)
        tenant.drop()
    return rows


def in_time(bench: Bench, tenant: Tenant, memory_mb: int, seconds: float) -> dict[str, Any]:
    """One rotation, tried again from its first step when a step runs out of time, as Secrets Manager does."""
    token, tries, ran_out = tenant.begin(), [], []
    while len(tries) < 20:
        with bench.sandbox(bench.this, memory=memory_mb) as sandbox, limited(sandbox, memory_mb) as limit:
            before = time.monotonic()
            try:
                steps = {step: round(sandbox.invoke(tenant.event(step, token), seconds)) for step in STEPS}
                return {"tries": len(tries) + 1, "steps_ms": steps, "peak_kb": sandbox.peak_kb(), "ran_out": ran_out, "limit": limit}
            except Failed as error:
                tries.append(round((time.monotonic() - before) * 1000))
                ran_out.append(str(error)[:400])
            finally:
                sandbox.close()
    return {"tries": len(tries), "ran_out": ran_out, "failed": True}


class limited:
    """A sandbox at its memory's share of a processor, or at all of it where there is no control group."""

    def __init__(self, sandbox: Sandbox, memory_mb: int) -> None:
        self.share: Share | None = None
        try:
            self.share = Share(memory_mb)
            self.share.hold(sandbox.process.pid)
        except Unavailable:
            self.share = None

    def __enter__(self) -> str:
        return "share of a processor" if self.share else "none"

    def __exit__(self, *_: object) -> None:
        if self.share:
            self.share.close()
