//! Gets through to a server.

use std::io;

use waxwing_core::dns::{Config, Failure, Route, Target};
use waxwing_std::dial;

use crate::{Blocking, Task};

/// Gets through to one server. Names and attempts to connect are the business of a thread that may block; the connection that
/// comes of it is the runtime's.
pub struct Dialer<R> {
    /// Not at home while it works.
    dialer: Option<dial::Dialer>,
    at_work: Option<Task<(dial::Dialer, Outcome)>>,
    runtime: std::marker::PhantomData<fn() -> R>,
}

type Outcome = Result<(std::net::TcpStream, Route), Failure>;

impl<R> std::fmt::Debug for Dialer<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer").field("dialer", &self.dialer).finish_non_exhaustive()
    }
}

impl<R: Blocking> Dialer<R> {
    /// A dialer for one server. Nothing happens before [`dial`](Dialer::dial).
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub fn new(target: Target, config: Config) -> io::Result<Dialer<R>> {
        let dialer = Some(dial::Dialer::new(target, config)?);
        Ok(Dialer { dialer, at_work: None, runtime: std::marker::PhantomData })
    }

    /// Waits for a connection. After [`give_up`](Dialer::give_up) it can be called again. Cancel safe: the next call goes on
    /// where this one stopped.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn dial(&mut self) -> Result<(R::Socket, Route), Failure> {
        if let Some(mut dialer) = self.dialer.take() {
            self.at_work = Some(R::unblock(move || {
                let outcome = dialer.dial();
                (dialer, outcome)
            }));
        }
        let Some(at_work) = &mut self.at_work else { return Err(Failure::Timeout) };
        let (dialer, outcome) = at_work.await;
        (self.at_work, self.dialer) = (None, Some(dialer));
        let (socket, route) = outcome?;
        match R::adopt(socket) {
            Ok(socket) => Ok((socket, route)),
            Err(error) => Err(Failure::Unreachable(vec![(route.address, error.to_string())])),
        }
    }

    /// The connection that came last is of no use; `why` is for people. [`dial`](Dialer::dial) goes on behind it.
    pub fn give_up(&mut self, route: &Route, why: &str) {
        if let Some(dialer) = &mut self.dialer {
            dialer.give_up(route, why);
        }
    }
}
