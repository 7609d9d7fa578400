//! What users have their clients do, and what the answers say.

use super::model::Sending;
use super::{ANSWERED, Rule, World, pair};
use waxwing_core::client::{
    Block, Client, Ping, Reply, RequestError, RequestHandle, SetItem, StanzaHandle, Unblock,
};
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::machine::Now;
use waxwing_core::stanza::{Message, MessageType};

/// A request whose answer means something.
#[derive(Debug)]
pub(super) enum Order {
    Ping(RequestHandle<Ping>),
    SetItem(RequestHandle<SetItem>, String),
    Block(RequestHandle<Block>, usize, u64),
    Unblock(RequestHandle<Unblock>, usize),
}

impl Order {
    fn is_answered_by(&self, reply: &Reply) -> bool {
        match self {
            Order::Ping(handle) => reply.is(handle),
            Order::SetItem(handle, _) => reply.is(handle),
            Order::Block(handle, ..) => reply.is(handle),
            Order::Unblock(handle, _) => reply.is(handle),
        }
    }
}

impl World {
    /// Lets a client that is online do something; `None` if it is not.
    pub(super) fn act<T>(&mut self, number: usize, act: impl FnOnce(&mut Client, Now) -> T) -> Option<T> {
        let device = &mut self.devices[number];
        let now = device.clock.now(self.now);
        let session = device.session.as_mut().filter(|session| session.is_online())?;
        self.stanzas += 1;
        Some(act(session.client_mut(), now))
    }

    /// Sends the next message to an account, or to one device of it.
    pub(super) fn write(&mut self, number: usize, account: usize, to_device: Option<usize>) {
        if self.devices[number].session.is_none() {
            return;
        }
        let sender = self.devices[number].account;
        let to = match to_device {
            Some(device) => self.device_jid(device),
            None => self.bare_of(account).into(),
        };
        let letter = self.model.send(self.now, self.session_of(number), (sender, account, to_device));
        let id = format!("m{letter}");
        let message = Message::builder(Some(to), MessageType::Chat).id(&id).body(None, &id).build();
        let device = &mut self.devices[number];
        let now = device.clock.now(self.now);
        // With or without a connection.
        match device.session.as_mut().map(|session| session.send(now, message)) {
            Some(Ok(handle)) => {
                self.stanzas += 1;
                device.letters.insert(handle, letter);
            }
            _ => self.model.letters[letter].sending = Sending::Unsent,
        }
        let doomed = self
            .wires
            .values()
            .filter(|wire| wire.broken && wire.in_session && wire.managed_at.is_none())
            .any(|wire| self.devices[wire.device].account == account);
        if doomed {
            self.model.excuse_one("its addressee had a session that was broken already", letter);
        }
    }

    pub(super) fn ping(&mut self, number: usize, to: Option<usize>) {
        let to = to.map(|to| self.device_jid(to));
        if let Some(Ok(handle)) = self.act(number, |client, now| client.request(now, Ping { to }, None)) {
            self.devices[number].orders.push(Order::Ping(handle));
        }
    }

    pub(super) fn set_item(&mut self, number: usize, contact: usize, name: u32, group: u32) {
        let name = format!("n{name}");
        let jid = self.bare_of(contact).into();
        let item =
            waxwing_core::payload::roster::Item::new(jid).with_name(&name).in_group(&format!("g{group}"));
        if let Some(Ok(handle)) = self.act(number, |client, now| client.request(now, SetItem(item), None)) {
            self.devices[number].orders.push(Order::SetItem(handle, name));
        }
    }

