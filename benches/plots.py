"""Plots as SVG, drawn from the results alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 40, 50
# Hues that no one reads as good or bad, and that differ for those who see fewer of them.
COLORS = {"first": "#7b3294", "drift": "#008080", "none": "#2b6ca3", "warm": "#8c8c8c"}
LABELS = {"first": "first clone", "drift": "1 % drift", "none": "no drift", "warm": "no drift, warm"}
SERVERS = {"mysql": "MySQL", "mariadb-11.8": "MariaDB 11.8", "mariadb-10.11": "MariaDB 10.11"}
PARTS = {
    "calls": ("waiting for AWS's stand-in", "#b8c2cc"),
    "database": ("waiting for the server", "#2b6ca3"),
    "own": ("processor time of the function", "#008080"),
    "rest": ("all else: scheduling, and what counts", "#e6e6e6"),
}


def all_of(results: dict[str, Any]) -> dict[str, str]:
    drawings = {}
    lines = [row for row in results.get("rotations", []) if row["function"] == "this" and row["grants"]]
    panels = {server: [row for row in lines if row["server"] == server] for server in ("mysql", "mariadb-11.8")}
    panels = {server: rows for server, rows in panels.items() if len({row["grants"] for row in rows}) > 1}
    if panels:
        drawings["grants"] = grants(panels)
    bars = [row for row in results.get("counts", []) if row["function"] == "this" and "cpu_ms" in row.get("cold", {})]
    if bars:
        drawings["shares"] = shares(bars)
    return drawings


def document(parts: list[str], height: int = HEIGHT) -> str:
    style = "text{font:12px sans-serif;fill:#333}.title{font-size:14px;font-weight:bold}line{stroke:#ddd}"
    background = f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
    return "\n".join([head, f"<style>{style}</style>", background, *parts, "</svg>"]) + "\n"


def text(x: float, y: float, content: str, anchor: str = "start", kind: str = "") -> str:
    marked = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{marked}>{content}</text>'


def grants(panels: dict[str, list[dict[str, Any]]]) -> str:
    """Time by number of grants, a panel for each server, all on the same logarithmic scales."""
    every = [row for rows in panels.values() for row in rows]
    values = [row["ms"]["median"] for row in every]
    ticks = [step * 10**exponent for exponent in range(0, 6) for step in (1, 2, 5)]
    lowest = max(tick for tick in ticks if tick <= min(values))
    highest = min(tick for tick in ticks if tick >= max(values))
    ticks = [tick for tick in ticks if lowest <= tick <= highest]
    parts = []
    for number, (server, rows) in enumerate(panels.items()):
        parts += panel(SERVERS[server], rows, ticks, sorted({row["grants"] for row in every}), number * HEIGHT)
    return document(parts, HEIGHT * len(panels))


def panel(server: str, rows: list[dict[str, Any]], ticks: list[int], xs: list[int], top: int) -> list[str]:
    def x(count: float) -> float:
        share = math.log(count / xs[0]) / math.log(xs[-1] / xs[0])
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(ms: float) -> float:
        share = math.log(ms / ticks[0]) / math.log(ticks[-1] / ticks[0])
        return top + HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [text(20, top + 22, f"{server}: milliseconds by table grants, both scales logarithmic", kind="title")]
    for tick in ticks:
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(text(LEFT - 8, y(tick) + 4, f"{tick:,}", "end"))
    parts += [text(x(count), top + HEIGHT - BOTTOM + 20, f"{count:,}", "middle") for count in xs]
    parts += line_of_n(x, y, rows, ticks, xs)
    last_label = 0.0  # labels keep a line's distance
    kinds = sorted(COLORS, key=lambda kind: -max((row["ms"]["median"] for row in rows if row["kind"] == kind), default=0))
    for kind in kinds:
        points = sorted((row["grants"], row["ms"]["median"]) for row in rows if row["kind"] == kind)
        if not points:
            continue
        path = " ".join(f"{x(count):.1f},{y(ms):.1f}" for count, ms in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{COLORS[kind]}" stroke-width="2"/>')
        parts += [f'<circle cx="{x(count):.1f}" cy="{y(ms):.1f}" r="3" fill="{COLORS[kind]}"/>' for count, ms in points]
        last_label = max(y(points[-1][1]) + 4, last_label + 15)
        parts.append(text(x(points[-1][0]) + 10, last_label, LABELS[kind]))
    return parts


def line_of_n(
    x: Callable[[float], float], y: Callable[[float], float], rows: list[dict[str, Any]], ticks: list[int], xs: list[int]
) -> list[str]:
    """What takes time in proportion to the grants runs beside this line, which ends where the first clone does."""
    slowest = max((row["ms"]["median"] for row in rows if row["kind"] == "first" and row["grants"] == xs[-1]), default=None)
    if slowest is None:
        return []
    begin = max(float(xs[0]), xs[-1] * ticks[0] / slowest)
    drawn = f'<line x1="{x(begin):.1f}" y1="{y(slowest * begin / xs[-1]):.1f}" x2="{x(xs[-1]):.1f}" y2="{y(slowest):.1f}"'
    return [f'{drawn} style="stroke:#8c8c8c;stroke-dasharray:4 4"/>', text(x(begin) + 20, y(ticks[0]) - 6, "in proportion to n")]


def shares(rows: list[dict[str, Any]]) -> str:
    """What a rotation without drift waits for, and works."""
    bars = [(row["server"], state, split(row[state])) for row in rows for state in ("cold", "warm")]
    longest = max(sum(parts.values()) for _, _, parts in bars)
    height = TOP + 34 * len(bars) + 60
    left, right = 150, 60
    scale = (WIDTH - left - right) / longest
    parts = [text(20, 22, "Where the time of a rotation goes, in milliseconds", kind="title")]
    for number, (server, state, split_up) in enumerate(bars):
        at, y = float(left), TOP + 34 * number
        parts.append(text(left - 8, y + 16, f"{SERVERS[server]}, {state}", "end"))
        for name, value in split_up.items():
            parts.append(f'<rect x="{at:.1f}" y="{y}" width="{value * scale:.1f}" height="22" fill="{PARTS[name][1]}"/>')
            at += value * scale
        parts.append(text(at + 6, y + 16, f"{sum(split_up.values()):.0f}"))
    for number, (label, color) in enumerate(PARTS.values()):
        at, below = 20 + 300 * (number % 2), height - 46 + 20 * (number // 2)
        parts.append(f'<rect x="{at}" y="{below}" width="12" height="12" fill="{color}"/>')
        parts.append(text(at + 17, below + 11, label))
    return document(parts, height)


def split(found: dict[str, Any]) -> dict[str, float]:
    """The parts of a rotation's time; their sum is the time that was measured with them."""
    parts = {"calls": found["waited_for_calls_ms"], "database": found["waited_for_database_ms"], "own": found["cpu_ms"]}
    return {**parts, "rest": max(0.0, found["ms"] - sum(parts.values()))}
