//! What has been learned.

use crate::jid::Jid;
use crate::payload::caps::Caps;
use crate::payload::disco::Info;
use std::collections::BTreeMap;

/// What an entry costs beside its text, about.
const OVERHEAD: usize = 200;

/// What verification strings stand for (XEP-0115): each entry has been verified against its own hash
/// ([`Caps::vouched`]), so it holds for everyone who shows it. Where room is short, what has not been seen for longest goes first.
///
/// To keep it, save what [`iter`](CapsCache::iter) gives (an [`Info`] as XML, [`Info::to_builder`]) and put it back
/// with [`insert`](CapsCache::insert), which believes nothing that does not verify.
#[derive(Clone, Debug)]
pub struct CapsCache {
    store: Store<(String, String)>,
}

impl Default for CapsCache {
    fn default() -> CapsCache {
        CapsCache { store: Store::new(usize::MAX) }
    }
}

impl CapsCache {
    /// Puts in what caps stand for. False if they do not vouch for it, or if there is no room for so much.
    pub fn insert(&mut self, caps: &Caps, info: &Info) -> bool {
        let (Some(hash), Some(info)) = (caps.hash.clone(), caps.vouched(info)) else { return false };
        self.store.insert((hash, caps.ver.clone()), caps, &info)
    }

    /// What caps with this hash function (`sha-1`) and verification string stand for.
    pub fn get(&self, hash: &str, ver: &str) -> Option<&Info> {
        self.store.get(&(hash.to_owned(), ver.to_owned())).map(|(_, info)| info)
    }

    /// Everything, in no useful order: the caps that were seen first with each hash, and what they stand for.
    pub fn iter(&self) -> impl Iterator<Item = (&Caps, &Info)> {
        self.store.iter()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.store.by_key.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.store.by_key.is_empty()
    }

    /// True if this is known; it then counts as just seen.
    pub(super) fn touch(&mut self, hash: &str, ver: &str) -> bool {
        self.store.touch(&(hash.to_owned(), ver.to_owned()))
    }

    pub(super) fn set_limit(&mut self, max_bytes: usize) {
        self.store.max_bytes = max_bytes;
        self.store.shrink();
    }
}

/// What holds for the entity that said it, as long as it shows the same caps.
#[derive(Debug)]
pub(super) struct Entities {
    store: Store<Jid>,
}

impl Entities {
    pub(super) fn new(max_bytes: usize) -> Entities {
        Entities { store: Store::new(max_bytes) }
    }

    /// False if there is no room for so much.
    pub(super) fn insert(&mut self, jid: &Jid, caps: &Caps, info: &Info) -> bool {
        self.store.insert(jid.clone(), caps, info)
    }

    pub(super) fn get(&self, jid: &Jid, caps: &Caps) -> Option<&Info> {
        self.store.get(jid).filter(|(shown, _)| *shown == caps).map(|(_, info)| info)
    }

    pub(super) fn has(&self, jid: &Jid, caps: &Caps) -> bool {
        self.get(jid, caps).is_some()
    }

    pub(super) fn clear(&mut self) {
        self.store = Store::new(self.store.max_bytes);
    }
}

/// A map with room for so many bytes, in which the entry not used for longest makes way.
#[derive(Clone, Debug)]
struct Store<K> {
    max_bytes: usize,
    bytes: usize,
    by_key: BTreeMap<K, Entry>,
    /// By last use.
    by_age: BTreeMap<u64, K>,
    uses: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    caps: Caps,
    info: Info,
    bytes: usize,
    used: u64,
}

impl<K: Ord + Clone> Store<K> {
    fn new(max_bytes: usize) -> Store<K> {
        Store { max_bytes, bytes: 0, by_key: BTreeMap::new(), by_age: BTreeMap::new(), uses: 0 }
    }

    fn get(&self, key: &K) -> Option<(&Caps, &Info)> {
        self.by_key.get(key).map(|entry| (&entry.caps, &entry.info))
    }

    fn iter(&self) -> impl Iterator<Item = (&Caps, &Info)> {
        self.by_key.values().map(|entry| (&entry.caps, &entry.info))
    }

    fn touch(&mut self, key: &K) -> bool {
        let Some(entry) = self.by_key.get_mut(key) else { return false };
        self.uses += 1;
        self.by_age.remove(&entry.used);
        entry.used = self.uses;
        self.by_age.insert(self.uses, key.clone());
        true
    }

    /// Puts in a compact copy: what came may hang on a much larger stanza. What would take more than half of the room is
    /// not worth everything else.
    fn insert(&mut self, key: K, caps: &Caps, info: &Info) -> bool {
        let xml = info.to_builder(None).build();
        let Ok(info) = Info::parse(xml.root()) else { return false };
        let bytes = OVERHEAD + 2 * xml.to_xml().len() + caps.node.len() + caps.ver.len();
        self.remove(&key);
        if bytes > self.max_bytes / 2 {
            return false;
        }
        self.uses += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.by_age.insert(self.uses, key.clone());
        self.by_key.insert(key, Entry { caps: caps.clone(), info, bytes, used: self.uses });
        self.shrink();
        true
    }

    fn remove(&mut self, key: &K) {
        if let Some(entry) = self.by_key.remove(key) {
            self.bytes -= entry.bytes;
            self.by_age.remove(&entry.used);
        }
    }

    fn shrink(&mut self) {
        while self.bytes > self.max_bytes
            && let Some((_, key)) = self.by_age.pop_first()
        {
            self.remove(&key);
        }
    }
}
