#!/usr/bin/env bash
# knex 3.3.0: an expirationChecker that always says "expired" makes every acquire of a connection fail, only after the
# whole acquireConnectionTimeout, with a message that does not reach the caller as such.
#
# Expected: the function of `connection` is asked for each new connection. Seen: the new connection itself is checked
# again, found expired, and thrown away, until the time is up.
# Needs node, npm, and a MySQL server: MYSQL_URL, as `python3 dev/stack.py run --` sets it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --no-audit --no-fund --silent knex@3.3.0 mysql2@3.24.6
cat > case.mjs <<'EOF'
import knex from "knex";

const login = new URL(process.env.MYSQL_URL);
const settings = {
  host: login.hostname,
  port: Number(login.port),
  user: login.username,
  password: decodeURIComponent(login.password),
};

async function acquire(expirationChecker) {
  const database = knex({
    client: "mysql2",
    connection: async () => ({ ...settings, expirationChecker }),
    pool: { min: 0, max: 2 },
    acquireConnectionTimeout: 4000,
    log: { warn() {}, error() {} },
  });
  const started = Date.now();
  try {
    await database.client.acquireConnection();
    return ["in", Date.now() - started];
  } catch (error) {
    return [error.constructor.name, Date.now() - started];
  }
}

const fresh = await acquire(() => false);
const expired = await acquire(() => true);
console.log("not expired:", ...fresh, "ms; always expired:", ...expired, "ms");
process.exit(fresh[0] === "in" && expired[0] !== "in" && expired[1] >= 3500 ? 0 : 1);
EOF
node case.mjs
