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

/// Has something to say, and tells at the end what it has heard.
#[derive(Default)]
struct Curious {
    heard: Vec<u8>,
    said: bool,
    ended: bool,
}

impl Machine for Curious {
    type Event = Vec<u8>;

    fn receive(&mut self, _now: Now, input: &[u8]) {
        self.heard.extend_from_slice(input);
    }
    fn receive_eof(&mut self, _now: Now) {
        self.ended = true;
    }
    fn transmit(&mut self, out: &mut Vec<u8>) -> usize {
        if std::mem::replace(&mut self.said, true) {
            return 0;
        }
        out.extend_from_slice(b"hello");
        5
    }
    fn poll_event(&mut self) -> Option<Vec<u8>> {
        self.ended.then(|| std::mem::take(&mut self.heard))
    }
    fn deadline(&self) -> Option<Deadline> {
        None
    }
    fn tick(&mut self, _now: Now) {}
    fn is_finished(&self) -> bool {
        self.ended
    }
}

/// A socket whose peer has said goodbye and gone, leaving what it was sent unread: the connection is reset.
fn reset_after_goodbye() -> TcpStream {
    use std::io::Write as _;
    let (mut socket, mut peer) = sockets();
    socket.write_all(b"unread").unwrap();
    // It must have arrived, or there would be nothing left unread.
    peer.peek(&mut [0; 6]).unwrap();
    peer.write_all(b"goodbye").unwrap();
    drop(peer);
    socket
}

#[test]
fn std_hears_what_was_said_before_the_connection_was_reset() {
    let mut driver =
        waxwing_std::Driver::new(Curious::default(), reset_after_goodbye(), Clock::start()).unwrap();
    assert_eq!(driver.next_event(None).unwrap(), Some(b"goodbye".to_vec()));
}

#[test]
fn tokio_hears_what_was_said_before_the_connection_was_reset() {
    let socket = reset_after_goodbye();
    socket.set_nonblocking(true).unwrap();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let socket = tokio::net::TcpStream::from_std(socket).unwrap();
        let mut driver = waxwing_tokio::Driver::new(Curious::default(), socket, Clock::start()).unwrap();
        assert_eq!(driver.next_event().await, Some(b"goodbye".to_vec()));
    });
}
