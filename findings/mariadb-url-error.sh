#!/usr/bin/env bash
# mariadb 3.5.4 (npm): a URL without the name of a database is refused with an error whose text is the whole URL, the
# password included.
#
# Expected: a URL that ends after the port, or with a slash, logs in, as with other drivers; or an error without the
# password. Needs node and npm; no server, since the URL is refused before a connection is opened.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --no-audit --no-fund --silent mariadb@3.5.4
cat > case.mjs <<'EOF'
import mariadb from "mariadb";

try {
  await mariadb.createConnection("mariadb://app:the-password@127.0.0.1:1/");
  process.exit(1);
} catch (error) {
  console.log(error.message);
  process.exit(error.message.includes("the-password") ? 0 : 1);
}
EOF
node case.mjs
