// knex: `connection` is a function, which the pool calls again when its last result says that it has expired.

import knex from "knex";
import { ca, serve, url } from "./orders.mjs";

const settings = (login, tls = true) => ({
  host: login.host,
  port: Number(login.port),
  user: login.username,
  password: login.password,
  ...(tls ? { ssl: { ca } } : {}),
});

/** How long a login is kept. A checker that always says "expired" makes every acquire fail after a minute. */
const KEPT_MS = 500;

function openPool(getLogin) {
  const database = knex({
    client: "mysql2",
    connection: async () => {
      const until = Date.now() + KEPT_MS;
      // Without the checker, knex calls this function once.
      return { ...settings(await getLogin()), expirationChecker: () => Date.now() > until };
    },
    pool: { min: 0, max: 10 },
  });
  return { take: () => database.client.acquireConnection() };
}

async function once(connection) {
  const database = knex({ client: "mysql2", connection, pool: { min: 0, max: 1 }, acquireConnectionTimeout: 3000 });
  try {
    const one = await database.client.acquireConnection();
    const finish = async () => {
      await database.client.releaseConnection(one);
      await database.destroy();
    };
    return Object.assign(one, { finish });
  } catch (error) {
    await database.destroy();
    throw error;
  }
}

await serve({
  name: "knex",
  connect: (login, tls) => once(settings(login, tls)),
  currentUser: async (connection) => {
    const sql = "SELECT CURRENT_USER(), CONNECTION_ID()";
    const [rows] = await connection.promise().query({ sql, rowsAsArray: true });
    return rows[0];
  },
  openPool,
  forms: { URL: [url, once] },
});
