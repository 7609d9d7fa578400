//! Stanzas that come in, and the answers that the machine gives by itself.

use super::answers;
use super::effects::{Context, Effects};
use super::im::Im;
use super::outbox::Origin;
use super::request::{Purpose, Settled};
use super::{Client, DiscoInfo, Environment, Error, Event, SendError};
use crate::jid::{FullJid, Jid};
use crate::machine::Now;
use crate::ns;
use crate::stanza::{self, Condition, Iq, IqType, ParseError, Stanza, StanzaError};
use crate::stream::{self, Features, StreamError};
use crate::xml::Element;
use core::time::Duration;

/// How long one entity may take to say what it can do, while others wait for their turn.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(30);

impl Client {
    /// A first-level element on a negotiated stream.
    pub(super) fn on_stanza(&mut self, now: Now, element: Element) {
        if element.is("features", ns::STREAM) {
            // A stream that was resumed along with authentication has none (XEP-0198 section 7.2), but servers may differ.
            if core::mem::take(&mut self.may_get_features) {
                self.features = Some(Features::parse(element.root()));
            } else if element.children().next().is_some() {
                // RFC 6120 section 4.3.5: only an empty list may follow.
                self.violation(now, stream::Condition::PolicyViolation, "stream features after negotiation");
            }
            return;
        }
        if element.ns() == ns::SM {
            return self.on_management(now, &element);
        }
        if element.ns() != ns::CLIENT {
            return self.unsupported(now, &element);
        }
        self.on_content(now, element);
        self.count_received();
    }

    fn on_content(&mut self, now: Now, element: Element) {
        match Stanza::parse(element.clone()) {
            Ok(Stanza::Message(message)) => {
                self.im(now, |im, context, effects| im.on_message(context, message, effects));
            }
            Ok(Stanza::Presence(presence)) => {
                self.im(now, |im, context, effects| im.on_presence(context, presence, effects));
            }
            Ok(Stanza::Iq(iq)) => match iq.kind() {
                IqType::Get | IqType::Set => self.on_request(now, iq),
                IqType::Result | IqType::Error => self.on_reply(now, iq),
            },
            Err(ParseError::NotAStanza) => self.unsupported(now, &element),
            Err(error) => self.on_malformed(now, element, error),
        }
    }

    pub(super) fn unsupported(&mut self, now: Now, element: &Element) {
        let name: String = element.name().chars().take(40).collect();
        self.violation(now, stream::Condition::UnsupportedStanzaType, &format!("<{name}/> is no stanza"));
    }

    /// Ends nothing: the server relays what others write, and they must not be able to disconnect us.
    fn on_malformed(&mut self, now: Now, element: Element, error: ParseError) {
        if element.name() == "iq" {
            if let Some(reply) = stanza::refuse(&element, &error) {
                self.answer(now, reply);
            }
            if error == ParseError::Children && self.on_malformed_reply(now, &element) {
                return;
            }
        }
        self.events.push_back(Event::Malformed { element, error });
    }

    /// A result with several children, or an error without an error in it (RFC 6120 section 8.2.3), answers its request
    /// nevertheless: nothing better will come. False if it is no reply to a request of ours.
    fn on_malformed_reply(&mut self, now: Now, element: &Element) -> bool {
        let what = match element.attr("type") {
            Some("result") => "a result with more than one child",
            Some("error") => "an error that says nothing",
            _ => return false,
        };
        let (Some(own), Some(id)) = (&self.jid, element.attr("id")) else { return false };
        let from = element.attr("from").and_then(|from| Jid::new(from).ok());
        let is_from = |asked: Option<&Jid>| is_answer_from(own, asked, from.as_ref());
        let settled = self.pending.take_malformed(id, is_from, what);
        settled.map(|settled| self.settle(now, settled)).is_some()
    }

    /// A request is over, one way or the other.
    pub(super) fn settle(&mut self, now: Now, settled: Settled) {
        match settled.purpose {
            Purpose::Caller => self.events.push_back(Event::Reply(settled.reply)),
            purpose => {
                self.im(now, |im, context, effects| im.on_reply(context, &purpose, &settled.reply, effects));
            }
        }
    }

