"""A slixmpp client that sends numbered messages and tells those it receives, over connections that break.

Usage: survive_slixmpp.py ENV LOCAL TO COUNT PORT    ENV: the file that `peer start` wrote; PORT: where to connect.

What every such client prints and is told: `online` once stream management is agreed; the line `go` on standard input
has it send; `got N` for each message; `all sent` once the server has acknowledged all; `resumed` and `fresh` for each
further session; the end of standard input is the end.
"""

import asyncio
import logging
import os
import random
import ssl
import sys

import slixmpp

from slixmpp_chat import STEP, read_env

RESOURCE = "survivor"


class Survivor(slixmpp.ClientXMPP):
    def __init__(self, peer, local, to, count, port):
        context = ssl.create_default_context(cafile=peer["ca"])
        jid = f"{local}@{peer['domain']}/{RESOURCE}"
        super().__init__(jid, peer["passwords"][local], ssl_context=context)
        self.enable_direct_tls = False
        self.address = peer["host"], int(port)
        self.to, self.count, self.local = f"{to}@{peer['domain']}", int(count), local
        self.acknowledged = 0
        self.unsent = []
        self.downs = 0
        self.up = asyncio.Event()
        self.sessions = 0
        self.register_plugin("xep_0198")
        self.register_plugin("xep_0199")
        self.add_event_handler("session_start", self.is_fresh)
        self.add_event_handler("session_resumed", self.is_resumed)
        self.add_event_handler("disconnected", self.is_down)
        self.add_event_handler("killed", self.is_killed)
        self.add_event_handler("message", self.take)
        self.add_event_handler("stanza_acked", self.is_acknowledged)

    def begin(self):
        self.connect(*self.address)

    async def is_fresh(self, _):
        self.sessions += 1
        self.send_presence()
        # The answer proves that the server has seen the presence, which bare addresses need.
        await self.plugin["xep_0199"].ping(self.boundjid.host, timeout=STEP)
        print("online" if self.sessions == 1 else "fresh", flush=True)
        self.up.set()

    def is_resumed(self, _):
        print("resumed", flush=True)
        self.send_unsent()
        self.up.set()

    def is_down(self, _):
        self.up.clear()
        self.downs += 1
        # slixmpp forgets what is still in its queue now: neither sent, nor kept for a resumption.
        while not self.waiting_queue.empty():
            stanza, _ = self.waiting_queue.get_nowait()
            self.waiting_queue.task_done()
            if isinstance(stanza, slixmpp.Message):
                self.unsent.append(stanza)
        self.begin()

    def is_killed(self, _):
        # A reset within the handshake of STARTTLS is one that slixmpp does not tell of.
        asyncio.get_running_loop().call_later(0.2, self.check_that_it_is_down, self.downs)

    def check_that_it_is_down(self, downs):
        if downs == self.downs:
            self.connection_lost(None)

    def send_unsent(self):
        for stanza in self.unsent:
            self.send(stanza)
        self.unsent.clear()

    def take(self, message):
        print(f"got {message['body'].removeprefix('number ')}", flush=True)

    def is_acknowledged(self, stanza):
        if isinstance(stanza, slixmpp.Message):
            self.acknowledged += 1
            if self.acknowledged == self.count:
                print("all sent", flush=True)

    async def send_all(self):
        rng = random.Random(self.local)
        for number in range(1, self.count + 1):
            # slixmpp would send what it is given meanwhile before what it has to send again.
            while not self.up.is_set():
                await self.up.wait()
            self.send_message(mto=self.to, mbody=f"number {number}", mtype="chat")
            if rng.random() < 0.1:
                await asyncio.sleep(rng.uniform(0, 0.2))
        while self.acknowledged < self.count:
            await self.up.wait()
            self.plugin["xep_0198"].request_ack()
            await asyncio.sleep(0.5)


async def main(env, *arguments):
    loop = asyncio.get_running_loop()
    client = Survivor(read_env(env), *arguments)
    client.begin()
    if await loop.run_in_executor(None, sys.stdin.readline):
        sending = asyncio.create_task(client.send_all())
        await loop.run_in_executor(None, sys.stdin.readline)
        sending.cancel()
    client.del_event_handler("disconnected", client.is_down)
    client.del_event_handler("killed", client.is_killed)
    await client.disconnect()


logging.basicConfig(
    level=os.environ.get("SURVIVE_LOG", "ERROR"), format="%(relativeCreated)d %(name)s %(message)s", stream=sys.stderr
)
asyncio.run(main(*sys.argv[1:]))
