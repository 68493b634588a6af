#!/usr/bin/env python3
"""Fails unless the README's excerpt of the demo is what the demo prints, apart from times and identifiers.

    python3 dev/excerpt.py README.md OUTPUT
"""

from __future__ import annotations

import re
import sys
from pathlib import Path


def lines(text: str) -> list[str]:
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b(?=[0-9a-f]*\d)[0-9a-f]{8}\b", "ID", text)
    text = re.sub(r"\s+\d+ ms", " N ms", text)
    text = re.sub(r"\d+ s ago", "N s ago", text)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def main(readme: str, output: str) -> int:
    excerpt = re.search(r"```text\n(\d+\. .*?)```", Path(readme).read_text(), re.DOTALL)
    if not excerpt:
        print(f"{readme} has no excerpt of the demo", file=sys.stderr)
        return 1
    printed, wanted = lines(Path(output).read_text()), lines(excerpt[1])
    if any(printed[at : at + len(wanted)] == wanted for at in range(len(printed))):
        return 0
    missing = [line for line in wanted if line not in printed]
    print(f"the excerpt in {readme} is not what the demo prints: {missing[:1] or 'another order'}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
