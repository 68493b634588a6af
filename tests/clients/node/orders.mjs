// What the programs here have in common: the login in the secret, and orders on standard input.
//
// An order is one line of JSON; so is its answer. Only `readLogin` is for an application to copy.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

export const ca = readFileSync(process.env.CA_FILE, "utf8");
export const url = "mysql://USER:PASSWORD@HOST:PORT/";
export const env = "USERNAME=USER\nPASSWORD=PASSWORD\nHOST=HOST\nPORT=PORT\n";
const secretsManager = new SecretsManagerClient();

/** The login that is current now: user name and password, host and port. */
export async function readLogin() {
  const answer = await secretsManager.send(new GetSecretValueCommand({ SecretId: process.env.SECRET }));
  return JSON.parse(answer.SecretString);
}

/**
 * Carries out the orders until there are no more. `connect(login, tls)` gives a connection with `end` or `finish`; `currentUser`
 * gives the answer of a query; `openPool(getLogin)` has a method `take`; each form has a sample, and logs in with such a text.
 */
export async function serve({ name, connect, currentUser, openPool, forms = {} }) {
  const pools = new Map();
  const actions = {
    version: () => createRequire(import.meta.url)(`./node_modules/${name}/package.json`).version,
    forms: () => Object.fromEntries(Object.entries(forms).map(([form, [sample]]) => [form, sample])),
    login: ({ login, tls }) => using(connect(login, tls)),
    open: async ({ pool, login }) => {
      pools.set(pool, { pool: await openPool(login ? async () => login : readLogin), held: [] });
    },
    take: async ({ pool }) => {
      const one = pools.get(pool);
      const connection = await one.pool.take();
      one.held.push(connection);
      return currentUser(connection);
    },
    held: ({ pool }) => Promise.all(pools.get(pool).held.map(currentUser)),
    paste: ({ form, text }) => using(forms[form][1](text)),
  };
  const using = async (opening) => {
    const connection = await opening;
    const user = await currentUser(connection);
    await (connection.finish ?? connection.end).call(connection);
    return user;
  };
  // What a driver emits beside the answer of a call: the session of an idle connection was ended.
  process.on("uncaughtException", (error) => console.error(error.message));
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    let answer;
    try {
      answer = { ok: (await actions[order.do](order)) ?? null };
    } catch (error) {
      answer = described(error);
    }
    console.log(JSON.stringify(answer));
  }
  process.exit();
}

/** The class of an error, and its number where a developer finds it. */
function described(error) {
  // Whether the end of a session is met by a write, a read or the driver is chance.
  const ofSocket = ["EPIPE", "ECONNRESET"].includes(error.code);
  const inner = error.parent ?? error.cause;
  return {
    error: [error.constructor.name, ofSocket ? "" : error.code].filter(Boolean).join(" "),
    number: ofSocket ? null : (error.errno ?? null),
    ...(inner ? { cause: [inner.code, inner.errno].filter(Boolean).join(" ") } : {}),
    message: String(error.message).slice(0, 300),
  };
}
