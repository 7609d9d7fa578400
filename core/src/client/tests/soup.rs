//! Random conversations: plausible and implausible pieces in any order, cut anywhere, with local calls in between. What
//! must hold whatever happens:
//! - the end is reported once and last, and comes once the transport has ended;
//! - every stanza taken is told to have been sent at most once, and ends at most once; without stream management one of them
//!   happens, with it (once the session is over) all have ended but those that a session without it has sent; every
//!   request taken ends, exactly once;
//! - a finished machine wants no time and says nothing.

use super::*;
use crate::stanza::Message;
use std::collections::{BTreeMap, BTreeSet};

const CONVERSATIONS: u64 = 400;

/// Random numbers; the machine under test has its own.
struct Dice(Entropy);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.0.next_u64() % limit as u64).unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

struct Soup {
    dice: Dice,
    client: Client,
    now: Now,
    /// The id of the last thing that the client sent.
    last_id: String,
    stanzas: BTreeMap<StanzaHandle, u32>,
    /// How often each has been acknowledged, or given back.
    ended: BTreeMap<StanzaHandle, u32>,
    interrupted: u64,
    resumed: u64,
    requests: BTreeMap<RequestId, u32>,
    handles: BTreeSet<StanzaHandle>,
    asked: BTreeSet<RequestId>,
    closed: u32,
    online: bool,
    was_online: bool,
    /// Rosters and block lists that were asked for, and have not come or been refused.
    fetched: u32,
}

impl Soup {
    fn new(seed: u64) -> Soup {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let mut dice = Dice(Entropy::from_seed(bytes));
        let mut config = config();
        config.tls = match dice.below(8) {
            0 => TlsMode::StartTlsOutside,
            1 => TlsMode::Outside,
            _ => TlsMode::Plaintext,
        };
        if dice.one_in(3) {
            config.credentials = None;
        }
        if dice.one_in(2) {
            config.account = Jid::new(JID).unwrap();
        }
        if dice.one_in(3) {
            config.incoming = IncomingRequests::All;
        }
        if dice.one_in(4) {
            config.keep_alive = KeepAlive::Whitespace { after: Duration::from_secs(dice.below(100) as u64) };
        }
        config.management = match dice.below(6) {
            0 => Management::Off,
            1 => Management::Acknowledge,
            _ => Management::Resume { max: None },
        };
        config.resend = dice.one_in(2);
        let now = start_of_time();
        let client = Client::new(config, now, Entropy::from_seed(bytes));
        Soup {
            dice,
            client,
            now,
            last_id: String::new(),
            stanzas: BTreeMap::new(),
            ended: BTreeMap::new(),
            interrupted: 0,
            resumed: 0,
            requests: BTreeMap::new(),
            handles: BTreeSet::new(),
            asked: BTreeSet::new(),
            closed: 0,
            online: false,
            was_online: false,
            fetched: 0,
        }
    }

