//! What a hub lends to whoever does the work.

use super::bind::{Enable, Enabled};
use super::config::Config;
use super::managed::Receipt;
use super::module::Module;
use super::outbox::Outbox;
use super::output::SessionId;
use crate::jid::BareJid;
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
    /// Of the stanza that is being handled. Whoever keeps it for later takes this.
    pub(super) receipt: Option<Receipt>,
}

impl Context<'_> {
    /// The stanza that is being handled is kept for later.
    pub(super) fn hold(&mut self) -> Option<Receipt> {
        let receipt = self.receipt.take();
        self.outbox.hold(receipt);
        receipt
    }

    /// The stanza that was being handled has been, unless somebody has kept it.
    pub(super) fn done(&mut self) {
        let receipt = self.receipt.take();
        self.outbox.settle(receipt);
    }

    /// Stanzas of a session are to be acknowledged from now on (XEP-0198). `None`: they are already.
    pub(super) fn manage(
        &mut self,
        session: SessionId,
        account: &BareJid,
        is_guest: bool,
        enable: Enable,
    ) -> Option<Enabled> {
        // A guest that logs in again has another account.
        let enable = Enable { resume: enable.resume && !is_guest, ..enable };
        self.outbox.managed.enable(session, account, enable, self.config, self.entropy)
    }
}
