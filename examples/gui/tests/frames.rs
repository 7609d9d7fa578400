//! The frame loop under a virtual clock, with a server in memory: what is on the screen in which frame is always the same.

use std::cell::RefCell;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::channel;

use gui::{App, Frames as _, Screen, VirtualFrames};
use waxwing_core::client::{Config, TlsMode};
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::machine::{Entropy, Now};
use waxwing_core::sasl::{Credentials, StoredCredentials};
use waxwing_core::server::connection::{self, Transport};
use waxwing_core::server::single::ConnectionId;
use waxwing_core::server::store::{MemoryStore, Record};
use waxwing_core::server::{Hub, Server, hub};
use waxwing_core::stanza::Message;

/// A socket as the program sees it.
#[derive(Clone, Default)]
struct Socket(Rc<RefCell<Buffers>>);

#[derive(Default)]
struct Buffers {
    up: Vec<u8>,
    down: Vec<u8>,
    /// How many more bytes it takes before it would block.
    room: usize,
    reads: usize,
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let buffers = &mut *self.0.borrow_mut();
        buffers.reads += 1;
        if buffers.down.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = buffer.len().min(buffers.down.len());
        buffer[..count].copy_from_slice(&buffers.down[..count]);
        buffers.down.drain(..count);
        Ok(count)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let buffers = &mut *self.0.borrow_mut();
        let count = bytes.len().min(buffers.room);
        if count == 0 && !bytes.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        buffers.room -= count;
        buffers.up.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The program, and a server that gets what it has sent between two frames.
struct World {
    app: App<Socket>,
    frames: VirtualFrames,
    now: Now,
    socket: Socket,
    server: Server,
    store: MemoryStore,
    id: ConnectionId,
    /// How many bytes the socket takes in a frame.
    room: usize,
}

const JULIET: &str = "juliet@capulet.example";

fn config() -> Config {
    let mut config = Config::new(Jid::new(&format!("{JULIET}/balcony")).unwrap(), TlsMode::Plaintext);
    let (username, password) = ("juliet".into(), "o Romeo".into());
    config.credentials = Some(Credentials::Password { username, password });
    config
}

impl World {
    fn new(room: usize) -> World {
        let (domain, juliet) = (BareJid::new("capulet.example").unwrap(), BareJid::new(JULIET).unwrap());
        let keys = StoredCredentials::derive("o Romeo", 4096, &mut Entropy::from_seed([1; 32])).unwrap();
        let mut store = MemoryStore::new();
        store.insert(juliet.clone(), Record::new(keys));
        let mut server_config = connection::Config::new([domain.clone()], [2; 32]);
        server_config.sasl.require_tls = false;
        let hub = Hub::new(hub::Config::new(domain), Entropy::from_seed([3; 32]));
        let mut server = Server::new(Arc::new(server_config), hub, Entropy::from_seed([4; 32]));
        let now = Now::default();
        let id = server.accept(now, Transport::Plain);
        let socket = Socket::default();
        let (tell, dialed) = channel();
        tell.send(Ok((socket.clone(), config()))).unwrap();
        let app = App::new(juliet.into(), dialed, Entropy::from_seed([5; 32]));
        World { app, frames: VirtualFrames::after(now), now, socket, server, store, id, room }
    }

    fn frame(&mut self) -> Screen {
        self.now = self.frames.next();
        self.socket.0.borrow_mut().room = self.room;
        let screen = self.app.frame(self.now);
        let buffers = &mut *self.socket.0.borrow_mut();
        self.server.receive(self.now, self.id, &std::mem::take(&mut buffers.up));
        self.server.run_store(self.now, &mut self.store);
        self.server.transmit(self.id, &mut buffers.down);
        self.server.tick(self.now);
        screen
    }

    /// Goes on until a row begins so.
    fn until(&mut self, row: &str) -> Screen {
        (0..2000)
            .map(|_| self.frame())
            .find(|screen| screen.rows().iter().any(|r| r.starts_with(row)))
            .unwrap()
    }
}

/// Everything that was ever on the screen.
fn conversation(room: usize) -> Vec<Screen> {
    let mut world = World::new(room);
    let mut seen = vec![world.until("online as juliet@capulet.example/balcony")];
    world.app.enter(world.now, "wherefore art thou?");
    seen.push(world.until("juliet@capulet.example/balcony: wherefore art thou?"));
    world.app.enter(world.now, "");
    seen.push(world.until("goodbye"));
    while !world.app.is_over() {
        seen.push(world.frame());
    }
    seen
}

#[test]
fn the_same_frames_show_the_same_things() {
    let first = conversation(usize::MAX);
    assert_eq!(first, conversation(usize::MAX));
    assert!(first[1].rows().contains(&"> wherefore art thou?".to_owned()), "{:?}", first[1]);
}

#[test]
fn a_socket_that_takes_little_takes_more_frames_and_no_more() {
    let (quick, slow) = (conversation(usize::MAX), conversation(7));
    assert_eq!(quick[1].rows()[1..], slow[1].rows()[1..]);
    assert_ne!(quick[1].rows()[0], slow[1].rows()[0]);
}

/// A server that says nothing: frames go on, and in the end the machine's own deadline says so.
#[test]
fn frames_go_on_while_the_network_does_not() {
    let mut world = World::new(0);
    for frame in 1..1800 {
        let screen = world.frame();
        assert!(screen.rows()[0].ends_with(&format!("frame {frame}")), "{screen:?}");
        assert_eq!(screen.rows()[1], "logging in");
    }
    world.until("the server");
    assert!(world.now.instant.since_origin() >= config().negotiation_timeout);
}

/// However much comes, a frame does only so much of it.
#[test]
fn a_frame_does_only_so_much() {
    let mut world = World::new(usize::MAX);
    world.until("online");
    let message = Message::chat(Jid::new(JULIET).unwrap(), &"x".repeat(1000));
    let text = message.element().to_xml();
    for _ in 0..200 {
        world.socket.0.borrow_mut().down.extend_from_slice(text.as_bytes());
    }
    let mut frames = 0;
    while !world.socket.0.borrow().down.is_empty() {
        world.socket.0.borrow_mut().reads = 0;
        world.frame();
        assert!(world.socket.0.borrow().reads <= 4);
        frames += 1;
    }
    assert!(frames > 3, "{frames}");
}

/// Nobody has found the server yet, or nobody will.
#[test]
fn connecting_takes_no_frame() {
    let (tell, dialed) = channel();
    let mut app = App::<Socket>::new(Jid::new(JULIET).unwrap(), dialed, Entropy::from_seed([0; 32]));
    let mut frames = VirtualFrames::after(Now::default());
    assert_eq!(app.frame(frames.next()).rows()[1], "connecting");
    tell.send(Err("no such name".to_owned())).unwrap();
    assert_eq!(app.frame(frames.next()).rows()[1], "no such name");
    assert!(app.is_over());
}
