#!/usr/bin/env bash
# peewee 4.5.3: playhouse.db_url takes a percent-encoded password of a URL as it stands.
#
# Expected: what a URL must have encoded is decoded, as SQLAlchemy, Django and mysql2 do, so that a password with
# "#" is written "%23". Seen: "%23" reaches the server, which refuses the login with 1045; the password is decoded
# only where the caller says unquote_password=True. Written plainly, "#" is an error about the port.
# Needs Python 3 with venv. Nothing listens anywhere: the URL is only parsed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check peewee==4.5.3
cat > case.py <<'EOF'
from playhouse.db_url import parse

ENCODED = "mysql://app:first%23second@db.example:3306/shop"


def password(url: str, **how: bool) -> str:
    found = parse(url, **how)
    return found.get("passwd") or found["password"]


try:
    plain = password("mysql://app:first#second@db.example:3306/shop")
except ValueError as error:
    plain = f"{type(error).__name__}: {error}"
seen = password(ENCODED), password(ENCODED, unquote_password=True), plain
print("encoded:", seen[0], "| encoded, unquote_password=True:", seen[1], "| plain:", seen[2])
raise SystemExit(0 if seen[:2] == ("first%23second", "first#second") and "Port" in plain else 1)
EOF
venv/bin/python case.py
