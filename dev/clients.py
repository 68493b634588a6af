"""The programs that dump, restore and upgrade: MySQL's and MariaDB's own, run with their release's libraries.

They call each other by their place, so each has a script in one folder that starts it.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from packages import HOME, Missing, is_installed, root

SECONDS = 300
# The program, the part that has it, and its name there.
PROGRAMS = {
    "mysql": ("mysql-client", "mysql"),
    "mysqldump": ("mysql-client", "mysqldump"),
    "mariadb": ("mariadb-client", "mariadb"),
    "mariadb-dump": ("mariadb-client", "mariadb-dump"),
    "mariadb-check": ("mariadb-client", "mariadb-check"),
    "mariadb-upgrade": ("mariadb-11.8", "mariadb-upgrade"),
}
SCRIPT = """\
#!/bin/sh
exec {loader} --argv0 "$0" --library-path {libraries} {program} "$@"
"""


def available() -> list[str]:
    return [name for name, (part, _) in PROGRAMS.items() if is_installed(part)]


def run(name: str, arguments: list[str], text: str) -> dict[str, object]:
    """What a program prints, and its code."""
    if name not in available():
        raise Missing(f"There is no program {name!r}; there is {', '.join(available()) or 'none'}.")
    folder = HOME / "clients"
    folder.mkdir(exist_ok=True)
    for one in available():
        part, program = PROGRAMS[one]
        write(folder / one, part, program)
    done = subprocess.run(
        [str(folder / name), *arguments], input=text, text=True, capture_output=True, timeout=SECONDS, errors="replace"
    )
    return {"code": done.returncode, "output": done.stdout, "error": done.stderr}


def write(script: Path, part: str, program: str) -> None:
    libraries = root(part) / "usr/lib/x86_64-linux-gnu"
    loader = libraries / "ld-linux-x86-64.so.2"
    text = SCRIPT.format(loader=loader, libraries=libraries, program=root(part) / "usr/bin" / program)
    if not script.exists() or script.read_text() != text:
        partial = script.with_suffix(".partial")
        partial.write_text(text)
        partial.chmod(0o755)
        partial.rename(script)
