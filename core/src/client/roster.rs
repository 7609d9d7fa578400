//! The roster: the account's list of contacts (RFC 6121 section 2), kept as the server has it.

use super::effects::{Context, Effects};
use super::request::{Purpose, Reply, request};
use super::{Client, Event, RequestError, RosterEvent, SendError};
use crate::jid::Jid;
use crate::machine::Now;
use crate::ns;
use crate::payload::roster::{self, Item, Subscription};
use crate::stanza::{Condition, Iq, IqType};
use std::collections::{BTreeMap, BTreeSet};

/// What an item costs beside its text, about.
const ITEM_OVERHEAD: usize = 100;

/// A roster as this session knows it.
///
/// To save it for the next session keep [`version`](Roster::version) and the items, and hand
/// [`Roster::cached`] to [`Client::fetch_roster`]: a server with roster versioning then sends only what has changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Roster {
    items: BTreeMap<Jid, Item>,
    version: Option<String>,
    is_loaded: bool,
    /// Something did not fit.
    is_cut: bool,
    bytes: usize,
}

impl Roster {
    /// What an earlier session saved. The version is what [`version`](Roster::version) said then, and belongs to exactly
    /// these items.
    pub fn cached(version: &str, items: impl IntoIterator<Item = Item>) -> Roster {
        let mut roster = Roster { version: Some(version.to_owned()), ..Roster::default() };
        for item in items {
            roster.insert(item, usize::MAX);
        }
        roster
    }

    /// The version of what is here (section 2.6), if the server gives it one and all of it is here. Opaque.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// True once the server has answered [`Client::fetch_roster`]. Until then there is at most what was cached.
    pub fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    /// True if nothing had to be left out because of [`Config::max_roster_bytes`](super::Config::max_roster_bytes).
    pub fn is_complete(&self) -> bool {
        !self.is_cut
    }

    /// A contact's item. The resource of the address does not matter, unless the item itself has one.
    pub fn get(&self, contact: &Jid) -> Option<&Item> {
        self.items.get(contact).or_else(|| self.items.get(contact.bare_str()))
    }

    /// All items, by address.
    pub fn iter(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The names of all groups, each once, in order.
    pub fn groups(&self) -> BTreeSet<&str> {
        self.iter().flat_map(|item| &item.groups).map(String::as_str).collect()
    }

    /// True if we are subscribed to this contact's presence.
    pub fn is_seen(&self, contact: &Jid) -> bool {
        self.get(contact).is_some_and(|item| item.subscription.has_to())
    }

    /// True if this contact is subscribed to ours.
    pub fn sees_us(&self, contact: &Jid) -> bool {
        self.get(contact).is_some_and(|item| item.subscription.has_from())
    }

    /// Puts in an item, if there is room.
    fn insert(&mut self, item: Item, max_bytes: usize) -> Option<Item> {
        let before = self.remove(&item.jid);
        let bytes = size(&item);
        if self.bytes + bytes <= max_bytes {
            self.bytes += bytes;
            self.items.insert(item.jid.clone(), item);
        } else {
            self.is_cut = true;
            self.version = None;
        }
        before
    }

    fn remove(&mut self, contact: &Jid) -> Option<Item> {
        let item = self.items.remove(contact)?;
        self.bytes -= size(&item);
        Some(item)
    }
}

fn size(item: &Item) -> usize {
    let name = item.name.as_ref().map_or(0, String::len);
    let groups: usize = item.groups.iter().map(|group| group.len() + size_of::<String>()).sum();
    ITEM_OVERHEAD + item.jid.as_str().len() + name + groups
}

/// Adds a contact to the roster or changes its name and groups (section 2.3 and 2.4). What takes effect comes as
/// [`RosterEvent::Changed`]. Subscriptions have calls of their own ([`Client::subscribe`] and its neighbours).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetItem(
    /// The contact as it is to be. Only address, name and groups count; name and groups replace what was there.
    pub Item,
);

/// Takes a contact off the roster, which also ends the subscriptions in both directions (section 2.5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoveItem(
    /// The contact.
    pub Jid,
);

request!(SetItem: Set, ask |this| roster::set(&Item { subscription: Subscription::None, ..this.0.clone() }));

request!(RemoveItem: Set, ask |this| roster::set(&Item::removal(this.0.clone())));

/// The roster get; its reply is read by [`RosterState`].
struct Get(Option<String>);

request!(Get: Get, ask |this| roster::get(this.0.as_deref()));

