//! Nobody who has not logged in costs more than 64 KiB of memory, whatever it sends, and whether or not it reads.
//!
//! In a file of its own, and as one test: the allocator counts for the whole process.

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::sync::Arc;
use waxwing_core::jid::BareJid;
use waxwing_core::machine::Entropy;
use waxwing_core::server::connection::{Config, Transport};
use waxwing_core::server::hub::{self, Hub};
use waxwing_core::server::{Server, connection};
use waxwing_tests::{Clock, SelfSigned};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MOST: usize = 64 << 10;
const HEADER: &str = "<stream:stream to='im.example.com' version='1.0' xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams'>";

/// How the peer's bytes reach the server.
#[derive(Clone, Copy, Debug)]
enum Driver {
    /// It reads no more than it may and hands out what there is, as it should.
    Proper,
    /// It reads whatever comes and the peer takes nothing.
    Careless,
}

fn live_bytes() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// The most memory that one connection has after any of its input, in pieces of so many bytes; what the server itself needs
/// for having connections is not counted.
fn peak(
    config: &Arc<connection::Config>,
    transport: Transport,
    input: &[u8],
    piece: usize,
    driver: Driver,
) -> usize {
    let now = Clock::new().now();
    let hub = Hub::new(hub::Config::new(domain()), Entropy::from_seed([1; 32]));
    let mut server = Server::new(Arc::clone(config), hub, Entropy::from_seed([2; 32]));
    let first = server.accept(now, Transport::Plain);
    server.disconnected(now, first);
    while server.poll_event().is_some() || server.poll_writable().is_some() {}
    let mut out = Vec::with_capacity(1 << 20);
    let before = live_bytes();
    let id = server.accept(now, transport);
    let mut peak = 0;
    for piece in input.chunks(piece) {
        match driver {
            Driver::Proper => {
                let readable = server.read_budget(id).min(piece.len());
                server.receive(now, id, &piece[..readable]);
                peak = peak.max(live_bytes() - before);
                while let Some(id) = server.poll_writable() {
                    out.clear();
                    server.transmit(id, &mut out);
                }
            }
            Driver::Careless => server.receive(now, id, piece),
        }
        // The store never answers: that is the worst there is for what has to wait.
        peak = peak.max(live_bytes() - before);
    }
    peak
}

fn domain() -> BareJid {
    "im.example.com".parse().expect("a domain")
}

#[test]
fn whatever_a_peer_sends_before_it_has_logged_in_it_costs_at_most_64_kib() {
    let made = SelfSigned::new(&["im.example.com"]);
    let mut config = Config::new([domain()], [7; 32]);
    config.sasl.require_tls = false;
    config.sasl.plain_without_tls = true;
    config.sasl.anonymous = true;
    config.tls = Some(made.server_tls());
    let config = Arc::new(config);
    let auth = |mechanism: &str, data: &str| {
        format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{data}</auth>")
    };
    let plain = auth("PLAIN", "AGp1bGlldABzZWNyZXQ=");
    let scram = auth("SCRAM-SHA-512", "biwsbj1qdWxpZXQscj14");
    let long_name = auth("SCRAM-SHA-1", &format!("biws{}", "bj1q".repeat(2400)));
    let attributes: String = (0..31).map(|n| format!(" a{n}='{n}'")).collect();
    let prefixes: String = (0..30).map(|n| format!(" xmlns:p{n}='u{n}'")).collect();
    let inputs: [(&str, String); 12] = [
        ("a flood of bytes", "x".repeat(200 << 10)),
        (
            "a header that does not end",
            format!("{} x='{}", &HEADER[..HEADER.len() - 1], "x".repeat(200 << 10)),
        ),
        ("white space", format!("{HEADER}{}", " ".repeat(200 << 10))),
        ("an element that does not end", format!("{HEADER}<a>{}", "x".repeat(200 << 10))),
        ("many small children", format!("{HEADER}<a>{}", "<b/>".repeat(50 << 10))),
        ("many small attributes", format!("{HEADER}<a>{}", format!("<b{attributes}/>").repeat(500))),
        ("many namespaces, deep", format!("{HEADER}{}", format!("<b{prefixes}>").repeat(40))),
        ("references", format!("{HEADER}<a>{}", "&amp;".repeat(40 << 10))),
        ("a flood behind a question", format!("{HEADER}{plain}{}", " ".repeat(200 << 10))),
        ("attempts", format!("{HEADER}{}", scram.repeat(2000))),
        ("a long name", format!("{HEADER}{}", long_name.repeat(20))),
        ("stanzas", format!("{HEADER}{}{HEADER}{}", auth("ANONYMOUS", "="), "<message/>".repeat(20 << 10))),
    ];
    for driver in [Driver::Proper, Driver::Careless] {
        for (what, input) in &inputs {
            for piece in [1, 1000, 16 << 10] {
                let peak = peak(&config, Transport::Plain, input.as_bytes(), piece, driver);
                assert!(peak <= MOST, "{what}, {piece} bytes at a time, {driver:?} driver: {peak} bytes");
            }
        }
        // A TLS record as long as they get, and a handshake message that spans as many as it likes.
        let record = [&b"\x16\x03\x01\x40\x00\x01\x00\xff\xff\x03\x03"[..], &[7; 16 << 10]].concat();
        for piece in [1, 1000, 16 << 10] {
            let peak = peak(&config, Transport::DirectTls, &record.repeat(12), piece, driver);
            assert!(peak <= MOST, "TLS, {piece} bytes at a time, {driver:?} driver: {peak} bytes");
        }
    }
}
