"""slixmpp clients go through what RFC 6121 asks of a server and its accounts, as users would.

Usage: slixmpp_im.py ENV    ENV: the file that `peer start` wrote.
Prints a line for each part. Ends with an assertion where something is not as it should be.
"""

import asyncio
import logging
import sys

from slixmpp.exceptions import IqError
from slixmpp.xmlstream import ET

from slixmpp_chat import STEP, Client, read_env

ROSTER = "{jabber:iq:roster}"
PLUGINS = ["xep_0012", "xep_0054", "xep_0092", "xep_0191", "xep_0203", "xep_0280"]


class User(Client):
    """A session that keeps what comes in, in order."""

    def __init__(self, peer, local, resource):
        super().__init__(peer, local, peer["passwords"][local], None, False)
        self.requested_jid.resource = resource
        self.auto_authorize = self.auto_subscribe = None  # answers nothing by itself
        self.presences = asyncio.Queue()
        self.pushes = asyncio.Queue()
        self.copies = asyncio.Queue()
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self.add_event_handler("presence", self.presences.put_nowait)
        self.add_event_handler("message_error", self.inbox.put_nowait)
        self.add_event_handler("roster_update", self.take_push)
        self.add_event_handler("carbon_received", lambda message: self.copies.put_nowait(message["carbon_received"]))
        self.add_event_handler("carbon_sent", lambda message: self.copies.put_nowait(message["carbon_sent"]))
        self.domain = peer["domain"]
        self.bare = f"{local}@{peer['domain']}"

    def take_push(self, iq):
        if iq["type"] == "set":
            self.pushes.put_nowait(iq)

    @classmethod
    async def start(cls, peer, local, resource, presence=True):
        user = cls(peer, local, resource)
        outcome = await user.log_in()
        assert outcome == "session", f"{local}: {outcome}"
        await user.roster_items()
        if presence:
            user.send_presence()
            await user.sync()
        return user

    async def sync(self):
        """What was sent has been handled; what the server had to send before has come."""
        await self.plugin["xep_0199"].ping(self.domain, timeout=STEP)

    async def request(self, of_type, payload, to=None):
        iq = self.make_iq(itype=of_type, ito=to)
        iq.append(ET.fromstring(payload))
        return await iq.send(timeout=STEP)

    async def roster_items(self, version=None):
        """Each contact's attributes and groups; None if the server says that nothing has changed."""
        ver = "" if version is None else f" ver='{version}'"
        iq = await self.request("get", f"<query xmlns='jabber:iq:roster'{ver}/>")
        query = iq.xml.find(f"{ROSTER}query")
        if query is None:
            return None
        self.version = query.get("ver")
        return {item.get("jid"): entry(item) for item in query}

    async def set_item(self, jid, name, *groups):
        inner = "".join(f"<group>{group}</group>" for group in groups)
        await self.request("set", f"<query xmlns='jabber:iq:roster'><item jid='{jid}' name='{name}'>{inner}</item></query>")

    async def remove_item(self, jid):
        await self.request("set", f"<query xmlns='jabber:iq:roster'><item jid='{jid}' subscription='remove'/></query>")

    async def push(self):
        iq = await asyncio.wait_for(self.pushes.get(), STEP)
        (item,) = iq.xml.find(f"{ROSTER}query")
        return item.get("jid"), entry(item)

    async def sees(self, *wanted):
        """Waits until all these have come, each as its type and sender, in any order. Servers may send others besides."""
        wanted = {(of_type, who.full_jid() if isinstance(who, User) else who) for of_type, who in wanted}
        while wanted:
            try:
                presence = await asyncio.wait_for(self.presences.get(), STEP)
            except TimeoutError:
                raise AssertionError(f"{self.boundjid}: there was no {wanted}") from None
            # Not presence["type"]: slixmpp calls what is available by the name of its show.
            wanted.discard((presence.xml.get("type", "available"), presence.xml.get("from")))
        return presence

    def full_jid(self):
        return self.boundjid.full

    def say(self, of_type, to):
        self.send_presence(ptype=of_type, pto=to)

    def quiet(self, *queues):
        for queue in queues or (self.presences, self.pushes, self.inbox, self.copies):
            assert queue.empty(), f"{self.boundjid}: {queue.get_nowait()}"

    def forget(self):
        for queue in (self.presences, self.pushes, self.inbox, self.copies):
            while not queue.empty():
                queue.get_nowait()


def entry(item):
    """Subscription, ask, name and groups of an item."""
    groups = sorted(group.text for group in item.iter(f"{ROSTER}group"))
    return item.get("subscription"), item.get("ask"), item.get("name"), groups


