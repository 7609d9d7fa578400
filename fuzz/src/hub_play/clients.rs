//! What clients do: they come and go, and send stanzas of all kinds.

use super::model::{Asked, Sent, number};
use super::{Play, STRANGER, account, stanza};
use crate::bit;
use crate::ops::Op;
use waxwing_core::jid::Jid;
use waxwing_core::server::hub::{BindRequest, SessionId};
use waxwing_core::stanza::{Condition, MessageType, Stanza, StanzaError};

impl Play {
    pub(super) fn bind(&mut self, slot: usize, op: Op) {
        if self.slots[slot].is_some() {
            return;
        }
        let (id, account) = (SessionId(self.next()), account(slot % 4));
        let request = match op.b % 4 {
            0 => BindRequest::default(),
            // That of the other client.
            1 => BindRequest::resource(format!("r{}", 1 - slot / 4)),
            _ => BindRequest::resource(format!("r{}", slot / 4)),
        };
        self.slots[slot] = Some(id);
        self.model.binding.insert(id, slot);
        let now = self.now;
        self.hub(&account).bind(now, id, account, request);
    }

    pub(super) fn leave(&mut self, slot: usize) {
        let Some(id) = self.slots[slot].take() else { return };
        let connection = self.model.sessions.get(&id).map_or(Some(id), |session| session.connection);
        self.model.binding.remove(&id);
        self.model.end(id);
        let (now, account) = (self.now, account(slot % 4));
        if let Some(connection) = connection {
            self.hub(&account).session_gone(now, connection);
        }
    }

    /// The connection of a client that is bound.
    pub(super) fn connection(&self, slot: usize) -> Option<SessionId> {
        self.model.sessions.get(&self.slots[slot]?)?.connection
    }

    /// A client sends a stanza, if there is one.
    pub(super) fn send(&mut self, slot: usize, xml: &str) {
        self.send_stanza(slot, stanza(xml));
    }

    pub(super) fn send_stanza(&mut self, slot: usize, stanza: Stanza) {
        let Some(connection) = self.connection(slot) else { return };
        let (now, account) = (self.now, account(slot % 4));
        let session = self.slots[slot].and_then(|id| self.model.sessions.get_mut(&id));
        if let Some(books) = session.and_then(|session| session.books.as_mut()) {
            books.unhandled.push_back(stanza.clone());
        }
        self.hub(&account).stanza(now, connection, stanza);
    }

    pub(super) fn send_message(&mut self, slot: Option<usize>, op: Op) {
        let session = match slot {
            Some(slot) if self.connection(slot).is_none() => return,
            Some(slot) => match self.slots[slot].and_then(|id| Some((id, self.model.sessions.get(&id)?))) {
                Some((id, session)) => (Some(id), session.jid.to_string()),
                None => return,
            },
            None => (None, STRANGER.to_owned()),
        };
        let number = self.model.messages.len();
        let body = format!("<body>{number:04}</body>");
        let (kind, inner, matters) = match op.variant(8) {
            0 | 3 => ("chat", body, true),
            1 => ("normal", body, true),
            2 => ("groupchat", body, true),
            4 => ("headline", body, false),
            5 => ("chat", "<composing xmlns='http://jabber.org/protocol/chatstates'/>".into(), false),
            6 => ("chat", format!("{body}<no-store xmlns='urn:xmpp:hints'/>"), true),
            _ => (
                "error",
                "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>".into(),
                false,
            ),
        };
        let to = self.target(op);
        let from = slot.map_or(format!("from='{STRANGER}'"), |_| String::new());
        let xml = format!("<message {from} to='{to}' type='{kind}' id='m{number}'>{inner}</message>");
        let to = Jid::new(&to).expect("an address");
        // The domain says nothing; strangers may be sent away without a word, or nobody be there to say one; and without
        // federation no word gets there.
        let is_unheard = slot.is_none() && bit(self.settings, 6);
        let is_ignored = bit(self.settings, 5) && self.may_be_nobody(&to.to_bare());
        let is_answered = !(to.is_domain() || is_unheard || is_ignored);
        let kind = match kind {
            "chat" => MessageType::Chat,
            "groupchat" => MessageType::Groupchat,
            "headline" => MessageType::Headline,
            "error" => MessageType::Error,
            _ => MessageType::Normal,
        };
        let is_blocked = slot.is_some_and(|slot| self.model.is_being_blocked(&account(slot % 4), &to));
        let mut sent = Sent::new(session.0, session.1, to, kind, matters && is_answered);
        sent.is_excused = is_blocked;
        self.model.messages.push(sent);
        match slot {
            Some(slot) => self.send(slot, &xml),
            None => self.remote(&xml),
        }
    }

