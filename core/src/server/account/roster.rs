//! The roster (RFC 6121 section 2).
//!
//! A resource that has asked for the roster is *interested* for the rest of its session and is told of every change (2.2). A
//! change is answered, and then pushed, once the store has it; gets and sets take their turn with all else that
//! [changes](super::changes) the account, so a client that changes something and asks for it at once sees the change.
//!
//! Where RFC 6121 leaves a choice:
//! - only the account's own sessions are served. Others that want to change something are told `forbidden` (2.3.3), as they are
//!   for an account that does not exist; those that want to read get the answer to a namespace that nobody knows;
//! - an item belongs to a bare address, other than the account's own: `not-acceptable` and `not-allowed`;
//! - handles and groups are kept as they were given, octet by octet, groups in their order, and compared the same way; an empty
//!   handle is none;
//! - removing an item whose request to subscribe has not been answered takes that request back, too (2.5.2).
//!
//! # Versions
//!
//! To the client a version (2.6) is opaque. It is the number of the change that made it, counted from a point chosen at random
//! for each roster, so that a client cannot take the roster of one account for that of another which had its address before.
//! An item remembers the version that changed it last, and the last removals are remembered with theirs, so what has changed
//! since a version is known without any history of changes.

use super::effect::{Change, Effect};
use super::{Account, Context, Session};
use crate::jid::{BareJid, Jid};
use crate::machine::Entropy;
use crate::ns;
use crate::payload::roster::{self as format, Item, Subscription};
use crate::server::config::Limits;
use crate::server::store::{Contact, Delta, Roster};
use crate::stanza::{Condition, ErrorType, Iq, IqType, Stanza, StanzaError};
use crate::xml::{Element, ElementBuilder, ElementRef};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a request is about the roster of whomever it is addressed to.
pub(super) fn is_about_roster(iq: &Iq) -> bool {
    iq.payload().is_some_and(|payload| payload.is("query", ns::ROSTER))
}

/// What strangers are told who ask for a roster or want to change it, whether or not there is one.
pub(super) fn refusal_for_strangers(iq: &Iq) -> Condition {
    match iq.kind() {
        IqType::Set if is_about_roster(iq) => Condition::Forbidden,
        _ => Condition::ServiceUnavailable,
    }
}

impl Account {
    /// A request about the roster that is addressed to the account.
    pub(super) fn receive_roster(&mut self, iq: Iq, ctx: &mut Context<'_>) {
        let done = match iq.payload() {
            Some(_) if !self.is_own(iq.from()) => Err(refusal_for_strangers(&iq).into()),
            Some(query) if iq.kind() == IqType::Get => self.roster_get(&iq, query, ctx),
            Some(query) => self.roster_set(&iq, query, ctx),
            None => Ok(()),
        };
        if let Err(error) = done {
            ctx.outbox.bounce_with(&Stanza::Iq(iq), error);
        }
    }

    /// Sections 2.1.3, 2.2 and 2.6: the whole roster, or nothing and then what has changed since the client's version.
    fn roster_get(
        &mut self,
        iq: &Iq,
        query: ElementRef<'_>,
        ctx: &mut Context<'_>,
    ) -> Result<(), StanzaError> {
        let held = format::parse_get(query)?;
        let Some(session) = self.sessions.iter_mut().find(|session| is_from(iq, session)) else {
            return Ok(());
        };
        session.interested = true;
        let (id, roster) = (session.id, &self.record.roster);
        let Some(changed) = held.and_then(|held| changed_since(roster, held)) else {
            ctx.outbox.deliver(id, Stanza::Iq(iq.result(Some(whole(roster)))));
            return Ok(());
        };
        ctx.outbox.deliver(id, Stanza::Iq(iq.result(None)));
        for jid in changed {
            self.push_to(&mut self.sessions.iter().filter(|session| session.id == id), jid, ctx);
        }
        Ok(())
    }

    /// Sections 2.3, 2.4 and 2.5.
    fn roster_set(
        &mut self,
        iq: &Iq,
        query: ElementRef<'_>,
        ctx: &mut Context<'_>,
    ) -> Result<(), StanzaError> {
        let item = format::parse_set(query)?;
        let mut change = match item.subscription {
            Subscription::Remove => self.removal(&item.jid, ctx)?,
            _ => self.update(item, ctx)?,
        };
        if let Some(session) = self.sessions.iter().find(|session| is_from(iq, session)) {
            change.effects.insert(0, Effect::Deliver(session.id, Stanza::Iq(iq.result(None))));
        }
        change.asked_by = Some(Stanza::Iq(iq.clone()));
        self.change(change, ctx);
        Ok(())
    }

