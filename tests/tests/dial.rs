//! Every adapter's dialer gets through to servers on this machine, by way of a name server on this machine.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use simple_dns::rdata::{A, RData, SRV};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};
use waxwing_core::dns::{Config, Failure, Hosts, Resolvers, Route, Security, Target};

/// A dialer of some adapter.
trait Dial: Sized {
    fn new(target: Target, config: Config) -> Self;
    /// The connection's own address and its peer's.
    fn dial(&mut self) -> Result<(SocketAddr, SocketAddr, Route), Failure>;
    fn give_up(&mut self, route: &Route);
}

struct Std(waxwing_std::dial::Dialer);

impl Dial for Std {
    fn new(target: Target, config: Config) -> Std {
        Std(waxwing_std::dial::Dialer::new(target, config).unwrap())
    }
    fn dial(&mut self) -> Result<(SocketAddr, SocketAddr, Route), Failure> {
        let (socket, route) = self.0.dial()?;
        Ok((socket.local_addr().unwrap(), socket.peer_addr().unwrap(), route))
    }
    fn give_up(&mut self, route: &Route) {
        self.0.give_up(route, "not what was wanted");
    }
}

struct Tokio(waxwing_tokio::Dialer, tokio::runtime::Runtime);

impl Dial for Tokio {
    fn new(target: Target, config: Config) -> Tokio {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Tokio(waxwing_tokio::Dialer::new(target, config).unwrap(), runtime)
    }
    fn dial(&mut self) -> Result<(SocketAddr, SocketAddr, Route), Failure> {
        let (socket, route) = self.1.block_on(self.0.dial())?;
        Ok((socket.local_addr().unwrap(), socket.peer_addr().unwrap(), route))
    }
    fn give_up(&mut self, route: &Route) {
        self.0.give_up(route, "not what was wanted");
    }
}

struct Smol(waxwing_smol::Dialer);

impl Dial for Smol {
    fn new(target: Target, config: Config) -> Smol {
        Smol(waxwing_smol::Dialer::new(target, config).unwrap())
    }
    fn dial(&mut self) -> Result<(SocketAddr, SocketAddr, Route), Failure> {
        let (socket, route) = smol::block_on(self.0.dial())?;
        Ok((socket.local_addr().unwrap(), socket.peer_addr().unwrap(), route))
    }
    fn give_up(&mut self, route: &Route) {
        self.0.give_up(route, "not what was wanted");
    }
}

struct AsyncStd(waxwing_async_std::Dialer);

impl Dial for AsyncStd {
    fn new(target: Target, config: Config) -> AsyncStd {
        AsyncStd(waxwing_async_std::Dialer::new(target, config).unwrap())
    }
    fn dial(&mut self) -> Result<(SocketAddr, SocketAddr, Route), Failure> {
        let (socket, route) = async_std::task::block_on(self.0.dial())?;
        Ok((socket.local_addr().unwrap(), socket.peer_addr().unwrap(), route))
    }
    fn give_up(&mut self, route: &Route) {
        self.0.give_up(route, "not what was wanted");
    }
}

/// A name server for example.com: its service for clients is at these ports of 127.0.0.1, in this order. If `shy`, it says
/// nothing but over TCP.
fn name_server(ports: Vec<u16>, shy: bool) -> SocketAddr {
    // The same port for both; the system gives a free one of each kind sooner or later.
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    let more = ports.clone();
    thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = udp.recv_from(&mut buffer) {
            udp.send_to(&answer(&buffer[..length], &ports, shy), from).unwrap();
        }
    });
    thread::spawn(move || {
        for socket in tcp.incoming() {
            let mut socket = socket.unwrap();
            let mut length = [0; 2];
            socket.read_exact(&mut length).unwrap();
            let mut question = vec![0; u16::from_be_bytes(length).into()];
            socket.read_exact(&mut question).unwrap();
            let answer = answer(&question, &more, false);
            socket.write_all(&u16::try_from(answer.len()).unwrap().to_be_bytes()).unwrap();
            socket.write_all(&answer).unwrap();
        }
    });
    address
}

