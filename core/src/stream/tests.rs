//! Two streams that talk to each other in memory, and one that talks to a script.
mod closing;
mod errors;
mod exchange;
mod limits;
#[cfg(feature = "tls")]
mod tls;

use super::*;
use crate::jid::Jid;
use crate::machine::Utc;
use crate::ns;
use core::time::Duration;

/// 2026-01-01T00:00:00Z.
pub(super) fn noon() -> Now {
    Now::new(Instant::ORIGIN, Utc::from_unix_millis(1_767_225_600_000))
}

pub(super) const GENEROUS: Limits = Limits {
    max_queued: 64 << 20,
    rate: RateLimit { rate: u32::MAX, burst: u32::MAX },
    close_timeout: Duration::from_secs(5),
    ..Limits::SERVER
};

pub(super) fn stream(role: Role) -> Stream {
    Stream::new(Config { role, content_ns: ns::CLIENT, limits: GENEROUS }, noon())
}

pub(super) fn jid(text: &str) -> Jid {
    Jid::new(text).expect("an address")
}

pub(super) fn header(role: Role) -> Header {
    let header = Header { lang: Some("en".into()), version: Some(Header::VERSION), ..Header::default() };
    match role {
        Role::Initiator => Header { to: Some(jid("im.example")), ..header },
        Role::Receiver => Header { from: Some(jid("im.example")), id: Some("i1".into()), ..header },
    }
}

pub(super) fn element(name: &str, ns: &str) -> Element {
    Element::builder(name, ns).build()
}

/// Feeds bytes in pieces of `piece` and collects what is reported.
pub(super) fn feed(stream: &mut Stream, now: Now, bytes: &[u8], piece: usize) -> Vec<Incoming> {
    let mut items = Vec::new();
    deliver(stream, now, bytes, piece, &mut |_, item| items.push(item.clone()));
    items
}

/// Feeds bytes in pieces of `piece`; `react` sees each item before the next byte is looked at.
pub(super) fn deliver(
    stream: &mut Stream,
    now: Now,
    bytes: &[u8],
    piece: usize,
    react: &mut dyn FnMut(&mut Stream, &Incoming),
) {
    for mut input in bytes.chunks(piece.max(1)).chain([&[][..]]) {
        while let Some(item) = stream.next(now, &mut input) {
            react(stream, &item);
        }
        assert!(input.is_empty(), "all input is taken");
    }
}

/// What waits to be transmitted, as text.
pub(super) fn sent(stream: &mut Stream) -> String {
    let mut out = Vec::new();
    let count = stream.transmit(&mut out);
    assert_eq!(count, out.len());
    String::from_utf8(out).expect("UTF-8")
}

/// A receiver that has got a header and answered it, with nothing left to transmit.
pub(super) fn opened(role: Role) -> Stream {
    let mut stream = stream(role);
    stream.open(&header(role));
    let items = feed(&mut stream, noon(), PEER_HEADER.as_bytes(), usize::MAX);
    assert!(matches!(items.as_slice(), [Incoming::Header(_)]), "{items:?}");
    sent(&mut stream);
    stream
}

pub(super) const PEER_HEADER: &str = "<?xml version='1.0'?><stream:stream from='im.example' to='im.example' \
    version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/// How a stream ended: the last item must say so, and say it once.
pub(super) fn end(items: &[Incoming]) -> Closed {
    let ends = items.iter().filter(|item| matches!(item, Incoming::Closed(_))).count();
    assert_eq!(ends, 1, "{items:?}");
    match items.last() {
        Some(Incoming::Closed(closed)) => closed.clone(),
        other => panic!("not the end: {other:?}"),
    }
}

/// An item in a few words that do not depend on chance.
pub(super) fn brief(item: &Incoming) -> String {
    match item {
        Incoming::Secured(info) => format!("secured {:?} {:?}", info.version, info.alpn),
        Incoming::Header(header) => format!("header {:?} {:?}", header.from, header.to),
        Incoming::Element(element) => format!("element {}", element.to_xml()),
        other => format!("{other:?}"),
    }
}

type React<'a> = &'a mut dyn FnMut(&mut Stream, &Incoming);

/// Two streams over a perfect transport.
pub(super) struct Pair {
    pub(super) client: Stream,
    pub(super) server: Stream,
    pub(super) now: Now,
    /// Bytes arrive in pieces of this size.
    pub(super) piece: usize,
    /// What the two sides reported.
    pub(super) client_items: Vec<Incoming>,
    pub(super) server_items: Vec<Incoming>,
}

impl Pair {
    pub(super) fn new() -> Pair {
        Pair {
            client: stream(Role::Initiator),
            server: stream(Role::Receiver),
            now: noon(),
            piece: usize::MAX,
            client_items: Vec::new(),
            server_items: Vec::new(),
        }
    }

    /// Carries bytes both ways until nothing moves any more.
    pub(super) fn run(&mut self, on_client: React<'_>, on_server: React<'_>) {
        loop {
            let mut bytes = Vec::new();
            let from_client = self.client.transmit(&mut bytes);
            let items = &mut self.server_items;
            deliver(&mut self.server, self.now, &bytes, self.piece, &mut |stream, item| {
                items.push(item.clone());
                on_server(stream, item);
            });
            bytes.clear();
            let from_server = self.server.transmit(&mut bytes);
            let items = &mut self.client_items;
            deliver(&mut self.client, self.now, &bytes, self.piece, &mut |stream, item| {
                items.push(item.clone());
                on_client(stream, item);
            });
            if from_client + from_server == 0 {
                return;
            }
        }
    }

    /// As [`run`](Self::run), with nobody reacting.
    pub(super) fn settle(&mut self) {
        self.run(&mut |_, _| {}, &mut |_, _| {});
    }

    /// Both streams open, in the clear.
    pub(super) fn open() -> Pair {
        let mut pair = Pair::new();
        pair.client.open(&header(Role::Initiator));
        pair.server.open(&header(Role::Receiver));
        pair.settle();
        pair.forget();
        pair
    }

    /// Forgets what was reported so far.
    pub(super) fn forget(&mut self) {
        self.client_items.clear();
        self.server_items.clear();
    }
}