async def refused(request, condition):
    try:
        await request
    except IqError as error:
        assert error.condition == condition, f"{error.condition}, not {condition}"
    else:
        raise AssertionError(f"not refused with {condition}")


async def rosters(peer):
    one, two = await User.start(peer, "alice", "one"), await User.start(peer, "alice", "two")
    assert await one.roster_items() == {}
    await one.set_item("friend@example.net", "Ein Freund", "Friends", "Ärzte")
    wanted = ("none", None, "Ein Freund", ["Friends", "Ärzte"])
    for session in (one, two):
        assert await session.push() == ("friend@example.net", wanted)
    assert await two.roster_items() == {"friend@example.net": wanted}
    version = two.version
    await one.set_item("friend@example.net", "Nobody")
    await one.set_item("other@example.net", "Other")
    for session in (one, two):
        assert await session.push() == ("friend@example.net", ("none", None, "Nobody", []))
        assert (await session.push())[0] == "other@example.net"
    if version is not None:
        items = await two.roster_items(version)
        if items is None:  # as pushes, which may be fewer than there were changes
            pushed = {(await two.push())[0], (await two.push())[0]}
            assert pushed == {"friend@example.net", "other@example.net"}
        else:
            assert items.keys() == {"friend@example.net", "other@example.net"}
    for jid in ("friend@example.net", "other@example.net"):
        await two.remove_item(jid)
        for session in (one, two):
            assert (await session.push())[:1] == (jid,)
    await refused(two.remove_item("friend@example.net"), "item-not-found")
    assert await one.roster_items() == {}
    for session in (one, two):
        session.quiet(session.pushes)
        await session.log_out()
    return "set, pushed, versions, removed"


async def subscriptions(peer):
    alice, bob = await User.start(peer, "alice", "tea"), await User.start(peer, "bob", "shed")
    alice.forget(), bob.forget()
    # Section 3.1: asked for and granted, each way.
    alice.say("subscribe", bob.bare)
    assert await alice.push() == (bob.bare, ("none", "subscribe", None, []))
    await bob.sees(("subscribe", alice.bare))
    assert await bob.roster_items() == {}, "section 3.1.3: who asks is not in the roster yet"
    bob.say("subscribed", alice.bare)
    assert await bob.push() == (alice.bare, ("from", None, None, []))
    assert await alice.push() == (bob.bare, ("to", None, None, []))
    await alice.sees(("available", bob), ("subscribed", bob.bare))
    bob.say("subscribe", alice.bare)
    assert await bob.push() == (alice.bare, ("from", "subscribe", None, []))
    await alice.sees(("subscribe", bob.bare))
    alice.say("subscribed", bob.bare)
    assert await alice.push() == (bob.bare, ("both", None, None, []))
    assert await bob.push() == (alice.bare, ("both", None, None, []))
    await bob.sees(("available", alice), ("subscribed", alice.bare))

    # Section 4: a change, a loss, a return.
    alice.send_presence(pshow="dnd", pstatus="Tea!")
    await alice.sees(("available", alice))
    assert (await bob.sees(("available", alice)))["status"] == "Tea!"
    alice.abort()
    await bob.sees(("unavailable", alice))
    alice = await User.start(peer, "alice", "party")
    await bob.sees(("available", alice))
    await alice.sees(("available", alice), ("available", bob))
    assert (await alice.roster_items())[bob.bare][0] == "both"

    # Section 3.3 and 3.2: given up, taken back.
    alice.say("unsubscribe", bob.bare)
    assert (await alice.push())[1][0] == "from"
    await bob.sees(("unsubscribe", alice.bare))
    assert (await bob.push())[1][0] == "to"
    if peer["name"] != "prosody":  # which does not follow section 3.3.3, step 3
        await alice.sees(("unavailable", bob))
    alice.say("unsubscribed", bob.bare)
    assert (await alice.push())[1][0] == "none"
    assert (await bob.push())[1][0] == "none"
    await bob.sees(("unavailable", alice), ("unsubscribed", alice.bare))
    for session, other in ((alice, bob), (bob, alice)):
        await session.sync()
        session.quiet(session.pushes, session.inbox)
        await session.remove_item(other.bare)

    # Section 3.1.3: a request waits for whoever is not there.
    await bob.log_out()
    alice.forget()
    alice.say("subscribe", "bob@" + peer["domain"])
    await alice.push()
    bob = await User.start(peer, "bob", "shed")
    await bob.sees(("available", bob), ("subscribe", alice.bare))
    bob.say("unsubscribed", alice.bare)
    assert (await alice.push())[1] == ("none", None, None, [])
    await alice.sees(("unsubscribed", bob.bare))
    await alice.remove_item(bob.bare)
    for session in (alice, bob):
        await session.sync()
        await session.log_out()
    return "asked for, granted, given up, taken back, refused; presence follows them"


