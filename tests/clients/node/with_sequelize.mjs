// Sequelize: the hook `beforeConnect` puts the login of the moment into each connection that the pool opens.

import { Sequelize } from "sequelize";
import { ca, serve, url } from "./orders.mjs";

const pool = { min: 0, max: 10, acquire: 10_000 };

const settings = (login, tls = true) => ({
  dialect: "mysql",
  host: login.host,
  port: Number(login.port),
  logging: false,
  pool,
  ...(tls ? { dialectOptions: { ssl: { ca } } } : {}),
});

async function openPool(getLogin) {
  const sequelize = new Sequelize(settings(await getLogin()));
  sequelize.beforeConnect(async (config) => {
    const login = await getLogin();
    config.username = login.username;
    config.password = login.password;
  });
  return { take: () => sequelize.connectionManager.getConnection() };
}

async function once(sequelize) {
  try {
    const one = await sequelize.connectionManager.getConnection();
    const finish = async () => {
      await sequelize.connectionManager.releaseConnection(one);
      await sequelize.close();
    };
    return Object.assign(one, { finish });
  } catch (error) {
    await sequelize.close();
    throw error;
  }
}

await serve({
  name: "sequelize",
  connect: (login, tls) => once(new Sequelize("", login.username, login.password, settings(login, tls))),
  currentUser: async (connection) => {
    const sql = "SELECT CURRENT_USER(), CONNECTION_ID()";
    const [rows] = await connection.promise().query({ sql, rowsAsArray: true });
    return rows[0];
  },
  openPool,
  forms: { URL: [url, (text) => once(new Sequelize(text, { dialect: "mysql", logging: false, pool }))] },
});
