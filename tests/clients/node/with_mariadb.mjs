// mariadb: its pool keeps the login that it was made with, so a new login gets a new pool.

import mariadb from "mariadb";
import { ca, serve } from "./orders.mjs";

const settings = (login, tls = true) => ({
  host: login.host,
  port: Number(login.port),
  user: login.username,
  password: login.password,
  ...(tls ? { ssl: { ca } } : {}),
});

/** A pool for each login; one that is replaced ends when the last of its connections is given back. */
function openPool(getLogin) {
  let password, pool;
  return {
    async take() {
      const login = await getLogin();
      if (login.password !== password) {
        pool = mariadb.createPool({ ...settings(login), connectionLimit: 10, minimumIdle: 1 });
        password = login.password;
      }
      return pool.getConnection();
    },
  };
}

await serve({
  name: "mariadb",
  connect: (login, tls) => mariadb.createConnection(settings(login, tls)),
  currentUser: async (connection) => {
    const rows = await connection.query({ sql: "SELECT CURRENT_USER(), CONNECTION_ID()", rowsAsArray: true });
    return [rows[0][0], Number(rows[0][1])];
  },
  openPool,
  forms: { URL: ["mariadb://USER:PASSWORD@HOST:PORT/information_schema", (text) => mariadb.createConnection(text)] },
});
