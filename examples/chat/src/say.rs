//! What the person says and wants, said and done.

use waxwing_core::client::{
    Block, Client, DiscoInfo, GetLast, GetTime, GetVcard, GetVersion, Ping, RemoveItem, Reply, Request,
    RequestError, SendError, SetItem, SetVcard, Unblock,
};
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::payload::datetime;
use waxwing_core::payload::roster::Item;
use waxwing_core::payload::vcard::{self, Vcard};
use waxwing_core::stanza::{Condition, Message, MessageType, Presence, PresenceType, StanzaError};
use waxwing_tokio::SessionDriver;

use crate::command::{HELP, Input};
use crate::people;
use crate::talk::{CardEdit, Talk};

impl Talk<'_> {
    /// Does what a line says. False: leave.
    pub fn obey(&mut self, driver: &mut SessionDriver, input: Input) -> bool {
        match input {
            Input::Nothing => {}
            Input::Quit => return false,
            Input::Reconnect => {
                let now = driver.clock().now();
                driver.session_mut().network_changed(now);
            }
            Input::Help => HELP.lines().for_each(|line| self.notice(line)),
            Input::To(jid) => {
                self.notice(&format!("talking to {jid}"));
                self.to = Some(jid);
            }
            Input::Say(text) => match self.to.clone() {
                Some(to) => self.say(driver, to, &text),
                None => self.error("whom to? say so with /to JID"),
            },
            Input::SayTo(to, text) => self.say(driver, to, &text),
            Input::Presence(show, status) => {
                (self.own.0, self.own.1) = (show, status);
                self.tell(driver);
            }
            Input::Priority(priority) => {
                self.own.2 = priority;
                self.tell(driver);
            }
            Input::Contacts(_) | Input::Requests | Input::Blocked | Input::Info(_) => {
                self.list(driver.session().client(), input);
            }
            Input::Card(_)
            | Input::SetCard(..)
            | Input::Last(_)
            | Input::Version(_)
            | Input::Time(_)
            | Input::Ping(_)
            | Input::Disco(_) => self.inquire(driver, input),
            _ => self.look_after(driver, input),
        }
        true
    }

    /// Lists what is known already.
    fn list(&self, client: &Client, input: Input) {
        let lines = match input {
            Input::Contacts(group) => people::contacts(client.roster(), client.contacts(), group.as_deref()),
            Input::Requests => {
                let line = |(from, text): (&BareJid, Option<&str>)| match text {
                    Some(text) => format!("{from}: {text}"),
                    None => from.to_string(),
                };
                or_nobody(
                    client.subscription_requests().map(line).collect(),
                    "nobody waits for your permission",
                )
            }
            Input::Blocked => {
                or_nobody(client.block_list().iter().map(Jid::to_string).collect(), "nobody is blocked")
            }
            Input::Info(whom) => match whom.as_ref().or(self.to.as_ref()) {
                Some(jid) => people::info(client, jid),
                None => return self.error("about whom? /info JID"),
            },
            _ => return,
        };
        lines.iter().for_each(|line| self.notice(line));
    }

    /// Changes who is a contact, who sees whom and who is kept away.
    fn look_after(&mut self, driver: &mut SessionDriver, input: Input) {
        let now = driver.clock().now();
        let client = driver.session_mut().client_mut();
        let queued = match input {
            Input::Add(jid, name) => return self.add(driver, &jid, name),
            Input::Rename(jid, name) => return self.change(driver, &jid, |item| item.name = name),
            Input::Groups(jid, groups) => return self.change(driver, &jid, |item| item.groups = groups),
            Input::Remove(jid) => {
                let what = format!("{jid} was not removed");
                return self.ask(driver, RemoveItem(jid.into()), what, |()| vec![]);
            }
            Input::Block(jid) => {
                let what = format!("{jid} was not blocked");
                return self.ask(driver, Block(vec![jid]), what, |()| vec![]);
            }
            Input::Unblock(jid) => {
                let jids: Vec<Jid> = jid.into_iter().collect();
                return self.ask(driver, Unblock(jids), "not unblocked".to_owned(), |()| vec![]);
            }
            Input::Accept(jid) => client.approve(now, &jid),
            Input::Decline(jid) => client.deny(now, &jid),
            Input::Subscribe(jid) => client.subscribe(now, &jid, None),
            Input::Unsubscribe(jid) => client.unsubscribe(now, &jid),
            _ => return,
        };
        self.check(queued.map(drop));
    }

    /// RFC 6121 section 3.1: first onto the list, then the request; and the other one is welcome to the same, where the
    /// server remembers that.
    fn add(&mut self, driver: &mut SessionDriver, jid: &BareJid, name: Option<String>) {
        let known = driver.session().client().roster().get(jid).cloned();
        let mut item = known.unwrap_or_else(|| Item::new(jid.clone().into()));
        item.name = name.or(item.name);
        self.ask(driver, SetItem(item), format!("{jid} was not added"), |()| vec![]);
        let now = driver.clock().now();
        let client = driver.session_mut().client_mut();
        let asked = client.subscribe(now, jid, None).map(drop);
        let approved = match client.can_pre_approve() {
            true => client.pre_approve(now, jid).map(drop),
            false => Ok(()),
        };
        self.check(asked.and(approved));
    }

    /// Changes what stands on the list about a contact.
    fn change(&mut self, driver: &mut SessionDriver, jid: &BareJid, change: impl FnOnce(&mut Item)) {
        let Some(mut item) = driver.session().client().roster().get(jid).cloned() else {
            return self.error(&format!("{jid} is no contact of yours; /add {jid}"));
        };
        change(&mut item);
        self.ask(driver, SetItem(item), format!("{jid} was not changed"), |()| vec![]);
    }

    /// Asks others.
    fn inquire(&mut self, driver: &mut SessionDriver, input: Input) {
        let server: Option<Jid> = driver.session().client().jid().map(|jid| jid.to_domain().into());
        let label = |to: &Option<Jid>| to.as_ref().map_or("your server".to_owned(), Jid::to_string);
        match input {
            Input::Ping(whom) => {
                let to = whom.or(server);
                let who = label(&to);
                self.ask(driver, Ping { to }, who.clone(), move |()| vec![format!("{who} is there")]);
            }
            Input::Disco(whom) => {
                let to = whom.or(server);
                let who = label(&to);
                self.ask(driver, DiscoInfo { to, node: None }, who, |info| {
                    let identity = |i: &waxwing_core::payload::disco::Identity| {
                        format!("{}/{} {}", i.category, i.kind, i.name.as_deref().unwrap_or_default())
                    };
                    let features = info.features.iter().map(|feature| format!("  {feature}"));
                    info.identities.iter().map(identity).chain(features).collect()
                });
            }
            Input::Version(whom) => {
                let to = whom.or(server);
                let who = label(&to);
                self.ask(driver, GetVersion { to }, who.clone(), move |version| {
                    let os = version.os.map(|os| format!(" on {os}")).unwrap_or_default();
                    vec![format!("{who} runs {} {}{os}", version.name, version.version)]
                });
            }
            Input::Time(whom) => {
                let to = whom.or(server);
                let who = label(&to);
                self.ask(driver, GetTime { to }, who.clone(), move |time| {
                    vec![format!("{who}: {}, time zone {}", datetime::format(time.utc), time.offset)]
                });
            }
            Input::Last(whom) => {
                let to = whom.or(server);
                let who = label(&to);
                self.ask(driver, GetLast { to }, who.clone(), move |last| {
                    let status =
                        if last.status.is_empty() { String::new() } else { format!(": {}", last.status) };
                    vec![format!("{who}: {} ago{status}", people::duration(last.seconds))]
                });
            }
            Input::Card(whose) => {
                let who = whose.as_ref().map_or("you".to_owned(), |jid| jid.to_string());
                self.ask(driver, GetVcard(whose), who.clone(), move |card| card_lines(&who, &card));
            }
            Input::SetCard(field, text) => {
                let now = driver.clock().now();
                match driver.session_mut().client_mut().request(now, GetVcard(None), None) {
                    Ok(handle) => self.card_edits.push((handle, field, text)),
                    Err(error) => self.error(&format!("not asked: {error}")),
                }
            }
            _ => {}
        }
    }

    /// The card is here: the other fields stay as they are.
    pub fn edit_card(&mut self, driver: &mut SessionDriver, edit: CardEdit, reply: &Reply) {
        let (handle, field, text) = edit;
        let old = match handle.read(reply) {
            Some(Ok(card)) => Some(card),
            Some(Err(RequestError::Stanza(error))) if *error.condition() == Condition::ItemNotFound => None,
            Some(Err(error)) => return self.error(&format!("your card: {}", explain(&error))),
            None => return,
        };
        let others = old.iter().flat_map(|card| card.element().children());
        let others = others.filter(|child| child.name() != field);
        let mut card = others.fold(vcard::get(), |card, child| card.element(child));
        if !text.is_empty() {
            card = vcard::with_text(card, &field, &text);
        }
        if let Ok(card) = Vcard::parse(card.build().root()) {
            let done = move |()| vec!["your card is changed".to_owned()];
            self.ask(driver, SetVcard(card), "your card".to_owned(), done);
        }
    }

    fn say(&mut self, driver: &mut SessionDriver, to: Jid, text: &str) {
        let message = Message::builder(Some(to), MessageType::Chat).body(None, text).try_build();
        let now = driver.clock().now();
        match message {
            Ok(message) => {
                let sent = driver.session_mut().client_mut().send(now, message);
                self.check(sent.map(drop));
            }
            Err(error) => self.error(&format!("not sent: {error}")),
        }
    }

    /// Tells own presence as it is.
    pub fn tell(&mut self, driver: &mut SessionDriver) {
        let (show, status, priority) = &self.own;
        let mut presence = Presence::builder(PresenceType::Available);
        if let Some(show) = show {
            presence = presence.show(*show);
        }
        if let Some(status) = status {
            presence = presence.status(None, status);
        }
        if *priority != 0 {
            presence = presence.priority(*priority);
        }
        let now = driver.clock().now();
        let told = driver.session_mut().client_mut().set_presence(now, presence.build());
        self.check(told.map(drop));
    }

    /// Asks, and shows the answer when it comes. `what` stands before what went wrong.
    fn ask<R: Request + 'static>(
        &mut self,
        driver: &mut SessionDriver,
        request: R,
        what: String,
        show: impl FnOnce(R::Reply) -> Vec<String> + 'static,
    ) {
        let now = driver.clock().now();
        match driver.session_mut().client_mut().request(now, request, None) {
            Ok(handle) => {
                let id = handle.id();
                let answer = move |reply: &Reply| match handle.read(reply) {
                    Some(Ok(reply)) => Ok(show(reply)),
                    Some(Err(error)) => Err(format!("{what}: {}", explain(&error))),
                    None => Ok(vec![]),
                };
                self.waiting.insert(id, Box::new(answer));
            }
            Err(error) => self.error(&format!("not asked: {error}")),
        }
    }

    fn check(&self, queued: Result<(), SendError>) {
        if let Err(error) = queued {
            self.error(&format!("not sent: {error}"));
        }
    }
}

