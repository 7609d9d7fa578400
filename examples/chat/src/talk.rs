//! The conversation: lines in, events out.

use tokio::sync::mpsc;
use waxwing_core::client::{Client, DiscoInfo, Event, Ping, Reply, RequestError, RequestHandle};
use waxwing_core::jid::Jid;
use waxwing_core::stanza::{Message, MessageType, Presence, PresenceType, Show, StanzaError};
use waxwing_tokio::Driver;

use crate::command::{self, Input};
use crate::input::{Screen, Tone};

/// Runs until the person leaves or the stream ends.
pub async fn talk(
    mut driver: Driver<Client>,
    to: Option<Jid>,
    screen: &Screen,
    mut lines: mpsc::Receiver<String>,
) -> Result<(), String> {
    let mut talk = Talk { to, screen, pings: Vec::new(), infos: Vec::new(), online: false };
    let mut leaving = false;
    loop {
        // Nothing can be said before the session is there; lines wait in their channel until then.
        let listening = talk.online && !leaving;
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
                let stay = match line {
                    Some(line) => talk.line(&mut driver, &line),
                    None => false,
                };
                if !stay {
                    leaving = true;
                    let now = driver.clock().now();
                    driver.machine_mut().close(now);
                }
            }
        }
    }
}

struct Talk<'a> {
    to: Option<Jid>,
    screen: &'a Screen,
    pings: Vec<RequestHandle<Ping>>,
    infos: Vec<RequestHandle<DiscoInfo>>,
    online: bool,
}

