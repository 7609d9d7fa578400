//! Gets through to the first of several targets that can be reached.

use waxwing_core::dns::{Config, Failure, Route, Target};
use waxwing_futures::{Dials, Outcome, Task};
use waxwing_std::dial::NOT_PERMITTED;

use crate::Tokio;
use crate::dial::Dialer;

impl Dials for Tokio {
    fn get_through(targets: Vec<Target>, dns: Config, permits: fn(&Route) -> bool) -> Task<Outcome<Tokio>> {
        Box::pin(async move {
            let mut failure = Failure::NoAddress;
            for target in targets {
                // Without randomness no name can be asked for.
                let mut dialer = Dialer::new(target, dns.clone()).map_err(|_| Failure::Unresolved)?;
                failure = loop {
                    match dialer.dial().await {
                        Ok((socket, route)) if permits(&route) => return Ok((socket, route)),
                        Ok((_, route)) => dialer.give_up(&route, NOT_PERMITTED),
                        Err(failure) => break failure,
                    }
                };
            }
            Err(failure)
        })
    }
}
