//! What a client tells its owner.

use super::{Error, FastToken, Reply, RequestError, StanzaHandle, Subscription};
use crate::jid::{FullJid, Jid};
use crate::machine::Instant;
use crate::payload::carbons::Carbon;
use crate::payload::roster::Item;
use crate::stanza::{Iq, Message, ParseError, Presence, Stanza};
use crate::xml::Element;

/// What happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// With [`TlsMode::StartTlsOutside`](super::TlsMode::StartTlsOutside): both sides have agreed to begin TLS. Drain
    /// `transmit`, do the handshake as client for the account's domain, then call
    /// [`Client::secured`](super::Client::secured) and go on with the plaintext inside it.
    StartTls,
    /// The server wants to know who we are: call [`Client::authenticate`](super::Client::authenticate) with
    /// credentials, or close.
    CredentialsNeeded {
        /// The SASL mechanisms that the server offers, in its order.
        mechanisms: Vec<String>,
    },
    /// The server has given a token for the next login ([`Config::fast_token`](super::Config::fast_token)): keep it in the place
    /// of any earlier one.
    Token(FastToken),
    /// Negotiation is complete: stanzas can be sent from now on, and this is our address. After
    /// [`Interrupted`](Event::Interrupted) it means that the old session could not be resumed and this is a new one: nobody
    /// knows yet that we are here.
    Online(FullJid),
    /// A message has come in. [`Client::delay`](super::Client::delay) says whether it was held back on the way, as those
    /// are that came while nobody was here (XEP-0160).
    Message(Message),
    /// A copy of a message that another session of the account's has sent or received (XEP-0280). It comes from the
    /// account itself, so it can be believed as much as the server can.
    Carbon(Carbon),
    /// Somebody's presence, or an error about ours, has come in. [`Client::contacts`](super::Client::contacts) already
    /// has it.
    Presence(Presence),
    /// Somebody asks for, grants, ends or refuses a subscription.
    Subscription(Subscription),
    /// Something about the roster.
    Roster(RosterEvent),
    /// Something about who is blocked.
    Blocking(BlockEvent),
    /// The privacy list of this name has been changed, here or in another session (XEP-0016 section 2.6).
    PrivacyListChanged(String),
    /// What this entity can do has become known, and so what everyone can who shows the same caps:
    /// [`Client::capabilities`](super::Client::capabilities).
    Capabilities(Jid),
    /// A request that the configuration wants delivered has come in. It must be answered: with
    /// [`Client::respond`](super::Client::respond) or [`Client::refuse`](super::Client::refuse).
    Iq(Iq),
    /// A request of ours is over: see [`RequestHandle::read`](super::RequestHandle::read).
    Reply(Reply),
    /// A reply that belongs to no request: it came too late, from somebody who was not asked, or to an iq that was
    /// sent as a plain stanza. Trust nothing in it.
    StrayReply(Iq),
    /// Something that should have been a stanza and is not. It was dropped; a request was answered with an error.
    Malformed {
        /// What came.
        element: Element,
        /// What is wrong with it.
        error: ParseError,
    },
    /// Something has come in that only the account itself may say, from somebody else. It had no effect and was not
    /// answered. For logs.
    Ignored {
        /// What came.
        stanza: Stanza,
        /// What it pretended to be.
        reason: Ignored,
    },
    /// The bytes of this stanza have been handed out by `transmit`.
    Sent(StanzaHandle),
    /// The server has this stanza (XEP-0198): it is its business from now on. Only where the stream is managed
    /// ([`Config::management`](super::Config::management)).
    Acknowledged(StanzaHandle),
    /// The stream is over and not one byte of this stanza has been handed out.
    Unsent {
        /// Which one it was.
        handle: StanzaHandle,
        /// The stanza itself, to be sent over another stream.
        stanza: Stanza,
    },
    /// The session is over, this stanza has been handed out, and the server has not said that it has it: it may have
    /// arrived, or not.
    Unacknowledged {
        /// Which one it was.
        handle: StanzaHandle,
        /// The stanza itself.
        stanza: Stanza,
    },
    /// The connection is over, the session may not be (XEP-0198 section 5): close the transport, connect again and call
    /// [`Client::reconnect`](super::Client::reconnect), or give up with [`Client::abandon`](super::Client::abandon). Stanzas
    /// can be queued in the meantime.
    Interrupted(Error),
    /// The session goes on over the new connection, as if nothing had happened: requests, roster and contacts are as they
    /// were, and what has not been acknowledged is being sent again. This is our address.
    Resumed(FullJid),
    /// Only from a [`Session`](super::session): there is no connection, or it could not be made.
    Offline {
        /// Why. `None`: the caller wants it so.
        error: Option<Error>,
        /// When the next attempt will be made. `None`: when the caller wants it.
        until: Option<Instant>,
    },
    /// The stream is over: the last event. `Ok` if the caller closed it.
    Closed(Result<(), Error>),
}

/// What a stranger tried to say in the account's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ignored {
    /// A change of the roster (RFC 6121 section 2.1.6).
    ForgedRosterPush,
    /// A change of the block list (XEP-0191).
    ForgedBlockPush,
    /// A change of a privacy list (XEP-0016).
    ForgedPrivacyPush,
    /// A copy of a message (XEP-0280 section 11), or the account's server sent one that cannot be right.
    ForgedCarbon,
}

/// Something about the roster. [`Client::roster`](super::Client::roster) already has it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RosterEvent {
    /// The server has answered: the roster is known. Where it was cached, changes since then may still follow.
    Loaded,
    /// The server refused to give it, or did not answer. Ask again when it makes sense.
    Failed(RequestError),
    /// A contact was added or changed, here or in another context.
    Changed {
        /// As it is now.
        item: Item,
        /// As it was, if it was there.
        before: Option<Item>,
    },
    /// A contact was removed, here or in another context. What it was last, as far as that was known.
    Removed(Item),
}

/// Something about the block list. [`Client::block_list`](super::Client::block_list) already has it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum BlockEvent {
    /// The server has answered: the list is known.
    Loaded,
    /// The server refused to give it, or did not answer.
    Failed(RequestError),
    /// These have been blocked, here or in another context.
    Blocked(Vec<Jid>),
    /// These are not blocked any more.
    Unblocked(Vec<Jid>),
}
