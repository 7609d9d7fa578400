//! The conversation: lines in, events out.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use waxwing_core::client::{
    BlockEvent, Client, Error, Event, RequestHandle, RequestId, RosterEvent, Subscription, SubscriptionKind,
};
use waxwing_core::client::{GetVcard, Reply, SetCarbons};
use waxwing_core::jid::Jid;
use waxwing_core::machine::Instant;
use waxwing_core::payload::carbons::{Carbon, Direction};
use waxwing_core::payload::roster::{Item, Subscription as State};
use waxwing_core::payload::{datetime, delay::Delay};
use waxwing_core::stanza::{Message, MessageType, Presence, PresenceType, Show};
use waxwing_tokio::SessionDriver;

use crate::command;
use crate::input::{Screen, Tone};
use crate::people;
use crate::say::describe;

/// Runs until the person leaves or the stream ends.
pub async fn talk(
    mut driver: SessionDriver,
    to: Option<Jid>,
    screen: &Screen,
    mut lines: mpsc::Receiver<String>,
) -> Result<(), String> {
    let mut talk = Talk::new(to, screen);
    let mut leaving = false;
    loop {
        // Nothing can be said before the session is there; lines wait in their channel until then.
        let listening = talk.ready && !leaving;
        let line = async {
            match listening {
                true => lines.recv().await,
                false => std::future::pending().await,
            }
        };
        match driver.next_event_or(line).await {
            Ok(None) => return Ok(()),
            Ok(Some(Event::Closed(Ok(())))) => return Ok(()),
            Ok(Some(Event::Closed(Err(error)))) => return Err(error.to_string()),
            Ok(Some(event)) => talk.event(&mut driver, event),
            Err(line) => {
                let now = driver.clock().now();
                driver.session_mut().client_mut().note_activity(now);
                let stay = match line.as_deref().map(command::parse) {
                    Some(Ok(input)) => talk.obey(&mut driver, input),
                    Some(Err(error)) => {
                        talk.error(&error);
                        true
                    }
                    None => false,
                };
                if !stay {
                    leaving = true;
                    driver.session_mut().close(now);
                }
            }
        }
    }
}

/// What becomes of an answer: lines to show, or what went wrong.
pub type Answer = Box<dyn FnOnce(&Reply) -> Result<Vec<String>, String>>;

/// A field of one's own card and what is to stand there, while the card is being fetched.
pub type CardEdit = (RequestHandle<GetVcard>, String, String);

/// The conversation so far.
pub struct Talk<'a> {
    /// Whom lines go to.
    pub to: Option<Jid>,
    /// Own availability as last told.
    pub own: (Option<Show>, Option<String>, i8),
    /// Questions that wait for answers.
    pub waiting: BTreeMap<RequestId, Answer>,
    /// What has been shown of each resource's presence, so that nothing is shown twice.
    shown: BTreeMap<Jid, String>,
    /// Changes to one's own card that wait for the card.
    pub card_edits: Vec<CardEdit>,
    screen: &'a Screen,
    /// Once it has been online; what is typed can be sent from then on, sooner or later.
    ready: bool,
    /// This session's presence has been told.
    announced: bool,
}

