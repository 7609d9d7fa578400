//! One machine over one blocking socket, for several threads at once.

use std::fmt;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use waxwing_core::machine::{Machine, Now};

use crate::Clock;
use crate::pump::{Manner, Pump};

/// A [`Machine`] over a `TcpStream`, to be used from several threads at the same time: while some wait for events, others
/// send. Clones are the same connection. The last one to be dropped ends it there and then, whatever it still had to send: to
/// leave in good order, tell the machine to close and take its events until there are no more.
///
/// Two threads of its own move the bytes and keep the time. So the machine also lives while nobody calls, other than that of
/// a [`Driver`](crate::Driver), which needs no thread.
///
/// ```no_run
/// # fn f(client: waxwing_core::client::Client, socket: std::net::TcpStream, clock: waxwing_std::Clock,
/// #      to: waxwing_core::jid::Jid) -> Result<(), Box<dyn std::error::Error>> {
/// use waxwing_core::stanza::Message;
/// use waxwing_std::Duplex;
///
/// let connection = Duplex::new(client, socket, clock)?;
/// let sender = connection.clone();
/// std::thread::spawn(move || {
///     for line in std::io::stdin().lines().map_while(Result::ok) {
///         let sent = sender.tell(|client, now| client.send(now, Message::chat(to.clone(), &line)));
///         if sent.is_err() {
///             return;
///         }
///     }
/// });
/// while let Some(event) = connection.next_event(None) {
///     println!("{event:?}");
/// }
/// # Ok(()) }
/// ```
///
/// # What is bounded
///
/// Events wait until they are taken. While more than a few dozen wait, nothing more is read, so that the transport's own flow
/// control slows the peer down: who only sends must let another thread take the events. What is to be sent waits in the
/// machine, whose limits say how much of it there may be; [`tell`](Duplex::tell) never waits for the socket.
pub struct Duplex<M: Machine>(Arc<Owner<M>>);

/// All clones together.
struct Owner<M: Machine>(Arc<Pump<M>>);

impl<M: Machine> Drop for Owner<M> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl<M: Machine> Clone for Duplex<M> {
    fn clone(&self) -> Duplex<M> {
        Duplex(Arc::clone(&self.0))
    }
}

impl<M: Machine> fmt::Debug for Duplex<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Duplex").field(&self.0.0).finish()
    }
}

impl<M: Machine + Send + 'static> Duplex<M>
where
    M::Event: Send,
{
    /// Takes a connected socket and starts to work. `clock` must be the one that the machine has been told the time from.
    ///
    /// # Errors
    /// Where the socket is not in order, or there are no threads to be had.
    pub fn new(machine: M, socket: TcpStream, clock: Clock) -> io::Result<Duplex<M>> {
        let manner = Manner { collect: |_, _| {}, stalled: None, linger: Duration::ZERO };
        let pump = Arc::new(Pump::new(machine, socket, clock, Arc::default(), manner)?);
        pump.start("waxwing", || ())?;
        Ok(Duplex(Arc::new(Owner(pump))))
    }
}

impl<M: Machine> Duplex<M> {
    /// How long a peer that reads no more may hold up the end, once the machine is finished. 10 seconds unless set.
    pub fn set_last_words(&self, patience: Duration) {
        self.0.0.set_last_words(patience);
    }

    /// Calls the machine with the present time, whatever other threads do meanwhile, and returns what it says. What it wants
    /// to send goes out by itself. `f` has the machine to itself for as long as it runs: let it be short, and do not use the
    /// connection in it.
    pub fn tell<R>(&self, f: impl FnOnce(&mut M, Now) -> R) -> R {
        self.0.0.tell(f)
    }

    /// Looks at the machine, as [`tell`](Duplex::tell) changes it.
    pub fn ask<R>(&self, f: impl FnOnce(&M) -> R) -> R {
        self.0.0.ask(f)
    }

    /// Waits for the next event, at most for `patience` (`None`: as long as it takes). Each event comes once: where several
    /// threads wait, one of them gets it.
    ///
    /// `None`: patience is over, or the machine is finished, the connection closed, and everything reported. A connection that
    /// is lost in any way ends as if the peer had closed it, and is the machine's event.
    pub fn next_event(&self, patience: Option<Duration>) -> Option<M::Event> {
        self.0.0.next_event(patience)
    }
}
