//! What happens around the hubs: orders, other domains, crashes.

use super::model::number;
use super::{Play, SLOTS, STRANGER, account};
use crate::login;
use crate::ops::Op;
use crate::shelf::Doubt;
use waxwing_core::jid::BareJid;
use waxwing_core::sasl::StoredCredentials;
use waxwing_core::server::hub::{AdminId, SessionId};
use waxwing_core::server::store::Record;

impl Play {
    pub(super) fn administer(&mut self, op: Op) {
        let (now, account) = (self.now, account(usize::from(op.a)));
        let id = self.next();
        let order = AdminId(id);
        match op.b % 8 {
            0 | 1 => {
                self.open.insert(('g', id));
                self.hub(&account).create_account(now, order, account, login());
            }
            2 | 3 => {
                self.lose_account(&account);
                self.open.insert(('g', id));
                self.leaving.insert(id, account.clone());
                self.hub(&account).delete_account(now, order, account);
            }
            4 => {
                self.open.insert(('g', id));
                let stored = StoredCredentials { disabled: true, ..login() };
                self.hub(&account).set_credentials(now, order, account, stored);
            }
            5 => self.hub(&account).account_changed(now, account),
            6 => {
                self.lose_account(&account);
                self.shelf.store.remove(&account);
                self.hub(&account).account_changed(now, account);
            }
            _ => {
                self.lose_account(&account);
                self.shelf.store.insert(account.clone(), Record::new(login()));
                self.hub(&account).account_changed(now, account);
            }
        }
    }

    /// An account is not there, or may not be when a message reaches it.
    pub(super) fn may_be_nobody(&self, account: &BareJid) -> bool {
        let is_ordered = self.leaving.iter().any(|(id, it)| it == account && self.open.contains(&('g', *id)));
        is_ordered || self.shelf.is_to_delete(account) || self.shelf.store.get(account).is_none()
    }

    /// What concerns an account that is being removed may disappear with it.
    pub(super) fn lose_account(&mut self, account: &BareJid) {
        (self.model.is_troubled, self.model.is_muddled) = (true, true);
        self.removed.insert(account.clone());
        for sent in &mut self.model.messages {
            let is_its = |jid: &str| jid.split('/').next() == Some(account.as_str());
            sent.is_excused |= is_its(sent.to.as_str()) || is_its(&sent.sender);
        }
    }

    pub(super) fn hear_from_abroad(&mut self, op: Op) {
        let to = self.target(op);
        match op.a % 4 {
            0 | 1 => {
                // What is not for here is not taken.
                if !to.contains("example.net") {
                    self.send_message(None, op);
                }
            }
            2 => {
                let kind = ["probe", "subscribe", "subscribed", "unsubscribe", "unsubscribed", "unavailable"];
                let kind = kind[usize::from(op.variant(6))];
                self.remote(&format!("<presence type='{kind}' from='{STRANGER}' to='{to}'/>"));
            }
            _ => self.remote(&format!(
                "<iq type='get' from='{STRANGER}' to='{to}' id='x'><ping xmlns='urn:xmpp:ping'/></iq>"
            )),
        }
    }

    pub(super) fn fail_abroad(&mut self, op: Op) {
        let Some(stanza) = self.abroad.pop_front() else { return };
        if let Some(sent) = number(stanza.id(), "m").and_then(|number| self.model.messages.get_mut(number)) {
            // Its own answers excepted.
            sent.is_abroad &= stanza.is_error();
        }
        let now = self.now;
        match op.b % 2 {
            0 => self.hubs[0].remote_failed(now, stanza),
            _ => self.hubs[0].remote_timeout(now, stanza),
        }
    }

    /// The process dies and is started again. What the store has it has.
    pub(super) fn crash(&mut self, op: Op) {
        if op.b.is_multiple_of(2) {
            while self.shelf.len() > 0 && self.crashes < 200 {
                let doubt = self.shelf.lose(0, true);
                self.doubt(&doubt);
            }
        }
        let doubt = self.shelf.forget_all();
        self.doubt(&doubt);
        self.model.messages.iter_mut().for_each(|sent| sent.is_excused = true);
        (self.model.is_troubled, self.model.is_muddled) = (true, true);
        // What their clients have not acknowledged they need not have got.
        let sessions: Vec<SessionId> = self.model.sessions.keys().copied().collect();
        sessions.into_iter().for_each(|id| self.model.end(id));
        self.model.connections.clear();
        self.model.binding.clear();
        self.slots = [None; SLOTS];
        self.envelopes.clear();
        self.abroad.clear();
        self.open.clear();
        self.crashes += 1;
        self.boot();
    }

    pub(super) fn doubt(&mut self, doubt: &Doubt) {
        for id in &doubt.messages {
            if let Some(number) = number(Some(id), "m") {
                self.model.messages[number].is_doubtful = true;
            }
        }
    }
}