async def offline(peer):
    alice = await User.start(peer, "alice", "tea")
    bob = "bob@" + peer["domain"]
    for of_type, body in (("chat", "one"), ("headline", "news"), ("normal", "two"), ("chat", "three")):
        alice.send_message(mto=bob, mbody=body, mtype=of_type)
    await alice.sync()
    alice.quiet(alice.inbox)
    bob = await User.start(peer, "bob", "shed")
    for body in ("one", "two", "three"):
        message = await bob.next_message()
        assert message["body"] == body, message
        assert message["delay"]["stamp"], f"no delay: {message}"
        assert message["from"] == alice.boundjid, message
    await bob.sync()
    bob.quiet(bob.inbox)
    await bob.log_out()
    bob = await User.start(peer, "bob", "shed")
    bob.quiet(bob.inbox)
    for session in (alice, bob):
        await session.log_out()
    return "kept in order, stamped, delivered once"


async def carbons(peer):
    alice = await User.start(peer, "alice", "tea")
    shed, attic = await User.start(peer, "bob", "shed"), await User.start(peer, "bob", "attic")
    for session in (shed, attic):
        await session.plugin["xep_0280"].enable(timeout=STEP)
    alice.send_message(mto=shed.boundjid, mbody="to the shed", mtype="chat")
    assert (await shed.next_message())["body"] == "to the shed"
    assert (await asyncio.wait_for(attic.copies.get(), STEP))["body"] == "to the shed"
    shed.send_message(mto=alice.boundjid, mbody="from the shed", mtype="chat")
    assert (await alice.next_message())["body"] == "from the shed"
    assert (await asyncio.wait_for(attic.copies.get(), STEP))["body"] == "from the shed"
    await attic.plugin["xep_0280"].disable(timeout=STEP)
    alice.send_message(mto=shed.boundjid, mbody="for the shed alone", mtype="chat")
    await shed.next_message()
    for session in (alice, shed, attic):
        await session.sync()
        session.quiet(session.copies)
        await session.log_out()
    return "received and sent messages reach the other session"


async def blocking(peer):
    alice, bob = await User.start(peer, "alice", "tea"), await User.start(peer, "bob", "shed")
    await bob.plugin["xep_0191"].block([alice.boundjid.bare], timeout=STEP)
    alice.send_message(mto=bob.boundjid.bare, mbody="Open up", mtype="chat")
    answer = await alice.next_message()
    assert answer["type"] == "error" and answer["error"]["condition"] == "service-unavailable", answer
    await refused(alice.plugin["xep_0199"].send_ping(bob.boundjid, timeout=STEP), "service-unavailable")
    bob.send_message(mto=alice.boundjid, mbody="No", mtype="chat")
    answer = await bob.next_message()
    assert answer["type"] == "error" and answer["error"]["condition"] == "not-acceptable", answer
    await bob.plugin["xep_0191"].unblock([alice.boundjid.bare], timeout=STEP)
    alice.send_message(mto=bob.boundjid.bare, mbody="Open up", mtype="chat")
    assert (await bob.next_message())["body"] == "Open up"
    for session in (alice, bob):
        await session.sync()
        session.quiet(session.inbox)
        await session.log_out()
    return "nothing passes either way, until it is taken back"


