"""Plots as SVG, drawn from the results alone."""

from __future__ import annotations

import math
from typing import Any

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 40, 50
COLORS = {"first": "#b5453a", "drift": "#c98a1b", "none": "#2b6ca3", "warm": "#5b9bd0"}
LABELS = {"first": "first clone", "drift": "1 % drift", "none": "no drift", "warm": "no drift, warm"}
SERVERS = {"mysql": "MySQL", "mariadb-11.8": "MariaDB 11.8", "mariadb-10.11": "MariaDB 10.11"}
PARTS = {"calls": ("waiting for AWS's stand-in", "#9aa5b1"), "database": ("waiting for the server", "#5b9bd0"), "own": ("processor time of the function", "#b5453a")}


def all_of(results: dict[str, Any]) -> dict[str, str]:
    drawings = {}
    lines = [row for row in results.get("rotations", []) if row["function"] == "this" and row["server"] == "mysql" and row["grants"]]
    if len({row["grants"] for row in lines}) > 1:
        drawings["grants"] = grants(lines)
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


def grants(rows: list[dict[str, Any]]) -> str:
    """Time by number of grants, both on logarithmic scales."""
    xs = sorted({row["grants"] for row in rows})
    values = [row["ms"]["median"] for row in rows]
    lowest, highest = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def x(count: float) -> float:
        share = math.log(count / xs[0]) / math.log(xs[-1] / xs[0])
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(ms: float) -> float:
        share = (math.log10(ms) - lowest) / (highest - lowest)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [text(LEFT, 22, "Rotation on MySQL, in milliseconds, by table grants", kind="title")]
    for exponent in range(lowest, highest + 1):
        at = y(10**exponent)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(text(LEFT - 8, at + 4, f"{10**exponent:,}", "end"))
    parts += [text(x(count), HEIGHT - BOTTOM + 20, f"{count:,}", "middle") for count in xs]
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
    return document(parts)


def shares(rows: list[dict[str, Any]]) -> str:
    """What a rotation without drift waits for, and works."""
    bars = [(row["server"], state, split(row[state])) for row in rows for state in ("cold", "warm")]
    longest = max(sum(parts.values()) for _, _, parts in bars)
    height = TOP + 34 * len(bars) + 50
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
    at = 20.0
    for label, color in PARTS.values():
        parts.append(f'<rect x="{at}" y="{height - 30}" width="12" height="12" fill="{color}"/>')
        parts.append(text(at + 17, height - 19, label))
        at += 40 + 7 * len(label)
    return document(parts, height)


def split(found: dict[str, Any]) -> dict[str, float]:
    return {"calls": found["waited_for_calls_ms"], "database": found["waited_for_database_ms"], "own": found["cpu_ms"]}