impl Client {
    /// Asks for the roster. From then on the server also tells what changes in it. Best done before the first
    /// [`set_presence`](Client::set_presence) (section 2.2): [`RosterEvent::Loaded`] says when it is there.
    ///
    /// With what an earlier session `cached`, a server that keeps versions sends what has changed since; any other
    /// sends all of it. Without, what this session knows already counts as cached.
    ///
    /// # Errors
    /// As [`request`](Client::request).
    pub fn fetch_roster(&mut self, now: Now, cached: Option<Roster>) -> Result<(), SendError> {
        let roster = cached.as_ref().unwrap_or(&self.im.roster.roster);
        let features = self.features.as_ref();
        let has_versions = features.is_some_and(|features| features.has("ver", ns::ROSTER_VER));
        // Section 2.6.2: no version where none is understood, an empty one to begin with.
        let version = has_versions.then(|| roster.version.clone().unwrap_or_default());
        let request = Get(version);
        self.ask(now, Purpose::Roster, &request, None)?;
        let state = &mut self.im.roster;
        state.asked_with = request.0;
        if let Some(cached) = cached {
            state.roster = cached;
        }
        state.roster.is_loaded = false;
        Ok(())
    }

    /// The roster as far as it is known. Also there after the end, to be saved.
    pub fn roster(&self) -> &Roster {
        &self.im.roster.roster
    }
}

/// What a push has been about.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) contact: Jid,
    /// We saw the contact's presence before.
    pub(super) was_seen: bool,
    /// The contact saw ours.
    pub(super) saw_us: bool,
}

/// The roster and the request for it.
#[derive(Debug, Default)]
pub(super) struct RosterState {
    pub(super) roster: Roster,
    /// The version that the request named. Then an empty result means something: what is here is what the server has,
    /// but for what it says next.
    asked_with: Option<String>,
}

impl RosterState {
    /// There is a new session: what is here counts as cached.
    pub(super) fn start_over(&mut self) {
        self.roster.is_loaded = false;
    }

    pub(super) fn is_push(iq: &Iq) -> bool {
        iq.kind() == IqType::Set && iq.payload().is_some_and(|payload| payload.is("query", ns::ROSTER))
    }

    /// A push from the account (section 2.1.6).
    pub(super) fn on_push(&mut self, context: Context<'_>, iq: Iq, effects: &mut Effects) -> Option<Change> {
        let Some(Ok((version, item))) = iq.payload().map(roster::parse_push) else {
            effects.refuse(iq, Condition::BadRequest);
            return None;
        };
        effects.acknowledge(&iq);
        let contact = item.jid.clone();
        let (was_seen, saw_us) = (self.roster.is_seen(&contact), self.roster.sees_us(&contact));
        // A change without a version leads to a state that has none.
        if self.roster.is_loaded {
            self.roster.version = version.map(str::to_owned).filter(|_| !self.roster.is_cut);
        }
        let event = if item.subscription == Subscription::Remove {
            RosterEvent::Removed(self.roster.remove(&contact).unwrap_or(item))
        } else {
            let before = self.roster.insert(item.clone(), context.config.max_roster_bytes);
            RosterEvent::Changed { item, before }
        };
        effects.events.push_back(Event::Roster(event));
        Some(Change { contact, was_seen, saw_us })
    }

    /// The answer to the roster get (sections 2.1.4 and 2.6.3). Returns what was replaced.
    pub(super) fn on_reply(
        &mut self,
        context: Context<'_>,
        reply: &Reply,
        effects: &mut Effects,
    ) -> Option<Roster> {
        let mut before = None;
        let event = match reply.outcome().map(Iq::payload) {
            Err(error) => RosterEvent::Failed(error.clone()),
            Ok(None) => match self.asked_with.as_deref() {
                None => RosterEvent::Failed(RequestError::Malformed("a result without a roster")),
                Some("") => {
                    before = Some(self.replace(roster::Roster::default(), context.config.max_roster_bytes));
                    RosterEvent::Loaded
                }
                Some(_) => {
                    self.roster.is_loaded = true;
                    RosterEvent::Loaded
                }
            },
            Ok(Some(payload)) => match roster::Roster::parse(payload) {
                Ok(roster) => {
                    before = Some(self.replace(roster, context.config.max_roster_bytes));
                    RosterEvent::Loaded
                }
                Err(error) => RosterEvent::Failed(RequestError::Malformed(error.what())),
            },
        };
        effects.events.push_back(Event::Roster(event));
        before
    }

    fn replace(&mut self, new: roster::Roster, max_bytes: usize) -> Roster {
        let mut roster = Roster { version: new.ver, is_loaded: true, ..Roster::default() };
        for item in new.items {
            roster.insert(item, max_bytes);
        }
        core::mem::replace(&mut self.roster, roster)
    }
}
