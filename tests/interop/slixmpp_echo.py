"""A slixmpp client that prints each message it receives and sends it back with `echo` before it.

Usage: slixmpp_echo.py JID HOST PORT CA-FILE    The password is the first line of standard input; its end is the end.
"""

import asyncio
import ssl
import sys

import slixmpp


class Echo(slixmpp.ClientXMPP):
    def __init__(self, jid, password, ca):
        super().__init__(jid, password, ssl_context=ssl.create_default_context(cafile=ca))
        self.enable_direct_tls = False
        self.register_plugin("xep_0199")
        self.failure = asyncio.get_running_loop().create_future()
        self.add_event_handler("session_start", self.begin)
        self.add_event_handler("message", self.answer)
        self.add_event_handler("failed_auth", lambda failure: self.fail(failure["condition"]))
        self.add_event_handler("disconnected", self.fail)

    def fail(self, why):
        if not self.failure.done():
            self.failure.set_result(why)

    async def begin(self, _):
        self.send_presence()
        # The answer proves that the server has seen the presence.
        await self.plugin["xep_0199"].ping(self.boundjid.host, timeout=15)
        print(f"online as {self.boundjid}", flush=True)

    def answer(self, message):
        if message["type"] in ("chat", "normal") and message["body"]:
            print(f"{message['from']}: {message['body']}", flush=True)
            message.reply(f"echo {message['body']}").send()


async def main(jid, host, port, ca):
    loop = asyncio.get_running_loop()
    password = (await loop.run_in_executor(None, sys.stdin.readline)).rstrip("\n")
    client = Echo(jid, password, ca)
    client.connect(host, int(port))
    over = loop.run_in_executor(None, sys.stdin.readline)
    await asyncio.wait([over, client.failure], return_when=asyncio.FIRST_COMPLETED)
    if client.failure.done():
        sys.exit(f"the session failed: {client.failure.result()}")
    await client.disconnect()


asyncio.run(main(*sys.argv[1:]))
