//! A change as data: what the store is to write, and what is to happen once it has.

use crate::jid::BareJid;
use crate::payload::blocking::Change as Blocking;
use crate::server::output::SessionId;
use crate::server::store::Delta;
use crate::stanza::Stanza;

/// A change to what is kept of the account.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// What changes, in order.
    pub(super) deltas: Vec<Delta>,
    /// What happens once the change is durable, in order.
    pub(super) effects: Vec<Effect>,
    /// The stanza that asked for it: refused if the change fails, where stanzas of its kind may be.
    pub(super) asked_by: Option<Stanza>,
}

/// What happens on account of a change. Worked out when it happens, for sessions may come and go in between.
#[derive(Debug)]
pub(super) enum Effect {
    /// A stanza goes to whomever its `to` names.
    Send(Stanza),
    /// A stanza goes to a session, if it is still there.
    Deliver(SessionId, Stanza),
    /// Every interested resource is told what is now true of a contact.
    Push(BareJid),
    /// Sessions are told what has become of privacy lists or of the block list.
    Privacy(Push),
    /// A stanza goes to every available resource.
    ToAvailable(Stanza),
    /// A stanza goes to every interested resource.
    ToInterested(Stanza),
    /// Somebody gets the presence of every available resource.
    Show(BareJid),
    /// Somebody is told that no resource is available.
    Hide(BareJid),
}

/// What sessions are told of a change of privacy lists (XEP-0016) or of the block list (XEP-0191).
#[derive(Debug)]
pub(super) enum Push {
    /// Every session: the list of this name has changed (XEP-0016 section 2.2 rule 10).
    List(Box<str>),
    /// Sessions that have asked about lists: this one has changed, on account of blocking. To others, who only know the block
    /// list, it is none of their business.
    ListToThoseWhoKnow(Box<str>),
    /// Sessions that have asked for the block list: this happened to it (XEP-0191 sections 3.3 to 3.5).
    Blocking(Blocking),
}