    /// A contact is new, or has other groups and another name: subscriptions stay as they are (section 2.1.5 rule 2).
    fn update(&self, item: Item, ctx: &mut Context<'_>) -> Result<Change, StanzaError> {
        let jid = self.contact_address(&item.jid)?;
        let roster = &self.record.roster;
        let known = roster.contacts.get(&jid);
        let contact = Contact {
            name: item.name.filter(|name| !name.is_empty()).map(Into::into),
            groups: item.groups.into_iter().map(Into::into).collect(),
            version: next_version(roster.version, ctx.entropy),
            ..known.cloned().unwrap_or_default()
        };
        check_size(&contact, &ctx.config.limits)?;
        self.check_room(&jid, &contact, &ctx.config.limits)?;
        let effects = vec![Effect::Push(jid.clone())];
        Ok(Change { deltas: vec![Delta::Contact { jid, contact }], effects, asked_by: None })
    }

    /// A contact goes, and with it the subscriptions (section 2.5.2).
    fn removal(&self, jid: &Jid, ctx: &mut Context<'_>) -> Result<Change, StanzaError> {
        let bare = jid.to_bare();
        let contact = self.record.roster.contacts.get(&bare).filter(|_| jid.resource().is_none());
        let missing = || StanzaError::new(Condition::ItemNotFound).with_type(ErrorType::Modify);
        let contact = contact.ok_or_else(missing)?;
        let version = next_version(self.record.roster.version, ctx.entropy);
        let mut effects = vec![Effect::Push(bare.clone())];
        effects.extend(self.cancel_subscriptions(&bare, contact));
        Ok(Change { deltas: vec![Delta::ContactRemoved { jid: bare, version }], effects, asked_by: None })
    }

    /// The address of an item that is to be set.
    fn contact_address(&self, jid: &Jid) -> Result<BareJid, StanzaError> {
        if jid.resource().is_some() {
            return Err(not_acceptable("the address of a contact has no resource"));
        }
        if self.is_own(Some(jid)) {
            return Err(StanzaError::new(Condition::NotAllowed));
        }
        Ok(jid.to_bare())
    }

    /// Whether the roster has room for a contact. One that is there already may always stay as large as it is.
    pub(super) fn check_room(
        &self,
        jid: &BareJid,
        contact: &Contact,
        limits: &Limits,
    ) -> Result<(), StanzaError> {
        let contacts = &self.record.roster.contacts;
        let known = contacts.get(jid);
        if known.is_some_and(|known| size(jid, contact) <= size(jid, known)) {
            return Ok(());
        }
        let others = contacts.iter().filter(|(other, _)| *other != jid);
        let bytes = others.map(|(jid, contact)| size(jid, contact)).sum::<usize>() + size(jid, contact);
        let too_many = known.is_none() && contacts.len() >= limits.contacts_per_roster;
        if too_many || bytes > limits.roster_bytes {
            let error = StanzaError::new(Condition::ResourceConstraint);
            return Err(error.with_text_in("en", "The roster is full: remove contacts."));
        }
        Ok(())
    }

    /// Leaves a version out that a change may have been given.
    pub(super) fn skip_version(&mut self) {
        let version = &mut self.record.roster.version;
        if *version != 0 {
            *version += 1;
        }
    }

    /// Tells every interested resource what is now true of a contact (sections 2.1.6 and 2.2).
    pub(super) fn push(&self, jid: &BareJid, ctx: &mut Context<'_>) {
        self.push_to(&mut self.sessions.iter().filter(|session| session.interested), jid, ctx);
    }

    /// Tells interested resources what is not as it was before the record was read anew.
    pub(super) fn push_differences(&mut self, before: &Roster, ctx: &mut Context<'_>) {
        let roster = &mut self.record.roster;
        if before.version >> 32 == roster.version >> 32 {
            roster.version = roster.version.max(before.version);
        }
        let roster = &self.record.roster;
        let either = before.contacts.keys().chain(roster.contacts.keys());
        let differ = either.filter(|jid| before.contacts.get(*jid) != roster.contacts.get(*jid));
        let in_order: BTreeSet<(u64, &BareJid)> = differ.map(|jid| (last_change(roster, jid), jid)).collect();
        for (_, jid) in in_order {
            self.push(jid, ctx);
        }
    }