impl Talk<'_> {
    fn notice(&self, text: &str) {
        self.screen.show(Tone::Notice, &format!("* {text}"));
    }

    fn error(&self, text: &str) {
        self.screen.show(Tone::Error, &format!("! {text}"));
    }

    fn event(&mut self, driver: &mut Driver<Client>, event: Event) {
        match event {
            Event::Online(jid) => {
                self.online = true;
                self.notice(&format!("online as {jid}"));
                if let Some(to) = &self.to {
                    self.notice(&format!("talking to {to}"));
                }
                self.tell(driver, None, None);
            }
            Event::Message(message) => self.message(&message),
            Event::Presence(presence) => self.presence(&presence),
            Event::Reply(reply) => self.reply(&reply),
            Event::Unsent { stanza, .. } => {
                let whom = stanza.to().map_or("your server", Jid::as_str);
                self.error(&format!("not sent to {whom}: the connection ended first"));
            }
            _ => {}
        }
    }

    fn message(&mut self, message: &Message) {
        let from = message.from().map_or("your server", Jid::as_str);
        if let Some(error) = message.error() {
            return self.error(&format!("{from} did not get your message: {}", describe(&error)));
        }
        let Some(body) = message.body(None) else { return };
        for line in body.lines() {
            self.screen.show(Tone::Message, &format!("{from}: {line}"));
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

    fn presence(&mut self, presence: &Presence) {
        let from = presence.from().map_or("your server", Jid::as_str);
        let state = match (presence.kind(), presence.show()) {
            (PresenceType::Available, None | Some(Show::Chat)) => "is available",
            (PresenceType::Available, Some(Show::Away)) => "is away",
            (PresenceType::Available, Some(Show::Dnd)) => "does not want to be disturbed",
            (PresenceType::Available, Some(Show::Xa)) => "is away for long",
            (PresenceType::Unavailable, _) => "is gone",
            (PresenceType::Error, _) => "cannot be reached",
            _ => return,
        };
        match presence.status(None) {
            Some(status) => self.notice(&format!("{from} {state}: {status}")),
            None => self.notice(&format!("{from} {state}")),
        }
        // A chat is locked to a resource until that resource's presence changes (RFC 6121 section 5.1).
        if presence.from().is_some() && self.to.as_ref() == presence.from() {
            self.to = self.to.as_ref().map(|to| to.to_bare().into());
        }
    }

    fn reply(&mut self, reply: &Reply) {
        if let Some(at) = self.pings.iter().position(|handle| reply.is(handle)) {
            let handle = self.pings.swap_remove(at);
            let whom = handle.request().to.as_ref().map_or("your server", Jid::as_str);
            match handle.read(reply) {
                Some(Ok(())) => self.notice(&format!("{whom} is there")),
                Some(Err(error)) => self.error(&format!("{whom}: {}", explain(&error))),
                None => {}
            }
        } else if let Some(at) = self.infos.iter().position(|handle| reply.is(handle)) {
            let handle = self.infos.swap_remove(at);
            match handle.read(reply) {
                Some(Ok(info)) => {
                    for identity in &info.identities {
                        let name = identity.name.as_deref().unwrap_or("");
                        self.notice(&format!("{}/{} {name}", identity.category, identity.kind));
                    }
                    for feature in &info.features {
                        self.notice(&format!("  {feature}"));
                    }
                }
                Some(Err(error)) => self.error(&explain(&error)),
                None => {}
            }
        }
    }

    /// Does what a line says. False: leave.
    fn line(&mut self, driver: &mut Driver<Client>, line: &str) -> bool {
        match command::parse(line) {
            Err(error) => self.error(&error),
            Ok(Input::Nothing) => {}
            Ok(Input::Quit) => return false,
            Ok(Input::Help) => {
                for line in command::HELP.lines() {
                    self.notice(line);
                }
            }
            Ok(Input::To(jid)) => {
                self.notice(&format!("talking to {jid}"));
                self.to = Some(jid);
            }
            Ok(Input::Say(text)) => match self.to.clone() {
                Some(to) => self.say(driver, to, &text),
                None => self.error("whom to? say so with /to JID"),
            },
            Ok(Input::SayTo(to, text)) => self.say(driver, to, &text),
            Ok(Input::Presence(show, status)) => self.tell(driver, show, status.as_deref()),
            Ok(Input::Ping(whom)) => {
                let to = whom.or_else(|| server(driver));
                self.ask(driver, |talk, handle| talk.pings.push(handle), Ping { to });
            }
            Ok(Input::Disco(whom)) => {
                let to = whom.or_else(|| server(driver));
                self.ask(driver, |talk, handle| talk.infos.push(handle), DiscoInfo { to, node: None });
            }
        }
        true
    }

    fn say(&mut self, driver: &mut Driver<Client>, to: Jid, text: &str) {
        let message = Message::builder(Some(to), MessageType::Chat).body(None, text).try_build();
        let now = driver.clock().now();
        match message {
            Ok(message) => {
                if let Err(error) = driver.machine_mut().send(now, message) {
                    self.error(&format!("not sent: {error}"));
                }
            }
            Err(error) => self.error(&format!("not sent: {error}")),
        }
    }

    fn tell(&mut self, driver: &mut Driver<Client>, show: Option<Show>, status: Option<&str>) {
        let mut presence = Presence::builder(PresenceType::Available);
        if let Some(show) = show {
            presence = presence.show(show);
        }
        if let Some(status) = status {
            presence = presence.status(None, status);
        }
        let now = driver.clock().now();
        if let Err(error) = driver.machine_mut().send(now, presence.build()) {
            self.error(&format!("not sent: {error}"));
        }
    }

    fn ask<R: waxwing_core::client::Request>(
        &mut self,
        driver: &mut Driver<Client>,
        keep: impl FnOnce(&mut Self, RequestHandle<R>),
        request: R,
    ) {
        let now = driver.clock().now();
        match driver.machine_mut().request(now, request, None) {
            Ok(handle) => keep(self, handle),
            Err(error) => self.error(&format!("not asked: {error}")),
        }
    }
}

fn server(driver: &Driver<Client>) -> Option<Jid> {
    driver.machine().jid().map(|jid| jid.to_domain().into())
}

fn describe(error: &StanzaError) -> String {
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
