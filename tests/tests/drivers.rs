//! What the drivers do for every machine, whatever it speaks.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use waxwing_core::machine::{Deadline, Machine, Now};
use waxwing_std::Clock;

/// Has ended, with more to say than any socket takes.
struct Talkative {
    left: usize,
}

impl Machine for Talkative {
    type Event = ();

    fn receive(&mut self, _now: Now, _input: &[u8]) {}
    fn receive_eof(&mut self, _now: Now) {}
    fn transmit(&mut self, out: &mut Vec<u8>) -> usize {
        let count = self.left.min(1 << 20);
        out.resize(out.len() + count, b' ');
        self.left -= count;
        count
    }
    fn poll_event(&mut self) -> Option<()> {
        None
    }
    fn deadline(&self) -> Option<Deadline> {
        None
    }
    fn tick(&mut self, _now: Now) {}
    fn is_finished(&self) -> bool {
        true
    }
}

const MUCH: Talkative = Talkative { left: 64 << 20 };
const SHORT: Duration = Duration::from_millis(50);

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (one, listener.accept().unwrap().0)
}

#[test]
fn std_gives_up_a_peer_that_does_not_read_the_end() {
    let (socket, peer) = sockets();
    let mut driver = waxwing_std::Driver::new(MUCH, socket, Clock::start()).unwrap();
    driver.set_last_words(SHORT);
    assert_eq!(driver.next_event(None).unwrap(), None);
    drop(peer);
}

#[test]
fn tokio_gives_up_a_peer_that_does_not_read_the_end() {
    let (socket, peer) = sockets();
    socket.set_nonblocking(true).unwrap();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let socket = tokio::net::TcpStream::from_std(socket).unwrap();
        let mut driver = waxwing_tokio::Driver::new(MUCH, socket, Clock::start()).unwrap();
        driver.set_last_words(SHORT);
        assert_eq!(driver.next_event().await, None);
    });
    drop(peer);
}

#[test]
fn std_waits_for_a_peer_that_does() {
    let (socket, mut peer) = sockets();
    let reader = std::thread::spawn(move || peer.read_to_end(&mut Vec::new()).unwrap());
    let mut driver = waxwing_std::Driver::new(MUCH, socket, Clock::start()).unwrap();
    assert_eq!(driver.next_event(None).unwrap(), None);
    assert_eq!(reader.join().unwrap(), 64 << 20);
}