fn answer(question: &[u8], ports: &[u16], shy: bool) -> Vec<u8> {
    let packet = Packet::parse(question).unwrap();
    let asked = &packet.questions[0];
    let (name, kind) = (asked.qname.clone(), asked.qtype);
    let mut reply = packet.clone().into_reply();
    if shy {
        reply.set_flags(PacketFlag::TRUNCATION);
    } else if name.to_string() == "_xmpp-client._tcp.example.com" && kind == QTYPE::TYPE(TYPE::SRV) {
        for (priority, port) in (0..).zip(ports) {
            let target = Name::new_unchecked("chat.example.com");
            let srv = RData::SRV(SRV { priority, weight: 0, port: *port, target });
            reply.answers.push(ResourceRecord::new(name.clone(), CLASS::IN, 60, srv));
        }
    } else if name.to_string() == "chat.example.com" {
        if kind == QTYPE::TYPE(TYPE::A) {
            let a = RData::A(A::from(std::net::Ipv4Addr::LOCALHOST));
            reply.answers.push(ResourceRecord::new(name, CLASS::IN, 60, a));
        }
    } else {
        *reply.rcode_mut() = RCODE::NameError;
    }
    reply.build_bytes_vec().unwrap()
}

fn config(server: SocketAddr) -> Config {
    let resolvers = Resolvers { servers: vec![server], timeout: Duration::from_secs(5), attempts: 2 };
    Config::new(resolvers, Hosts::default())
}

/// A port where nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn client() -> Target {
    Target::Client("example.com".into())
}

fn gets_through<D: Dial>(shy: bool) {
    let (listener, port) = listener();
    let server = name_server(vec![closed_port(), port], shy);
    let mut dialer = D::new(client(), config(server));
    let (here, there, route) = dialer.dial().unwrap();
    assert_eq!(there.port(), port);
    assert_eq!((route.host.as_str(), route.security), ("chat.example.com", Security::StartTls));
    assert_eq!(listener.accept().unwrap().1, here);
}

fn goes_on_behind_a_winner_that_is_of_no_use<D: Dial>() {
    let ((_one, first), (_two, second)) = (listener(), listener());
    let mut dialer = D::new(client(), config(name_server(vec![first, second], false)));
    let (_, _, route) = dialer.dial().unwrap();
    assert_eq!(route.address.port(), first);
    dialer.give_up(&route);
    let (_, _, route) = dialer.dial().unwrap();
    assert_eq!(route.address.port(), second);
    dialer.give_up(&route);
    let Failure::Unreachable(tried) = dialer.dial().unwrap_err() else { panic!() };
    let ports: Vec<u16> = tried.iter().map(|(address, _)| address.port()).collect();
    assert_eq!(ports, [first, second]);
}

/// Nobody listens on the name server's port: the system says so at once.
fn says_that_names_cannot_be_resolved<D: Dial>() {
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut dialer = D::new(client(), config(nobody));
    assert_eq!(dialer.dial().unwrap_err(), Failure::Unresolved);
}

#[test]
fn who_is_gone_gets_no_connection() {
    let (listener, port) = listener();
    let target = Target::Host { host: "127.0.0.1".into(), port, security: Security::Direct };
    let dns = config(([127, 0, 0, 1], 53).into());
    let owner = Arc::new(());
    let wanted_by = Arc::downgrade(&owner);
    let dial = || waxwing_std::dial::get_through(vec![target.clone()], &dns, |_| true, &wanted_by);
    assert!(dial().is_ok() && listener.accept().is_ok());
    listener.set_nonblocking(true).unwrap();
    drop(owner);
    assert_eq!(dial().unwrap_err(), Failure::Timeout);
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

macro_rules! suite {
    ($($name:ident: $dialer:ty;)*) => {$(
        #[test]
        fn $name() {
            gets_through::<$dialer>(false);
            gets_through::<$dialer>(true);
            goes_on_behind_a_winner_that_is_of_no_use::<$dialer>();
            says_that_names_cannot_be_resolved::<$dialer>();
        }
    )*};
}

suite! {
    rfc6120_3_2_std_gets_through: Std;
    rfc6120_3_2_tokio_gets_through: Tokio;
    rfc6120_3_2_smol_gets_through: Smol;
    rfc6120_3_2_async_std_gets_through: AsyncStd;
}
