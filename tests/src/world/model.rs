//! What must be true of messages, whatever the servers and clients do: the reference model. [`super`] has the rules in words.

use super::{Rule, Violation};
use std::collections::{BTreeMap, BTreeSet};
use waxwing_core::machine::Instant;

/// One stream of a device, or with resumption as many as were one session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct SessionKey {
    pub(super) device: usize,
    pub(super) serial: u32,
}

/// What the sender knows of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sending {
    /// The client has it.
    Queued,
    /// Its bytes have been handed out.
    Out,
    /// The server has said that it has it (XEP-0198).
    Acknowledged,
    /// The client says that it never left.
    Unsent,
    /// The client says that it may or may not have arrived.
    Unknown,
}

#[derive(Debug)]
pub(super) struct Letter {
    pub(super) from: SessionKey,
    pub(super) sender: usize,
    pub(super) to: usize,
    /// To one device only.
    pub(super) to_device: Option<usize>,
    /// Among those of this session to this addressee.
    pub(super) number: u32,
    pub(super) at: Instant,
    pub(super) sending: Sending,
    /// Sent again by the client, since it might not have arrived.
    pub(super) again: bool,
    pub(super) received: Vec<(SessionKey, bool)>,
    pub(super) refused: u32,
    /// Why it may be lost.
    pub(super) excuse: Option<&'static str>,
    /// Its sender's session has ended, so an error could not reach it.
    pub(super) sender_gone: bool,
    /// Its sender has gone offline since, for good or not.
    pub(super) sender_left: bool,
    /// A session that may have had it has ended, so it may have begun its way anew.
    pub(super) rerouted: bool,
}

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) letters: Vec<Letter>,
    numbers: BTreeMap<(SessionKey, usize, Option<usize>), u32>,
    /// The last number that a session has received from another.
    last: BTreeMap<(SessionKey, SessionKey, Option<usize>), Option<u32>>,
    /// So little may wait that what waited may overtake what is kept.
    pub(super) may_overflow: bool,
    /// Accounts whose store may have done what it did not say in time that it did.
    pub(super) unsure: BTreeSet<usize>,
    /// Accounts with a managed session whose connection broke: if the session ends, what it did not acknowledge takes its way
    /// anew.
    pub(super) rerouting: BTreeSet<usize>,
    /// Account, blocked account: since when nothing may come through; `None` while it is not certain.
    blocks: BTreeMap<(usize, usize), Option<Instant>>,
    /// Pairs that were ever blocked, either way.
    pub(super) ever_blocked: Vec<(usize, usize)>,
    pub(super) violations: Vec<Violation>,
}

impl Model {
    /// A message is to be sent: its number, which is its id and its text.
    pub(super) fn send(
        &mut self,
        now: Instant,
        from: SessionKey,
        (sender, to, to_device): (usize, usize, Option<usize>),
    ) -> usize {
        let number = self.numbers.entry((from, to, to_device)).or_default();
        *number += 1;
        self.letters.push(Letter {
            from,
            sender,
            to,
            to_device,
            number: *number,
            at: now,
            sending: Sending::Queued,
            again: false,
            received: Vec::new(),
            refused: 0,
            excuse: None,
            sender_gone: false,
            sender_left: false,
            rerouted: false,
        });
        self.letters.len() - 1
    }