    /// Asks somebody what it can do. What cannot be asked now comes up again with its next presence.
    fn look_up(&mut self, now: Now, question: &DiscoInfo) {
        let Some(to) = &question.to else { return };
        let purpose = Purpose::Capabilities(to.clone());
        if self.ask(now, purpose, question, Some(LOOKUP_TIMEOUT)).is_err() {
            self.im.capabilities.unasked(to);
        }
    }

    /// Lets the part that knows people work on something, and does what follows.
    fn im<T>(&mut self, now: Now, work: impl FnOnce(&mut Im, Context<'_>, &mut Effects) -> T) -> Option<T> {
        let context = Context { own: self.jid.as_ref()?, config: &self.config, now };
        let mut effects = Effects { events: core::mem::take(&mut self.events), ..Effects::default() };
        let result = work(&mut self.im, context, &mut effects);
        self.events = effects.events;
        for answer in effects.answers {
            self.answer(now, answer);
        }
        for question in effects.lookups {
            self.look_up(now, &question);
        }
        Some(result)
    }

    fn on_reply(&mut self, now: Now, iq: Iq) {
        let Some(own) = &self.jid else {
            return;
        };
        let from = iq.from();
        if is_answer_from(own, Some(&self.domain), from) && self.watch.is_pong(iq.id()) {
            return;
        }
        match self.pending.take(&iq, |asked| is_answer_from(own, asked, from)) {
            Some(settled) => self.settle(now, settled),
            None => self.events.push_back(Event::StrayReply(iq)),
        }
    }

    /// RFC 6120 section 8.2.3, rule 3: every request is answered, by us or by the caller.
    fn on_request(&mut self, now: Now, iq: Iq) {
        let rest = self.im(now, |im, context, effects| im.on_request(context, iq, effects));
        let Some(iq) = rest.flatten() else { return };
        let answer = self.im(now, |im, context, _| answers::answer(im, context, &iq)).flatten();
        match answer {
            Some(Ok(payload)) => return self.answer(now, iq.result(payload).into()),
            Some(Err(condition)) => return self.answer_error(now, iq, condition),
            None => {}
        }
        let Some(payload) = iq.payload() else { return };
        if self.config.incoming.wants(payload.ns()) {
            return self.events.push_back(Event::Iq(iq));
        }
        self.answer_error(now, iq, Condition::ServiceUnavailable);
    }

    fn answer_error(&mut self, now: Now, request: Iq, condition: Condition) {
        if let Some(reply) = Stanza::Iq(request).error_reply(StanzaError::new(condition)) {
            self.answer(now, reply);
        }
    }

    /// Queues an answer of the machine's own. A server that asks and asks and takes no answer is given up.
    fn answer(&mut self, now: Now, mut reply: Stanza) {
        if !self.takes_stanzas() {
            return;
        }
        // The server stamps it (RFC 6120 section 8.1.2.1).
        reply.set_from(None);
        if self.queue(now, reply, Origin::Own) == Err(SendError::QueueFull) {
            let error = StreamError::new(stream::Condition::ResourceConstraint);
            self.fail(now, error.clone(), Error::Environment(Environment::Ended(error)));
        }
    }
}

/// True if a reply `from` there answers a request to `asked`.
///
/// They must be equal, except that the server speaks in several names (RFC 6120 section 8.1.2.1): its own, the
/// account's, and none at all. Nobody else can use these, since it stamps what others send, and servers differ in
/// which of them they choose.
fn is_answer_from(own: &FullJid, asked: Option<&Jid>, from: Option<&Jid>) -> bool {
    if asked == from {
        return true;
    }
    let is_server = |jid: &Jid| jid.as_str() == own.bare_str() || jid.as_str() == own.domain();
    let is_own = |jid: &Jid| jid.as_str() == own.as_str();
    match (asked, from) {
        // Some servers put the address of who asked where the account's belongs.
        (None, Some(from)) => is_server(from) || is_own(from),
        (Some(asked), None) => is_server(asked),
        (Some(asked), Some(from)) => is_server(asked) && is_server(from),
        (None, None) => true,
    }
}
