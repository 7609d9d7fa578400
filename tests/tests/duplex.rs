//! The blocking adapter for several threads, whatever the machine speaks.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use waxwing_core::machine::{Deadline, Instant, Machine, Now, Reason};
use waxwing_std::{Clock, Duplex};

/// Longer than anything here takes.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(60));

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (one, listener.accept().unwrap().0)
}

/// Sends what it is told to, reports how many bytes have come, and is finished when it has both sent and got what it should.
#[derive(Default)]
struct Pipe {
    to_send: usize,
    to_get: usize,
    /// Nothing is let in before this.
    silent_until: Option<Instant>,
    got: usize,
    reported: usize,
    eof: bool,
}

impl Machine for Pipe {
    type Event = usize;

    fn receive(&mut self, _now: Now, input: &[u8]) {
        self.got += input.len();
    }
    fn receive_eof(&mut self, _now: Now) {
        self.eof = true;
    }
    fn transmit(&mut self, out: &mut Vec<u8>) -> usize {
        let count = self.to_send.min(1 << 20);
        out.resize(out.len() + count, b'x');
        self.to_send -= count;
        count
    }
    fn poll_event(&mut self) -> Option<usize> {
        let more = self.got > self.reported;
        self.reported = self.got;
        more.then_some(self.got)
    }
    fn deadline(&self) -> Option<Deadline> {
        self.silent_until.map(|at| Deadline { at, reason: Reason::Negotiation })
    }
    fn tick(&mut self, now: Now) {
        self.silent_until = self.silent_until.filter(|at| *at > now.instant);
    }
    fn read_budget(&self) -> usize {
        if self.silent_until.is_some() { 0 } else { usize::MAX }
    }
    fn is_finished(&self) -> bool {
        self.eof || self.to_send == 0 && self.to_get > 0 && self.got >= self.to_get
    }
}

/// Both sides have far more to send than sockets hold, and read meanwhile.
#[test]
fn two_that_write_much_do_not_wait_for_each_other() {
    const MUCH: usize = 64 << 20;
    let (one, two) = sockets();
    let ends = [one, two].map(|socket| {
        let machine = Pipe { to_send: MUCH, to_get: MUCH, ..Pipe::default() };
        thread::spawn(move || {
            let duplex = Duplex::new(machine, socket, Clock::start()).unwrap();
            std::iter::from_fn(|| duplex.next_event(PATIENCE)).last()
        })
    });
    for end in ends {
        assert_eq!(end.join().unwrap(), Some(MUCH));
    }
}

/// While one thread waits for an event that does not come, another sends.
#[test]
fn one_sends_while_another_waits() {
    let (socket, mut peer) = sockets();
    let duplex = Duplex::new(Pipe::default(), socket, Clock::start()).unwrap();
    let waiting = duplex.clone();
    let waiter = thread::spawn(move || waiting.next_event(PATIENCE));
    for _ in 0..100 {
        duplex.tell(|machine, _| machine.to_send += 1);
        peer.read_exact(&mut [0; 1]).unwrap();
    }
    peer.write_all(b"enough").unwrap();
    assert!(waiter.join().unwrap().is_some());
}

/// What a call makes the machine say reaches whoever waits.
#[test]
fn a_call_wakes_those_who_wait() {
    let (socket, _peer) = sockets();
    let duplex = Duplex::new(Pipe::default(), socket, Clock::start()).unwrap();
    let (tell, told) = mpsc::channel();
    let waiting = duplex.clone();
    let waiter = thread::spawn(move || {
        while let Some(event) = waiting.next_event(PATIENCE) {
            tell.send(event).unwrap();
        }
    });
    duplex.tell(|machine, _| machine.got = 7);
    assert_eq!(told.recv(), Ok(7));
    duplex.tell(|machine, now| machine.receive_eof(now));
    waiter.join().unwrap();
    assert_eq!(duplex.next_event(None), None, "it stays over");
}

