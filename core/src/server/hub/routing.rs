//! Which way a stanza takes, step by step (RFC 6120 section 10, RFC 6121 section 8).

use super::entities::{Entity, Waiting};
use super::{Envelope, Hub, Output, SessionId, shard_of_str};
use crate::jid::{BareJid, Jid};
use crate::machine::Now;
use crate::server::managed::Receipt;
use crate::server::module::Verdict;
use crate::server::output::Content;
use crate::server::services;
use crate::stanza::{Condition, Message, PresenceType, Stanza};

impl Hub {
    /// From a session:
    ///
    /// 1. it is from that session, whatever it says (RFC 6120 section 8.1.2.1);
    /// 2. presence without `to` is for broadcast (RFC 6121 section 4.4.2);
    /// 3. anything else without `to` is for the sender's account (RFC 6120 section 10.3);
    /// 4. modules see messages;
    /// 5. the sender's account sees it: what it does then stands at [`Account::send`](crate::server::account::Account::send);
    /// 6. it is routed.
    pub(super) fn session_sent(&mut self, now: Now, session: SessionId, mut stanza: Stanza) {
        let Some((account, jid, id)) = self.sessions.bound(session) else { return };
        let jid: &Jid = jid;
        let receipt = self.tools.outbox.managed.received(id, self.tools.config.shard);
        if stanza.from() != Some(jid) {
            stanza.set_from(Some(jid.clone()));
        }
        if let Stanza::Presence(_) = &stanza {
            // What has been held back of others' presence is from before it, and may not be true of what follows.
            self.tools.outbox.release(id, true);
        }
        if stanza.to().is_none() {
            if let Stanza::Presence(presence) = stanza {
                let Some(ready) = self.entities.ready_mut(account.as_str()) else { return };
                return ready.account.broadcast(id, presence, &mut self.tools.context(now));
            }
            stanza.set_to(Some(account.clone().into()));
        }
        if !self.tools.modules_pass(now, &stanza) {
            return;
        }
        let Some(ready) = self.entities.ready_mut(account.as_str()) else { return };
        let mut ctx = self.tools.context(now);
        ctx.receipt = receipt;
        if let Some(stanza) = ready.account.send(id, stanza, &mut ctx) {
            let receipt = ctx.receipt.take();
            ctx.outbox.send_with(stanza, receipt);
        }
        ctx.done();
    }

    /// From another domain:
    ///
    /// 1. only from there to here: never between other domains, never in the name of one of ours (RFC 6120 sections 8.1.1.2,
    ///    8.1.2.2);
    /// 2. modules see messages;
    /// 3. it is routed.
    pub(super) fn remote_sent(&mut self, now: Now, stanza: Stanza) {
        let from_there = stanza.from().is_some_and(|from| !self.is_local(from));
        let to_here = stanza.to().is_some_and(|to| self.is_local(to));
        if from_there && to_here && self.tools.modules_pass(now, &stanza) {
            self.tools.outbox.send(stanza);
        }
    }

    /// From another shard, which has done the first steps: it is routed, but no further than here.
    pub(super) fn shard_sent(&mut self, envelope: Envelope) {
        match envelope.content {
            Content::Stanza(stanza, receipt) if stanza.to().is_some_and(|to| self.is_here(to)) => {
                self.tools.outbox.send_with(stanza, receipt);
            }
            Content::Stanza(_, receipt) => self.tools.outbox.settle(receipt),
            Content::Settled(receipt) if receipt.shard == self.tools.config.shard => {
                self.tools.outbox.settle(Some(receipt));
            }
            Content::Settled(_) => {}
        }
    }

    /// Routes all that has been sent, and what is sent on account of it, until nothing is left. That comes to an end:
    /// stanzas cause answers, and answers cause none. What entities ask of the store goes out in between, in order.
    pub(super) fn route_all(&mut self, now: Now) {
        loop {
            while let Some((stanza, receipt)) = self.tools.outbox.work.pop_front() {
                self.route(now, stanza, receipt);
            }
            if let Some(ask) = self.tools.outbox.asks.pop_front() {
                self.ask_for_entity(now, ask);
            } else if let Some(account) = self.tools.outbox.removed.pop_front() {
                self.drop_account(now, &account);
            } else if let Some(connection) = self.tools.outbox.closed.pop_front() {
                self.sessions.remove(connection);
            } else if let Some((session, account)) = self.tools.outbox.managed.pop_behind() {
                self.end_behind(now, session, &account);
            } else if let Some((session, account)) = self.tools.outbox.managed.pop_settled() {
                self.finish_resumption(now, session, &account);
            } else {
                return;
            }
        }
    }

