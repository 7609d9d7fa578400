//! The attacks. Each goes on until it is told to stop and then says what it did.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use waxwing_core::client::{Event, SendError};
use waxwing_core::jid::Jid;
use waxwing_core::stanza::Message;

use super::{Field, end};
use crate::session::{Session, log_in, log_in_over};

/// How those who misbehave do so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attack {
    /// Sessions that read nothing, to which others send as much as they can.
    SlowReaders,
    /// Connections that send a byte from time to time.
    SlowWriters,
    /// Connections that send nothing.
    Silent,
    /// Logins with a wrong password, one after the other, on many connections at once.
    Logins,
    /// One session that sends another as much as it can.
    Flood,
}

/// A slow writer sends a byte so often.
const DRIP: Duration = Duration::from_millis(100);
/// Slow readers.
const READERS: usize = 4;
/// How many send to each of them: servers slow down who sends much.
const WRITERS: usize = 8;
/// What the system keeps for a slow reader, so that it does not read for it.
const KEPT: u32 = 4096;
/// The size of what floods, in bytes.
const LARGE: usize = 8 << 10;
/// No connection may take longer to come about.
const CONNECT: Duration = Duration::from_secs(10);

type Stop = watch::Receiver<bool>;
/// Told when the attack has begun.
pub type Ready = oneshot::Sender<()>;

impl Attack {
    /// All there are.
    pub const ALL: [Attack; 5] =
        [Attack::SlowReaders, Attack::SlowWriters, Attack::Silent, Attack::Logins, Attack::Flood];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Attack::SlowReaders => "slow-readers",
            Attack::SlowWriters => "slow-writers",
            Attack::Silent => "silent",
            Attack::Logins => "logins",
            Attack::Flood => "flood",
        }
    }

    /// Attacks until told to stop, and says what came of it.
    pub async fn run(self, field: &Field, ready: Ready, stop: Stop) -> Result<String, String> {
        match self {
            Attack::SlowReaders => slow_readers(field, ready, stop).await,
            Attack::SlowWriters => connections(field, ready, stop, Some(DRIP)).await,
            Attack::Silent => connections(field, ready, stop, None).await,
            Attack::Logins => logins(field, ready, stop).await,
            Attack::Flood => flood(field, ready, stop).await,
        }
    }
}

/// As many connections as there are attackers, from many addresses of this machine, that say nothing or little.
async fn connections(
    field: &Field,
    ready: Ready,
    mut stop: Stop,
    drip: Option<Duration>,
) -> Result<String, String> {
    let _ = ready.send(());
    let mut tasks = JoinSet::new();
    let (mut opened, mut refused) = (0, 0);
    for n in 0..field.attackers {
        if *stop.borrow() {
            break;
        }
        match timeout(CONNECT, connect(field.target.address, n)).await {
            Ok(Ok(socket)) => {
                opened += 1;
                tasks.spawn(hold(socket, drip, stop.clone()));
            }
            _ => refused += 1,
        }
    }
    end(&mut stop).await;
    let mut closed = 0;
    while let Some(ended) = tasks.join_next().await {
        closed += usize::from(ended.unwrap_or(false));
    }
    Ok(format!("{opened} connected, {refused} could not; the server closed {closed}"))
}

/// Connects from one of the addresses of this machine, so that no one has too many.
async fn connect(address: SocketAddr, number: usize) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if address.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
        let host = u8::try_from(number % 100).unwrap_or(0) + 2;
        socket.bind((Ipv4Addr::new(127, 0, 0, host), 0).into())?;
    }
    socket.connect(address).await
}

