//! Allocations a task, and memory a session.
//!
//! `cargo bench -p waxwing-tests --bench memory [-- FILTER]`. A program of its own, as counting slows allocations down. See
//! README.md.

mod cases;

use cases::routing::Traffic;
use cases::world::World;
use cases::{Contender, Meter};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};
use std::alloc::System;
use waxwing_core::server::connection::Transport;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TIMES: u32 = 50;
const SESSIONS: usize = 200;

fn main() {
    let filter = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let filter = filter.as_deref();
    for mut group in cases::all() {
        let contenders = std::mem::take(&mut group.contenders);
        let mut wanted =
            contenders.into_iter().filter(|it| it.is_wanted(&group, filter) && !it.is_large).peekable();
        if wanted.peek().is_some() {
            println!("\n{:<48} {:>12} {:>12}", group.name, "allocations", "bytes");
        }
        wanted.for_each(allocations);
    }
    for (name, with_tls) in [("in the clear", false), ("TLS 1.3", true)] {
        if filter.is_none_or(|filter| format!("an idle session/{name}").contains(filter)) {
            idle(name, with_tls);
        }
    }
    if filter.is_none_or(|filter| "before authentication".contains(filter)) {
        unauthenticated();
    }
}

fn allocations(contender: Contender) {
    let mut work = (contender.prepare)();
    // Buffers grow to what is usual, in all sessions.
    work(&mut Meter(&mut |task| task()), 40 * TIMES);
    let (mut count, mut bytes) = (0, 0);
    let mut counter = |task: &mut dyn FnMut()| {
        let region = Region::new(ALLOCATOR);
        task();
        let change = region.change();
        count += change.allocations + change.reallocations;
        bytes += change.bytes_allocated;
    };
    work(&mut Meter(&mut counter), TIMES);
    let each = |sum: usize| sum as f64 / f64::from(TIMES);
    println!("  {:<46} {:>12.1} {:>12.0}", contender.name, each(count), each(bytes));
}

/// What the server holds for a session: its connection, its account in the hub, its place in the tables.
fn idle(name: &str, with_tls: bool) {
    println!("\n{:<48} {:>12} {:>12}", format!("an idle session, {name}"), "", "bytes");
    for (when, messages) in [("after its login", 0), ("after some messages", 10 * SESSIONS as u32)] {
        let world = World::new(SESSIONS, with_tls);
        let before = held();
        let mut traffic = Traffic::new(world, SESSIONS);
        traffic.run(&mut Meter(&mut |task| task()), messages);
        traffic.peers = Vec::new();
        println!("  {when:<46} {:>12} {:>12}", "", (held() - before) / SESSIONS as isize);
        drop(traffic);
    }
}

/// The most that a peer can make a connection hold before it has authenticated: instead of logging in it sends a
/// stanza of nothing but tiny elements, a few bytes at a time.
fn unauthenticated() {
    println!("\n{:<48} {:>12} {:>12}", "before authentication, in the clear", "", "bytes");
    let stanza = format!("<a>{}</a>", "<b/>".repeat(340)).into_bytes();
    let long = format!("<a b='{}'/>", "c".repeat(10_000)).into_bytes();
    let refused = format!("<a>{}</a>", "<b/>".repeat(2_500)).into_bytes();
    for (name, stanza) in
        [("340 elements", stanza), ("10 KB of text", long), ("2500 elements, refused", refused)]
    {
        let (mut world, before) = (World::new(1, false), held());
        let (now, id) = (world.now(), world.server.accept(world.now(), Transport::Plain));
        let header = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
            to='im.example.com' version='1.0'>";
        world.server.receive(now, id, header.as_bytes());
        let mut most = 0;
        for piece in stanza.chunks(7) {
            let (already, region) = (held(), Region::new(ALLOCATOR));
            world.server.receive(now, id, piece);
            // As if nothing had been freed before everything was allocated: an upper bound.
            most = most.max(already - before + region.change().bytes_allocated as isize);
        }
        println!("  {name:<46} {:>12} {most:>12}", "");
    }
}

fn held() -> isize {
    let Stats { bytes_allocated, bytes_deallocated, .. } = ALLOCATOR.stats();
    bytes_allocated as isize - bytes_deallocated as isize
}