    /// By its addressee:
    ///
    /// 1. another domain (RFC 6120 section 10.4);
    /// 2. a domain of ours (10.5.1, 10.5.2);
    /// 3. an account in another shard;
    /// 4. an account of this shard, in memory or not (10.5.3, 10.5.4, RFC 6121 section 8.5). Presence for an account that has
    ///    no session reaches nobody and changes nothing (8.5.1, 8.5.2.2.2), so nothing is loaded for it; nor for a probe.
    fn route(&mut self, now: Now, stanza: Stanza, receipt: Option<Receipt>) {
        let Some(to) = stanza.to() else { return self.tools.outbox.settle(receipt) };
        if !self.is_local(to) {
            self.tools.send_remote(stanza);
            return self.tools.outbox.settle(receipt);
        }
        if to.local().is_none() {
            services::for_domain(stanza, &mut self.tools.context(now));
            return self.tools.outbox.settle(receipt);
        }
        let shard = self.shard(to);
        if shard != self.tools.config.shard {
            self.tools.outbox.hold(receipt);
            let envelope = Envelope { content: Content::Stanza(stanza, receipt) };
            let output = Output::Shard { shard, envelope };
            return self.tools.outbox.outputs.push_back(output);
        }
        match self.entities.get_mut(to.bare_str()) {
            Some(Entity::Ready(ready)) if ready.account.has_sessions() => {
                let mut ctx = self.tools.context(now);
                ctx.receipt = receipt;
                ready.account.receive(stanza, &mut ctx);
                ctx.done();
            }
            _ if needs_session(&stanza) => self.tools.outbox.settle(receipt),
            Some(Entity::Ready(ready)) => {
                let account = to.to_bare();
                let mut ctx = self.tools.context(now);
                ctx.receipt = receipt;
                ready.account.receive(stanza, &mut ctx);
                ctx.done();
                self.settle(now, &account);
            }
            None if is_probe(&stanza) => {
                self.tools.outbox.settle(receipt);
                self.probe(now, stanza);
            }
            Some(Entity::Loading(_)) | None => {
                let account = to.to_bare();
                let waiting = Waiting::Stanza(stanza, receipt);
                match self.absent.is_known(now, &account) {
                    true => self.turn_away(now, waiting),
                    false => self.wait(now, &account, waiting),
                }
            }
        }
    }

    pub(super) fn settle(&mut self, now: Now, account: &BareJid) {
        self.entities.settle(now, account, &self.tools.config.limits);
    }

    pub(super) fn is_local(&self, jid: &Jid) -> bool {
        let domain = jid.domain();
        self.domains.binary_search_by(|local| (**local).cmp(domain)).is_ok()
    }

    /// Whether an address is one of the accounts that this shard is for.
    pub(super) fn is_here(&self, jid: &Jid) -> bool {
        self.is_local(jid) && jid.local().is_some() && self.shard(jid) == self.tools.config.shard
    }

    fn shard(&self, jid: &Jid) -> u32 {
        match self.tools.config.shards {
            0 | 1 => 0,
            shards => shard_of_str(jid.bare_str(), shards),
        }
    }
}

/// Whether a stanza means nothing to an account without sessions.
fn needs_session(stanza: &Stanza) -> bool {
    let Stanza::Presence(presence) = stanza else { return false };
    matches!(presence.kind(), PresenceType::Available | PresenceType::Unavailable | PresenceType::Error)
}

fn is_probe(stanza: &Stanza) -> bool {
    matches!(stanza, Stanza::Presence(presence) if presence.kind() == PresenceType::Probe)
}

impl super::Tools {
    fn send_remote(&mut self, stanza: Stanza) {
        if self.config.federation {
            self.outbox.outputs.push_back(Output::Remote { stanza });
        } else {
            self.outbox.bounce(&stanza, Condition::RemoteServerNotFound);
        }
    }

    /// Shows a message to the modules. False if one of them stopped it.
    fn modules_pass(&mut self, now: Now, stanza: &Stanza) -> bool {
        let Stanza::Message(message) = stanza else { return true };
        match self.verdict(now, message) {
            Verdict::Pass => true,
            Verdict::Drop => false,
            Verdict::Refuse(error) => {
                self.outbox.bounce_with(stanza, error);
                false
            }
        }
    }

    fn verdict(&mut self, now: Now, message: &Message) -> Verdict {
        let verdicts = self.modules.iter_mut().map(|module| module.message(now, message));
        verdicts.into_iter().find(|verdict| *verdict != Verdict::Pass).unwrap_or(Verdict::Pass)
    }
}
