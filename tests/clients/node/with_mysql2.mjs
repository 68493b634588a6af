// mysql2: its pool keeps the login that it was made with, so a new login gets a new pool.
//
// usage: with_mysql2.mjs [changeUser]

import { parseEnv } from "node:util";
import dotenv from "dotenv";
import dotenvExpand from "dotenv-expand";
import mysql from "mysql2/promise";
import { ca, env, serve, url } from "./orders.mjs";

const settings = (login, tls = true) => ({
  host: login.host,
  port: Number(login.port),
  user: login.username,
  password: login.password,
  ...(tls ? { ssl: { ca } } : {}),
});

const connect = (login, tls) => mysql.createConnection(settings(login, tls));

async function currentUser(connection) {
  const [rows] = await connection.query({ sql: "SELECT CURRENT_USER(), CONNECTION_ID()", rowsAsArray: true });
  return rows[0];
}

/** A pool for each login; one that is replaced ends when the last of its connections is given back. */
function openPool(getLogin) {
  let password, pool;
  return {
    async take() {
      const login = await getLogin();
      if (login.password !== password) {
        pool = mysql.createPool({ ...settings(login), connectionLimit: 10 });
        password = login.password;
      }
      return pool.getConnection();
    },
  };
}

/** One connection, which logs in anew each time that it is taken. */
function oneConnection(getLogin) {
  let connection;
  return {
    async take() {
      const login = await getLogin();
      connection ??= await connect(login);
      await connection.changeUser({ user: login.username, password: login.password });
      return connection;
    },
  };
}

const reuses = process.argv[2] === "changeUser";
const lowercase = (values) => Object.fromEntries(Object.entries(values).map(([k, v]) => [k.toLowerCase(), v]));

await serve({
  name: "mysql2",
  connect,
  currentUser,
  openPool: reuses ? oneConnection : openPool,
  forms: reuses ? {} : {
    URL: [url, (text) => mysql.createConnection(text)],
    ".env of dotenv": [env, (text) => connect(lowercase(dotenv.parse(text)), false)],
    ".env of dotenv-expand": [
      env,
      (text) => connect(lowercase(dotenvExpand.expand({ parsed: dotenv.parse(text), processEnv: {} }).parsed), false),
    ],
    ".env of node --env-file": [env, (text) => connect(lowercase(parseEnv(text)), false)],
  },
});
