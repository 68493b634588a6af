"""Keeps the rooms of the source in order, and measures them: `python3 dev/rooms.py`.

A module is a file. It may use what another defines only if that other does not, by any way, use it: the modules
of a crate are a list in which each stands above what it uses. A parent that only declares and re-exports its
children uses nothing of theirs, so they may use its types; helpers that both need go into a module of their own.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
CRATES = {"account_mirror": TOP / "account-mirror/src", "rotation": TOP / "src"}
FILE_LINES = 300
# The only places that know the names of the grant tables.
GRANT_TABLES = re.compile(r"account-mirror/src/tables(/\w+)?\.rs|src/database/read(/\w+)?\.rs")
READS_GRANT_TABLES = re.compile(r"\b(FROM|JOIN|INTO|UPDATE)\s+mysql\.", re.IGNORECASE)

USE = re.compile(r"^\s*(?P<public>pub(?:\([\w ]+\))? )?use (?P<tree>[^;]+);", re.MULTILINE)
PATH = re.compile(r"\b(?:crate|super|self)(?:::\w+)+")
ITEM = re.compile(r"^(?:pub(?:\([\w ]+\))? )?(?:const |async )*(?:fn|struct|enum|trait|type|const|static|macro_rules!|mod) (\w+)", re.MULTILINE)


@dataclass
class Module:
    path: tuple[str, ...]
    file: Path
    text: str
    items: set[str] = field(default_factory=set)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    uses: dict[tuple[str, ...], set[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.file.relative_to(TOP))


def without_tests(text: str) -> str:
    """The text without its module of tests, which rustfmt closes in the first column."""
    return re.sub(r"^#\[cfg\(test\)\]\nmod tests(;\n| \{\n.*?^\}\n)", "", text, flags=re.MULTILINE | re.DOTALL)


def leaves(tree: str) -> list[tuple[str, ...]]:
    """The paths of a `use` tree: `a::{b, c::d as e}` gives a::b and a::c::d."""
    tree = re.sub(r"\s+as\s+\w+", "", re.sub(r"\s+", " ", tree)).strip()
    head, brace, rest = tree.partition("{")
    prefix = tuple(part for part in head.strip().split("::") if part)
    if not brace:
        return [prefix]
    parts, depth, part = [], 0, ""
    for character in rest.rstrip().removesuffix("}"):
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            parts.append(part)
            part = ""
        else:
            part += character
    return [prefix + leaf for part in [*parts, part] if part.strip() for leaf in leaves(part)]


def read_crate(root: Path) -> dict[tuple[str, ...], Module]:
    modules = {}
    for file in sorted(root.rglob("*.rs")):
        path = file.relative_to(root).with_suffix("").parts
        if "tests" in path or path == ("main",):
            continue
        path = () if path == ("lib",) else path
        text = re.sub(r"^\s*//.*$", "", without_tests(file.read_text()), flags=re.MULTILINE)
        modules[path] = Module(path, file, text, set(ITEM.findall(text)))
    return modules


def absolute(module: Module, path: tuple[str, ...], modules: dict[tuple[str, ...], Module]) -> tuple[str, ...] | None:
    """The path from the crate's root, or nothing if it leads out of the crate."""
    first, rest = path[0], path[1:]
    if first == "crate":
        return rest
    if first == "self":
        return module.path + rest
    if first == "super":
        at = module.path[:-1]
        while rest and rest[0] == "super":
            at, rest = at[:-1], rest[1:]
        return at + rest
    # A child, without `self::`.
    return module.path + path if module.path + (first,) in modules else None


def defined_in(path: tuple[str, ...], modules: dict[tuple[str, ...], Module]) -> tuple[str, ...] | None:
    """The module that defines what this path names."""
    for length in range(len(path), -1, -1):
        module = modules.get(path[:length])
        if module is None:
            continue
        rest = path[length:]
        if rest and rest[0] not in module.items and rest[0] in module.names:
            return defined_in(module.names[rest[0]] + rest[1:], modules)
        return module.path
    return None


def find_uses(modules: dict[tuple[str, ...], Module]) -> None:
    imports = []
    for module in modules.values():
        for use in USE.finditer(module.text):
            for leaf in leaves(use["tree"]):
                path = absolute(module, leaf, modules)
                if path is None:
                    continue
                # A re-export is a way to what the child defines, and no use of it; so is a private import to
                # the children, which is a use as well.
                module.names.setdefault(path[-1], path)
                if not use["public"]:
                    imports.append((module, path))
        body = USE.sub("", module.text)
        imports += [(module, path) for match in PATH.findall(body)
                    if (path := absolute(module, tuple(match.split("::")), modules)) is not None]
        # What is called as `child::function`, without a `use`.
        for child in (path[-1] for path in modules if path[:-1] == module.path and path):
            imports += [(module, (*module.path, child, name))
                        for name in re.findall(rf"(?<![:\w]){child}::(\w+)", body)]
    for module, path in imports:
        target = defined_in(path, modules)
        if target is None or target == module.path:
            continue
        item = path[len(target)] if len(path) > len(target) and path[: len(target)] == target else path[-1]
        if path == target and target[:-1] == module.path:
            continue  # `use self::child` alone: what is used of it is found where it is called.
        module.uses.setdefault(target, set()).add(item)


def circles(modules: dict[tuple[str, ...], Module]) -> list[list[Module]]:
    """The sets of modules that reach each other."""
    def reach(start: tuple[str, ...]) -> set[tuple[str, ...]]:
        seen, todo = set(), [start]
        while todo:
            for target in modules[todo.pop()].uses:
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
        return seen

    reached = {path: reach(path) for path in modules}
    found: list[set[tuple[str, ...]]] = []
    for path in modules:
        circle = {other for other in reached[path] if path in reached[other]}
        if circle and circle not in found:
            found.append(circle)
    return [[modules[path] for path in sorted(circle)] for circle in found]


def main() -> int:
    faults, arrows = [], 0
    code, docs, files = 0, 0, 0
    longest_file = (0, "")
    for crate, root in CRATES.items():
        modules = read_crate(root)
        find_uses(modules)
        arrows += sum(len(module.uses) for module in modules.values())
        for circle in circles(modules):
            inside = {module.path for module in circle}
            faults.append(f"{crate}: these modules use each other:")
            for module in circle:
                faults += [f"    {module.name} uses {', '.join(sorted(names))} of {modules[target].name}"
                           for target, names in sorted(module.uses.items()) if target in inside]
        for file in sorted(root.rglob("*.rs")):
            name, text = str(file.relative_to(TOP)), file.read_text()
            lines = text.count("\n")
            if lines > FILE_LINES:
                faults.append(f"{name} has {lines} lines; {FILE_LINES} are allowed")
            if "tests" in file.with_suffix("").relative_to(root).parts:
                continue
            own = without_tests(text)
            comments = len(re.findall(r"^\s*//", own, re.MULTILINE))
            files, docs = files + 1, docs + comments
            code += sum(1 for line in own.split("\n") if line.strip() and not line.strip().startswith("//"))
            longest_file = max(longest_file, (own.count("\n"), name))
            if not GRANT_TABLES.fullmatch(name):
                faults += [f"{name}:{own[:match.start()].count(chr(10)) + 1} reads a table of the schema mysql"
                           for match in READS_GRANT_TABLES.finditer(own)]
    print(f"{files} files without their tests: {code} lines of code, {docs} of comments; {arrows} arrows")
    print(f"longest file: {longest_file[0]} lines, {longest_file[1]}")
    print("\n".join(faults) if faults else "no module uses one that uses it")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