/// The last one to leave closes the connection.
#[test]
fn nobody_left_closes_the_connection() {
    let (socket, mut peer) = sockets();
    let duplex = Duplex::new(Pipe::default(), socket, Clock::start()).unwrap();
    let other = duplex.clone();
    drop(duplex);
    other.tell(|machine, _| machine.to_send = 3);
    peer.read_exact(&mut [0; 3]).unwrap();
    drop(other);
    assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0);
}

/// While nobody takes events, no more is read than a bounded number of them: the peer cannot go on writing.
#[test]
fn events_that_nobody_takes_stop_the_peer() {
    let (socket, peer) = sockets();
    let duplex = Duplex::new(Pipe::default(), socket, Clock::start()).unwrap();
    peer.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut written = 0;
    // Ends when the sockets are full.
    while let Ok(n) = (&peer).write(&[b'x'; 64 << 10]) {
        written += n;
        assert!(written < 256 << 20, "nothing stops the peer");
    }
    let got = duplex.ask(|machine| machine.got);
    assert!(got <= 2 << 20, "{got} bytes were read");
    // Once they are taken it goes on, and nothing has been lost.
    let last = std::iter::from_fn(|| duplex.next_event(PATIENCE)).find(|got| *got >= written);
    assert_eq!(last, Some(written));
}

/// Who may not read waits for the deadline, and does not ask again and again.
#[test]
fn waiting_for_time_to_pass_costs_nothing() {
    let (socket, mut peer) = sockets();
    let clock = Clock::start();
    let until = clock.now().instant + Duration::from_millis(100);
    let machine = Pipe { silent_until: Some(until), ..Pipe::default() };
    let duplex = Duplex::new(Counting(machine, 0.into()), socket, clock).unwrap();
    peer.write_all(b"hello").unwrap();
    assert_eq!(duplex.next_event(PATIENCE), Some(5));
    assert!(clock.now().instant >= until, "not before");
    let asked = duplex.ask(|counting| counting.1.load(std::sync::atomic::Ordering::Relaxed));
    assert!(asked < 20, "asked {asked} times");
}

/// Counts how often it is asked whether more may be read.
struct Counting(Pipe, std::sync::atomic::AtomicUsize);

impl Machine for Counting {
    type Event = usize;

    fn receive(&mut self, now: Now, input: &[u8]) {
        self.0.receive(now, input);
    }
    fn receive_eof(&mut self, now: Now) {
        self.0.receive_eof(now);
    }
    fn transmit(&mut self, out: &mut Vec<u8>) -> usize {
        self.0.transmit(out)
    }
    fn poll_event(&mut self) -> Option<usize> {
        self.0.poll_event()
    }
    fn deadline(&self) -> Option<Deadline> {
        self.0.deadline()
    }
    fn tick(&mut self, now: Now) {
        self.0.tick(now);
    }
    fn read_budget(&self) -> usize {
        self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.0.read_budget()
    }
    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

/// Has ended, with more to say than any socket takes, to a peer that does not read.
#[test]
fn a_peer_that_does_not_read_the_end_is_given_up() {
    let (socket, peer) = sockets();
    let machine = Pipe { to_send: 64 << 20, ..Pipe::default() };
    let duplex = Duplex::new(machine, socket, Clock::start()).unwrap();
    duplex.set_last_words(Duration::from_millis(50));
    duplex.tell(|machine, now| machine.receive_eof(now));
    assert_eq!(duplex.next_event(None), None);
    drop(peer);
}

/// What was said before the connection was reset is heard.
#[test]
fn the_last_thing_said_before_a_reset_is_heard() {
    let (mut socket, mut peer) = sockets();
    socket.write_all(b"unread").unwrap();
    // It must have arrived, or there would be nothing left unread.
    peer.peek(&mut [0; 6]).unwrap();
    peer.write_all(b"goodbye").unwrap();
    drop(peer);
    let machine = Pipe { to_send: 5, ..Pipe::default() };
    let duplex = Duplex::new(machine, socket, Clock::start()).unwrap();
    assert_eq!(duplex.next_event(PATIENCE), Some(7));
    assert_eq!(duplex.next_event(PATIENCE), None);
}