    fn push_to<'a>(
        &'a self,
        sessions: &mut dyn Iterator<Item = &'a Session>,
        jid: &BareJid,
        ctx: &mut Context<'_>,
    ) {
        let Some(first) = sessions.next() else { return };
        let roster = &self.record.roster;
        let item = match roster.contacts.get(jid) {
            Some(contact) => item(jid, contact),
            None => Item::removal(jid.clone().into()),
        };
        let query = format::push(Some(&last_change(roster, jid).to_string()), &item);
        for session in [first].into_iter().chain(sessions) {
            let to = Jid::from(session.jid.clone());
            let push = Iq::set(Some(to), &ctx.entropy.id(), query.clone());
            ctx.outbox.deliver(session.id, Stanza::Iq(push));
        }
    }
}

/// The version that the next change of a roster makes.
pub(super) fn next_version(version: u64, entropy: &mut Entropy) -> u64 {
    match version {
        0 => ((entropy.next_u64() >> 33) << 32) + 1,
        version => version.saturating_add(1),
    }
}

/// Whom the changes since a version concern, in the order in which they were made, each once. `None` if that is not known, or
/// if it would be no shorter than the roster.
fn changed_since<'a>(roster: &'a Roster, held: &str) -> Option<impl Iterator<Item = &'a BareJid>> {
    let version = held.parse::<u64>().ok().filter(|version| version.to_string() == held)?;
    let same_roster = version >> 32 == roster.version >> 32;
    // Removals before the first that is remembered may have been forgotten.
    let forgotten = match roster.removed.first() {
        Some((first, _)) if roster.removed.len() >= Roster::REMOVED => first.saturating_sub(1),
        _ => 0,
    };
    if !same_roster || version > roster.version || version < forgotten {
        return None;
    }
    let contacts = roster.contacts.iter().map(|(jid, contact)| (contact.version, jid));
    let gone = |jid: &BareJid| !roster.contacts.contains_key(jid);
    // What was removed several times was removed last by the last version.
    let removed: BTreeMap<&BareJid, u64> =
        roster.removed.iter().filter(|(_, jid)| gone(jid)).map(|(version, jid)| (jid, *version)).collect();
    let removed = removed.into_iter().map(|(jid, version)| (version, jid));
    let changed: BTreeSet<(u64, &BareJid)> =
        contacts.chain(removed).filter(|(changed, _)| *changed > version).collect();
    let shorter = changed.is_empty() || changed.len() < roster.contacts.len();
    shorter.then(|| changed.into_iter().map(|(_, jid)| jid))
}

/// The version that changed a contact, or removed it.
fn last_change(roster: &Roster, jid: &BareJid) -> u64 {
    if let Some(contact) = roster.contacts.get(jid) {
        return contact.version;
    }
    let removed = roster.removed.iter().rev().find(|(_, removed)| removed == jid);
    removed.map_or(roster.version, |(version, _)| *version)
}

/// The payload of a result that has everything in it.
fn whole(roster: &Roster) -> ElementBuilder {
    let query = Element::builder("query", ns::ROSTER).attr("ver", &roster.version.to_string());
    let items = roster.contacts.iter().map(|(jid, contact)| item(jid, contact).to_builder());
    items.fold(query, ElementBuilder::child)
}

fn item(jid: &BareJid, contact: &Contact) -> Item {
    let mut item = Item::new(jid.clone().into());
    item.name = contact.name.as_deref().map(str::to_owned);
    item.subscription = match (contact.to, contact.from) {
        (false, false) => Subscription::None,
        (true, false) => Subscription::To,
        (false, true) => Subscription::From,
        (true, true) => Subscription::Both,
    };
    (item.ask, item.approved) = (contact.ask, contact.approved);
    item.groups = contact.groups.iter().map(|group| group.to_string()).collect();
    item
}

fn check_size(contact: &Contact, limits: &Limits) -> Result<(), StanzaError> {
    if contact.name.as_ref().is_some_and(|name| name.len() > limits.contact_name_bytes) {
        return Err(not_acceptable("the name is too long"));
    }
    if contact.groups.iter().any(|group| group.len() > limits.group_name_bytes) {
        return Err(not_acceptable("the name of a group is too long"));
    }
    if contact.groups.len() > limits.groups_per_contact {
        return Err(not_acceptable("too many groups"));
    }
    Ok(())
}

/// What a contact counts as, in bytes.
fn size(jid: &BareJid, contact: &Contact) -> usize {
    let groups: usize = contact.groups.iter().map(|group| group.len()).sum();
    jid.as_str().len() + contact.name.as_ref().map_or(0, |name| name.len()) + groups
}

fn not_acceptable(text: &str) -> StanzaError {
    StanzaError::new(Condition::NotAcceptable).with_text_in("en", text)
}

fn is_from(iq: &Iq, session: &Session) -> bool {
    iq.from().is_some_and(|from| *from == *session.jid)
}
