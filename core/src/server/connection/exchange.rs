//! An attempt to log in, between one element of SASL and the next.

use super::fast::Proved;
use super::negotiation::Account;
use super::sasl2::Wishes;
use crate::jid::BareJid;
use crate::sasl::{Mechanism, ServerSession};
use crate::stream::sasl2::ClientId;

/// One attempt to log in.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) session: ServerSession,
    pub(super) mechanism: Mechanism,
    /// Whose credentials were asked for.
    pub(super) account: Option<BareJid>,
    pub(super) question: Option<Question>,
    /// In SASL2: what is asked for besides.
    pub(super) wishes: Option<Wishes>,
    /// The token that it was proved with.
    pub(super) proved: Option<Proved>,
    /// Whom it has proved to be, while it is asked what tokens hang on; and the mechanism's last word.
    pub(super) outcome: Option<(Account, Option<Vec<u8>>)>,
}

impl Exchange {
    pub(super) fn new(session: ServerSession, mechanism: Mechanism, wishes: Option<Wishes>) -> Exchange {
        Exchange { session, mechanism, account: None, question: None, wishes, proved: None, outcome: None }
    }

    /// Which client it says it is.
    pub(super) fn client(&self) -> Option<ClientId> {
        self.wishes.as_ref()?.asked.user_agent.as_ref()?.id
    }
}

/// What the owner has been asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Question {
    Credentials,
    Tokens,
    /// What tokens hang on, of a client that has proved who it is without the password.
    Fingerprint,
    Verdict,
}
