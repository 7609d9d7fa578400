//! Who is to be asked what.

use crate::client::DiscoInfo;
use crate::jid::Jid;
use crate::payload::caps::{Caps, Hash};
use std::collections::{BTreeMap, VecDeque};

/// Questions that may be out at once.
const AT_ONCE: usize = 5;
/// Questions that may wait for their turn. One that does not fit comes up again with the next presence.
const MAX_WAITING: usize = 200;
/// Of these, so many may be due to one contact: its presence costs nobody else's turn.
const MAX_OF_ONE: usize = 4;
/// How many others who show the same hash are remembered, in case the first does not answer well.
const MAX_OTHERS: usize = 8;

/// How many who have not answered are remembered.
const MAX_FAILED: usize = 1000;

/// What a question is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Subject {
    /// What this hash, by this function, stands for.
    Everyone(String, String),
    /// What this entity can do, whose hash says nothing that could be verified.
    Entity(Jid),
}

impl Subject {
    pub(super) fn of(jid: &Jid, caps: &Caps) -> Subject {
        match caps.hash.as_deref().filter(|hash| Hash::from_name(hash).is_some()) {
            Some(hash) => Subject::Everyone(hash.to_owned(), caps.ver.clone()),
            None => Subject::Entity(jid.clone()),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Lookups {
    /// Who can be asked about each subject, in turn, and how they show it.
    subjects: BTreeMap<Subject, VecDeque<(Jid, Caps)>>,
    /// Which of them wait for their turn.
    waiting: VecDeque<Subject>,
    /// Whom we have asked, about what.
    asked: BTreeMap<Jid, (Subject, Caps)>,
    /// Who has not answered, and what it showed then.
    failed: BTreeMap<Jid, Caps>,
}

impl Lookups {
    /// Somebody shows what is not known.
    pub(super) fn add(&mut self, subject: Subject, jid: &Jid, caps: &Caps) {
        if let Some(candidates) = self.subjects.get_mut(&subject) {
            if candidates.len() < MAX_OTHERS && candidates.iter().all(|(known, _)| known != jid) {
                candidates.push_back((jid.clone(), caps.clone()));
            }
            return;
        }
        if self.waiting.len() >= MAX_WAITING || self.due_to(jid) >= MAX_OF_ONE {
            return;
        }
        self.subjects.insert(subject.clone(), [(jid.clone(), caps.clone())].into());
        self.waiting.push_back(subject);
    }

    /// How many subjects there are because of a contact.
    fn due_to(&self, jid: &Jid) -> usize {
        let is_due = |candidates: &&VecDeque<(Jid, Caps)>| {
            candidates.front().is_some_and(|(first, _)| first.bare_str() == jid.bare_str())
        };
        let asked = self.asked.keys().filter(|asked| asked.bare_str() == jid.bare_str()).count();
        self.subjects.values().filter(is_due).count() + asked
    }

    /// What to ask now. An entity is asked one thing at a time.
    pub(super) fn next(&mut self) -> Option<DiscoInfo> {
        for _ in 0..self.waiting.len() {
            if self.asked.len() >= AT_ONCE {
                return None;
            }
            let subject = self.waiting.pop_front()?;
            let Some(candidates) = self.subjects.get_mut(&subject) else { continue };
            let Some((jid, caps)) = candidates.pop_front() else {
                self.subjects.remove(&subject);
                continue;
            };
            if self.asked.contains_key(&jid) {
                candidates.push_back((jid, caps));
                self.waiting.push_back(subject);
                continue;
            }
            let question = DiscoInfo { to: Some(jid.clone()), node: Some(caps.query_node()) };
            self.asked.insert(jid, (subject, caps));
            return Some(question);
        }
        None
    }

    /// The one whom we asked has answered, well or not.
    pub(super) fn settle(&mut self, jid: &Jid) -> Option<(Subject, Caps)> {
        self.asked.remove(jid)
    }

    /// The answer was of no use: asks the next one who shows the same.
    pub(super) fn retry(&mut self, subject: &Subject) {
        self.waiting.push_back(subject.clone());
    }

    /// It has no answer: it is not asked again while it shows the same.
    pub(super) fn note_failure(&mut self, jid: &Jid, caps: Caps) {
        if self.failed.len() >= MAX_FAILED {
            self.failed.clear();
        }
        self.failed.insert(jid.clone(), caps);
    }

    pub(super) fn has_failed(&self, jid: &Jid, caps: &Caps) -> bool {
        self.failed.get(jid) == Some(caps)
    }

    /// Nothing is left to ask about it.
    pub(super) fn drop_subject(&mut self, subject: &Subject) {
        self.subjects.remove(subject);
    }

    pub(super) fn clear(&mut self) {
        *self = Lookups::default();
    }
}
