//! Iq requests with typed replies (RFC 6120 section 8.2.3).

use crate::jid::Jid;
use crate::machine::Instant;
use crate::ns;
use crate::stanza::{Iq, IqType, StanzaError};
use crate::xml::{Element, ElementBuilder, ElementRef};
use core::fmt;
use std::collections::BTreeMap;

/// A question that can be put to another entity, and how to read its answer.
///
/// ```
/// use waxwing_core::client::{Malformed, Request, RequestKind};
/// use waxwing_core::{jid::Jid, stanza::Iq, xml::{Element, ElementBuilder}};
///
/// /// Asks for the name of the software at the other end (XEP-0092).
/// struct Version(Jid);
///
/// impl Request for Version {
///     type Reply = String;
///
///     fn to(&self) -> Option<&Jid> {
///         Some(&self.0)
///     }
///     fn kind(&self) -> RequestKind {
///         RequestKind::Get
///     }
///     fn payload(&self) -> ElementBuilder {
///         Element::builder("query", "jabber:iq:version")
///     }
///     fn parse(&self, reply: &Iq) -> Result<String, Malformed> {
///         let query = reply.payload().ok_or(Malformed("no payload"))?;
///         let name = query.child("name", "jabber:iq:version").ok_or(Malformed("no name"))?;
///         Ok(name.text().into_owned())
///     }
/// }
/// ```
pub trait Request {
    /// What a successful reply says.
    type Reply;

    /// Whom to ask; `None` asks the server to answer on behalf of the account (RFC 6120 section 10.3.3).
    fn to(&self) -> Option<&Jid>;

    /// Whether it asks or changes something.
    fn kind(&self) -> RequestKind;

    /// What to ask: the iq's one child.
    fn payload(&self) -> ElementBuilder;

    /// Reads the reply: an iq of type `result` with the right id from the right sender.
    fn parse(&self, reply: &Iq) -> Result<Self::Reply, Malformed>;
}

/// The two types of iq that ask for a reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RequestKind {
    /// Asks for information.
    Get,
    /// Provides or changes something.
    Set,
}

/// A result that does not contain what it should; the text says what is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed(pub &'static str);

impl From<crate::payload::Malformed> for Malformed {
    fn from(malformed: crate::payload::Malformed) -> Malformed {
        Malformed(malformed.what())
    }
}

/// Names a request without its type, for use as a key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId {
    machine: u64,
    serial: u64,
}

/// A request that has been made. Keep it, and read the reply with it when that comes.
///
/// It belongs to the machine that gave it out and to one request of that.
#[derive(Debug)]
#[must_use = "the reply can only be read with the handle"]
pub struct RequestHandle<R> {
    id: RequestId,
    request: R,
}

impl<R: Request> RequestHandle<R> {
    /// Reads the reply, if it is the one to this request; `None` if it is the reply to another.
    pub fn read(&self, reply: &Reply) -> Option<Result<R::Reply, RequestError>> {
        if !reply.is(self) {
            return None;
        }
        Some(match &reply.outcome {
            Outcome::Result(iq) => {
                self.request.parse(iq).map_err(|Malformed(what)| RequestError::Malformed(what))
            }
            Outcome::Failed(error) => Err(error.clone()),
        })
    }
}

impl<R> RequestHandle<R> {
    pub(super) fn new(id: RequestId, request: R) -> RequestHandle<R> {
        RequestHandle { id, request }
    }

    /// The request's name, to keep handles in a map.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// What was asked.
    pub fn request(&self) -> &R {
        &self.request
    }
}

/// How a request ended. Every request ends exactly once.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    id: RequestId,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Result(Iq),
    Failed(RequestError),
}

impl Reply {
    /// True if this is the reply to that request.
    pub fn is<R>(&self, handle: &RequestHandle<R>) -> bool {
        self.id == handle.id
    }

    /// The request that this is the reply to.
    pub fn request(&self) -> RequestId {
        self.id
    }

    /// The iq that came, if it was a result; [`RequestHandle::read`] understands it.
    pub fn iq(&self) -> Option<&Iq> {
        self.outcome().ok()
    }

    /// How it ended.
    pub(super) fn outcome(&self) -> Result<&Iq, &RequestError> {
        match &self.outcome {
            Outcome::Result(iq) => Ok(iq),
            Outcome::Failed(error) => Err(error),
        }
    }
}

