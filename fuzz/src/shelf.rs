//! The store of a play: it does what it is asked, and answers, when it is told to.
//!
//! It keeps its promises ([`store`](waxwing_core::server::store)): what concerns one account happens, and is answered, in order.
//! But it may refuse, be slow, or die before or after it has done something.

use std::time::Duration;
use waxwing_core::jid::BareJid;
use waxwing_core::machine::Now;
use waxwing_core::server::store::{
    Delta, Found, MemoryStore, OfflineMessage, Query, Reply, Request, RequestId, StoreError,
};
use waxwing_core::stanza::Stanza;

/// How long a hub waits for an answer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A store, and what it has been asked.
#[derive(Debug, Default)]
pub struct Shelf {
    /// What is kept.
    pub store: MemoryStore,
    /// What has been done, in order: for whoever wants to know.
    pub done: Option<Vec<Request>>,
    waiting: Vec<Asked>,
}

#[derive(Debug)]
struct Asked {
    request: Request,
    at: Now,
    /// It has been done, and this is to be said.
    reply: Option<Reply>,
    /// Nobody waits for the answer any more.
    is_late: bool,
}

/// What may happen twice, since the hub does not know whether the store did what it was asked.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Doubt {
    /// Messages, by their ids, that may be kept although their sender is told otherwise, or handed over again.
    pub messages: Vec<String>,
}

impl Shelf {
    /// The hub asks for something.
    pub fn ask(&mut self, at: Now, request: Request) {
        self.waiting.push(Asked { request, at, reply: None, is_late: false });
    }

    /// How much has not been answered.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether it is to remove an account, and has not.
    pub fn is_to_delete(&self, account: &BareJid) -> bool {
        let is_it = |asked: &Asked| matches!(asked.request, Request::Delete { .. });
        self.waiting
            .iter()
            .any(|asked| asked.reply.is_none() && is_it(asked) && asked.request.account() == account)
    }

    /// The oldest request of an account.
    fn oldest(&self, which: u8) -> Option<usize> {
        let chosen = self.waiting.get(usize::from(which).checked_rem(self.waiting.len())?)?;
        let account = chosen.request.account();
        self.waiting.iter().position(|asked| asked.request.account() == account)
    }

    /// Does what it was asked first for an account, and says nothing yet.
    pub fn execute(&mut self, which: u8) {
        let account = |asked: &Asked| asked.request.account().clone();
        let Some(chosen) = usize::from(which).checked_rem(self.waiting.len()) else { return };
        let account = self.waiting.get(chosen).map(account);
        let undone = self
            .waiting
            .iter()
            .position(|asked| asked.reply.is_none() && Some(asked.request.account()) == account.as_ref());
        if let Some(index) = undone {
            let request = self.waiting[index].request.clone();
            self.waiting[index].reply = Some(self.run(request));
        }
    }

    fn run(&mut self, request: Request) -> Reply {
        let reply = self.store.execute(request.clone());
        let is_done = !matches!(reply, Reply::Saved { result: Err(_), .. });
        self.done.iter_mut().filter(|_| is_done).for_each(|done| done.push(request.clone()));
        reply
    }

    /// The answer to what it was asked first for an account.
    pub fn answer(&mut self, which: u8) -> Option<Reply> {
        let index = self.oldest(which)?;
        let Asked { request, reply, .. } = self.waiting.remove(index);
        Some(reply.unwrap_or_else(|| self.run(request)))
    }

    /// It cannot do what it was asked first for an account. If it has done it already it says so, and the doubt is for nothing.
    pub fn refuse(&mut self, which: u8, error: StoreError) -> Option<(Reply, Doubt)> {
        let index = self.oldest(which)?;
        let asked = &self.waiting[index];
        let reply = asked.reply.clone().unwrap_or_else(|| asked.request.refused(error));
        let doubt = self.doubt(&asked.request);
        self.waiting.remove(index);
        Some((reply, doubt))
    }

    /// It dies over what it was asked first for an account: perhaps it has done it, but it never says so.
    pub fn lose(&mut self, which: u8, done: bool) -> Doubt {
        let Some(index) = self.oldest(which) else { return Doubt::default() };
        let doubt = self.doubt(&self.waiting[index].request);
        let Asked { request, reply, .. } = self.waiting.remove(index);
        if done && reply.is_none() {
            self.run(request);
        }
        doubt
    }

    /// Whoever asked is gone; what has been done has been done.
    pub fn forget_all(&mut self) -> Doubt {
        let mut doubt = Doubt::default();
        while !self.waiting.is_empty() {
            doubt.messages.extend(self.lose(0, false).messages);
        }
        doubt
    }

    /// The oldest answers that have become too late.
    pub fn become_late(&mut self, now: Now) -> Option<Doubt> {
        let is_late = |asked: &Asked| !asked.is_late && now.instant - asked.at.instant >= PATIENCE;
        let index = self.waiting.iter().position(is_late)?;
        self.waiting[index].is_late = true;
        Some(self.doubt(&self.waiting[index].request))
    }

    fn doubt(&self, request: &Request) -> Doubt {
        let Request::Save { deltas, account, .. } = request else { return Doubt::default() };
        let mut messages = Vec::new();
        for delta in deltas {
            match delta {
                Delta::Offline(message) => messages.extend(id(message)),
                Delta::OfflineRemoved { through, .. } => {
                    let kept = self.kept(account.as_str());
                    messages.extend(kept.iter().filter(|kept| kept.serial <= *through).filter_map(id));
                }
                _ => {}
            }
        }
        Doubt { messages }
    }

    /// The messages that wait for an account.
    pub fn kept(&self, account: &str) -> Vec<OfflineMessage> {
        let Ok(account) = waxwing_core::jid::BareJid::new(account) else { return Vec::new() };
        let id = RequestId { shard: 0, serial: 0 };
        let query = Query::Offline { after: 0, limit: u32::MAX };
        // Reading changes nothing.
        match self.store.clone().execute(Request::Read { id, account, query }) {
            Reply::Read { result: Ok(Found::Offline(messages)), .. } => messages,
            _ => Vec::new(),
        }
    }
}

/// The id of a message that is kept.
pub fn id(message: &OfflineMessage) -> Option<String> {
    Stanza::from_xml(&message.stanza)?.id().map(str::to_owned)
}
