#!/usr/bin/env python3
"""Builds the function for arm64 on x86_64, and has the built program rotate a secret.

    python3 dev/arm64.py

The processor is qemu's, libc for it Debian's, and Lambda's emulator around it that of x86_64. What cannot be had is
said, and is no failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import debian
import package
from commands import Missing, run
from packages import HOME

TREE = HOME / "arm64"
SUITE = "sid"
TARGET = package.TARGETS["arm64"]
QEMU = "qemu-aarch64"
# qemu is linked statically; what the other two depend on is not needed.
PACKAGES = ("qemu-user", "libc6:arm64", "libgcc-s1:arm64")
TEST = "main_job::secrets_manager_and_the_built_program_rotate_twice"


def main() -> int:
    if not package.has_standard_library(TARGET):
        print(f"arm64: not tried, as there is no Rust standard library for {TARGET}; `rustup target add` installs it")
        return 0
    try:
        if not TREE.exists():
            install()
    except Missing as error:
        print(f"arm64: not tried: {error}")
        return 0
    folder = Path(__file__).parent
    subprocess.run([sys.executable, folder / "package.py", "arm64"], check=True)
    test = [sys.executable, folder / "stack.py", "run", "--", "cargo", "test", "--locked", "--test", "it", TEST]
    return subprocess.run(test, env={**os.environ, "BOOTSTRAP": str(bootstrap())}).returncode


def install() -> None:
    """Unpacks the emulator of the processor, and the libraries that it runs."""
    partial = TREE.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    apt = debian.private_apt(partial, SUITE, foreign=("arm64",))
    archives = apt / "cache" / "archives"
    debian.apt_get(apt, "update")
    debian.apt_get(apt, "download", *PACKAGES, cwd=archives)
    for archive in archives.glob("*.deb"):
        run(["dpkg-deb", "-x", str(archive), str(partial)])
    for other in (partial / "usr/bin").glob("qemu-*"):
        if other.name != QEMU:
            other.unlink()
    shutil.rmtree(partial / "apt")
    partial.rename(TREE)


def bootstrap() -> Path:
    """A program that runs the one in the zip."""
    with zipfile.ZipFile(package.OUTPUT / f"{package.NAME}-arm64.zip") as archive:
        program = Path(archive.extract("bootstrap", TREE))
    program.chmod(0o755)
    libraries = TREE / "usr/lib"
    loader = f"{libraries / 'ld-linux-aarch64.so.1'} --library-path {libraries / 'aarch64-linux-gnu'}"
    script = TREE / "bootstrap.sh"
    script.write_text(f'#!/bin/sh\nexec {TREE / "usr/bin" / QEMU} {loader} {program} "$@"\n')
    script.chmod(0o755)
    return script


if __name__ == "__main__":
    sys.exit(main())