fn or_nobody(lines: Vec<String>, nobody: &str) -> Vec<String> {
    if lines.is_empty() { vec![nobody.to_owned()] } else { lines }
}

/// What stands on a card, as far as it is text.
fn card_lines(whose: &str, card: &Vcard) -> Vec<String> {
    let fields = card.element().children().filter_map(|field| {
        let own = field.text();
        let parts = field.children().filter(|part| part.name() != "BINVAL").map(|part| part.text());
        let texts: Vec<_> = [own].into_iter().chain(parts).collect();
        let texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
        let text = texts.collect::<Vec<_>>().join(" ");
        (!text.is_empty()).then(|| format!("  {}: {text}", field.name()))
    });
    let mut lines: Vec<String> = fields.collect();
    match lines.is_empty() {
        true => lines.push(format!("{whose}: an empty card")),
        false => lines.insert(0, format!("{whose}:")),
    }
    lines
}

/// A stanza error in words.
pub fn describe(error: &StanzaError) -> String {
    match error.text() {
        Some(text) => format!("{} ({text})", error.condition().name()),
        None => error.condition().name().to_owned(),
    }
}

fn explain(error: &RequestError) -> String {
    match error {
        RequestError::Stanza(error) => describe(error),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_shown_field_by_field_and_without_its_picture() {
        let card = vcard::with_text(vcard::get(), "FN", "Romeo Montague");
        let picture = waxwing_core::xml::Element::builder("BINVAL", "vcard-temp").text("AAEC");
        let photo = waxwing_core::xml::Element::builder("PHOTO", "vcard-temp").child(picture);
        let card = card.child(photo).build();
        let card = Vcard::parse(card.root()).unwrap();
        assert_eq!(card_lines("romeo@example.net", &card), ["romeo@example.net:", "  FN: Romeo Montague"]);
        let empty = Vcard::parse(vcard::get().build().root()).unwrap();
        assert_eq!(card_lines("you", &empty), ["you: an empty card"]);
    }
}
