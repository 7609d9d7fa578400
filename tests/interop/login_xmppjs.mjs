// xmpp.js logs in by SASL2 (XEP-0388) with Bind 2 (XEP-0386) and stream management inline, gets a token (XEP-0484) for it,
// logs in with that, resumes within a login, and falls back to the password where a token is wrong.
//
// Usage: node login_xmppjs.mjs MODULES ENV LOCAL    MODULES: the folder in which @xmpp/client is installed; ENV: the file
// that `peer start` wrote. NODE_EXTRA_CA_CERTS names the authority to trust. Prints a line for each step.

import assert from "node:assert/strict";
import { client, local, password, pause, peer, xml } from "./xmppjs.mjs";

const SASL2 = "urn:xmpp:sasl:2";
const BIND2 = "urn:xmpp:bind:0";
const FAST = "urn:xmpp:fast:0";
const SM = "urn:xmpp:sm:3";
const userAgent = xml("user-agent", { id: "d4565fa7-4d72-4749-b3d3-740edbf87770" }, xml("software", {}, "xmpp.js"));

/** A session, the elements that went out and came in, and its token. */
function start(token) {
  const session = client({
    service: `xmpp://${peer.host}:${peer.port}`,
    domain: peer.domain,
    resource: "interop",
    username: local,
    password,
    userAgent,
  });
  const log = { session, out: [], in: [], token };
  session.reconnect.stop();
  session.timeout = 20_000; // its SCRAM takes seconds
  session.fast.fetchToken = async () => log.token;
  session.fast.saveToken = async (fresh) => (log.token = fresh);
  session.fast.deleteToken = async () => (log.token = undefined);
  session.on("send", (element) => log.out.push(element));
  session.on("element", (element) => log.in.push(element));
  session.on("error", (error) => (log.error = error));
  if (process.env.LOGIN_LOG) {
    session.on("send", (element) => console.log(`out: ${element}`));
    session.on("element", (element) => console.log(`in: ${element}`));
  }
  return log;
}

async function logIn(token) {
  const log = start(token);
  await log.session.start();
  await until(() => log.session.streamManagement.enabled, "stream management");
  return log;
}

async function until(condition, what) {
  for (let tries = 0; !condition(); tries += 1) {
    assert(tries < 1000, `waited in vain for ${what}`);
    await pause(20);
  }
}

const only = (elements, name, ns) => {
  const found = elements.filter((element) => element.is(name, ns));
  assert.equal(found.length, 1, `${found.length} times ${name} of ${ns}`);
  return found[0];
};

async function ping({ session }) {
  const id = `ping-${Math.random()}`;
  const answer = new Promise((resolve) => session.on("stanza", (stanza) => stanza.attrs.id === id && resolve(stanza)));
  await session.send(xml("iq", { type: "get", id }, xml("ping", "urn:xmpp:ping")));
  assert.equal((await answer).attrs.type, "result");
}

function checkBound(log) {
  const success = only(log.in, "success", SASL2);
  assert.match(success.getChildText("authorization-identifier"), new RegExp(`^${local}@${peer.domain}/.*interop`));
  const bound = success.getChild("bound", BIND2);
  assert(bound, "no resource was bound inline");
  assert(bound.getChild("enabled", SM), "stream management was not enabled inline");
  assert(!log.out.some((element) => element.is("iq") && element.getChild("bind")), "it has bound the old way");
}

/** The connection breaks; the next one resumes within the login. */
async function resume(log) {
  log.in.length = log.out.length = 0;
  let isResumed = false;
  log.session.streamManagement.on("resumed", () => (isResumed = true));
  log.session.socket.socket.destroy();
  await until(() => log.session.status === "disconnect", "the end of the connection");
  await log.session.reconnect.reconnect();
  await until(() => isResumed, "resumption");
  assert(only(log.out, "authenticate", SASL2).getChild("resume", SM));
  assert(only(log.in, "success", SASL2).getChild("resumed", SM));
  await ping(log);
  console.log("resumption within SASL2: ok");
}

/** The password is taken after it. */
async function tryWrongToken(token) {
  const log = await logIn({ ...token, token: "not-this-one" });
  assert.equal(only(log.in, "failure", SASL2).getChildren("not-authorized").length, 1);
  assert.deepEqual(
    log.out.filter((element) => element.is("authenticate", SASL2)).map((element) => element.attrs.mechanism),
    ["HT-SHA-256-NONE", "SCRAM-SHA-1"],
  );
  checkBound(log);
  await ping(log);
  await log.session.stop();
  console.log("a wrong token, and the password after it: ok");
}

let log = await logIn();
assert.match(only(log.out, "authenticate", SASL2).attrs.mechanism, /^SCRAM-SHA-1$/);
checkBound(log);
const { token } = log;
assert.equal(token?.mechanism, "HT-SHA-256-NONE");
assert(new Date(token.expiry) > new Date(), `the token has expired: ${token.expiry}`);
await ping(log);
await log.session.stop();
console.log(`SASL2 with SCRAM, Bind 2 with stream management, and a token: ok`);

log = await logIn(token);
const authenticate = only(log.out, "authenticate", SASL2);
assert.equal(authenticate.attrs.mechanism, "HT-SHA-256-NONE");
assert(authenticate.getChild("fast", FAST));
checkBound(log);
assert(!log.in.some((element) => element.is("challenge", SASL2)));
await ping(log);
console.log("FAST with a token, in one round trip: ok");

await resume(log);
await log.session.stop();

await tryWrongToken(token);
process.exit(0);
