// What the xmpp.js programs share: the arguments `MODULES ENV LOCAL`, and the client they make of them.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, env, local] = process.argv.slice(2);
const { client, xml } = await import(pathToFileURL(createRequire(`${modules}/`).resolve("@xmpp/client")));
// What `peer start` wrote is quoted for a shell.
const peer = Object.fromEntries(
  [...readFileSync(env, "utf8").matchAll(/^peer_(\w+)=(.*)$/gm)].map(([, key, value]) => [key, value.replace(/\\(.)/g, "$1")]),
);
const accounts = readFileSync(peer.accounts, "utf8").trim().split("\n").map((line) => line.split("\t"));
const password = Object.fromEntries(accounts)[local];
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export { client, local, password, pause, peer, xml };
