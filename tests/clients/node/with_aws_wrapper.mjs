// AWS's advanced wrapper for Node, with mysql2: it reads the secret when a login is refused.
// Its own pool, AwsMySQLPoolClient, is locked out at the second rotation, so this is a client for each connection.
//
// usage: with_aws_wrapper.mjs [pool]

import { AwsMySQLClient, AwsMySQLPoolClient } from "aws-advanced-nodejs-wrapper/mysql";
import mysql from "mysql2/promise";
import { ca, readLogin, serve } from "./orders.mjs";

async function settings() {
  const { host, port } = await readLogin();
  return {
    host,
    port: Number(port),
    plugins: "secretsManager",
    secretId: process.env.SECRET,
    secretRegion: process.env.AWS_REGION,
    secretEndpoint: process.env.AWS_ENDPOINT_URL,
    ssl: { ca },
  };
}

async function wrapped() {
  const client = new AwsMySQLClient(await settings());
  await client.connect();
  return client;
}

async function ownPool() {
  const pool = new AwsMySQLPoolClient(await settings());
  return { take: () => pool.getConnection() };
}

await serve({
  name: "aws-advanced-nodejs-wrapper",
  connect: ({ host, port, username, password }, tls = true) =>
    mysql.createConnection({ host, port: Number(port), user: username, password, ...(tls ? { ssl: { ca } } : {}) }),
  currentUser: async (connection) => {
    const [rows] = await connection.query({ sql: "SELECT CURRENT_USER(), CONNECTION_ID()", rowsAsArray: true });
    return rows[0];
  },
  openPool: process.argv[2] === "pool" ? ownPool : async () => ({ take: wrapped }),
});
