//! Who is there: the presence of others, resource by resource (RFC 6121 section 4).

use crate::jid::{BareJid, Jid};
use crate::machine::Utc;
use crate::ns;
use crate::payload::caps::Caps;
use crate::payload::delay::Delay;
use crate::stanza::{Presence, PresenceType, Show};
use std::collections::BTreeMap;

/// Bytes of status text that are kept of each resource; [`Event::Presence`](super::Event::Presence) has all of it.
const MAX_STATUS: usize = 1024;

/// The resources of others that are available, as far as this session has been told.
///
/// Everyone who sends us presence is in it: contacts, the account's other sessions, services, and strangers that send
/// theirs unasked. A resource leaves when it becomes unavailable or answers presence with an error, when the
/// subscription to its owner ends, and when we become unavailable ourselves or the stream ends, since nobody tells us
/// anything from then on (RFC 6121 section 4.5.2).
///
/// It is bounded ([`Config::max_resources`](super::Config::max_resources)): what does not fit still comes out as an
/// event but is not remembered. Entities without a subscription may fill half of it, so that they push nobody out.
#[derive(Clone, Debug, Default)]
pub struct Contacts {
    by_contact: BTreeMap<BareJid, BTreeMap<Jid, Resource>>,
    resources: usize,
}

/// One available resource of somebody.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Resource {
    /// Its full address, or a bare one where the entity has no resources (services).
    pub jid: Jid,
    /// Its priority; negative: it wants no messages that are not addressed to itself (RFC 6121 section 4.7.2.3).
    pub priority: i8,
    /// Its availability; `None`: available without more.
    pub show: Option<Show>,
    /// Its status text in the stanza's own language, or at least the beginning of it: up to 1024 bytes.
    pub status: Option<String>,
    /// What it says about its capabilities (XEP-0115); [`Client::capabilities`](super::Client::capabilities) says
    /// what that means. Servers may leave it out where it has not changed, so it stays until something else comes.
    pub caps: Option<Caps>,
    /// Since when this has been its presence, where its server says so (XEP-0203).
    pub since: Option<Utc>,
}

impl Contacts {
    /// The available resources of a contact, the one that wants messages most first: by priority, then by
    /// availability.
    pub fn resources(&self, contact: &Jid) -> Vec<&Resource> {
        let mut list: Vec<_> = self.of(contact).into_iter().flat_map(BTreeMap::values).collect();
        list.sort_by_key(|resource| (-i16::from(resource.priority), reluctance(resource.show)));
        list
    }

    /// The resource of a contact that wants messages most, if any is available. What to show of somebody who has
    /// several.
    pub fn best(&self, contact: &Jid) -> Option<&Resource> {
        let resources = self.of(contact)?.values();
        resources.min_by_key(|resource| (-i16::from(resource.priority), reluctance(resource.show)))
    }

    /// One resource, by its full address.
    pub fn resource(&self, jid: &Jid) -> Option<&Resource> {
        self.of(jid)?.get(jid)
    }

    /// True if any resource of the contact is available.
    pub fn is_available(&self, contact: &Jid) -> bool {
        self.of(contact).is_some()
    }

    /// Everyone who has an available resource, by address.
    pub fn available(&self) -> impl Iterator<Item = &BareJid> {
        self.by_contact.keys()
    }

    /// How many resources are known.
    pub fn len(&self) -> usize {
        self.resources
    }

    /// True if nobody is known to be available.
    pub fn is_empty(&self) -> bool {
        self.resources == 0
    }

    /// A few of a contact's resources; who has more has many of the same kind.
    pub(super) fn some_resources(&self, contact: &Jid) -> Vec<Jid> {
        self.of(contact).into_iter().flat_map(BTreeMap::keys).take(8).cloned().collect()
    }

    fn of(&self, contact: &Jid) -> Option<&BTreeMap<Jid, Resource>> {
        self.by_contact.get(contact.bare_str())
    }

    /// Somebody's presence has come in: available, unavailable or an error. `room`: how many resources there may be
    /// with this one.
    pub(super) fn apply(&mut self, from: &Jid, presence: &Presence, caps: Option<Caps>, room: usize) {
        match presence.kind() {
            PresenceType::Available => self.insert(Resource::read(from.clone(), presence, caps), room),
            // From a bare address it speaks of all resources; an error says that nobody is reached there.
            PresenceType::Unavailable | PresenceType::Error if from.is_bare() => self.forget(from),
            PresenceType::Unavailable | PresenceType::Error => self.remove(from),
            _ => {}
        }
    }

    fn insert(&mut self, mut resource: Resource, room: usize) {
        match self.resource(&resource.jid) {
            Some(before) => resource.caps = resource.caps.or_else(|| before.caps.clone()),
            None if self.resources >= room => return,
            None => self.resources += 1,
        }
        let resources = self.by_contact.entry(resource.jid.to_bare()).or_default();
        resources.insert(resource.jid.clone(), resource);
    }

    fn remove(&mut self, jid: &Jid) {
        let Some(resources) = self.by_contact.get_mut(jid.bare_str()) else { return };
        self.resources -= usize::from(resources.remove(jid).is_some());
        if resources.is_empty() {
            self.by_contact.remove(jid.bare_str());
        }
    }

    /// All of a contact's resources.
    pub(super) fn forget(&mut self, contact: &Jid) {
        if let Some(resources) = self.by_contact.remove(contact.bare_str()) {
            self.resources -= resources.len();
        }
    }

    /// Everyone's.
    pub(super) fn clear(&mut self) {
        *self = Contacts::default();
    }
}

impl Resource {
    fn read(jid: Jid, presence: &Presence, caps: Option<Caps>) -> Resource {
        let status = presence.status(None).map(|status| beginning(&status, MAX_STATUS).to_owned());
        Resource {
            jid,
            priority: presence.priority(),
            show: presence.show(),
            status: status.filter(|status| !status.is_empty()),
            caps,
            since: presence
                .child("delay", ns::DELAY)
                .and_then(|delay| Delay::parse(delay).ok())
                .map(|delay| delay.stamp),
        }
    }
}

/// Between resources of one priority, those that want to talk come first.
fn reluctance(show: Option<Show>) -> u8 {
    match show {
        Some(Show::Chat) => 0,
        None => 1,
        Some(Show::Away) => 2,
        Some(Show::Xa) => 3,
        Some(Show::Dnd) => 4,
    }
}

/// As much of the text as fits, in whole characters.
pub(super) fn beginning(text: &str, max: usize) -> &str {
    let end = (0..=max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}
