#!/usr/bin/env python3
"""Tables and plots of the results.

usage: report.py [RESULTS]

Writes tables into the documents that have a place for them, between `<!-- bench: NAME -->` and `<!-- end -->`, so that
no figure stands there that was not measured, and plots beside the results. Results elsewhere than results.json change
no document.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import plots
import targets

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
DOCUMENTS = [HERE.parent / "README.md", HERE.parent / "docs" / "performance.md", HERE / "TARGETS.md"]
PLACE = re.compile(r"(<!-- bench: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
NAMES = plots.SERVERS
KINDS = {"first": "first clone", "none": "no drift", "warm": "no drift, warm", "drift": "1 % drift"}


def write(results: dict[str, Any], at: Path = RESULTS) -> None:
    for name, drawing in plots.all_of(results).items():
        at.with_name(f"{name}.svg").write_text(drawing)
    if at.resolve() != RESULTS:
        return
    for document in DOCUMENTS:
        if document.exists():
            text = document.read_text()
            document.write_text(PLACE.sub(lambda found: fill(found, results), text))


def fill(found: re.Match[str], results: dict[str, Any]) -> str:
    return f"{found[1]}\n{TABLES[found[2]](results)}\n\n{found[3]}"


def tables(results: dict[str, Any]) -> str:
    return "\n\n".join(f"{name}\n\n{text}" for name, table in TABLES.items() if (text := table(results)))


def table(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    rows = [[str(cell) for cell in row] for row in rows]
    if not rows:
        return ""
    head = list(head)
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


# How a figure is shown


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}"


def ms(found: dict[str, Any] | None) -> str:
    return number(found["median"]) if found else ""


def megabytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB"


def resident(kilobytes: float) -> str:
    return f"{kilobytes * 1024 / 1e6:.1f} MB"


def million(count: float) -> str:
    return f"{count / 1e6:.1f} M"


def one(rows: Iterable[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    """The row with these values, or an empty one."""
    return next((row for row in rows if all(row.get(name) == value for name, value in wanted.items())), {})


# The tables


def circumstances(results: dict[str, Any]) -> str:
    if "of" not in results:
        return ""  # only another function was measured beside this one
    of = results["of"]
    servers = ", ".join(f"{NAMES[flavor].split()[0]} {version.split('-')[0]}" for flavor, version in of["servers"].items())
    text = f"Commit {of['commit']}, {of['date']}, {of['processor']} with a load of {of['load']}, {servers}."
    return " ".join([text, *older(results)])


def older(section: dict[str, Any], than: str = "") -> list[str]:
    """A sentence on the figures that are of another commit than the rest; none if there are none such."""
    if "of" not in section:
        return []  # nothing was measured of it
    commit = than or section["of"]["commit"]
    parts: dict[str, list[str]] = {}
    for part, of in section.get("commits", {"all": section["of"]["commit"]}).items():
        parts.setdefault(of, []).append(part)
    others = [f"of commit {of}: {', '.join(found)}" for of, found in parts.items() if of != commit]
    return [f"Figures {'; '.join(others)}."] if others else []


def overview(results: dict[str, Any]) -> str:
    shown = table(["", "without drift, 10 table grants"], overview_rows(results))
    return "\n\n".join([shown, *older(results)])


def overview_rows(results: dict[str, Any]) -> list[list[str]]:
    rows = []
    if size := results.get("size"):
        rows.append(["Program, zip", f"{megabytes(size['program'])}, {megabytes(size['zip'])}" if size["zip"] else megabytes(size["program"])])
    if start := results.get("start"):
        bare = f"; a program that only asks for work: {ms(start['bare']['ms'])} ms" if "bare" in start else ""
        rows.append(["Start, to the request for work", f"{ms(start['this']['ms'])} ms{bare}"])
    for flavor in ("mysql", "mariadb-11.8"):
        found = [row for row in results.get("rotations", []) if row["server"] == flavor]
        cold, warm = one(found, grants=10, kind="none"), one(found, grants=10, kind="warm")
        if cold and warm:
            rows.append([f"Rotation on {NAMES[flavor]}, cold, warm", f"{ms(cold['ms'])} ms, {ms(warm['ms'])} ms"])
            rows.append(["of which processor time", f"{ms(cold['cpu_ms'])} ms, {ms(warm['cpu_ms'])} ms"])
    share = results.get("throttled", {})
    if share:
        shown = f"{ms(share['this']['ms'])} ms" if "this" in share else f"not measured: {share['unavailable']}"
        rows.append(["Cold rotation with 128 MB's share of a processor, HTTPS", shown])
    peaks = [f"{resident(max(row['first_kb'], row['none_kb']))} with {row['grants']:,}" for row in results.get("memory", []) if "none_kb" in row]
    if peaks:
        rows.append(["Peak resident memory, by grants", ", ".join(peaks)])
    counted = one(results.get("counts", []), server="mysql")
    if "cold" in counted:
        cold = counted["cold"]
        rows.append(["Calls to AWS, connections to the database", f"{cold['calls']}, {cold['connections']}"])
    return rows


def summary(results: dict[str, Any]) -> str:
    """What a reader of the README wants to know, in one line each."""
    rows = []
    section = results.get("compared", {})
    this, other = (section.get("throttled", {}).get(name) for name in ("this", "other"))
    if this and other:
        rows.append(["A rotation in a new sandbox of 128 MB, and by AWS's function", f"{ms(this['ms'])} ms, {ms(other['ms'])} ms"])
    for row in overview_rows(results):
        if row[0].startswith(("Program", "Peak", "Calls")):
            rows.append(row)
    return table(["", "without drift"], rows)


def headline(results: dict[str, Any]) -> str:
    section = results.get("compared", {})
    this, other = (section.get("throttled", {}).get(name) for name in ("this", "other"))
    if not (this and other):
        return ""
    return (
        f"**A rotation in a new sandbox of 128 MB takes {ms(this['ms'])} ms; by AWS's function, {ms(other['ms'])} ms**, on "
        "the same machine, server and stand-in for Secrets Manager. [Below](#another-rotation-function) is the rest of that comparison."
    )


def rotations(results: dict[str, Any]) -> str:
    found = [row for row in results.get("rotations", []) if row["function"] == "this"]
    head = ["Milliseconds (processor time)", "table grants", *KINDS.values()]
    rows = []
    for flavor, grants in dict.fromkeys((row["server"], row["grants"]) for row in found):
        cells = [one(found, server=flavor, grants=grants, kind=kind) for kind in KINDS]
        rows.append([NAMES[flavor], f"{grants:,}", *(f"{ms(cell['ms'])} ({ms(cell['cpu_ms'])})" if cell else "" for cell in cells)])
    return table(head, rows)


def network(results: dict[str, Any]) -> str:
    near = [{"rtt_ms": 0, **row} for row in results.get("rotations", []) if row["server"] == "mysql"]
    found = [row for row in [*near, *results.get("network", [])] if row["function"] == "this" and row["grants"] <= 1000]
    rows = []
    for grants, rtt in sorted({(row["grants"], row["rtt_ms"]) for row in found}):
        cells = [one(found, rtt_ms=rtt, grants=grants, kind=kind) for kind in KINDS]
        rows.append([f"{grants:,}", f"{rtt} ms", *(ms(cell.get("ms")) for cell in cells)])
    return table(["Table grants (milliseconds, MySQL)", "round trip", *KINDS.values()], rows)


def wire(results: dict[str, Any]) -> str:
    rows = []
    for row in results.get("counts", []):
        for state in ("cold", "warm"):
            if row["function"] == "this" and state in row:
                found = row[state]
                shown = ("calls", "connections", "round_trips", "from_client", "packets", "bytes")
                rows.append([f"{NAMES[row['server']]}, {state}", *(f"{found[name]:,.0f}" for name in shown)])
    return table(["", "calls to AWS", "connections", "round trips", "packets sent", "packets both ways", "bytes"], rows)


def instructions(results: dict[str, Any]) -> str:
    found = results.get("instructions", {})
    if "unavailable" in found:
        return f"Not counted: {found['unavailable']}."
    rows = [[NAMES[row["server"]], f"{row['grants']:,}", *(million(row[state]) for state in ("start", "cold", "warm"))] for row in found.get("rows", [])]
    counted = table(["Instructions", "table grants", "start", "cold rotation", "warm rotation"], rows)
    hashing = results.get("proofs", {})
    if "warm" not in hashing:
        return counted
    rest = million(hashing["warm"]["rest"])
    if not hashing.get("count"):
        return f"{counted}\n\nA warm rotation on MySQL without grants has {rest} and no rounds of password hashes."
    one = hashing["one"]
    return (
        f"{counted}\n\nA warm rotation on MySQL without grants proves {hashing['count']} passwords by their hashes, which takes "
        f"{million(hashing['warm']['rounds_5000'])} instructions at 5,000 rounds each and twice as many at 10,000, MySQL 9.7's "
        f"default; everything else takes {rest}. valgrind has no instructions for SHA-256; with the processor's own a proof "
        f"takes {one['time_of_5000']} at 5,000 rounds, {one['time_of_10000']} at 10,000."
    )


def memory(results: dict[str, Any]) -> str:
    rows = [
        [f"{row['grants']:,}", resident(row["first_kb"]), resident(row["none_kb"])]
        for row in results.get("memory", []) if row["function"] == "this" and "none_kb" in row
    ]
    return table(["Table grants", "first clone", "no drift"], rows)


def raw(results: dict[str, Any]) -> str:
    rows = [
        [
            NAMES[row["server"]], f"{row['grants']:,}", ms(row["set_secret_ms"]), ms(row["raw_ms"]),
            f"{row['set_secret_ms']['median'] / row['raw_ms']['median']:.2f}",
        ]
        for row in results.get("raw", [])
    ]
    return table(["Milliseconds", "table grants", "`setSecret`, first clone", "the same statements alone", "ratio"], rows)


def reads(results: dict[str, Any]) -> str:
    found = results.get("reads", [])
    rows = []
    for flavor in dict.fromkeys(row["server"] for row in found):
        none, many = (one(found, server=flavor, grants=count) for count in (0, 1000))
        more = [number(many[name]["median"] - none[name]["median"]) for name in ("ms", "raw_ms", "cpu_ms")]
        rows.append([NAMES[flavor], *more])
    head = ["Milliseconds of 1,000 table grants more, without drift", "rotation", "the same queries alone", "processor time of the function"]
    return table(head, rows)


def large(results: dict[str, Any]) -> str:
    rows = [
        [
            f"{NAMES[row['server']]}, {KINDS[row['kind']]}", f"{row['timeout_s']} s", row["tries"],
            "failed" if row.get("failed") else f"{sum(row['steps_ms'].values()) / 1000:.1f} s",
            resident(row["peak_kb"]) if "peak_kb" in row else "",
        ]
        for row in results.get("large", [])
    ]
    grants = next((f"{row['grants']:,} table grants" for row in results.get("large", [])), "")
    return table([grants, "timeout of a step", "tries", "the last one", "peak memory"], rows)


def fleet(results: dict[str, Any]) -> str:
    rows = [
        [row["sandboxes"], f"{row['seconds']:.1f} s", f"{row['connections']} of {row['allowed']}", ms(row["rotation_ms"]), row["failures"]]
        for row in results.get("fleet", [])
    ]
    secrets = next((str(row["secrets"]) for row in results.get("fleet", [])), "")
    return table([f"Sandboxes for {secrets} secrets", "time", "connections at most", "ms a rotation", "failures"], rows)


def growth(results: dict[str, Any]) -> str:
    found = results.get("growth", [])
    rows = []
    for flavor, what in dict.fromkeys((row["server"], row["what"]) for row in found):
        zero, *sizes = [row for row in found if (row["server"], row["what"]) == (flavor, what)]
        for kind in ("first", "none"):
            # What the numbers add to a rotation that has none of it.
            done = [row for row in sizes if "failed" not in row]
            more = [row[kind]["cpu_ms"] - zero[kind]["cpu_ms"] for row in done]
            doubling = f"{more[-1] / more[-2]:.1f}" if more[-1] > 2 and more[-2] > 0 else "none"
            counts = f"{sizes[0]['n']:,} to {sizes[-1]['n']:,}"
            shown = ["failed" if "failed" in row else number(row[kind]["cpu_ms"]) for row in (zero, *sizes)]
            rows.append([f"{what}, {NAMES[flavor]}, {KINDS[kind]}", counts, *shown, doubling])
    return table(["Milliseconds of processor time", "n to 8n", "0", "n", "2n", "4n", "8n", "last doubling"], rows)


def command(results: dict[str, Any]) -> str:
    found = results.get("command", {})
    rows = [
        [name, f"{row['seconds']['median']:.1f} s", row["connections"], resident(row["peak_kb"]["median"])]
        for name, row in found.items()
        if isinstance(row, dict)
    ]
    return table([f"`mysql-rotation status` of {found.get('secrets')} secrets", "time", "connections at most", "peak memory"], rows)


def compared(results: dict[str, Any]) -> str:
    section = results.get("compared")
    if not section:
        return ""
    rows = [row for part in ("rotations", "network", "memory") for row in section.get(part, [])]
    measured = section.get("start") or {row["function"] for row in rows} or section.get("throttled", {})
    names = [name for name in ("this", "before", "other") if name in measured]
    lines: list[tuple[str, list[float]]] = []
    if start := section.get("start", {}):
        lines.append(("Start, ms", [start[name]["ms"]["median"] for name in names]))
    kinds = ("first", "none", "warm", "drift")
    for part, sizes in (("rotations", ""), ("network", "rtt_ms")):
        found = section.get(part, [])
        for rtt, grants, kind in sorted({(row.get(sizes, 0), row["grants"], kinds.index(row["kind"])) for row in found}):
            here = {"grants": grants, "kind": kinds[kind], **({sizes: rtt} if sizes else {})}
            rows = [one(found, function=name, **here) for name in names]
            label = f"{KINDS[kinds[kind]]}, {grants:,} table grants" + (f", {rtt:g} ms a round trip" if rtt else "")
            if all("ms" in row for row in rows):
                lines.append((f"Rotation, {label}, ms", [row["ms"]["median"] for row in rows]))
                if kinds[kind] == "first" and grants:
                    lines.append((f"setSecret alone, {label}, ms", [row["set_secret_ms"]["median"] for row in rows]))
                if not rtt:
                    lines.append((f"Processor time, {label}, ms", [row["cpu_ms"]["median"] for row in rows]))
    share = section.get("throttled", {})
    if all(name in share for name in names):
        label = "Cold rotation with 128 MB's share of a processor, ms"
        lines.append((label, [share[name]["ms"]["median"] for name in names]))
    for grants in sorted({row["grants"] for row in section.get("memory", [])}):
        rows = [one(section["memory"], function=name, grants=grants) for name in names]
        if all("none_kb" in row for row in rows):
            lines.append((f"Peak memory, {grants:,} table grants, MB", [row["none_kb"] * 1024 / 1e6 for row in rows]))
    version = section["of"]["servers"]["mysql"]
    called = {"this": "this function", "before": "before", "other": "the other"}
    head = [f"On MySQL {version}", *(called[name] for name in names), *(f"{called[name]} over this" for name in names[1:])]
    shown = table(
        head,
        ([label, *map(number, found), *(f"{one / found[0]:.2f}" for one in found[1:])] for label, found in lines),
    )
    return "\n\n".join([shown, *older(section, results.get("of", section["of"])["commit"])])


def against_targets(results: dict[str, Any]) -> str:
    rows = [
        [what, f"{most:g} {unit}", f"{found:.3g} {unit}", "met" if found <= most else "**missed**"]
        for what, most, found, unit in targets.all_of(results)
    ]
    return table(["Target", "at most", "found", ""], rows)


TABLES = {
    "circumstances": circumstances,
    "overview": overview,
    "summary": summary,
    "headline": headline,
    "rotations": rotations,
    "network": network,
    "wire": wire,
    "instructions": instructions,
    "memory": memory,
    "raw": raw,
    "reads": reads,
    "large": large,
    "fleet": fleet,
    "command": command,
    "compared": compared,
    "growth": growth,
    "targets": against_targets,
}

if __name__ == "__main__":
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS
    write(json.loads(source.read_text()), source)
