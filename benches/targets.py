"""What the function is meant to keep, and whether the results show that it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from plots import SERVERS

Target = tuple[str, float, float, str]  # what, at most, found, unit


def all_of(results: dict[str, Any]) -> list[Target]:
    """The targets whose figures are among the results."""
    found: list[Target] = []
    for part in (size, start, resident, instructions, first_clone, grants, large, beside_before, beside_another):
        try:
            found += part(results)
        except (KeyError, TypeError):
            continue  # not measured
    return found


def pick(rows: list[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    for row in rows:
        if all(row.get(name) == value for name, value in wanted.items()):
            return row
    raise KeyError(f"no row has {wanted}")


def size(results: dict[str, Any]) -> Iterator[Target]:
    yield "Program", 8, results["size"]["program"] / 1e6, "MB"
    yield "Zip", 4.0, results["size"]["zip"] / 1e6, "MB"


def start(results: dict[str, Any]) -> Iterator[Target]:
    one, bare = (results["start"][name]["ms"]["least"] for name in ("without_trust_store", "bare"))
    yield "Start, the system's certificates aside, over that of a program that only asks for work", 1.4, one / bare, "times"


def resident(results: dict[str, Any]) -> Iterator[Target]:
    for count, most in ((1, 9.5), (1000, 12), (10000, 22)):
        row = pick(results["memory"], function="this", grants=count)
        yield f"Peak resident memory with {count:,} table grants", most, max(row["first_kb"], row["none_kb"]) * 1024 / 1e6, "MB"


def instructions(results: dict[str, Any]) -> Iterator[Target]:
    yield "Instructions of a warm rotation without its proofs", 16, results["proofs"]["warm"]["rest"] / 1e6, "M"
    none, many = (pick(results["instructions"]["rows"], server="mysql", grants=count)["warm"] for count in (0, 1000))
    yield "Instructions for each table grant more", 60, (many - none) / 1e6, "k"


def first_clone(results: dict[str, Any]) -> Iterator[Target]:
    for row in results["raw"]:
        ratio = row["set_secret_ms"]["median"] / row["raw_ms"]["median"]
        yield f"First clone on {SERVERS[row['server']]} over its statements alone", 1.05, ratio, "times"


def grants(results: dict[str, Any]) -> Iterator[Target]:
    none, many = (
        pick(results["rotations"], server="mysql", function="this", grants=count, kind="none")["ms"]["median"]
        for count in (0, 1000)
    )
    yield "No drift, 1,000 table grants over none", 30, many - none, "ms"


def large(results: dict[str, Any]) -> Iterator[Target]:
    for row in results["large"]:
        if row["kind"] == "first" and row["timeout_s"] == 60:
            seconds = sum(row["steps_ms"].values()) / 1000
            yield f"First clone of {row['grants']:,} table grants on {SERVERS[row['server']]} with 256 MB's share", 60, seconds, "s"


def beside_before(results: dict[str, Any]) -> Iterator[Target]:
    """Over the build that sent each statement by itself: how many times faster it has to be, as a share of that one's time."""
    compared = results["compared"]

    def share(rows: list[dict[str, Any]], figure: str, **which: Any) -> float:
        this, before = (pick(rows, function=name, grants=1000, **which)[figure]["median"] for name in ("this", "before"))
        return float(this / before)

    wanted = [(1, "first", "set_secret_ms", 8), (20, "first", "set_secret_ms", 12), (20, "drift", "ms", 1.3)]
    near = share(compared["rotations"], "set_secret_ms", kind="first")
    yield "setSecret of a first clone of 1,000, near by, over the build before", 1 / 1.3, near, "times"
    for rtt, kind, figure, times in wanted:
        what = "setSecret of a first clone of 1,000" if kind == "first" else "A rotation with 1 % drift of 1,000"
        found = share(compared["network"], figure, kind=kind, rtt_ms=rtt)
        yield f"{what}, {rtt} ms a round trip, over the build before", 1 / times, found, "times"
    this, before = (compared["throttled"][name]["ms"]["median"] for name in ("this", "before"))
    yield "A cold rotation with 128 MB's share, over the build before", 0.75, this / before, "times"


def beside_another(results: dict[str, Any]) -> Iterator[Target]:
    rows = results["compared"]["rotations"]
    this, other = (pick(rows, function=name, grants=10, kind="none")["cpu_ms"]["median"] for name in ("this", "other"))
    yield "Processor time of a cold rotation over that of AWS's function", 1 / 5, this / other, "times"
