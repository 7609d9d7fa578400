"""Two slixmpp clients log in to a server and chat, in every way the server is to support.

Usage: slixmpp_chat.py ENV [--mechanisms M,M,...]    ENV: the file that `peer start` wrote.
Prints a line for each combination. Ends with an assertion where something is not as it should be.
"""

import argparse
import asyncio
import logging
import shlex
import ssl
import sys
from pathlib import Path

import slixmpp
from slixmpp.exceptions import IqError

STEP = 15  # seconds that any one step may take
TEXTS = [
    "Grüße aus Zürich: naïve façade, œuvre",
    "Привет! שלום! 你好 ☃",
    "👩‍👩‍👧‍👦 🇨🇭 e\u0301 (combining) \U0001F989",
    "<b>&amp; \"quoted\" 'single' ]]> done</b>",
    "two\nlines\tand a tab",
    "long: " + "žluťoučký kůň " * 500,
]


class Client(slixmpp.ClientXMPP):
    """One account. Refuses a server whose certificate it does not know."""

    def __init__(self, peer, local, password, mechanism, direct_tls):
        context = ssl.create_default_context(cafile=peer["ca"])
        if direct_tls:
            context.set_alpn_protocols(["xmpp-client"])
        super().__init__(f"{local}@{peer['domain']}", password, sasl_mech=mechanism, ssl_context=context)
        self.enable_direct_tls = direct_tls
        self.enable_starttls = not direct_tls
        self.address = peer["host"], int(peer["tls_port" if direct_tls else "port"])
        self.ready = asyncio.get_running_loop().create_future()
        self.inbox = asyncio.Queue()
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0199")
        self.add_event_handler("session_start", lambda _: self.settle("session"))
        self.add_event_handler("failed_auth", lambda failure: self.settle(failure["condition"]))
        self.add_event_handler("no_auth", lambda _: self.settle("no common mechanism"))
        self.add_event_handler("connection_failed", lambda why: self.settle(f"connection failed: {why}"))
        self.add_event_handler("disconnected", lambda why: self.settle(f"disconnected: {why}"))
        self.add_event_handler("message", self.inbox.put_nowait)

    def settle(self, outcome):
        if not self.ready.done():
            self.ready.set_result(outcome)

    async def log_in(self):
        self.connect(*self.address)
        return await asyncio.wait_for(self.ready, STEP)

    async def log_out(self):
        await asyncio.wait_for(self.disconnect(), STEP)

    def mechanism(self):
        return self.plugin["feature_mechanisms"].mech.name

    def tls(self):
        return self.transport.get_extra_info("ssl_object").version()

    async def next_message(self):
        return await asyncio.wait_for(self.inbox.get(), STEP)


async def chat(peer, mechanism, direct_tls):
    alice, bob = [Client(peer, name, peer["passwords"][name], mechanism, direct_tls) for name in ("alice", "bob")]
    for client in (alice, bob):
        outcome = await client.log_in()
        assert outcome == "session", f"{client.requested_jid}: {outcome}"
        assert client.boundjid.resource, "the server assigned no resource"
        assert mechanism in (None, client.mechanism()), f"asked for {mechanism}, used {client.mechanism()}"
        client.send_presence()
    # A reply to this proves that the server has seen the presence that bare addresses need.
    for client in (alice, bob):
        await client.plugin["xep_0199"].ping(peer["domain"], timeout=STEP)

    for sender, receiver in ((alice, bob), (bob, alice)):
        for to in (receiver.boundjid.bare, receiver.boundjid.full):
            for text in TEXTS:
                sender.send_message(mto=to, mbody=text, mtype="chat")
        for _ in (1, 2):
            for text in TEXTS:
                message = await receiver.next_message()
                assert message["from"] == sender.boundjid, f"from {message['from']}, not {sender.boundjid}"
                assert message["type"] == "chat", message
                assert message["body"] == text, f"{message['body']!r}, not {text!r}"

    info = await alice.plugin["xep_0030"].get_info(jid=peer["domain"], timeout=STEP)
    assert any(category == "server" for category, *_ in info["disco_info"]["identities"]), info
    assert "http://jabber.org/protocol/disco#info" in info["disco_info"]["features"], info

    nobody = f"nobody@{peer['domain']}/nowhere"
    try:
        await alice.plugin["xep_0199"].send_ping(nobody, timeout=STEP)
        raise AssertionError("a ping to nobody was answered")
    except IqError as error:
        assert error.condition == "service-unavailable", error.condition

    used = alice.mechanism(), alice.tls()
    assert alice.inbox.empty() and bob.inbox.empty(), "a message came twice"
    for client in (alice, bob):
        await client.log_out()
    return used


async def refuse(peer, mechanism, local, password):
    client = Client(peer, local, password, mechanism, False)
    outcome = await client.log_in()
    assert outcome == "not-authorized", f"{local} with a wrong password: {outcome}"
    await client.log_out()


async def main(peer, mechanisms):
    for direct_tls in (False, True):
        way = "direct TLS" if direct_tls else "STARTTLS"
        for mechanism in [*mechanisms, None]:
            used, version = await chat(peer, mechanism, direct_tls)
            print(f"{way}, {used if mechanism else 'its own choice: ' + used}: ok ({version})", flush=True)
    for mechanism in mechanisms:
        await refuse(peer, mechanism, "alice", "wonderland")
        await refuse(peer, mechanism, "nobody", "wonderland")
        print(f"{mechanism}: a wrong password and an unknown user are refused", flush=True)


def read_env(path):
    lines = [shlex.split(line)[0] for line in Path(path).read_text().splitlines()]
    peer = {key.removeprefix("peer_"): value for key, value in (line.split("=", 1) for line in lines)}
    accounts = Path(peer["accounts"]).read_text().splitlines()
    peer["passwords"] = dict(line.split("\t", 1) for line in accounts)
    return peer


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("env")
    parser.add_argument("--mechanisms", default="SCRAM-SHA-1,SCRAM-SHA-256,PLAIN")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL, stream=sys.stderr)
    asyncio.run(asyncio.wait_for(main(read_env(arguments.env), arguments.mechanisms.split(",")), 300))
