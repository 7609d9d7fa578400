//! Two sessions that talk to each other, and the check that nothing is lost on the way.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use waxwing_core::client::Event;
use waxwing_core::jid::Jid;
use waxwing_core::machine::Machine as _;
use waxwing_core::stanza::{Message, MessageType};
use waxwing_core::xml::Element;

use crate::session::Session;

/// As long as a line that someone types.
const TEXT: &str = "Neither, fair saint, if either thee dislike. Meet me in the orchard after supper.";

/// One direction of a pair: what it is to carry and what it has carried.
#[derive(Debug, Default)]
pub struct Tally {
    /// Messages to send.
    pub goal: usize,
    /// Messages handed to the sender's machine.
    pub sent: usize,
    /// Messages that arrived in their turn.
    pub arrived: usize,
    /// How long each message took, from the sender's call to the receiver's event.
    pub latencies: Vec<Duration>,
    /// When those under way were sent, oldest first.
    under_way: VecDeque<Instant>,
}

impl Tally {
    /// Nothing sent yet.
    pub fn new(goal: usize) -> Tally {
        Tally { goal, ..Tally::default() }
    }
}

/// Lets both sessions send each other what the tallies ask for, at most `window` messages of each under way. Ends when
/// everything has arrived, or with the first message that is not the next in its direction.
///
/// The tallies hold what has happened even if this is given up.
pub async fn talk([a, b]: &mut [Session; 2], [ab, ba]: &mut [Tally; 2], window: usize) -> Result<(), String> {
    let (jid_a, jid_b) = (Jid::from(a.jid.clone()), Jid::from(b.jid.clone()));
    while ab.arrived < ab.goal || ba.arrived < ba.goal {
        send(a, &jid_b, ab, window)?;
        send(b, &jid_a, ba, window)?;
        let (event, at_a) = tokio::select! {
            event = a.driver.next_event() => (event, true),
            event = b.driver.next_event() => (event, false),
        };
        let (receiver, tally) = if at_a { (&mut *a, &mut *ba) } else { (&mut *b, &mut *ab) };
        handle(event, receiver, tally)?;
        // What came in one piece is answered in one piece.
        while let Some(event) = receiver.driver.machine_mut().poll_event() {
            handle(Some(event), receiver, tally)?;
        }
    }
    Ok(())
}

fn send(from: &mut Session, to: &Jid, tally: &mut Tally, window: usize) -> Result<(), String> {
    while tally.sent < tally.goal && tally.under_way.len() < window {
        let number = tally.sent;
        let id = format!("a3f1c2d4-5b6e-47f8-9a0b-1c2d3e{number:06}");
        let message = Message::builder(Some(to.clone()), MessageType::Chat)
            .id(&id)
            .body(None, &format!("{number} {TEXT}"))
            .child(Element::builder("active", "http://jabber.org/protocol/chatstates"))
            .child(Element::builder("origin-id", "urn:xmpp:sid:0").attr("id", &id))
            .build();
        let now = from.driver.clock().now();
        from.driver.machine_mut().send(now, message).map_err(|e| format!("{}: {e}", from.jid))?;
        tally.under_way.push_back(Instant::now());
        tally.sent += 1;
    }
    Ok(())
}

fn handle(event: Option<Event>, receiver: &Session, tally: &mut Tally) -> Result<(), String> {
    match event {
        Some(Event::Message(message)) => {
            let from = message.from().map_or("the server", Jid::as_str);
            if let Some(error) = message.error() {
                return Err(format!("{}'s message to {from} came back: {error}", receiver.jid));
            }
            let body = message.body(None).unwrap_or_default();
            let number = body.split_once(' ').and_then(|(number, _)| number.parse::<usize>().ok());
            if number != Some(tally.arrived) {
                let (jid, next) = (&receiver.jid, tally.arrived);
                let got: String = body.chars().take(20).collect();
                return Err(format!("{jid} got {got:?} from {from}, and message {next} was next"));
            }
            tally.arrived += 1;
            tally.latencies.extend(tally.under_way.pop_front().map(|sent| sent.elapsed()));
        }
        Some(Event::Closed(Err(error))) => return Err(format!("{}: {error}", receiver.jid)),
        Some(Event::Closed(Ok(()))) | None => return Err(format!("{}: the stream ended", receiver.jid)),
        Some(_) => {}
    }
    Ok(())
}
