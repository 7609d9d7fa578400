"""slixmpp's own integration tests, unchanged, against a server of ours.

Usage: slixmpp_itests.py FOLDER ENV [NAME...]    FOLDER: of the tests; ENV: the file that `peer start` wrote.
Prints a line for each test, and one for each file that is left out, with the reason. Exit code 1 if a test fails.
"""

import asyncio
import importlib.util
import logging
import os
import sys
import unittest
import warnings
from pathlib import Path

from slixmpp.xmlstream import XMLStream

from slixmpp_chat import STEP, Client, read_env

# What concerns the server as it is, and programs that speak through it.
RUN = {
    "basic_connect_and_message": "messages",
    "blocking": "XEP-0191",
    "bob": "XEP-0231: requests between full addresses",
    "chatmarkers": "XEP-0333: payloads of messages pass",
    "disco": "XEP-0030: requests between full addresses",
    "ibb": "XEP-0047: requests between full addresses, in order",
    "last_activity": "XEP-0012",
    "ping": "XEP-0199",
    "privatestorage": "XEP-0049",
    "quickresponse": "XEP-0439: payloads of messages pass",
    "reactions": "XEP-0444: payloads of messages pass",
    "reconnect": "one session after another",
    "retract": "XEP-0424: payloads of messages pass",
    "slow_filters": "a client that takes its time",
    "tls_check": "STARTTLS and direct TLS, on the ports of each",
    "vcard": "XEP-0054",
    "vcard_avatar": "XEP-0153: presence payloads, vCards",
    "version": "XEP-0092",
}
SKIP = {
    "component": "components (XEP-0114) are not built yet",
    "httpupload": "HTTP upload (XEP-0363) is not built yet",
    "mam": "message archives (XEP-0313) are not built yet",
    "moderate": "rooms (XEP-0045) are not built yet",
    "muc": "rooms (XEP-0045) are not built yet",
    "pep": "personal eventing (XEP-0163) is not built yet",
    "selfping": "rooms (XEP-0045) are not built yet",
    "sos": "needs the addresses of an operator's status page (XEP-0455), over HTTP",
    "user_avatar": "personal eventing (XEP-0163) is not built yet",
}


class Result(unittest.TestResult):
    """A line for each test."""

    def startTest(self, test):
        super().startTest(test)
        print(f"itest {test.id()}", end=": ", flush=True)

    def addSuccess(self, test):
        print("ok", flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"skipped: {reason}", flush=True)

    def addError(self, test, error):
        super().addError(test, error)
        print(f"ERROR\n{self.errors[-1][1]}", flush=True)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        print(f"FAILED\n{self.failures[-1][1]}", flush=True)


def lead_to(peer):
    """The tests know the server by its domain alone: this is what DNS would say about it."""
    domain, host = peer["domain"], peer["host"]
    attempt = XMLStream._attempt_connection

    async def get_dns_records(stream, _domain, _port=None):
        records = []
        if stream.enable_direct_tls:
            records.append(("xmpps-client", domain, host, int(peer["tls_port"])))
        if stream.enable_starttls:
            records.append(("xmpp-client", domain, host, int(peer["port"])))
        return records

    def attempt_connection(stream, name, *arguments):
        return attempt(stream, host if name == domain else name, *arguments)

    XMLStream.get_dns_records = get_dns_records
    XMLStream._attempt_connection = attempt_connection


async def befriend(peer):
    """Requests to a session reach it only from those who may see it (RFC 6121 section 8.5.3.1); the tests take that for granted."""
    users = [Client(peer, name, peer["passwords"][name], None, False) for name in ("alice", "bob")]
    for user in users:
        outcome = await user.log_in()
        assert outcome == "session", outcome
        await user.get_roster(timeout=STEP)
        user.send_presence()
    # Both answer each other's request with a yes and one of their own: that is slixmpp's default.
    users[0].send_presence_subscription(users[1].boundjid.bare)
    async with asyncio.timeout(STEP):
        while any(user.client_roster[other.boundjid.bare]["subscription"] != "both" for user, other in (users, users[::-1])):
            await asyncio.sleep(0.05)
    for user in users:
        await user.log_out()


def suite_of(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def main(folder, env, names):
    peer = read_env(env)
    asyncio.run(befriend(peer))
    lead_to(peer)
    os.environ["SSL_CERT_FILE"] = peer["ca"]
    for number, name in enumerate(("alice", "bob"), 1):
        os.environ[f"CI_ACCOUNT{number}"] = f"{name}@{peer['domain']}"
        os.environ[f"CI_ACCOUNT{number}_PASSWORD"] = peer["passwords"][name]

    files = {path.stem.removeprefix("test_"): path for path in sorted(Path(folder).glob("test_*.py"))}
    unknown = files.keys() ^ (RUN.keys() | SKIP.keys())
    assert not unknown, f"run it or say why not: {sorted(unknown)}"
    result = Result()
    for name, path in files.items():
        if names and name not in names:
            continue
        if name in SKIP and not names:
            print(f"itest {path.stem}: left out: {SKIP[name]}")
        else:
            suite_of(path).run(result)
    bad = len(result.errors) + len(result.failures)
    print(f"itests: {result.testsRun} ran, {bad} failed, {len(result.skipped)} skipped, {len(SKIP)} files left out")
    return 1 if bad else 0


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
