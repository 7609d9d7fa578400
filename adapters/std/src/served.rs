//! One server-side connection, joined to the hub: what the socket loop of every server adapter drives.

use std::sync::Arc;

use waxwing_core::jid::BareJid;
use waxwing_core::machine::{Deadline, Machine, Now};
use waxwing_core::sasl;
use waxwing_core::server::connection::{Connection, Event};
use waxwing_core::server::hub::{Hub, SessionId};
use waxwing_core::stanza::{Condition, ErrorType, StanzaError};
use waxwing_core::stream::{Closed, StreamError};

use crate::door::Guest;
use crate::shards::{Delivery, Mailbox, Shards};

/// A [`Connection`] whose events go to the hub and whose mailbox is emptied into it.
///
/// It is a [`Machine`] itself, so the driver that runs a client runs this too; its only event is the end. Besides input
/// and deadlines the driver waits for the mailbox's wake-up and then calls [`collect`](Served::collect).
#[derive(Debug)]
pub struct Served {
    connection: Connection,
    session: SessionId,
    mailbox: Arc<Mailbox>,
    shards: Arc<Shards>,
    /// The account that a session was asked for, as long as the hub must be told of its end.
    account: Option<BareJid>,
    incoming: Vec<Delivery>,
    closed: Option<Closed>,
    guest: Guest,
}

impl Served {
    /// Joins a fresh connection to the hub. `mailbox` must be this connection's alone; `guest` is what it was let in as.
    pub fn new(connection: Connection, mailbox: Arc<Mailbox>, shards: Arc<Shards>, guest: Guest) -> Served {
        let session = SessionId(shards.fresh_id());
        let (account, incoming, closed) = (None, Vec::new(), None);
        Served { connection, session, mailbox, shards, account, incoming, closed, guest }
    }

    /// Takes what the hub has for this connection.
    pub fn collect(&mut self, now: Now) {
        self.mailbox.take(&mut self.incoming);
        // Taken apart from `self`, because applying a delivery may cause events, and those go to the hub.
        let mut incoming = std::mem::take(&mut self.incoming);
        for delivery in incoming.drain(..) {
            match delivery {
                Delivery::Stanza(stanza) => self.connection.deliver(now, &stanza),
                Delivery::Registered(result) => self.connection.registered(now, result),
                Delivery::Credentials(stored) => self.connection.credentials(now, stored),
                Delivery::Tokens(stored) => {
                    self.connection.tokens(now, stored.map(|stored| stored.map(|stored| *stored)));
                }
                Delivery::TokensChanged(result) => self.connection.tokens_changed(now, result),
                Delivery::Bound(jid, granted) => self.connection.bound(now, jid, granted),
                Delivery::BindRefused(error) => {
                    self.account = None;
                    self.connection.bind_refused(now, error);
                }
                Delivery::Enabled(enabled) => self.connection.enabled(now, enabled),
                Delivery::Acknowledge(h) => self.connection.acknowledge(now, h),
                Delivery::Resumed(jid, previd, h) => self.connection.resumed(now, jid, previd, h),
                Delivery::ResumeRefused(h) => {
                    self.account = None;
                    self.connection.resume_refused(now, h);
                }
                Delivery::Close(error) => self.connection.close(now, error),
            }
        }
        self.settle(now);
    }

    /// Ends the session, and its stream with an error of our own, such as system-shutdown.
    pub fn close(&mut self, now: Now, error: StreamError) {
        self.leave(false);
        self.connection.close(now, error);
        self.settle(now);
    }

    /// The connection, to ask.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Hands the connection's events to the hub.
    fn settle(&mut self, now: Now) {
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::Stanza(stanza) => {
                    if let Some(account) = &self.account {
                        self.shards.stanza(account, self.session, stanza);
                    }
                }
                Event::Handled { reply } => self.tell(|hub, now, session| hub.handled(now, session, reply)),
                Event::Enable(enable) => self.tell(|hub, now, session| hub.enable(now, session, enable)),
                Event::AcknowledgementRequested => {
                    self.tell(|hub, now, session| hub.acknowledgement_requested(now, session));
                }
                Event::Acknowledged { h } => self.tell(|hub, now, session| hub.acknowledged(now, session, h)),
                Event::ClientState(state) => {
                    self.tell(|hub, now, session| hub.client_state(now, session, state))
                }
                Event::Resume { account, previd, h } => {
                    self.shards.resume(self.session, &account, previd, h, &self.mailbox);
                    self.account = Some(account);
                }
                Event::Lookup { account } => self.shards.lookup(account, &self.mailbox),
                Event::LookupTokens { account, client } => {
                    self.shards.lookup_tokens(account, client, &self.mailbox);
                }
                Event::ChangeTokens { account, client, changes } => {
                    self.shards.change_tokens(account, client, changes, &self.mailbox);
                }
                Event::Register { account, password } => {
                    if self.guest.may_register(now.instant) {
                        self.shards.register(account, password, &self.mailbox);
                    } else {
                        let error = StanzaError::new(Condition::ResourceConstraint);
                        let error =
                            error.with_type(ErrorType::Wait).with_text("too many accounts from your address");
                        self.connection.registered(now, Err(error));
                    }
                }
                Event::Bind { account, request } => {
                    self.account = Some(account.clone());
                    self.shards.bind(self.session, account, request, &self.mailbox);
                }
                Event::TokenVerdict { .. } | Event::CertificateVerdict { .. } => {
                    // Neither mechanism is offered unless an embedder enables it, and then it drives its own loop.
                    self.connection.verdict(now, Err(sasl::Condition::NotAuthorized));
                }
                Event::Closed(closed) => {
                    self.leave(closed.is_break());
                    self.closed = Some(closed);
                }
                _ => {}
            }
        }
    }

    /// Tells the hub something about the session.
    fn tell(&self, call: impl FnOnce(&mut Hub, Now, SessionId)) {
        if let Some(account) = &self.account {
            self.shards.session(account, |hub, now| call(hub, now, self.session));
        }
    }

    /// `is_break`: the client may come back over another connection.
    fn leave(&mut self, is_break: bool) {
        if let Some(account) = self.account.take() {
            self.shards.session_gone(&account, self.session, is_break);
        }
    }
}

impl Machine for Served {
    type Event = Closed;

    fn receive(&mut self, now: Now, input: &[u8]) {
        self.connection.receive(now, input);
        self.settle(now);
    }

    fn receive_eof(&mut self, now: Now) {
        self.connection.receive_eof(now);
        self.settle(now);
    }

    fn transmit(&mut self, out: &mut Vec<u8>) -> usize {
        self.connection.transmit(out)
    }

    fn poll_event(&mut self) -> Option<Closed> {
        self.closed.take()
    }

    fn deadline(&self) -> Option<Deadline> {
        self.connection.deadline()
    }

    fn tick(&mut self, now: Now) {
        self.connection.tick(now);
        self.settle(now);
    }

    fn read_budget(&self) -> usize {
        self.connection.read_budget()
    }

    fn is_finished(&self) -> bool {
        self.connection.is_finished()
    }
}

impl Drop for Served {
    /// However a connection ends, its session does not outlive it, unless its client may resume it.
    fn drop(&mut self) {
        self.leave(true);
    }
}
