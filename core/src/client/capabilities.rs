//! What others can do (XEP-0115): learned once for each verification string, not once for each contact.
//!
//! Presence carries a hash over what an entity says about itself. Whoever sends it first is asked (XEP-0030); an answer
//! with the right hash then holds for everyone who shows that hash, in this session and, if the caller keeps it
//! ([`CapsCache`]), in later ones. Nobody can poison it: an answer that does not have the hash, or that could be
//! mistaken for another with the same hash, holds for the one who gave it and nobody else.
//!
//! A question tells whoever is asked that we are here. So only those are asked who know already.

mod lookup;

use super::answers;
use super::caps_cache::{CapsCache, Entities};
use super::contacts::Contacts;
use super::effects::{Context, Effects};
use super::request::Reply;
use super::{Client, Config, DiscoInfo, Event};
use crate::jid::Jid;
use crate::ns;
use crate::payload::caps::{Caps, Hash};
use crate::payload::disco::Info;
use crate::stanza::{Condition, Presence, PresenceType};
use lookup::{Lookups, Subject};

/// The longest node, verification string and name of a hash function that are taken seriously, in bytes.
const MAX_TEXT: usize = 256;

/// What is known, and what is being asked.
#[derive(Debug)]
pub(super) struct Capabilities {
    /// What holds for everyone with the same hash.
    pub(super) cache: CapsCache,
    /// What holds for one entity only.
    entities: Entities,
    lookups: Lookups,
    /// What we can do ourselves, if we say so.
    own: Option<Info>,
    own_caps: Option<Caps>,
}

impl Capabilities {
    pub(super) fn new(config: &mut Config) -> Capabilities {
        let mut own = config.disco.take();
        if let Some(info) = &mut own {
            for feature in answers::features(config).filter(|feature| !info.has(feature)).collect::<Vec<_>>()
            {
                info.features.push(feature.to_owned());
            }
        }
        let own_caps = own.as_ref().zip(config.caps_node.as_deref());
        let own_caps = own_caps.map(|(info, node)| Caps::of(info, node, Hash::Sha1));
        let mut cache = core::mem::take(&mut config.caps_cache);
        // One half for everybody, the other for those who speak for themselves only.
        cache.set_limit(config.max_caps_bytes / 2);
        let entities = Entities::new(config.max_caps_bytes / 2);
        Capabilities { cache, entities, lookups: Lookups::default(), own, own_caps }
    }

    /// Own presence as it is to be sent: with our caps, if it is available and there are any.
    pub(super) fn annotate(&self, presence: Presence) -> Presence {
        let is_due = presence.kind() == PresenceType::Available && presence.child("c", ns::CAPS).is_none();
        match &self.own_caps {
            Some(caps) if is_due => presence.with_child(caps.to_builder()),
            _ => presence,
        }
    }

    /// The answer to a question about us: nothing if that is left to the caller, an error if we have no such node.
    pub(super) fn answer(&self, node: Option<&str>) -> Option<Result<&Info, Condition>> {
        let own = self.own.as_ref()?;
        let is_ours = |node: &str| self.own_caps.as_ref().is_some_and(|caps| caps.query_node() == node);
        Some(if node.is_none_or(is_ours) { Ok(own) } else { Err(Condition::ItemNotFound) })
    }

    /// Somebody who may know that we are here has shown these caps: what to ask, if anything.
    pub(super) fn on_caps(&mut self, jid: &Jid, caps: &Caps) -> Option<DiscoInfo> {
        let subject = Subject::of(jid, caps);
        let is_known = match &subject {
            Subject::Everyone(hash, ver) => self.cache.touch(hash, ver) || self.entities.has(jid, caps),
            Subject::Entity(_) => self.entities.has(jid, caps),
        };
        if is_known || self.lookups.has_failed(jid, caps) {
            return None;
        }
        self.lookups.add(subject, jid, caps);
        self.lookups.next()
    }

    /// Somebody has answered, or has not.
    pub(super) fn on_reply(&mut self, context: Context<'_>, jid: &Jid, reply: &Reply, effects: &mut Effects) {
        let Some((subject, caps)) = self.lookups.settle(jid) else { return };
        let info = reply.outcome().ok().and_then(|iq| Info::parse(iq.payload()?).ok());
        let for_all = info.as_ref().is_some_and(|info| self.cache.insert(&caps, info));
        let for_one = !for_all && info.is_some_and(|info| self.entities.insert(jid, &caps, &info));
        match &subject {
            // Somebody else may tell what the hash stands for.
            Subject::Everyone(..) if !for_all => self.lookups.retry(&subject),
            _ => self.lookups.drop_subject(&subject),
        }
        if for_all || for_one {
            effects.events.push_back(Event::Capabilities(jid.clone()));
        } else {
            self.lookups.note_failure(jid, caps);
        }
        if context.config.learn_capabilities {
            effects.lookups.extend(self.lookups.next());
        }
    }

    /// A question could not be sent.
    pub(super) fn unasked(&mut self, jid: &Jid) {
        if let Some((subject, _)) = self.lookups.settle(jid) {
            self.lookups.drop_subject(&subject);
        }
    }

    /// What an entity can do that shows these caps.
    fn find(&self, jid: &Jid, caps: &Caps) -> Option<&Info> {
        self.entities.get(jid, caps).or_else(|| self.cache.get(caps.hash.as_deref()?, &caps.ver))
    }

    /// We are not available any more.
    pub(super) fn leave(&mut self) {
        self.entities.clear();
        self.lookups.clear();
    }
}

/// The caps in a presence, if they are of a reasonable size.
pub(super) fn shown(presence: &Presence) -> Option<Caps> {
    let caps = Caps::parse(presence.child("c", ns::CAPS)?).ok()?;
    let longest = caps.node.len().max(caps.ver.len()).max(caps.hash.as_ref().map_or(0, String::len));
    (longest <= MAX_TEXT).then_some(caps)
}

impl Client {
    /// What an available entity can do, if that is known: by its full address, or the bare one of a service.
    /// [`Event::Capabilities`] says when something becomes known.
    pub fn capabilities(&self, jid: &Jid) -> Option<&Info> {
        let contacts: &Contacts = &self.im.contacts;
        let caps = contacts.resource(jid)?.caps.as_ref()?;
        self.im.capabilities.find(jid, caps)
    }

    /// What is known of verification strings: to be kept for later sessions ([`Config::caps_cache`]). Also there after
    /// the end.
    pub fn caps_cache(&self) -> &CapsCache {
        &self.im.capabilities.cache
    }
}