/// Why a request brought no result.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RequestError {
    /// Who was asked, or a server on the way, answered with an error.
    Stanza(StanzaError),
    /// No answer came in time. Whether the request took effect is not known.
    Timeout,
    /// The stream ended first.
    Disconnected {
        /// False if not one byte of the request was handed out: then it had no effect.
        sent: bool,
    },
    /// An answer came that is none; the text says what is wrong with it.
    Malformed(&'static str),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RequestError::Stanza(error) => write!(f, "answered with an error: {:?}", error.condition()),
            RequestError::Timeout => {
                f.write_str("no answer in time: ask again, if asking twice does no harm")
            }
            RequestError::Disconnected { sent: true } => f.write_str(
                "the stream ended before an answer came: reconnect and see whether it took effect",
            ),
            RequestError::Disconnected { sent: false } => {
                f.write_str("the stream ended before it was sent: reconnect and ask again")
            }
            RequestError::Malformed(what) => write!(f, "the answer makes no sense: {what}"),
        }
    }
}

impl core::error::Error for RequestError {}

/// Asks for a sign of life (XEP-0199). An error reply from the entity itself is one, too.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ping {
    /// Whom: the server's domain, a full address, or `None` for one's own account.
    pub to: Option<Jid>,
}

impl Request for Ping {
    type Reply = ();

    fn to(&self) -> Option<&Jid> {
        self.to.as_ref()
    }
    fn kind(&self) -> RequestKind {
        RequestKind::Get
    }
    fn payload(&self) -> ElementBuilder {
        Element::builder("ping", ns::PING)
    }
    fn parse(&self, _reply: &Iq) -> Result<(), Malformed> {
        Ok(())
    }
}

/// Any request; its reply is the iq itself.
#[derive(Clone, Debug)]
pub struct Raw {
    /// Whom.
    pub to: Option<Jid>,
    /// Get or set.
    pub kind: RequestKind,
    /// The child.
    pub payload: ElementBuilder,
}

impl Request for Raw {
    type Reply = Iq;

    fn to(&self) -> Option<&Jid> {
        self.to.as_ref()
    }
    fn kind(&self) -> RequestKind {
        self.kind
    }
    fn payload(&self) -> ElementBuilder {
        self.payload.clone()
    }
    fn parse(&self, reply: &Iq) -> Result<Iq, Malformed> {
        Ok(reply.clone())
    }
}

/// Implements [`Request`] where each part of it is an expression. `$this` is the request, `$iq` the result.
macro_rules! request {
    ($request:ty => $reply:ty: $kind:ident, to |$whom:ident| $to:expr, ask |$this:ident| $payload:expr, read |$iq:ident| $read:expr) => {
        impl $crate::client::Request for $request {
            type Reply = $reply;

            fn to(&self) -> Option<&$crate::jid::Jid> {
                let $whom = self;
                $to
            }
            fn kind(&self) -> $crate::client::RequestKind {
                $crate::client::RequestKind::$kind
            }
            fn payload(&self) -> $crate::xml::ElementBuilder {
                let $this = self;
                $payload
            }
            fn parse(&self, $iq: &$crate::stanza::Iq) -> Result<$reply, $crate::client::Malformed> {
                $read
            }
        }
    };
    // To the account, and all that comes back is that it has been done.
    ($request:ty: $kind:ident, ask |$this:ident| $payload:expr) => {
        $crate::client::request::request!($request => (): $kind, to |_this| None, ask |$this| $payload, read |_iq| Ok(()));
    };
}
pub(super) use request;

/// The payload of a result that must have one.
pub(super) fn payload(iq: &Iq) -> Result<ElementRef<'_>, Malformed> {
    iq.payload().ok_or(Malformed("a result without a payload"))
}

/// Whose request it is, and so who wants to know how it ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// The caller's: it is told with an event.
    Caller,
    /// The machine asked for the roster.
    Roster,
    /// The machine asked for the block list.
    BlockList,
    /// The machine asked for copies.
    Carbons,
    /// The machine asked this entity what it can do.
    Capabilities(Jid),
}

impl Purpose {
    /// True if the caller has caused it.
    pub(super) fn is_callers(&self) -> bool {
        !matches!(self, Purpose::Capabilities(_) | Purpose::Carbons)
    }
}

/// A request that has ended.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) purpose: Purpose,
    pub(super) reply: Reply,
}

