//! Gets through to a server.

use std::io;
use std::sync::Arc;

use waxwing_core::dns::{Config, Failure, Route, Target};
use waxwing_std::dial;

use crate::aside::{Aside, aside};
use crate::{Adopts, Task};

/// Gets through to one server. Names and attempts to connect are the business of a thread that may block; the connection that
/// comes of it is the runtime's. Dropped, it is given up.
pub struct Dialer<R> {
    /// Not at home while it works.
    dialer: Option<dial::Dialer>,
    at_work: Option<Aside<(dial::Dialer, Got)>>,
    /// As long as it is there, somebody wants a connection.
    _owner: Arc<()>,
    runtime: std::marker::PhantomData<fn() -> R>,
}

type Got = Result<(std::net::TcpStream, Route), Failure>;

/// What comes of getting through to a server.
pub(crate) type Outcome<R> = Result<(<R as crate::Runtime>::Socket, Route), Failure>;

impl<R> std::fmt::Debug for Dialer<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer").field("dialer", &self.dialer).finish_non_exhaustive()
    }
}

impl<R: Adopts> Dialer<R> {
    /// A dialer for one server. Nothing happens before [`dial`](Dialer::dial).
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub fn new(target: Target, config: Config) -> io::Result<Dialer<R>> {
        let owner = Arc::new(());
        let dialer = Some(dial::Dialer::new(target, config)?.wanted_by(Arc::downgrade(&owner)));
        Ok(Dialer { dialer, at_work: None, _owner: owner, runtime: std::marker::PhantomData })
    }

    /// Waits for a connection. After [`give_up`](Dialer::give_up) it can be called again. Cancel safe: the next call goes on
    /// where this one stopped.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn dial(&mut self) -> Result<(R::Socket, Route), Failure> {
        if let Some(mut dialer) = self.dialer.take() {
            self.at_work = Some(aside(move || {
                let got = dialer.dial();
                (dialer, got)
            }));
        }
        let Some(at_work) = &mut self.at_work else { return Err(Failure::Timeout) };
        let done = at_work.await;
        self.at_work = None;
        let (dialer, got) = done.ok_or(Failure::Timeout)?;
        self.dialer = Some(dialer);
        adopt::<R>(got)
    }

    /// The connection that came last is of no use; `why` is for people. [`dial`](Dialer::dial) goes on behind it.
    pub fn give_up(&mut self, route: &Route, why: &str) {
        if let Some(dialer) = &mut self.dialer {
            dialer.give_up(route, why);
        }
    }
}

/// Gets through to the first of the targets that can be reached by a route of which `permits` is true. Dropped, it is given up.
pub(crate) fn get_through<R: Adopts>(
    targets: Vec<Target>,
    dns: Config,
    permits: fn(&Route) -> bool,
) -> Task<Outcome<R>> {
    let owner = Arc::new(());
    let wanted_by = Arc::downgrade(&owner);
    let got = aside(move || dial::get_through(targets, &dns, permits, &wanted_by));
    Box::pin(async move {
        let _owner = owner;
        adopt::<R>(got.await.unwrap_or(Err(Failure::Timeout)))
    })
}

fn adopt<R: Adopts>(got: Got) -> Outcome<R> {
    let (socket, route) = got?;
    match R::adopt(socket) {
        Ok(socket) => Ok((socket, route)),
        Err(error) => Err(Failure::Unreachable(vec![(route.address, error.to_string())])),
    }
}
