"""A proxy between XMPP clients and a server that cuts connections hard, for tests of stream management.

Usage: cutter.py PORT HOST:PORT --seed N [--cuts N] [--bytes MIN:MAX] [--seconds MIN:MAX]
                 [--triggers up,down,time] [--life SECONDS]

Loopback only. It cuts nothing until SIGUSR1. Then each connection gets a plan from the seed: it is cut after so many
bytes in one direction, or after so long, be that within TLS's handshake or within a record. A cut is a reset
(SO_LINGER 0): what is on its way is gone. The plan also says who notices: both sides at once; or the client first, so
that it comes back while the server still takes the old connection for alive; or the server first. The other side then
hears nothing for a while, and what it says goes nowhere. After --cuts cuts, connections are left alone. It ends after
--life seconds or with SIGTERM, and prints what it did.
"""

import argparse
import asyncio
import random
import signal
import socket
import struct
import sys

CHUNK = 4096
SILENCE = (0.05, 1.0)  # seconds for which a side that does not notice hears nothing


class Cutter:
    def __init__(self, arguments):
        self.arguments = arguments
        self.rng = random.Random(arguments.seed)
        self.active = False
        self.connections = set()
        self.count = 0
        self.cuts = {"both sides": 0, "the client": 0, "the server": 0}

    async def serve(self):
        loop = asyncio.get_running_loop()
        listener = socket.create_server(("127.0.0.1", self.arguments.port))
        listener.setblocking(False)
        while True:
            client, _ = await loop.sock_accept(listener)
            self.count += 1
            connection = Connection(self, client)
            self.connections.add(connection)
            if self.active:
                connection.plan()
            asyncio.create_task(connection.run())

    def begin(self):
        self.active = True
        for connection in self.connections:
            connection.plan()

    def may_cut(self):
        return sum(self.cuts.values()) < self.arguments.cuts

    def report(self):
        noticed = ", ".join(f"{count} noticed first by {who}" for who, count in self.cuts.items())
        return f"{self.count} connections, {sum(self.cuts.values())} cut: {noticed}"


class Connection:
    def __init__(self, cutter, client):
        self.cutter = cutter
        self.client, self.server = client, socket.socket()
        self.left = {}  # bytes until the cut, by direction
        self.cut = asyncio.Event()
        for side in (self.client, self.server):
            side.setblocking(False)

    def plan(self):
        rng, arguments = self.cutter.rng, self.cutter.arguments
        trigger = rng.choice(arguments.triggers)
        count, seconds = rng.randint(*arguments.bytes), rng.uniform(*arguments.seconds)
        self.notices, self.silence = rng.choice(list(self.cutter.cuts)), rng.uniform(*SILENCE)
        if trigger == "time":
            asyncio.get_running_loop().call_later(seconds, self.cut.set)
        else:
            self.left[trigger] = count

    async def run(self):
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(self.server, self.cutter.arguments.to)
            pumps = asyncio.gather(
                self.pump("up", self.client, self.server), self.pump("down", self.server, self.client)
            )
            cut = asyncio.create_task(self.cut.wait())
            await asyncio.wait([pumps, cut], return_when=asyncio.FIRST_COMPLETED)
            over = pumps.done()  # by its own peers
            for task in (pumps, cut):
                task.cancel()
            await asyncio.gather(pumps, cut, return_exceptions=True)
            if not over and self.cutter.may_cut():
                await self.sever()
        except OSError:
            pass
        finally:
            for side in (self.client, self.server):
                reset(side)
            self.cutter.connections.discard(self)

    async def sever(self):
        self.cutter.cuts[self.notices] += 1
        if self.notices == "the client":
            reset(self.client)
            await swallow(self.server, self.silence)
        elif self.notices == "the server":
            reset(self.server)
            await swallow(self.client, self.silence)

    async def pump(self, direction, source, sink):
        loop = asyncio.get_running_loop()
        while chunk := await loop.sock_recv(source, CHUNK):
            left = self.left.get(direction)
            if left is not None and self.cutter.may_cut():
                chunk = chunk[:left]
                self.left[direction] = left - len(chunk)
            await loop.sock_sendall(sink, chunk)
            if self.left.get(direction) == 0:
                self.cut.set()
                await asyncio.Event().wait()  # until cancelled
        sink.shutdown(socket.SHUT_WR)


async def swallow(side, seconds):
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            while await loop.sock_recv(side, CHUNK):
                pass
    except TimeoutError:
        pass


def reset(side):
    if side.fileno() >= 0:
        side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        side.close()


async def main(arguments):
    cutter = Cutter(arguments)
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_signal_handler(signal.SIGUSR1, cutter.begin)
    loop.add_signal_handler(signal.SIGTERM, over.set)
    tasks = [asyncio.create_task(cutter.serve()), asyncio.create_task(over.wait())]
    done, _ = await asyncio.wait(tasks, timeout=arguments.life, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()  # or why it failed
    print(cutter.report(), flush=True)


def pair(kind):
    return lambda text: [kind(bound) for bound in text.split(":")]


def address(text):
    host, port = text.rsplit(":", 1)
    if not host.startswith("127."):
        raise argparse.ArgumentTypeError("loopback addresses only")
    return host, int(port)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("to", type=address)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--bytes", type=pair(int), default=[1, 20000])
    parser.add_argument("--seconds", type=pair(float), default=[0.0, 3.0])
    parser.add_argument("--triggers", type=lambda text: text.split(","), default=["up", "up", "down", "down", "time"])
    parser.add_argument("--life", type=float, default=280)
    sys.exit(asyncio.run(main(parser.parse_args())))
