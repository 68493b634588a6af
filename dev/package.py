#!/usr/bin/env python3
"""Builds the function for Lambda, and what goes with it, into target/package/.

    python3 dev/package.py [--skip-missing] ARCHITECTURE ...

For each architecture (arm64, x86_64): the zip, its SHA-256, and a template that has the zip for its code. For all:
a list of the crates that are linked (CycloneDX) and their licenses. The zip depends on the sources and the toolchain
alone: its times are fixed, and the binary has no path of this machine in it. `--skip-missing` leaves out, with a
word, an architecture that this machine has no Rust standard library for.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import licenses

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "target" / "package"
BUILT = ROOT / "target" / "lambda" / "bootstrap" / "bootstrap"
NAME = "mysql-rotation"
TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}
# What the template has for builds from the sources, whose files are not beside the zip.
LEFT_OUT = (
    "BuildMethod: rust-cargolambda",
    "BuildProperties:",
    "Binary: bootstrap",
    "LicenseUrl: LICENSE",
    "ReadmeUrl: README.md",
)
# The oldest time that a zip can hold.
TIME = (1980, 1, 1, 0, 0, 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--skip-missing", action="store_true")
    parser.add_argument("architectures", nargs="+", choices=TARGETS, metavar="ARCHITECTURE")
    arguments = parser.parse_args()
    missing = [one for one in arguments.architectures if not has_standard_library(TARGETS[one])]
    for one in missing:
        lacking = f"{one}: not built, as this machine has no Rust standard library for {TARGETS[one]}"
        print(f"{lacking}; `rustup target add` installs it", file=sys.stderr)
    if missing and not arguments.skip_missing:
        return 1
    built = [one for one in arguments.architectures if one not in missing]
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for one in built:
        build(one)
        archive = OUTPUT / f"{NAME}-{one}.zip"
        pack(BUILT, archive)
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        archive.with_suffix(".zip.sha256").write_text(f"{digest}  {archive.name}\n")
        template = (ROOT / "template.yaml").read_text()
        (OUTPUT / f"packaged-{one}.yaml").write_text(packaged(template, archive.name, one))
        print(f"{one}: bootstrap {BUILT.stat().st_size} bytes, {archive.name} {archive.stat().st_size} bytes, {digest}")
    if built:
        licenses.write(OUTPUT, NAME, [TARGETS[one] for one in built])
    return 0 if built else 1


def has_standard_library(target: str) -> bool:
    found = subprocess.run(["rustc", "--print", "target-libdir", "--target", target], capture_output=True, text=True)
    return found.returncode == 0 and any(Path(found.stdout.strip()).glob("libstd-*"))


def build(architecture: str) -> None:
    # cargo-lambda looks for its linker in the first Python of the path.
    path = f"{ROOT / '.dev' / 'sam' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    flags = [f"--remap-path-prefix={here}={there}" for here, there in paths()]
    environment = {**os.environ, "PATH": path, "CARGO_ENCODED_RUSTFLAGS": "\x1f".join(flags)}
    command = ["cargo", "lambda", "build", "--release", "--locked", "--bin", "bootstrap"]
    subprocess.run([*command, f"--{architecture.replace('_', '-')}"], check=True, cwd=ROOT, env=environment)


def paths() -> list[tuple[str, str]]:
    """The folders of this machine whose names would be in the binary, and what stands there instead."""
    cargo = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    sources = sorted((cargo / "registry" / "src").glob("*"))
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    # The last that matches counts, so the narrower ones come later.
    folders = [(str(cargo), "/cargo"), (str(ROOT), "/source"), (sysroot, "/rust")]
    return folders + [(str(source), "/crates") for source in sources]


def pack(binary: Path, archive: Path, level: int = 9) -> None:
    entry = zipfile.ZipInfo("bootstrap", TIME)
    entry.create_system = 3  # Unix, which keeps the permissions
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(entry, binary.read_bytes(), compresslevel=level)


def packaged(template: str, code: str, architecture: str) -> str:
    """The template, with the zip for its code in place of a build."""
    lines = template.splitlines(keepends=True)
    result: list[str] = []
    parameter = ""
    for line in lines:
        if line.startswith("  ") and not line.startswith("   "):
            parameter = line.strip().rstrip(":")
        if line.strip() in LEFT_OUT:
            continue
        if line.strip() == "CodeUri: .":
            line = line.replace("CodeUri: .", f"CodeUri: {code}")
        if parameter == "architecture" and line.strip().startswith("Default:"):
            line = f"    Default: {architecture}\n"
        result.append(line)
    return "".join(result)


if __name__ == "__main__":
    sys.exit(main())
