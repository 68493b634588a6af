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
    "pt-show-grants": ("percona-toolkit", "pt-show-grants"),
}
# Those that another program of their part runs.
RUN_BY = {"pt-show-grants": "perl"}
SCRIPT = """\
#!/bin/sh
{modules}exec {loader} --argv0 "$0" --library-path {libraries} {program} "$@"
"""
PERL = ["usr/lib/x86_64-linux-gnu/perl*/*", "usr/lib/x86_64-linux-gnu/perl-base", "usr/share/perl*", "usr/share/perl/*"]


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
    # As bytes: the ends of lines are kept as they are, since a hash may have one in its salt.
    done = subprocess.run(
        [str(folder / name), *arguments], input=text.encode(), capture_output=True, timeout=SECONDS
    )
    output, error = (part.decode(errors="replace") for part in (done.stdout, done.stderr))
    return {"code": done.returncode, "output": output, "error": error}


def write(script: Path, part: str, program: str) -> None:
    libraries = root(part) / "usr/lib/x86_64-linux-gnu"
    loader = libraries / "ld-linux-x86-64.so.2"
    names = [RUN_BY[program], program] if program in RUN_BY else [program]
    places = [place for pattern in PERL for place in sorted(root(part).glob(pattern))] if program in RUN_BY else []
    text = SCRIPT.format(
        loader=loader,
        libraries=libraries,
        program=" ".join(str(root(part) / "usr/bin" / name) for name in names),
        modules=f"export PERL5LIB={':'.join(map(str, places))} MARIADB_PLUGIN_DIR={libraries}/libmariadb3/plugin\n" if places else "",
    )
    if not script.exists() or script.read_text() != text:
        partial = script.with_suffix(".partial")
        partial.write_text(text)
        partial.chmod(0o755)
        partial.rename(script)
