// An xmpp.js client that sends numbered messages and tells those it receives, over connections that break.
//
// Usage: node survive_xmppjs.mjs MODULES ENV LOCAL TO COUNT PORT    MODULES: the folder in which @xmpp/client is installed;
// the others, and what it prints and is told, as for survive_slixmpp.py. NODE_EXTRA_CA_CERTS names the authority to trust.

import { createInterface } from "node:readline";
import { client, local, password, pause, peer, xml } from "./xmppjs.mjs";

const [to, count, port] = process.argv.slice(5);
const userAgent = xml("user-agent", { id: "b3b4f6d2-6f1c-4d33-9a25-0d3a3f1d3c0a" });
const session = client({
  service: `xmpp://${peer.host}:${port}`,
  domain: peer.domain,
  resource: "survivor",
  username: local,
  // Its SCRAM keeps the program busy for seconds at each login.
  credentials: (authenticate) => authenticate({ username: local, password }, "PLAIN", userAgent),
});
const { reconnect, streamManagement: management } = session;
reconnect.delay = 50;
management.requestAckInterval = 1000;
management.requestAckDebounce = 20;

const WINDOW = 20;

let up = false;
let sessions = 0;
let acknowledged = 0;
let wake = () => {};

const tell = (line) => process.stdout.write(`${line}\n`);
const comesUp = (line) => {
  tell(line);
  up = true;
  wake();
};
const isReady = () => new Promise((resolve) => (up ? resolve() : (wake = resolve)));

// The answer proves that the server has seen the presence, which bare addresses need. Not by session.iqCaller: xmpp.js
// does not count the answers that it takes.
async function ping() {
  const answer = new Promise((resolve) => session.on("stanza", (stanza) => stanza.attrs.id === "ping" && resolve()));
  await session.send(xml("iq", { type: "get", id: "ping" }, xml("ping", "urn:xmpp:ping")));
  await answer;
}

session.on("online", async () => {
  while (!management.enabled) await pause(10);
  await session.send(xml("presence"));
  await ping();
  comesUp(sessions++ ? "fresh" : "online");
});
management.on("resumed", () => comesUp("resumed"));
session.on("disconnect", () => (up = false));
session.on("error", (error) => process.env.SURVIVE_LOG && tell(`error: ${error.stack}`));
// A cut at the wrong moment rejects promises of its own that nobody waits for; it reconnects all the same.
process.on("unhandledRejection", (error) => tell(`error: ${error.stack ?? error}`));
session.on("stanza", (stanza) => {
  if (stanza.is("message")) tell(`got ${stanza.getChildText("body").replace("number ", "")}`);
});
management.on("ack", (stanza) => {
  if (stanza.is("message") && ++acknowledged === Number(count)) tell("all sent");
});
management.on("fail", (stanza) => tell(`failed: ${stanza}`));
if (process.env.SURVIVE_LOG) {
  session.on("element", (element) => tell(`${Math.round(performance.now())} in: ${element}`));
  session.on("send", (element) => tell(`${Math.round(performance.now())} out: ${element}`));
  session.on("status", (status) => tell(`${Math.round(performance.now())} ${status}`));
}

async function sendAll() {
  for (let number = 1; number <= Number(count); number += 1) {
    const message = xml("message", { to: `${to}@${peer.domain}`, type: "chat" }, xml("body", {}, `number ${number}`));
    for (let sent = false; !sent; ) {
      await isReady();
      // A cut while xmpp.js sends again what was not acknowledged makes it forget all of that: it must not be much.
      while (management.outbound_q.length >= WINDOW) await pause(10);
      if (!up) continue;
      // What could not be written is not in its queue.
      sent = await session.send(message).then(() => true, () => false);
      if (!sent) await pause(10);
    }
    if (number % 10 === 0) await pause((number * 7) % 200);
  }
}

session.start().catch((error) => tell(`error: ${error}`));
const lines = createInterface({ input: process.stdin });
lines.once("line", sendAll);
lines.once("close", async () => {
  reconnect.stop();
  await session.stop().catch(() => {});
  process.exit(0);
});
