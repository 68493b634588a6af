"""Says what is missing to compile the function, before anything is downloaded for it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

from commands import Missing

PROJECT = Path(__file__).resolve().parent.parent


def check_cargo() -> None:
    """Raises `Missing` if cargo is not there, or older than the `rust-version` of Cargo.toml."""
    manifest = tomllib.loads((PROJECT / "Cargo.toml").read_text())
    wanted = manifest["workspace"]["package"]["rust-version"]
    remedy = "install it with rustup (https://rustup.rs), then `rustup update stable`"
    try:
        said = subprocess.run(["cargo", "--version"], cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        raise Missing(f"there is no cargo, and Rust {wanted} or later is needed: {remedy}.") from None
    except subprocess.CalledProcessError as error:
        raise Missing(f"cargo does not run ({error.stderr.strip()}), and Rust {wanted} or later is needed: {remedy}.") from None
    found = re.search(r"\d+(\.\d+)+", said)
    if found is None or numbers(found[0]) < numbers(wanted):
        raise Missing(f"this is {said.strip()}, and Rust {wanted} or later is needed: {remedy}.")


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