    pub(super) fn remote(&mut self, xml: &str) {
        let (now, stanza) = (self.now, stanza(xml));
        let last = self.hubs.len() - 1;
        // Stanzas of one stream go to one hub.
        self.hubs[last].remote(now, stanza);
    }

    /// A client asks for something, of which it is told exactly once what became of it.
    pub(super) fn ask(&mut self, slot: usize, kind: &str, to: &str, payload: &str) {
        let Some(from) = self.slots[slot].filter(|_| self.connection(slot).is_some()) else { return };
        let address = self.model.sessions[&from].jid.clone();
        let number = self.model.requests.len();
        let reached = to.contains("example.net");
        let asked = (!to.is_empty()).then(|| Jid::new(to).expect("an address"));
        let is_excused = asked.as_ref().is_some_and(|to| self.model.is_being_blocked(&account(slot % 4), to));
        let asked = Asked { from, address, to: asked, is_excused, reached, answers: 0, given: 0 };
        self.model.requests.push(asked);
        let to = if to.is_empty() { String::new() } else { format!("to='{to}'") };
        self.send(slot, &format!("<iq type='{kind}' {to} id='q{number}'>{payload}</iq>"));
    }

    pub(super) fn request(&mut self, slot: usize, op: Op) {
        let to = self.target(op);
        let (kind, payload) = match op.variant(8) {
            0 | 3 => ("get", "<ping xmlns='urn:xmpp:ping'/>".to_owned()),
            1 => ("get", "<x xmlns='urn:x'/>".to_owned()),
            2 => ("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>".to_owned()),
            4 => ("get", "<vCard xmlns='vcard-temp'/>".to_owned()),
            5 => ("set", "<vCard xmlns='vcard-temp'><FN>x</FN></vCard>".to_owned()),
            6 => ("get", "<query xmlns='jabber:iq:last'/>".to_owned()),
            _ => ("get", "<query xmlns='jabber:iq:roster'/>".to_owned()),
        };
        self.ask(slot, kind, &to, &payload);
    }

    pub(super) fn roster(&mut self, slot: usize, op: Op) {
        let jid = self.target(op);
        let jid = Jid::new(&jid).expect("an address").bare_str().to_owned();
        let item = match op.variant(4) {
            0 => return self.ask(slot, "get", "", "<query xmlns='jabber:iq:roster'/>"),
            1 => format!("<item jid='{jid}' name='n{}'><group>g</group></item>", op.a / 8),
            2 => format!("<item jid='{jid}'/>"),
            _ => format!("<item jid='{jid}' subscription='remove'/>"),
        };
        self.ask(slot, "set", "", &format!("<query xmlns='jabber:iq:roster'>{item}</query>"));
    }

    pub(super) fn block(&mut self, slot: usize, op: Op) {
        let jid = self.target(op);
        let (kind, payload) = match op.variant(4) {
            0 => ("set", format!("<block xmlns='urn:xmpp:blocking'><item jid='{jid}'/></block>")),
            1 => ("set", format!("<unblock xmlns='urn:xmpp:blocking'><item jid='{jid}'/></unblock>")),
            2 => ("set", "<unblock xmlns='urn:xmpp:blocking'/>".to_owned()),
            _ => ("get", "<blocklist xmlns='urn:xmpp:blocking'/>".to_owned()),
        };
        (self.model.is_muddled, self.model.is_troubled) = (true, true);
        let number = self.model.requests.len();
        self.ask(slot, kind, "", &payload);
        if op.variant(4) == 0 && number < self.model.requests.len() {
            self.model.begin_block(number, account(slot % 4), jid);
        }
    }

    /// A client answers the oldest request that it has got.
    pub(super) fn answer_request(&mut self, slot: usize, op: Op) {
        let Some(session) = self.slots[slot].and_then(|id| self.model.sessions.get_mut(&id)) else { return };
        if session.asked.is_empty() || session.connection.is_none() {
            return;
        }
        let iq = session.asked.remove(0);
        if let Some(number) = number(Some(iq.id()), "q") {
            self.model.requests[number].given += 1;
        }
        let reply = match op.b % 2 {
            0 => Some(Stanza::Iq(iq.result(None))),
            _ => Stanza::Iq(iq).error_reply(StanzaError::new(Condition::ItemNotFound)),
        };
        reply.into_iter().for_each(|reply| self.send_stanza(slot, reply));
    }
}