    /// A message has reached a session.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        by: SessionKey,
        account: usize,
        letter: usize,
        (delayed, has_ended, is_leaving): (bool, bool, bool),
    ) {
        let Some(found) = self.letters.get_mut(letter) else {
            return self.fail(now, Rule::Order, format!("m{letter} was never sent"));
        };
        let (from, sender, number, kind) = (found.from, found.sender, found.number, found.to_device);
        if found.to != account {
            return self.fail(now, Rule::Leak, format!("m{letter} reached {by:?}"));
        }
        let twice = found.received.iter().any(|(session, _)| *session == by);
        found.received.push((by, delayed));
        // Who has said goodbye acknowledges nothing any more.
        found.rerouted |= is_leaving;
        if twice && !found.again {
            return self.fail(now, Rule::Duplicate, format!("m{letter} reached {by:?} twice"));
        }
        if found.refused > 0 && !found.again && !has_ended && !self.unsure.contains(&account) {
            let text = format!("m{letter} reached {by:?}, and its sender was told that it did not");
            return self.fail(now, Rule::Duplicate, text);
        }
        let sent = found.at;
        let (found_again, rerouted) = (found.again, found.rerouted);
        if let Some(Some(since)) = self.blocks.get(&(account, sender))
            && *since < sent
        {
            let text = format!("m{letter} of a{sender} reached {by:?}, which blocks it");
            return self.fail(now, Rule::Blocked, text);
        }
        let last = self.last.entry((by, from, kind)).or_default();
        let before = last.replace(last.map_or(number, |last| last.max(number)));
        // What comes again because a session has ended comes when it can, and says so.
        let is_odd = self.unsure.contains(&account) || self.rerouting.contains(&account) || self.may_overflow;
        // What is sent to one device reaches it before it has said that it is there, and what was kept comes then.
        let free = found_again || delayed && (is_odd || rerouted || kind.is_some());
        if let Some(before) = before.filter(|before| *before >= number && !free) {
            let text =
                format!("m{letter}, number {number} of its sender's, reached {by:?} behind number {before}");
            self.fail(now, Rule::Order, text);
        }
    }

    /// An error came back to whoever has sent a message.
    pub(super) fn refused(&mut self, now: Instant, by: SessionKey, letter: usize) {
        let Some(found) = self.letters.get_mut(letter) else { return };
        found.refused += 1;
        if found.refused > 1 && !found.again {
            return self.fail(now, Rule::Duplicate, format!("m{letter} was refused twice"));
        }
        if found.from.device != by.device {
            return self.fail(now, Rule::Leak, format!("an error about m{letter} reached {by:?}"));
        }
        let is_odd = found.rerouted || self.unsure.contains(&found.to) || self.rerouting.contains(&found.to);
        if !found.received.is_empty() && !found.again && !is_odd {
            let text = format!("m{letter} was refused, and reached {:?}", found.received);
            self.fail(now, Rule::Duplicate, text);
        }
    }

    /// What the sender learns of a message. Each ends once.
    pub(super) fn sending(&mut self, now: Instant, letter: usize, new: Sending) {
        let Some(found) = self.letters.get_mut(letter) else { return };
        let old = std::mem::replace(&mut found.sending, new);
        let is_over = |sending| !matches!(sending, Sending::Queued | Sending::Out);
        if is_over(old) {
            return self.fail(now, Rule::Handle, format!("m{letter} was {old:?} and is {new:?} now"));
        }
        let was_out = old == Sending::Out;
        if new == Sending::Unsent && (was_out || !found.received.is_empty()) {
            self.fail(now, Rule::Handle, format!("m{letter} is said not to have left, but it has"));
        }
    }

    /// A session in which stanzas are acknowledged has ended: what it has not acknowledged takes its way anew.
    pub(super) fn reroute(&mut self, account: usize) {
        self.letters
            .iter_mut()
            .filter(|letter| letter.to == account)
            .for_each(|letter| letter.rerouted = true);
    }

    /// The messages that may get lost from now on, if they have not arrived.
    pub(super) fn excuse(&mut self, why: &'static str, which: impl Fn(&Letter) -> bool) {
        for letter in &mut self.letters {
            if letter.received.is_empty() && letter.excuse.is_none() && which(letter) {
                letter.excuse = Some(why);
            }
        }
    }

    pub(super) fn excuse_one(&mut self, why: &'static str, letter: usize) {
        if let Some(letter) = self.letters.get_mut(letter) {
            letter.excuse.get_or_insert(why);
        }
    }

    /// A session is over: nothing more reaches it, errors included.
    pub(super) fn session_over(&mut self, over: SessionKey) {
        for letter in self.letters.iter_mut().filter(|letter| letter.from == over) {
            letter.sender_gone = true;
        }
    }

    /// A session is left: errors no longer reach it.
    pub(super) fn session_left(&mut self, left: SessionKey) {
        self.letters
            .iter_mut()
            .filter(|letter| letter.from == left)
            .for_each(|letter| letter.sender_left = true);
    }

    /// Somebody has asked for a block or its end: from now on nothing is certain.
    pub(super) fn block_asked(&mut self, account: usize, whom: usize) {
        self.blocks.insert((account, whom), None);
        self.ever_blocked.push((account, whom));
        self.ever_blocked.push((whom, account));
    }

    /// It has been answered, and nobody asked for something else meanwhile.
    pub(super) fn blocked(&mut self, now: Instant, account: usize, whom: usize) {
        self.blocks.insert((account, whom), Some(now));
    }

    pub(super) fn ever_blocked(&self, a: usize, b: usize) -> bool {
        self.ever_blocked.contains(&(a, b))
    }

    /// All is quiet: every message is somewhere. `is_kept`: in the store of the addressee's server; `waits`: its client still has it, and goes on
    /// with it when it comes back; `may_fail`: there were reasons to refuse it.
    pub(super) fn nothing_is_lost(
        &mut self,
        now: Instant,
        is_kept: impl Fn(usize, &Letter) -> bool,
        waits: impl Fn(&Letter) -> bool,
        may_fail: impl Fn(&Letter) -> bool,
    ) {
        let mut lost = Vec::new();
        for (number, letter) in self.letters.iter().enumerate() {
            let is_somewhere = !letter.received.is_empty() || letter.refused > 0 || is_kept(number, letter);
            let left =
                letter.sending == Sending::Acknowledged || letter.sending == Sending::Out && !waits(letter);
            let is_blocked = self.ever_blocked(letter.sender, letter.to);
            let unheard = (letter.sender_gone || letter.sender_left) && may_fail(letter);
            if left && !is_somewhere && letter.excuse.is_none() && !is_blocked && !unheard {
                lost.push(format!("m{number} is nowhere: {letter:?}"));
            }
            if letter.sending == Sending::Queued && letter.sender_gone {
                lost.push(format!("nobody said what became of m{number}: {letter:?}"));
            }
        }
        lost.into_iter().for_each(|text| self.fail(now, Rule::Loss, text));
    }

    pub(super) fn fail(&mut self, at: Instant, rule: Rule, text: String) {
        self.violations.push(Violation { at, rule, text });
    }
}