async def privacy(peer):
    if peer["name"] == "prosody":
        return "left out: Prosody has no privacy lists"
    alice, bob = await User.start(peer, "alice", "tea"), await User.start(peer, "bob", "shed")

    async def ask(of_type, inner):
        return await bob.request(of_type, f"<query xmlns='jabber:iq:privacy'>{inner}</query>")

    rule = f"<item type='jid' value='{alice.boundjid.bare}' action='deny' order='1'><message/></item>"
    await ask("set", f"<list name='quiet'>{rule}</list>")
    alice.send_message(mto=bob.boundjid.bare, mbody="one", mtype="chat")
    assert (await bob.next_message())["body"] == "one", "a list that is not in use does nothing"
    await ask("set", "<active name='quiet'/>")
    alice.send_message(mto=bob.boundjid.bare, mbody="two", mtype="chat")
    answer = await alice.next_message()
    assert answer["type"] == "error" and answer["error"]["condition"] == "service-unavailable", answer
    alice.send_presence(pto=bob.boundjid.bare)
    await bob.sees(("available", alice))
    bob.send_message(mto=alice.boundjid.bare, mbody="three", mtype="chat")
    assert (await alice.next_message())["body"] == "three", "outgoing messages are not what it is about"
    await ask("set", "<active/>")
    alice.send_message(mto=bob.boundjid.bare, mbody="four", mtype="chat")
    assert (await bob.next_message())["body"] == "four"

    # The default list counts where no session has chosen another, and also while nobody is there.
    await ask("set", "<default name='quiet'/>")
    lists = (await ask("get", "")).xml[0]
    assert [child.tag.rpartition("}")[2] for child in lists] == ["default", "list"], lists
    await bob.log_out()
    alice.send_message(mto=bob.bare, mbody="five", mtype="chat")
    answer = await alice.next_message()
    assert answer["type"] == "error" and answer["error"]["condition"] == "service-unavailable", answer
    bob = await User.start(peer, "bob", "shed")
    await refused(ask("set", "<active name='none such'/>"), "item-not-found")
    await ask("set", "<default/>")
    await ask("set", "<list name='quiet'/>")
    await refused(ask("get", "<list name='quiet'/>"), "item-not-found")
    for session in (alice, bob):
        await session.sync()
        session.quiet(session.inbox)
        await session.log_out()
    return "a list for a session, a default for all, neither"


class Newcomer(User):
    """Makes an account before it logs in to it."""

    def __init__(self, peer, local, resource):
        super().__init__(peer, local, resource)
        self.refusal = None
        self.register_plugin("xep_0077")
        self.plugin["xep_0077"].force_registration = peer["name"] != "waxwingd"
        self.add_event_handler("register", self.register)

    async def register(self, _form):
        iq = self.make_iq_set()
        iq["register"]["username"] = self.boundjid.user
        iq["register"]["password"] = self.password
        try:
            await iq.send(timeout=STEP)
        except IqError as error:
            self.refusal = error.condition


async def registration(peer):
    peer["passwords"]["carol"] = "sing, carol"
    carol = await Newcomer.start(peer, "carol", "choir")
    assert carol.refusal is None, carol.refusal
    again = await Newcomer.start(peer, "carol", "stalls")
    assert again.refusal == "conflict", again.refusal
    await again.log_out()
    await carol.plugin["xep_0077"].change_password("sing louder", timeout=STEP)
    await carol.log_out()
    assert await User(peer, "carol", "choir").log_in() == "not-authorized", "the old password"
    peer["passwords"]["carol"] = "sing louder"
    carol = await User.start(peer, "carol", "choir")
    carol.register_plugin("xep_0077")
    gone = carol.wait_until("disconnected", timeout=STEP)
    await carol.plugin["xep_0077"].cancel_registration(timeout=STEP)
    await gone
    assert await User(peer, "carol", "choir").log_in() == "not-authorized", "the account is gone"
    return "an account made, its password changed, removed"


async def services(peer):
    alice = await User.start(peer, "alice", "tea")
    domain = peer["domain"]
    version = (await alice.plugin["xep_0092"].get_version(domain, timeout=STEP))["software_version"]
    assert version["name"], version
    time = await alice.request("get", "<time xmlns='urn:xmpp:time'/>", domain)
    assert time.xml.findtext(".//{urn:xmpp:time}utc").endswith("Z"), time
    assert ":" in time.xml.findtext(".//{urn:xmpp:time}tzo"), time
    uptime = (await alice.plugin["xep_0012"].get_last_activity(domain, timeout=STEP))["last_activity"]
    assert 0 <= uptime["seconds"] < 3600, uptime
    info = (await alice.plugin["xep_0030"].get_info(jid=alice.bare, timeout=STEP))["disco_info"]
    assert any(category == "account" for category, *_ in info["identities"]), info
    await refused(alice.plugin["xep_0030"].get_info(jid="bob@" + domain, timeout=STEP), "service-unavailable")
    await refused(alice.plugin["xep_0030"].get_info(jid="nobody@" + domain, timeout=STEP), "service-unavailable")
    await alice.log_out()
    return "version, time, uptime, who may discover what"


async def main(env):
    peer = read_env(env)
    for part in (rosters, subscriptions, offline, carbons, blocking, privacy, services, registration):
        said = await part(peer)
        print(f"{part.__name__}: {said}", flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL, stream=sys.stderr)
    asyncio.run(asyncio.wait_for(main(sys.argv[1]), 240))
