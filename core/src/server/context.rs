//! What a hub lends to whoever does the work.

use super::config::Config;
use super::module::Module;
use super::outbox::Outbox;
use crate::machine::{Entropy, Instant, Now};

/// What an entity may use while it handles something.
#[derive(Debug)]
pub(super) struct Context<'a> {
    pub(super) now: Now,
    /// When the hub began to work.
    pub(super) started: Instant,
    pub(super) config: &'a Config,
    pub(super) entropy: &'a mut Entropy,
    pub(super) modules: &'a mut [Box<dyn Module>],
    pub(super) outbox: &'a mut Outbox,
}
