//! Where the keys of new passwords are derived: on a thread of their own, so that nothing else waits for them.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{OnceLock, Weak};

use waxwing_core::sasl::Derivation;
use waxwing_core::server::store::RequestId;

use crate::shards::Shards;

/// A thread that starts with the first derivation and ends with the shards. How much can wait for it the hubs limit, and they
/// give up what takes too long.
pub(crate) struct Deriver {
    shards: Weak<Shards>,
    work: OnceLock<Option<Sender<(RequestId, Derivation)>>>,
}

impl Deriver {
    pub(crate) fn new(shards: Weak<Shards>) -> Deriver {
        Deriver { shards, work: OnceLock::new() }
    }

    /// Hands in work. Its result goes to the shards.
    pub(crate) fn derive(&self, id: RequestId, derivation: Derivation) {
        let work = self.work.get_or_init(|| {
            let (sender, receiver) = channel();
            let shards = Weak::clone(&self.shards);
            let name = "waxwing-derive".to_owned();
            let started = std::thread::Builder::new().name(name).spawn(move || run(&receiver, &shards));
            started.is_ok().then_some(sender)
        });
        if let Some(work) = work {
            // Without a thread nobody answers, and the hub gives up in a while.
            let _ = work.send((id, derivation));
        }
    }
}

fn run(work: &Receiver<(RequestId, Derivation)>, shards: &Weak<Shards>) {
    while let Ok((id, derivation)) = work.recv() {
        let keys = derivation.run();
        let Some(shards) = shards.upgrade() else { return };
        shards.derived(id, keys);
    }
}
