"""Makes docs/clients.md of tests/clients/results.json."""

from __future__ import annotations

import string
from typing import Any

from real_clients import ALL
from packages import DEV

PAGE = DEV.parent / "docs/clients.md"
# The heading of a column, and the scene that it shows.
REFUSALS = {
    "Two rotations missed, TLS": "two rotations, login of the start",
    "The same over plain TCP": "plain, replaced password",
    "Account locked": "locked, pool",
    "Account blocked": "blocked",
}
PLAIN = {
    "Right after a rotation": "plain, after a rotation",
    "From another host of the user": "plain, other host",
    "At a replica": "plain, replica",
    "After FLUSH PRIVILEGES": "plain, FLUSH PRIVILEGES",
    "A retained password": "retained password, plain",
}
READER = {
    "Behind: AWSCURRENT": "reader behind, AWSCURRENT",
    "Behind: AWSPREVIOUS": "reader behind, AWSPREVIOUS",
    "A retained password over TLS": "retained password, TLS",
    "One rotation missed": "one rotation, login of the start",
    "Sessions that stay open": "open sessions",
}


def write(results: dict[str, Any]) -> None:
    PAGE.write_text(page(results))


def page(results: dict[str, Any]) -> str:
    clients = results["clients"]
    lines = [
        "# What real clients see",
        "",
        f"Seen on {results['date']} with MySQL 9.7, and made by `make clients` from",
        "[results.json](../tests/clients/results.json); do not edit it. What to do about it is in",
        "[applications.md](applications.md). The programs in [tests/clients](../tests/clients) are these clients, each with a",
        "pool that gets its login from the secret; they are there to be copied.",
        "",
        "An error is shown with its class, its number where the client tells one, how long the application waited for it, and",
        "how many logins the server refused and counted meanwhile. `in`: the client was let in.",
        "",
        "## A pool that reads the secret, through four rotations",
        "",
        "| Client | Version | Program | Four rotations | Refused logins |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, one in clients.items():
        scene = one["scenes"]["four rotations"]
        client = next(client for client in ALL if client.name == name)
        folder = "python" if client.program.endswith(".py") else client.language
        program = f"rust/src/bin/{client.program}.rs" if client.language == "rust" else f"{folder}/{client.program}"
        refused = span(scene["refused"])
        link = f"[{program.rpartition('/')[2]}](../tests/clients/{program})"
        seen = "never refused" if scene["ok"] and refused == "0" else shown(scene)
        lines.append(f"| {name} | {one['version']} | {link} | {seen} | {refused} |")
    lines += ["", "## A login that is refused", ""]
    lines += table(clients, REFUSALS)
    lines += [
        "",
        "## Plain TCP",
        "",
        "With `caching_sha2_password`, and a driver that does not ask for the server's key, only a password that the server has",
        "in its cache gets in without TLS.",
        "",
    ]
    lines += table(clients, PLAIN)
    lines += ["", "## Readers, retained passwords, open sessions", ""]
    lines += table(clients, READER)
    return "\n".join([*lines, "", *forms(clients, results["passwords"])]) + "\n"


def table(clients: dict[str, Any], columns: dict[str, str]) -> list[str]:
    lines = [f"| Client | {' | '.join(columns)} |", "| --- " * (len(columns) + 1) + "|"]
    for name, one in clients.items():
        cells = [shown(one["scenes"][scene]) if scene in one["scenes"] else "" for scene in columns.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def shown(scene: dict[str, Any]) -> str:
    if scene["ok"]:
        return "in"
    number = f" {scene['number']}" if scene.get("number") is not None else ""
    cause = f" (cause: {scene['cause']})" if scene.get("cause") else ""
    refused = span(scene["refused"])
    counted = "" if refused in ("0", "1") else f", {refused} refused logins"
    after = f", {scene['after']}" if "after" in scene else ""
    return f"{scene['error']}{number}{cause}{after}{counted}"


def span(bounds: list[int]) -> str:
    least, most = bounds
    return str(least) if least == most else f"{least} to {most}"


def forms(clients: dict[str, Any], count: int) -> list[str]:
    lines = [
        "## A password that is pasted",
        "",
        "Each character was pasted as it is, first, last, doubled, and before letters and digits. Those that hurt end the value,",
        "change it or are an error; the others are taken as they are. Of the passwords that the function makes by default,",
        f"{count} were pasted into each form.",
        "",
        "| Client | Form | Characters that hurt | Default passwords refused |",
        "| --- | --- | --- | --- |",
    ]
    for name, one in clients.items():
        for form, seen in one["forms"].items():
            hurt = " ".join(code(character) for character in string.punctuation if character in seen["hurt"]) or "none"
            lines.append(f"| {name} | {form} | {hurt} | {seen['refused']} of {count} |")
    return lines


def code(character: str) -> str:
    return {"`": "`` ` ``", "|": "`\\|`"}.get(character, f"`{character}`")