impl<'a> Talk<'a> {
    fn new(to: Option<Jid>, screen: &'a Screen) -> Talk<'a> {
        let own = (None, None, 0);
        let (waiting, shown) = (BTreeMap::new(), BTreeMap::new());
        Talk { to, own, waiting, shown, card_edits: Vec::new(), screen, ready: false, announced: false }
    }

    /// Shows something about the connection or other people.
    pub fn notice(&self, text: &str) {
        self.screen.show(Tone::Notice, &format!("* {text}"));
    }

    /// Shows something that went wrong.
    pub fn error(&self, text: &str) {
        self.screen.show(Tone::Error, &format!("! {text}"));
    }

    fn event(&mut self, driver: &mut SessionDriver, event: Event) {
        match event {
            Event::Online(_) => self.log_in(driver),
            Event::Resumed(_) => self.notice("online again, nothing was missed"),
            Event::Offline { error, until } => self.offline(driver, error.as_ref(), until),
            Event::Message(message) => self.message(driver.session().client(), &message),
            Event::Carbon(carbon) => self.carbon(driver.session().client(), &carbon),
            Event::Presence(presence) => self.presence(driver.session().client(), &presence),
            Event::Subscription(subscription) => self.subscription(driver.session().client(), &subscription),
            Event::Roster(event) => self.roster(driver, event),
            Event::Blocking(event) => self.blocking(event),
            Event::Reply(reply) => self.reply(driver, &reply),
            Event::Unsent { stanza, .. } => {
                let whom = stanza.to().map_or("your server", Jid::as_str);
                self.error(&format!("not sent to {whom}: the connection ended first"));
            }
            Event::Unacknowledged { stanza, .. } => {
                let whom = stanza.to().map_or("your server", Jid::as_str);
                self.error(&format!("perhaps not sent to {whom}: the connection ended first"));
            }
            _ => {}
        }
    }

    /// There is no connection for now. What is typed waits.
    fn offline(&self, driver: &SessionDriver, error: Option<&Error>, until: Option<Instant>) {
        let why = error.map(Error::to_string).unwrap_or_default();
        let wait = until.map(|until| until - driver.clock().now().instant).unwrap_or_default().as_secs();
        self.notice(&format!("offline: {why}; next attempt in {wait} s, or with /reconnect"));
    }

    /// Asks for what should be known before others can write (RFC 6121 section 2.2). Servers that cannot do copies or
    /// blocking are good enough.
    fn log_in(&mut self, driver: &mut SessionDriver) {
        self.announced = false;
        let now = driver.clock().now();
        let client = driver.session_mut().client_mut();
        let copies = client.request(now, SetCarbons(true), None).map(drop);
        let asked = copies.and(client.fetch_block_list(now)).and(client.fetch_roster(now, None));
        if let Err(error) = asked {
            self.error(&format!("not asked for your contacts: {error}"));
        }
    }

    /// The contacts are known, or will not be: now we are here.
    fn arrive(&mut self, driver: &mut SessionDriver) {
        let is_first = !std::mem::replace(&mut self.ready, true);
        self.announced = true;
        self.tell(driver);
        if let Some(jid) = driver.session().client().jid() {
            self.notice(&format!("online as {jid}"));
        }
        if let Some(to) = self.to.as_ref().filter(|_| is_first) {
            self.notice(&format!("talking to {to}"));
        }
    }

    fn message(&mut self, client: &Client, message: &Message) {
        let from = message.from().map_or("your server", Jid::as_str);
        if let Some(error) = message.error() {
            return self.error(&format!("{from} did not get your message: {}", describe(&error)));
        }
        if !self.show_body(from, message, client.delay(message.element())) {
            return;
        }
        // Answers go to where the message came from (RFC 6121 section 5.1).
        let same = |to: &Jid| message.from().is_some_and(|from| from.bare_str() == to.bare_str());
        if message.kind() == MessageType::Chat && self.to.as_ref().is_none_or(same) {
            if self.to.is_none() {
                self.notice(&format!("talking to {from}"));
            }
            self.to = message.from().cloned();
        }
    }

    /// What other sessions of ours say and hear.
    fn carbon(&self, client: &Client, carbon: &Carbon) {
        let message = &carbon.message;
        let (from, to) = (message.from().map_or("you", Jid::as_str), message.to().map_or("you", Jid::as_str));
        let whose = match carbon.direction {
            Direction::Received => format!("{from} (to another session of yours)"),
            Direction::Sent => format!("you, elsewhere, to {to}"),
        };
        self.show_body(&whose, message, client.delay(message.element()));
    }

    /// Shows what a message says, line by line; false if that is nothing.
    fn show_body(&self, whose: &str, message: &Message, delay: Option<Delay>) -> bool {
        let Some(body) = message.body(None) else { return false };
        let whose = match delay {
            Some(delay) => format!("{whose} ({})", datetime::format(delay.stamp)),
            None => whose.to_owned(),
        };
        for line in body.lines() {
            self.screen.show(Tone::Message, &format!("{whose}: {line}"));
        }
        true
    }

    fn presence(&mut self, client: &Client, presence: &Presence) {
        let from = presence.from();
        let is_own = |from: &Jid| client.jid().is_some_and(|own| own.as_str() == from.as_str());
        if let Some(said) = people::presence(presence)
            && !from.is_some_and(is_own)
        {
            let name = from.map_or("your server".to_owned(), |from| people::name(client.roster(), from));
            match presence.error() {
                Some(error) => self.notice(&format!("{name} {said}: {}", describe(&error))),
                None if from.is_none_or(|from| self.is_news(client, from, presence, &said)) => {
                    self.notice(&format!("{name} {said}"));
                }
                None => {}
            }
        }
        // A chat is locked to a resource until that resource's presence changes (RFC 6121 section 5.1).
        let is_change = matches!(presence.kind(), PresenceType::Available | PresenceType::Unavailable);
        if is_change && from.is_some() && self.to.as_ref() == from {
            self.to = self.to.as_ref().map(|to| to.to_bare().into());
        }
    }

    /// True unless this has been shown, or somebody is gone who was not here. Remembers no more than the client does.
    fn is_news(&mut self, client: &Client, from: &Jid, presence: &Presence, said: &str) -> bool {
        if presence.kind() == PresenceType::Available {
            if client.contacts().resource(from).is_none() {
                return true;
            }
            return self.shown.insert(from.clone(), said.to_owned()).is_none_or(|before| before != said);
        }
        let before = self.shown.len();
        self.shown.retain(|jid, _| jid != from && !(from.is_bare() && jid.bare_str() == from.as_str()));
        self.shown.len() < before
    }

    /// Answers to our own requests show in the roster.
    fn subscription(&self, client: &Client, subscription: &Subscription) {
        if subscription.kind == SubscriptionKind::Requested {
            let (from, text) = (&subscription.from, subscription.presence.status(None));
            let text = text.map(|text| format!(", saying: {text}")).unwrap_or_default();
            let name = people::name(client.roster(), from);
            self.notice(&format!("{name} wants to see your presence{text}"));
            self.notice(&format!("  /accept {from} or /decline {from}"));
        }
    }

    fn roster(&mut self, driver: &mut SessionDriver, event: RosterEvent) {
        match event {
            RosterEvent::Loaded => {}
            RosterEvent::Failed(error) => self.error(&format!("your contacts are not known: {error}")),
            RosterEvent::Removed(item) => {
                self.notice(&format!("{} is no contact of yours any more", item.jid))
            }
            RosterEvent::Changed { item, before } => {
                let name = people::name(driver.session().client().roster(), &item.jid);
                for news in changes(&item, before.as_ref()) {
                    self.notice(&format!("{name}: {news}"));
                }
            }
            _ => {}
        }
        if !self.announced && driver.session().client().is_online() {
            self.arrive(driver);
        }
    }

    fn blocking(&self, event: BlockEvent) {
        let (jids, said) = match event {
            BlockEvent::Blocked(jids) => (jids, "is blocked"),
            BlockEvent::Unblocked(jids) => (jids, "is not blocked any more"),
            // Known, or not on offer: not worth a line.
            _ => return,
        };
        jids.iter().for_each(|jid| self.notice(&format!("{jid} {said}")));
    }

    fn reply(&mut self, driver: &mut SessionDriver, reply: &Reply) {
        if let Some(at) = self.card_edits.iter().position(|(handle, ..)| reply.is(handle)) {
            let edit = self.card_edits.swap_remove(at);
            return self.edit_card(driver, edit, reply);
        }
        match self.waiting.remove(&reply.request()).map(|answer| answer(reply)) {
            Some(Ok(lines)) => lines.iter().for_each(|line| self.notice(line)),
            Some(Err(error)) => self.error(&error),
            None => {}
        }
    }
}

/// What is new about a contact.
fn changes(item: &Item, before: Option<&Item>) -> Vec<String> {
    let Some(before) = before else {
        let note = people::subscription(item).map(|note| format!(" ({note})")).unwrap_or_default();
        return vec![format!("now a contact of yours{note}")];
    };
    let (was, is): (State, State) = (before.subscription, item.subscription);
    let mut news = Vec::new();
    match (was.has_to(), is.has_to()) {
        (false, true) => news.push("you see their presence now".to_owned()),
        (true, false) => news.push("you do not see their presence any more".to_owned()),
        (false, false) if before.ask && !item.ask => news.push("you may not see their presence".to_owned()),
        (false, false) if !before.ask && item.ask => {
            news.push("you have asked to see their presence".to_owned())
        }
        _ => {}
    }
    match (was.has_from(), is.has_from()) {
        (false, true) => news.push("sees your presence now".to_owned()),
        (true, false) => news.push("does not see your presence any more".to_owned()),
        _ => {}
    }
    if before.name != item.name {
        news.push(match &before.name {
            Some(name) => format!("no longer called {name}"),
            None => "has a name now".to_owned(),
        });
    }
    if before.groups != item.groups {
        news.push(match item.groups.is_empty() {
            true => "in no group now".to_owned(),
            false => format!("now in {}", item.groups.join(", ")),
        });
    }
    news
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_about_a_contact_is_told_once() {
        let item = Item::new(Jid::new("bob@example.org").unwrap());
        assert!(changes(&item, None)[0].starts_with("now a contact"));
        assert_eq!(changes(&item, Some(&item)), Vec::<String>::new());
        let mut asked = item.clone();
        asked.ask = true;
        assert_eq!(changes(&asked, Some(&item)), ["you have asked to see their presence"]);
        assert_eq!(changes(&item, Some(&asked)), ["you may not see their presence"]);
        let mut both = item.clone().with_name("Bob").in_group("Work");
        both.subscription = State::Both;
        assert_eq!(
            changes(&both, Some(&asked)),
            ["you see their presence now", "sees your presence now", "has a name now", "now in Work"]
        );
    }
}