/// The requests that wait for replies.
#[derive(Debug)]
pub(super) struct Pending {
    machine: u64,
    serial: u64,
    by_id: BTreeMap<String, Waiting>,
    /// How many of them the caller has caused.
    callers: usize,
    /// The same by time, so that the next deadline is found without looking at all of them.
    by_time: BTreeMap<(Instant, u64), String>,
}

#[derive(Debug)]
struct Waiting {
    serial: u64,
    purpose: Purpose,
    to: Option<Jid>,
    until: Instant,
    sent: bool,
}

impl Pending {
    pub(super) fn new(machine: u64) -> Pending {
        Pending { machine, serial: 0, by_id: BTreeMap::new(), callers: 0, by_time: BTreeMap::new() }
    }

    /// How many requests wait that the caller has caused. Those about capabilities have a limit of their own.
    pub(super) fn callers(&self) -> usize {
        self.callers
    }

    /// Waits for a reply with this id, until then.
    pub(super) fn insert(
        &mut self,
        purpose: Purpose,
        id: String,
        to: Option<Jid>,
        until: Instant,
    ) -> RequestId {
        self.serial += 1;
        let serial = self.serial;
        self.callers += usize::from(purpose.is_callers());
        self.by_time.insert((until, serial), id.clone());
        self.by_id.insert(id, Waiting { serial, purpose, to, until, sent: false });
        RequestId { machine: self.machine, serial }
    }

    /// The bytes of this request have been handed out.
    pub(super) fn mark_sent(&mut self, id: &str) {
        if let Some(waiting) = self.by_id.get_mut(id) {
            waiting.sent = true;
        }
    }

    /// Takes an incoming result or error, if it is the reply to a request: id and sender must both be right
    /// (`is_from` judges the sender against whom was asked).
    pub(super) fn take(&mut self, iq: &Iq, is_from: impl Fn(Option<&Jid>) -> bool) -> Option<Settled> {
        let outcome = match (iq.kind(), iq.error()) {
            (IqType::Result, _) => Outcome::Result(iq.clone()),
            (_, Some(error)) => Outcome::Failed(RequestError::Stanza(error)),
            (_, None) => Outcome::Failed(RequestError::Malformed("an error that says nothing")),
        };
        self.settle(iq.id(), is_from, outcome)
    }

    /// As [`take`](Self::take), for a reply that breaks RFC 6120 section 8.2.3: it answers the request all the same,
    /// just not with anything that could be read.
    pub(super) fn take_malformed(
        &mut self,
        id: &str,
        is_from: impl Fn(Option<&Jid>) -> bool,
        what: &'static str,
    ) -> Option<Settled> {
        self.settle(id, is_from, Outcome::Failed(RequestError::Malformed(what)))
    }

    fn settle(
        &mut self,
        id: &str,
        is_from: impl Fn(Option<&Jid>) -> bool,
        outcome: Outcome,
    ) -> Option<Settled> {
        if !is_from(self.by_id.get(id)?.to.as_ref()) {
            return None;
        }
        let waiting = self.by_id.remove(id)?;
        self.by_time.remove(&(waiting.until, waiting.serial));
        Some(self.settled(waiting, outcome))
    }

    fn settled(&mut self, waiting: Waiting, outcome: Outcome) -> Settled {
        self.callers -= usize::from(waiting.purpose.is_callers());
        let id = RequestId { machine: self.machine, serial: waiting.serial };
        Settled { purpose: waiting.purpose, reply: Reply { id, outcome } }
    }

    /// When the first request has waited long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.by_time.first_key_value().map(|((until, _), _)| *until)
    }

    /// The next request that has waited long enough.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Settled> {
        if self.deadline()? > now {
            return None;
        }
        self.pop(|_| RequestError::Timeout)
    }

    /// The next request of all, now that the stream is over.
    pub(super) fn disconnect(&mut self) -> Option<Settled> {
        self.pop(|waiting| RequestError::Disconnected { sent: waiting.sent })
    }

    fn pop(&mut self, error: impl Fn(&Waiting) -> RequestError) -> Option<Settled> {
        let (_, id) = self.by_time.pop_first()?;
        let waiting = self.by_id.remove(&id)?;
        let outcome = Outcome::Failed(error(&waiting));
        Some(self.settled(waiting, outcome))
    }
}
