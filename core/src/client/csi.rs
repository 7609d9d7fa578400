//! Client state indication (XEP-0352): whether somebody looks at this client.

use super::Client;
use crate::machine::Now;
use crate::ns;
use crate::stream::bind2::ClientState;

/// What is to be said about it, and what the server knows.
#[derive(Debug)]
pub(super) struct Csi {
    pub(super) wanted: ClientState,
    /// The server has said along with Bind 2 that it listens.
    pub(super) is_offered_inline: bool,
    /// It has been told along with Bind 2.
    pub(super) is_told_inline: bool,
}

impl Csi {
    pub(super) fn new() -> Csi {
        Csi { wanted: ClientState::Active, is_offered_inline: false, is_told_inline: false }
    }
}

impl Client {
    /// Tells the server whether somebody looks at this client, so that it may hold back what can wait. A client begins
    /// active. It is remembered, and told again over each new connection; a server that does not offer to listen is told
    /// nothing.
    pub fn set_state(&mut self, now: Now, state: ClientState) {
        self.clock = now;
        if self.csi.wanted != state {
            self.csi.wanted = state;
            if self.is_online() {
                self.tell_state();
            }
        }
    }

    /// A session begins or goes on: for the server somebody looks (section 5).
    pub(super) fn begin_state(&mut self) {
        let is_told = core::mem::take(&mut self.csi.is_told_inline);
        if self.csi.wanted == ClientState::Inactive && !is_told {
            self.tell_state();
        }
    }

    fn tell_state(&mut self) {
        let features = self.features.as_ref();
        if self.csi.is_offered_inline || features.is_some_and(|features| features.has("csi", ns::CSI)) {
            self.stream.send(&self.csi.wanted.to_element());
        }
    }
}