    pub(super) fn block(&mut self, number: usize, whom: usize, blocks: bool) {
        let account = self.devices[number].account;
        let jid = Jid::from(self.bare_of(whom));
        self.words += 1;
        // One that is asked for elsewhere and has not been answered may take effect later: then nothing is certain.
        let is_contested = self.unblocking.contains(&(account, whom));
        let serial = if is_contested { 0 } else { self.words };
        let order = self.act(number, |client, now| match blocks {
            true => {
                client.request(now, Block(vec![jid]), None).map(|handle| Order::Block(handle, whom, serial))
            }
            false => client.request(now, Unblock(vec![jid]), None).map(|handle| Order::Unblock(handle, whom)),
        });
        if let Some(Ok(order)) = order {
            self.blocks.insert((account, whom), self.words);
            if !blocks {
                self.unblocking.push((account, whom));
            }
            self.model.block_asked(account, whom);
            self.devices[number].orders.push(order);
        }
    }

    pub(super) fn answer_requests(&mut self, number: usize, approve: bool) {
        let asked: Option<Vec<BareJid>> = self.devices[number]
            .client()
            .map(|client| client.subscription_requests().map(|(from, _)| from.clone()).collect());
        for contact in asked.into_iter().flatten() {
            self.note_subscription(number, &contact);
            self.act(number, |client, now| match approve {
                true => client.approve(now, &contact),
                false => client.deny(now, &contact),
            });
        }
    }

    pub(super) fn subscribe<E>(
        &mut self,
        device: usize,
        to: usize,
        say: impl FnOnce(&mut Client, Now, &BareJid) -> Result<StanzaHandle, E>,
    ) {
        let contact = self.bare_of(to);
        self.note_subscription(device, &contact);
        self.act(device, |client, now| say(client, now, &contact).map(drop));
    }

    /// A device changes who sees whom.
    pub(super) fn note_subscription(&mut self, device: usize, contact: &BareJid) {
        let account = self.devices[device].account;
        let accounts = 0..self.scenario.accounts.len();
        if let Some(other) = accounts.into_iter().find(|other| self.bare_of(*other) == *contact) {
            let before = self.subscribing.insert((account.min(other), account.max(other)), self.now);
            if before.is_some_and(|before| self.now - before < ANSWERED) {
                self.tainted.insert(pair(self.bare_of(account).as_str(), contact.as_str()));
            }
        }
        let own = self.bare_of(account);
        let troubled = [account].into_iter().chain(self.account_of(contact));
        let host_is_upset = |account: usize| {
            let host = &self.hosts[self.scenario.accounts[account]];
            host.disk.mood.is_upset() || host.server.is_none()
        };
        if troubled.into_iter().any(host_is_upset) {
            self.tainted.insert(pair(own.as_str(), contact.as_str()));
        }
    }

    pub(super) fn on_reply(&mut self, number: usize, reply: &Reply) {
        self.stanzas += 1;
        let device = &mut self.devices[number];
        let account = device.account;
        let Some(found) = device.orders.iter().position(|order| order.is_answered_by(reply)) else { return };
        match device.orders.swap_remove(found) {
            Order::Ping(_) => {}
            Order::SetItem(handle, name) => {
                let is_saved = self.hosts[self.scenario.accounts[account]].disk.names.contains(&name);
                if matches!(handle.read(reply), Some(Ok(()))) && !is_saved {
                    let text = format!("d{number} was told that {name} is saved, and it is not");
                    self.model.fail(self.now, Rule::Promise, text);
                }
            }
            Order::Block(handle, whom, serial) => {
                if matches!(handle.read(reply), Some(Ok(()))) && self.last_block(account, whom) == serial {
                    self.model.blocked(self.now, account, whom);
                }
            }
            Order::Unblock(handle, whom) => {
                // Without an answer it may take effect yet: with the session, when that is resumed.
                let is_open = |error: &RequestError| {
                    matches!(error, RequestError::Timeout | RequestError::Disconnected { sent: true })
                };
                if handle.read(reply).is_some_and(|answer| answer.as_ref().is_err_and(is_open)) {
                    return;
                }
                let asked = self.unblocking.iter().position(|asked| *asked == (account, whom));
                asked.map(|asked| self.unblocking.swap_remove(asked));
            }
        }
    }

    fn last_block(&self, account: usize, whom: usize) -> u64 {
        self.blocks.get(&(account, whom)).copied().unwrap_or_default()
    }
}
