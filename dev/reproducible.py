#!/usr/bin/env python3
"""Builds the zip of one architecture twice and compares: another folder, another home, another time, and without the
operator's command in the workspace.

    python3 dev/reproducible.py ARCHITECTURE

The sources are those of the last commit. The crates are the ones that this machine has; they are copied, so that
their place differs too.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ALONE = "the-function-alone"


def main(architecture: str) -> int:
    with tempfile.TemporaryDirectory(prefix="reproducible-") as folder:
        # Both have the same sources, whatever is committed meanwhile.
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
        digests = [build(Path(folder) / name, commit, architecture) for name in ("one", ALONE)]
    print("\n".join(digests))
    same = digests[0] == digests[1]
    print("the same zip" if same else "DIFFERENT ZIPS")
    return 0 if same else 1


def build(folder: Path, commit: str, architecture: str) -> str:
    source, home = folder / "checkout", folder / "home"
    home.mkdir(parents=True)
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(source)], check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", commit], cwd=source, check=True)
    (source / ".dev").symlink_to(ROOT / ".dev")
    if folder.name == ALONE:
        take_the_command_out(source)
    cargo = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    shutil.copytree(cargo / "registry", home / ".cargo" / "registry", symlinks=True)
    for name in ("config.toml", "config"):
        if (cargo / name).exists():
            shutil.copyfile(cargo / name, home / ".cargo" / name)
    environment = {**os.environ, "HOME": str(home), "CARGO_HOME": str(home / ".cargo")}
    environment.setdefault("RUSTUP_HOME", str(Path.home() / ".rustup"))
    environment["PATH"] = f"{cargo / 'bin'}{os.pathsep}{environment['PATH']}"
    for name in ("CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"):
        environment.pop(name, None)
    subprocess.run([sys.executable, "dev/package.py", architecture], check=True, cwd=source, env=environment)
    archive = source / "target" / "package" / f"mysql-rotation-{architecture}.zip"
    # What a builder leaves in a binary is the name of a folder.
    binary = source / "target" / "lambda" / "bootstrap" / "bootstrap"
    if str(folder).encode() in binary.read_bytes():
        sys.exit(f"the binary has {folder} in it")
    return hashlib.sha256(archive.read_bytes()).hexdigest()


def take_the_command_out(source: Path) -> None:
    """Of a checkout, with the crates that only the command needs."""
    manifest = source / "Cargo.toml"
    manifest.write_text(manifest.read_text().replace('"account-mirror", "operator"', '"account-mirror"'))
    shutil.rmtree(source / "operator")
    metadata = ["cargo", "metadata", "--offline", "--format-version=1"]
    subprocess.run(metadata, cwd=source, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
