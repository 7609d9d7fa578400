//! The chat: what it knows, what it does in a frame, and what that looks like.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, TryRecvError};

use waxwing_core::client::{Client, Config, Event};
use waxwing_core::jid::Jid;
use waxwing_core::machine::{Entropy, Now};
use waxwing_core::stanza::{Message, Presence, PresenceType};

use crate::{Link, Screen};

/// Lines of the talk that are kept.
const LINES: usize = 15;

/// What a thread that finds the server brings: a socket that does not block, and what to log in with; or why not, for people.
pub type Dialed<S> = Result<(S, Config), String>;

/// A talk with one other.
#[derive(Debug)]
pub struct App<S> {
    to: Jid,
    dialed: Receiver<Dialed<S>>,
    entropy: Entropy,
    link: Option<Link<Client, S>>,
    talk: Talk,
    frame: u64,
}

/// How things stand, and what has been said.
#[derive(Debug, Default)]
struct Talk {
    state: String,
    lines: VecDeque<String>,
    over: bool,
}

impl<S: Read + Write> App<S> {
    /// A talk with `to`. Names and connections take their time, so they come from elsewhere, by `dialed`.
    pub fn new(to: Jid, dialed: Receiver<Dialed<S>>, entropy: Entropy) -> App<S> {
        let talk = Talk { state: "connecting".to_owned(), ..Talk::default() };
        App { to, dialed, entropy, link: None, talk, frame: 0 }
    }

    /// The user has entered a line. An empty one says goodbye.
    pub fn enter(&mut self, now: Now, line: &str) {
        let Some(link) = &mut self.link else {
            self.talk.over |= line.is_empty();
            return self.talk.say("not connected yet".into());
        };
        if line.is_empty() {
            return link.machine_mut().close(now);
        }
        match link.machine_mut().send(now, Message::chat(self.to.clone(), line)) {
            Ok(_) => self.talk.say(format!("> {line}")),
            Err(error) => self.talk.say(format!("not sent: {error}")),
        }
    }

    /// One frame: looks what has come, and draws. It does not wait for anything.
    pub fn frame(&mut self, now: Now) -> Screen {
        self.frame += 1;
        if self.link.is_none() {
            match self.dialed.try_recv() {
                Ok(Ok((socket, config))) => {
                    let client = Client::new(config, now, self.entropy.fork());
                    self.link = Some(Link::new(client, socket));
                    self.talk.state = "logging in".to_owned();
                }
                Ok(Err(why)) => self.talk.end(&why),
                Err(TryRecvError::Disconnected) => self.talk.end("nobody looks for the server"),
                Err(TryRecvError::Empty) => {}
            }
        }
        if let Some(link) = &mut self.link {
            link.poll(now, |client, event| self.talk.note(client, now, event));
        }
        Screen::draw(self.frame, &self.talk.state, self.talk.lines.iter().map(String::as_str))
    }

    /// True when the program can end.
    pub fn is_over(&self) -> bool {
        self.talk.over && self.link.as_ref().is_none_or(Link::is_over)
    }
}

impl Talk {
    fn note(&mut self, client: &mut Client, now: Now, event: Event) {
        match event {
            Event::Online(jid) => {
                self.state = format!("online as {jid}");
                let _ = client.set_presence(now, Presence::builder(PresenceType::Available).build());
            }
            Event::Message(message) => {
                let from = message.from().map_or("your server", Jid::as_str);
                match (message.error(), message.body(None)) {
                    (Some(error), _) => self.say(format!("{from} did not get it: {error}")),
                    (None, Some(body)) => self.say(format!("{from}: {body}")),
                    (None, None) => {}
                }
            }
            Event::Closed(Ok(())) => self.end("goodbye"),
            Event::Closed(Err(error)) => self.end(&error.to_string()),
            _ => {}
        }
    }

    fn say(&mut self, line: String) {
        self.lines.push_back(line);
        if self.lines.len() > LINES {
            self.lines.pop_front();
        }
    }

    fn end(&mut self, how: &str) {
        self.state = how.to_owned();
        self.over = true;
    }
}
