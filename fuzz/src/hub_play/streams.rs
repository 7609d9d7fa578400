//! What clients do with their streams: acknowledge, break off, go on (XEP-0198), and say whether somebody looks (XEP-0352).

use super::{Play, account, handled};
use crate::ops::Op;
use waxwing_core::jid::Jid;
use waxwing_core::server::hub::{Enable, SessionId};
use waxwing_core::stream::bind2::ClientState;

impl Play {
    pub(super) fn enable(&mut self, slot: usize, op: Op) {
        let Some(connection) = self.connection(slot) else { return };
        let (now, account) = (self.now, account(slot % 4));
        let enable = Enable { resume: !op.b.is_multiple_of(4), max: (op.b % 4 > 1).then_some(30) };
        self.hub(&account).enable(now, connection, enable);
    }

    /// A client says how much of what it was sent it has, or, seldom, what cannot be.
    pub(super) fn acknowledge(&mut self, slot: usize, op: Op) {
        let Some(connection) = self.connection(slot) else { return };
        let (now, account) = (self.now, account(slot % 4));
        let session = self.slots[slot].and_then(|id| self.model.sessions.get_mut(&id));
        let Some(books) = session.and_then(|session| session.books.as_mut()) else { return };
        let had = match op.b {
            255 => books.items.len() + 1,
            b if b % 16 == 15 => books.items.len(),
            b => usize::from(b % 16).min(books.items.len()),
        };
        let h = books.acknowledged.wrapping_add(had as u32);
        if had <= books.items.len() {
            books.items.drain(..had);
            books.acknowledged = h;
        }
        self.hub(&account).acknowledged(now, connection, h);
    }

    /// A client says whether somebody looks at it (XEP-0352).
    pub(super) fn change_state(&mut self, slot: usize, b: u8) {
        let Some(connection) = self.connection(slot) else { return };
        let (now, account) = (self.now, account(slot % 4));
        let state = if b.is_multiple_of(3) { ClientState::Active } else { ClientState::Inactive };
        self.hub(&account).client_state(now, connection, state);
    }

    /// The connection of a client breaks.
    pub(super) fn break_off(&mut self, slot: usize) {
        let (Some(id), Some(connection)) = (self.slots[slot], self.connection(slot)) else { return };
        let session = self.model.sessions.get(&id).and_then(|session| session.books.as_ref());
        if let Some(books) = session.filter(|books| books.id.is_some()) {
            self.until.insert(id, self.now.instant + books.within);
            self.model.detach(id);
        } else {
            self.model.end(id);
            self.slots[slot] = None;
        }
        let (now, account) = (self.now, account(slot % 4));
        self.hub(&account).session_broken(now, connection);
    }

    /// A client comes back over another connection; or somebody else tries to.
    pub(super) fn resume(&mut self, slot: usize, op: Op) {
        let Some(id) = self.slots[slot] else { return };
        let session = self.model.sessions.get(&id).and_then(|session| session.books.as_ref());
        let Some(books) = session.filter(|books| books.id.is_some()) else { return };
        let had = usize::from(op.b % 16).min(books.items.len());
        let (h, previd) = (books.acknowledged.wrapping_add(had as u32), books.id.clone().unwrap_or_default());
        let connection = SessionId(self.next());
        let (now, own) = (self.now, account(slot % 4));
        match op.b / 16 {
            // One of another account has seen the id.
            14 => {
                let other = account(slot % 4 + 1);
                self.hub(&other).resume(now, connection, &other, previd, h);
            }
            15 => self.hub(&own).resume(now, connection, &own, format!("{previd}x"), h),
            _ => {
                self.resuming.insert(connection, (slot, id, had));
                self.hub(&own).resume(now, connection, &own, previd, h);
            }
        }
    }

    pub(super) fn resumed(&mut self, connection: SessionId, jid: &Jid, h: u32) {
        let Some((slot, id, had)) = self.resuming.remove(&connection) else {
            panic!("somebody else has resumed the session of {jid}");
        };
        if self.model.sessions[&id].connection.is_some() {
            panic!("{jid} has two connections");
        }
        self.model.attach(id, connection, had);
        self.until.remove(&id);
        let session = self.model.sessions.get_mut(&id).expect("it has been looked up");
        assert_eq!(session.jid, *jid);
        let books = session.books.as_mut().expect("it has been looked up");
        handled(books, h);
        // The client sends again what the server has not had.
        let again = std::mem::take(&mut books.unhandled);
        again.into_iter().for_each(|stanza| self.send_stanza(slot, stanza));
    }

    pub(super) fn not_resumed(&mut self, connection: SessionId) {
        let Some((slot, id, _)) = self.resuming.remove(&connection) else { return };
        let is_gone = self.model.sessions.get(&id).is_some_and(|session| session.connection.is_none());
        assert!(is_gone, "a session that is there can be resumed");
        self.model.end(id);
        self.slots[slot] = None;
    }
}
