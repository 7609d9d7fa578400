//! An attempt to log in, between one element of SASL and the next.

use crate::jid::BareJid;
use crate::sasl::{Mechanism, ServerSession};

/// One attempt to log in.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) session: ServerSession,
    pub(super) mechanism: Mechanism,
    /// Whose credentials were asked for.
    pub(super) account: Option<BareJid>,
    pub(super) question: Option<Question>,
}

/// What the owner has been asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Question {
    Credentials,
    Verdict,
}
