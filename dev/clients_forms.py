"""Passwords pasted, as they are, into each form of a login that a client takes."""

from __future__ import annotations

import os
import re
import secrets
import string
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from clients_database import Database, ask
from clients_scenes import Program

TEMPLATE = Path(__file__).resolve().parent.parent / "template.yaml"
PASSWORDS = int(os.environ.get("CLIENT_PASSWORDS", "2000"))
LENGTH = 32


class Passwords:
    """Users of a MariaDB server, whose logins are the fastest: generated passwords, and one for each risk."""

    def __init__(self) -> None:
        described = next(one for one in ask("GET", "/servers") if one["family"] == "mariadb")
        self.server = Database(described)
        self.generated = {f"pasted_{n}": password for n, password in enumerate(generate(PASSWORDS))}
        self.risks: dict[str, tuple[str, str]] = {}
        for character in string.punctuation:
            for text in variants(character):
                self.risks[f"risk_{len(self.risks)}"] = (character, text)
        everyone = self.generated | {user: text for user, (_, text) in self.risks.items()}
        self.server.sql("SET sql_mode = 'NO_BACKSLASH_ESCAPES'")
        for user, password in everyone.items():
            quoted = password.replace("'", "''")
            self.server.sql(f"CREATE USER {user} IDENTIFIED BY '{quoted}'")


def generate(count: int) -> Iterable[str]:
    """Passwords as the function makes them by default."""
    quoted = re.search(r'^  excludeCharacters:\n    Type: String\n    Default: "(.*)"$', TEMPLATE.read_text(), re.MULTILINE)
    assert quoted
    excluded = quoted[1].replace('\\"', '"').replace("\\\\", "\\")
    alphabet = [c for c in string.ascii_letters + string.digits + string.punctuation if c not in excluded]
    for _ in range(count):
        yield "".join(secrets.choice(alphabet) for _ in range(LENGTH))


def variants(character: str) -> list[str]:
    """Passwords in which a character could mean something: first, last, before a name or two hexadecimal digits."""
    c = character
    return [f"{c}xyz", f"xyz{c}", f"xy{c}yz", f"xy{c}41yz", f"xy{c}{c}yz", *(["xy${HOME}yz"] if c == "$" else [])]


def paste(program: Program, passwords: Passwords) -> dict[str, dict[str, Any]]:
    """For each form of a client, the characters that hurt, and how many of the generated passwords were refused."""
    found = {}
    for form, sample in program.order("forms").get("ok", {}).items():
        def works(user: str, password: str) -> bool:
            words = {"USER": user, "PASSWORD": password, "HOST": "127.0.0.1", "PORT": str(passwords.server.port)}
            text = re.sub(r"(?<![A-Z])(?:USER|PASSWORD|HOST|PORT)(?![A-Z=])", lambda word: words[word[0]], sample)
            answer = program.order("paste", form=form, text=text)
            return "ok" in answer and str(answer["ok"][0]).startswith(f"{user}@")

        hurt = {character for user, (character, text) in passwords.risks.items() if not works(user, text)}
        refused = [user for user, password in passwords.generated.items() if not works(user, password)]
        found[form] = {"sample": sample, "hurt": "".join(sorted(hurt)), "refused": len(refused)}
    return found