/// Holds a connection. True: the server closed it.
async fn hold(mut socket: TcpStream, drip: Option<Duration>, mut stop: Stop) -> bool {
    // A stream header that never ends.
    let mut header =
        b"<?xml version='1.0'?><stream:stream to='".iter().copied().chain(std::iter::repeat(b'x'));
    let mut buffer = [0; 256];
    loop {
        let (mut reader, mut writer) = socket.split();
        let write = async {
            match drip {
                Some(pace) => {
                    sleep(pace).await;
                    writer.write_all(&[header.next().unwrap_or(b'x')]).await.is_ok()
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = end(&mut stop) => return false,
            read = reader.read(&mut buffer) => if !matches!(read, Ok(1..)) { return true },
            written = write => if !written { return true },
        }
    }
}

/// Many connections that log in with a wrong password and, once they are refused, begin again.
async fn logins(field: &Field, ready: Ready, stop: Stop) -> Result<String, String> {
    let _ = ready.send(());
    let mut tasks = JoinSet::new();
    for n in 0..field.attackers.min(64) {
        let (field, mut stop) = (field.clone(), stop.clone());
        let (local, _) = field.accounts[n % field.accounts.len()].clone();
        tasks.spawn(async move {
            let wrong = (local, "certainly wrong".to_owned());
            let mut attempts = 0_u64;
            loop {
                tokio::select! {
                    () = end(&mut stop) => return attempts,
                    // It is refused, whatever else happens.
                    _ = log_in(&field.target, &field.manner, &wrong) => attempts += 1,
                }
            }
        });
    }
    let mut attempts = 0;
    while let Some(done) = tasks.join_next().await {
        attempts += done.unwrap_or(0);
    }
    Ok(format!("{attempts} logins refused"))
}

/// Sessions that do not read what others send them without end.
async fn slow_readers(field: &Field, ready: Ready, stop: Stop) -> Result<String, String> {
    let (mut slow, mut writers) = (Vec::new(), Vec::new());
    for accounts in field.accounts.chunks_exact(1 + WRITERS).take(READERS.min(field.attackers)) {
        let socket = TcpSocket::new_v4().and_then(|socket| {
            socket.set_recv_buffer_size(KEPT)?;
            Ok(socket)
        });
        let connected = async { socket?.connect(field.target.address).await }.await;
        let socket = connected.map_err(|e| e.to_string())?;
        let reader = log_in_over(socket, &field.manner, &accounts[0]).await?;
        for account in &accounts[1..] {
            let writer = log_in(&field.target, &field.manner, account).await?;
            writers.push((writer, Jid::from(reader.jid.clone())));
        }
        // Nobody takes its events any more, so nothing is read.
        slow.push(reader);
    }
    let _ = ready.send(());
    let mut tasks = JoinSet::new();
    for (writer, to) in writers {
        tasks.spawn(send_much(writer, to, stop.clone()));
    }
    let sent = sum(tasks).await;
    let readers = slow.len();
    let mut closed = 0;
    for mut reader in slow {
        // What has come for it is read only now: behind it stands how it ended, if it did.
        let end = async {
            loop {
                match reader.driver.next_event().await {
                    Some(Event::Closed(Err(_))) | None => return true,
                    Some(_) => {}
                }
            }
        };
        closed += usize::from(timeout(Duration::from_millis(500), end).await.unwrap_or(false));
    }
    Ok(format!("{sent} messages of {LARGE} bytes to {readers} that do not read; the server closed {closed}"))
}

/// One that sends without end to one that reads.
async fn flood(field: &Field, ready: Ready, mut stop: Stop) -> Result<String, String> {
    let [from, to, ..] = &field.accounts[..] else { return Err("there are too few accounts".into()) };
    let mut reader = log_in(&field.target, &field.manner, to).await?;
    let writer = log_in(&field.target, &field.manner, from).await?;
    let _ = ready.send(());
    let mut tasks = JoinSet::new();
    tasks.spawn(send_much(writer, reader.jid.clone().into(), stop.clone()));
    let mut read = 0_u64;
    loop {
        tokio::select! {
            () = end(&mut stop) => break,
            event = reader.driver.next_event() => match event {
                Some(Event::Message(_)) => read += 1,
                Some(_) => {}
                None => break,
            },
        }
    }
    let sent = sum(tasks).await;
    Ok(format!("{sent} messages of {LARGE} bytes, {read} of them read"))
}

/// Sends as fast as the server takes it, and says how many it took.
async fn send_much(mut session: Session, to: Jid, mut stop: Stop) -> u64 {
    let message = Message::chat(to, &"x".repeat(LARGE));
    let (mut waiting, mut sent) = (0, 0);
    loop {
        while waiting < 8 {
            let now = session.driver.clock().now();
            match session.driver.machine_mut().send(now, message.clone()) {
                Ok(_) => waiting += 1,
                Err(SendError::QueueFull) => break,
                Err(_) => return sent,
            }
        }
        tokio::select! {
            () = end(&mut stop) => return sent,
            event = session.driver.next_event() => match event {
                Some(Event::Sent(_)) => (waiting, sent) = (waiting - 1, sent + 1),
                Some(_) => {}
                None => return sent,
            },
        }
    }
}

async fn sum(mut tasks: JoinSet<u64>) -> u64 {
    let mut sum = 0;
    while let Some(done) = tasks.join_next().await {
        sum += done.unwrap_or(0);
    }
    sum
}
