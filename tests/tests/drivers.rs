//! What the drivers do for every machine, whatever it speaks.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
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

/// A driver of some adapter.
trait Drives<M: Machine> {
    fn new(machine: M, socket: TcpStream) -> Self;
    fn set_last_words(&mut self, patience: Duration);
    fn next_event(&mut self) -> Option<M::Event>;
}

impl<M: Machine> Drives<M> for waxwing_std::Driver<M> {
    fn new(machine: M, socket: TcpStream) -> Self {
        waxwing_std::Driver::new(machine, socket, Clock::start()).unwrap()
    }
    fn set_last_words(&mut self, patience: Duration) {
        self.set_last_words(patience);
    }
    fn next_event(&mut self) -> Option<M::Event> {
        self.next_event(None).unwrap()
    }
}

impl<M: Machine<Event: Send> + Send + 'static> Drives<M> for waxwing_std::Duplex<M> {
    fn new(machine: M, socket: TcpStream) -> Self {
        waxwing_std::Duplex::new(machine, socket, Clock::start()).unwrap()
    }
    fn set_last_words(&mut self, patience: Duration) {
        waxwing_std::Duplex::set_last_words(self, patience);
    }
    fn next_event(&mut self) -> Option<M::Event> {
        waxwing_std::Duplex::next_event(self, None)
    }
}

struct Tokio<M>(Runtime, waxwing_tokio::Driver<M>);

impl<M: Machine + Unpin> Drives<M> for Tokio<M> {
    fn new(machine: M, socket: TcpStream) -> Self {
        socket.set_nonblocking(true).unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let driver = {
            let _inside = runtime.enter();
            let socket = tokio::net::TcpStream::from_std(socket).unwrap();
            waxwing_tokio::Driver::new(machine, socket, Clock::start()).unwrap()
        };
        Tokio(runtime, driver)
    }
    fn set_last_words(&mut self, patience: Duration) {
        self.1.set_last_words(patience);
    }
    fn next_event(&mut self) -> Option<M::Event> {
        self.0.block_on(self.1.next_event())
    }
}

impl<M: Machine + Unpin> Drives<M> for waxwing_smol::Driver<M> {
    fn new(machine: M, socket: TcpStream) -> Self {
        waxwing_smol::Driver::new(machine, socket.try_into().unwrap(), Clock::start()).unwrap()
    }
    fn set_last_words(&mut self, patience: Duration) {
        self.set_last_words(patience);
    }
    fn next_event(&mut self) -> Option<M::Event> {
        smol::block_on(self.next_event())
    }
}

impl<M: Machine + Unpin> Drives<M> for waxwing_async_std::Driver<M> {
    fn new(machine: M, socket: TcpStream) -> Self {
        socket.set_nonblocking(true).unwrap();
        waxwing_async_std::Driver::new(machine, socket.into(), Clock::start()).unwrap()
    }
    fn set_last_words(&mut self, patience: Duration) {
        self.set_last_words(patience);
    }
    fn next_event(&mut self) -> Option<M::Event> {
        async_std::task::block_on(self.next_event())
    }
}

fn gives_up_a_peer_that_does_not_read_the_end<D: Drives<Talkative>>() {
    let (socket, peer) = sockets();
    let mut driver = D::new(MUCH, socket);
    driver.set_last_words(SHORT);
    assert_eq!(driver.next_event(), None);
    drop(peer);
}

fn waits_for_a_peer_that_does<D: Drives<Talkative>>() {
    let (socket, mut peer) = sockets();
    let reader = std::thread::spawn(move || peer.read_to_end(&mut Vec::new()).unwrap());
    let mut driver = D::new(MUCH, socket);
    assert_eq!(driver.next_event(), None);
    drop(driver);
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
        (self.ended && !self.heard.is_empty()).then(|| std::mem::take(&mut self.heard))
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

fn hears_what_was_said_before_the_connection_was_reset<D: Drives<Curious>>() {
    let mut driver = D::new(Curious::default(), reset_after_goodbye());
    assert_eq!(driver.next_event(), Some(b"goodbye".to_vec()));
}

macro_rules! suite {
    ($($name:ident: $driver:ident in $adapter:ident;)*) => {$(
        mod $name {
            use super::*;
            use $adapter::$driver as Driver;

            #[test]
            fn gives_up_a_peer_that_does_not_read_the_end() {
                super::gives_up_a_peer_that_does_not_read_the_end::<Driver<Talkative>>();
            }

            #[test]
            fn waits_for_a_peer_that_does() {
                super::waits_for_a_peer_that_does::<Driver<Talkative>>();
            }

            #[test]
            fn hears_what_was_said_before_the_connection_was_reset() {
                super::hears_what_was_said_before_the_connection_was_reset::<Driver<Curious>>();
            }
        }
    )*};
}

suite! {
    std_driver: Driver in waxwing_std;
    std_duplex: Duplex in waxwing_std;
    tokio_driver: Tokio in super;
    smol_driver: Driver in waxwing_smol;
    async_std_driver: Driver in waxwing_async_std;
}