    /// What the server might say next: usually something that fits, sometimes anything.
    fn piece(&mut self) -> String {
        let id = &self.last_id;
        let plausible = match &self.client.state {
            State::Header(_) => HEADER.to_owned(),
            State::Features { phase: state::Phase::BeforeTls, .. } => {
                features("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            }
            State::Features { phase: state::Phase::BeforeAuth, .. } => features(&mechanisms(&["PLAIN"])),
            State::Features { .. } if self.dice.one_in(2) => {
                features(&format!("{BIND}<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>"))
            }
            State::Features { .. } => features(&format!("{BIND}<sm xmlns='urn:xmpp:sm:3'/>")),
            State::Resuming if self.dice.one_in(3) => "<failed xmlns='urn:xmpp:sm:3'/>".to_owned(),
            State::Resuming => {
                let ledger = self.client.ledger.as_ref().unwrap();
                let more = u32::try_from(self.dice.below(ledger.kept().0 + 1)).unwrap();
                format!("<resumed xmlns='urn:xmpp:sm:3' previd='s' h='{}'/>", ledger.acknowledged() + more)
            }
            State::Proceed => "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>".to_owned(),
            State::Authenticating(_) => format!("<success xmlns='{SASL}'/>"),
            State::Binding { .. } => format!(
                "<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{JID}</jid></bind></iq>"
            ),
            _ => format!("<iq type='result' id='{id}'/>"),
        };
        let any = [
            HEADER.to_owned(),
            features(BIND),
            features(""),
            "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>".to_owned(),
            format!("<challenge xmlns='{SASL}'>cj1h</challenge>"),
            format!("<success xmlns='{SASL}'>=</success>"),
            format!("<failure xmlns='{SASL}'><invalid-mechanism/></failure>"),
            format!("<failure xmlns='{SASL}'><not-authorized/></failure>"),
            format!(
                "<iq type='error' id='{id}'><error type='modify'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
                 </error></iq>"
            ),
            format!("<iq type='result' id='{id}' from='example.com'/>"),
            "<iq type='get' id='p' from='a@b/c'><ping xmlns='urn:xmpp:ping'/></iq>".to_owned(),
            "<iq type='set' id='q' from='a@b/c'><x xmlns='urn:x'/></iq>".to_owned(),
            "<message from='a@b/c'><body>\u{1f980}</body></message>".to_owned(),
            "<presence from='a@b/c'/>".to_owned(),
            "<presence from='juliet@example.com/d'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='v'/>\
             </presence>".to_owned(),
            "<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='a@b' subscription='both'/></query></iq>".to_owned(),
            "<iq type='set' id='s' from='a@b/c'><query xmlns='jabber:iq:roster'><item jid='a@b'/></query></iq>".to_owned(),
            "<iq type='set' id='t'><block xmlns='urn:xmpp:blocking'><item jid='a@b'/></block></iq>".to_owned(),
            "<message from='a@b/c'><received xmlns='urn:xmpp:carbons:2'/></message>".to_owned(),
            format!("<iq type='error' id='{id}'/>"),
            "<iq/>".to_owned(),
            "<message from='@'/>".to_owned(),
            " ".to_owned(),
            "<".to_owned(),
            "<enabled xmlns='urn:xmpp:sm:3' id='s' resume='true'/>".to_owned(),
            "<r xmlns='urn:xmpp:sm:3'/>".to_owned(),
            format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", self.dice.below(3)),
            "</stream:stream>".to_owned(),
            "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>".to_owned(),
        ];
        // What follows here in any order has its place in an established stream; the rest soon ends one.
        let established = 8..23;
        if let Some(managed) = self.managed()
            && self.dice.one_in(4)
        {
            return managed;
        }
        match (self.online, self.dice.one_in(25)) {
            (_, true) => any[self.dice.below(any.len())].clone(),
            (true, false) => any[established.start + self.dice.below(established.len())].clone(),
            (false, false) => plausible,
        }
    }

    /// What a server that can do stream management says of it now.
    fn managed(&mut self) -> Option<String> {
        let ledger = self.client.ledger.as_ref().filter(|_| self.online)?;
        if !ledger.is_on() {
            return Some("<enabled xmlns='urn:xmpp:sm:3' id='s' resume='true'/>".to_owned());
        }
        if self.dice.one_in(2) {
            return Some("<r xmlns='urn:xmpp:sm:3'/>".to_owned());
        }
        let (sent, acknowledged) = (ledger.kept().0, ledger.acknowledged());
        let h = acknowledged + u32::try_from(self.dice.below(sent + 1)).unwrap();
        Some(format!("<a xmlns='urn:xmpp:sm:3' h='{h}'/>"))
    }

    fn step(&mut self) {
        if self.client.is_interrupted() && self.dice.one_in(2) {
            let tls = if self.dice.one_in(4) { TlsMode::Outside } else { TlsMode::Plaintext };
            self.client.reconnect(self.now, tls).unwrap();
        }
        if self.online && self.dice.one_in(20) {
            self.client.receive_eof(self.now);
        }
        match self.dice.below(12) {
            0 => {
                self.now = self.now.after(Duration::from_secs(self.dice.below(40) as u64));
                self.client.tick(self.now);
            }
            1 => {
                let message = Message::chat(Jid::new("a@b").unwrap(), "hello");
                if let Ok(handle) = self.client.send(self.now, message) {
                    assert!(self.handles.insert(handle));
                }
            }
            2 => {
                let timeout = Some(Duration::from_secs(self.dice.below(100) as u64));
                if let Ok(handle) = self.client.request(self.now, Ping { to: None }, timeout) {
                    assert!(self.asked.insert(handle.id()));
                }
            }
            3 => drop(self.client.authenticate(self.now, password())),
            4 => drop(self.client.secured(self.now, TlsInfo::default())),
            5 => {
                let presence = Presence::builder(PresenceType::Available).build();
                if let Ok(handle) = self.client.set_presence(self.now, presence) {
                    assert!(self.handles.insert(handle));
                }
            }
            6 if self.dice.one_in(30) => self.client.close(self.now),
            6 => {
                let asked = match self.dice.below(2) {
                    0 => self.client.fetch_roster(self.now, None),
                    _ => self.client.fetch_block_list(self.now),
                };
                self.fetched += u32::from(asked.is_ok());
            }
            _ => {
                let piece = self.piece().into_bytes();
                let (one, two) = piece.split_at(self.dice.below(piece.len() + 1));
                self.client.receive(self.now, one);
                if self.dice.one_in(2) {
                    self.drain();
                }
                self.client.receive(self.now, two);
            }
        }
        // A driver drains after each call; that it does so late must lose nothing.
        if !self.dice.one_in(4) {
            self.drain();
        }
    }

    fn drain(&mut self) {
        let mut out = Vec::new();
        loop {
            let bytes = self.client.transmit(&mut out);
            let event = self.client.poll_event();
            let idle = event.is_none() && bytes == 0;
            if let Some(event) = event {
                self.note(event);
            }
            if idle {
                break;
            }
        }
        let out = String::from_utf8(out).unwrap();
        if out.contains(" id='") {
            self.last_id = attr(&out, "id");
        }
        if self.client.is_finished() && !self.client.is_interrupted() {
            assert_eq!(self.client.deadline(), None);
        }
    }

    fn note(&mut self, event: Event) {
        assert_eq!(self.closed, 0, "{event:?} after the end");
        match event {
            Event::Sent(handle) => {
                assert_eq!(self.ended.get(&handle), None);
                *self.stanzas.entry(handle).or_default() += 1;
            }
            Event::Unsent { handle, .. } => {
                assert_eq!(self.stanzas.get(&handle), None);
                *self.ended.entry(handle).or_default() += 1;
            }
            Event::Acknowledged(handle) | Event::Unacknowledged { handle, .. } => {
                assert_eq!(self.stanzas.get(&handle), Some(&1));
                *self.ended.entry(handle).or_default() += 1;
            }
            Event::Interrupted(error) => {
                assert!(!error.to_string().is_empty());
                self.online = false;
                self.interrupted += 1;
            }
            Event::Resumed(_) => {
                self.online = true;
                self.resumed += 1;
            }
            Event::Reply(reply) => *self.requests.entry(reply.request()).or_default() += 1,
            Event::Closed(end) => {
                self.closed += 1;
                if let Err(error) = end {
                    assert!(!error.to_string().is_empty());
                }
            }
            Event::Online(_) => (self.online, self.was_online) = (true, true),
            Event::Roster(RosterEvent::Loaded | RosterEvent::Failed(_))
            | Event::Blocking(BlockEvent::Loaded | BlockEvent::Failed(_)) => self.fetched -= 1,
            Event::Iq(iq) => {
                if let Ok(handle) = self.client.respond(self.now, &iq, Ok(None)) {
                    assert!(self.handles.insert(handle));
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self) {
        self.drain();
        self.client.receive_eof(self.now);
        self.drain();
        if self.client.is_interrupted() {
            self.client.abandon(self.now);
            self.drain();
        }
        assert_eq!(self.closed, 1);
        assert!(self.client.is_finished());
        for handle in &self.handles {
            let sent = self.stanzas.get(handle).copied().unwrap_or_default();
            let ended = self.ended.get(handle).copied().unwrap_or_default();
            assert!(sent <= 1 && ended <= 1 && sent + ended >= 1, "{handle:?} {sent} {ended}");
        }
        for request in &self.asked {
            assert_eq!(self.requests.get(request), Some(&1), "{request:?}");
        }
        let known = |handle| self.handles.contains(handle);
        assert!(self.stanzas.keys().chain(self.ended.keys()).all(known));
        assert_eq!(self.asked.len(), self.requests.len());
        assert_eq!(self.fetched, 0);
        self.client.receive(self.now, HEADER.as_bytes());
        self.client.tick(self.now.after(Duration::from_secs(1_000_000)));
        self.client.close(self.now);
        self.drain();
    }
}

#[test]
fn random_conversations_keep_the_promises() {
    let (mut online, mut sent, mut asked) = (0, 0, 0);
    let (mut interrupted, mut resumed, mut ended) = (0, 0, 0);
    for seed in 0..CONVERSATIONS {
        let mut soup = Soup::new(seed);
        for _ in 0..150 {
            soup.step();
        }
        soup.finish();
        online += u64::from(soup.was_online);
        interrupted += soup.interrupted;
        resumed += soup.resumed;
        ended += soup.ended.len();
        sent += soup.stanzas.len();
        asked += soup.requests.len();
    }
    // The conversations are worth something: many get through negotiation.
    assert!(online > CONVERSATIONS / 5, "{online}");
    assert!(sent > 200 && asked > 50, "{sent} {asked}");
    assert!(interrupted > 20 && resumed > 2 && ended > 50, "{interrupted} {resumed} {ended}");
}
