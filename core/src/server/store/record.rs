//! What is kept of an account: what is loaded whole, and what is only asked for.

use super::token::{StoredTokens, TokenChange};
use crate::jid::BareJid;
use crate::machine::Utc;
use crate::payload::privacy::Rule;
use crate::sasl::StoredCredentials;
use crate::server::privacy::Privacy;
use crate::stream::sasl2::ClientId;
use std::collections::BTreeMap;

/// What is kept of an account and loaded whole: small things only. Large collections (offline messages, documents, archives)
/// are never part of it, just how much there is of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Record {
    /// What stands in for the password.
    pub credentials: StoredCredentials,
    /// Contacts and subscriptions.
    pub roster: Roster,
    /// Requests to subscribe to this account that nobody has answered yet, by who asked (RFC 6121 section 3.1.3): the whole
    /// presence stanza as XML. These contacts need not be in the roster.
    pub requests: BTreeMap<BareJid, Box<str>>,
    /// Privacy lists and, as part of one of them, the block list (XEP-0016, XEP-0191).
    pub privacy: Privacy,
    /// When the last session became unavailable, and in what words (RFC 6121 section 4.3.2, XEP-0012).
    pub last: Option<LastPresence>,
    /// How much waits for the account to come back.
    pub offline: OfflineCount,
    /// Which documents there are, and the size of each in bytes.
    pub documents: BTreeMap<Document, usize>,
}

/// The contacts of an account (RFC 6121 section 2).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Roster {
    /// 0 until the first change, which begins at a random multiple of 2^32 below 2^63; from then on it grows by one with each
    /// change. So no version of an account is one of another account that had the address before (RFC 6121 section 2.6).
    pub version: u64,
    /// By address.
    pub contacts: BTreeMap<BareJid, Contact>,
    /// The last removals, [`Roster::REMOVED`] at most, oldest first: the version that did it, and the contact, which may have
    /// come back since, and gone again.
    pub removed: Vec<(u64, BareJid)>,
}

/// One contact: a roster item, except for its address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Contact {
    /// What the user calls it.
    pub name: Option<Box<str>>,
    /// In the user's order, without duplicates.
    pub groups: Box<[Box<str>]>,
    /// The user gets the contact's presence (subscription `to`).
    pub to: bool,
    /// The contact gets the user's presence (subscription `from`).
    pub from: bool,
    /// The user has asked to subscribe and waits for the answer ("pending out").
    pub ask: bool,
    /// The user has approved of a request that the contact has not made yet (RFC 6121 section 3.4).
    pub approved: bool,
    /// The version of the roster that last changed it.
    pub version: u64,
}

/// Unavailable presence of an account that nobody is online for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastPresence {
    /// Since when.
    pub at: Utc,
    /// The status text of the last presence, in its first language; empty if there was none.
    pub status: Box<str>,
}

/// How many messages wait for an account, and their size as XML in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OfflineCount {
    /// Messages.
    pub messages: u32,
    /// Bytes.
    pub bytes: u64,
}

/// A message that waits for an account (XEP-0160).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OfflineMessage {
    /// Grows with each message of an account. The store assigns it: 0 in a [`Delta`].
    pub serial: u64,
    /// When it came.
    pub at: Utc,
    /// The stanza, as XML.
    pub stanza: Box<str>,
}

/// Names something that a client has put on the server, as XML.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Document {
    /// The vCard (XEP-0054).
    Vcard,
    /// Private storage (XEP-0049).
    Private {
        /// Name of the element.
        name: Box<str>,
        /// Its namespace.
        ns: Box<str>,
    },
}

/// One change to what is kept of an account.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Delta {
    /// The credentials are now these, and all tokens are good for nothing any more.
    Credentials(StoredCredentials),
    /// A contact is new or has changed. The roster's version is now the contact's.
    Contact {
        /// Its address.
        jid: BareJid,
        /// All of it.
        contact: Contact,
    },
    /// A contact is gone.
    ContactRemoved {
        /// Its address.
        jid: BareJid,
        /// The roster's version now.
        version: u64,
    },
    /// A request to subscribe waits for an answer, or no longer.
    Request {
        /// Who asked.
        jid: BareJid,
        /// The presence stanza as XML; `None`: it has been answered or withdrawn.
        stanza: Option<Box<str>>,
    },
    /// A privacy list is new or has other rules; with none it is gone, and no default any more.
    PrivacyList {
        /// Its name.
        name: Box<str>,
        /// All of them, in any order.
        rules: Vec<Rule>,
    },
    /// Rules of a privacy list have changed; what is said of [`Delta::PrivacyList`] holds here, too.
    PrivacyRules {
        /// Its name. There need not be such a list yet.
        name: Box<str>,
        /// The orders of those that go.
        removed: Vec<u32>,
        /// Those that come then; they replace rules of the same order.
        added: Vec<Rule>,
    },
    /// Which privacy list is the default, if any.
    DefaultPrivacyList(Option<Box<str>>),
    /// The account has gone offline, or come back (`None`).
    Last(Option<LastPresence>),
    /// A document is new, has changed, or is gone (`None`).
    Document {
        /// Which.
        document: Document,
        /// It, as XML.
        xml: Option<Box<str>>,
    },
    /// The tokens of a client change (XEP-0484). A store keeps those of [`Tokens::CLIENTS`](super::Tokens::CLIENTS) clients.
    Token {
        /// Which client.
        client: ClientId,
        /// What happens to them.
        change: TokenChange,
    },
    /// One more message waits for the account; the store gives it the next serial.
    Offline(OfflineMessage),
    /// Messages wait no longer: those up to a serial.
    OfflineRemoved {
        /// The last one that goes.
        through: u64,
        /// How much that is, as counted by whoever read them, for the record in memory. A store counts itself.
        count: OfflineCount,
    },
}

/// What can be asked about an account besides its [`Record`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Query {
    /// The credentials, and nothing else. Answered with [`Found::Credentials`].
    Credentials,
    /// The tokens of a client, and the credentials that they hang on. Answered with [`Found::Tokens`].
    Tokens(ClientId),
    /// A document. Answered with [`Found::Document`].
    Document(Document),
    /// What somebody may be told of the account while nobody is online for it, without loading all of it. Answered with
    /// [`Found::Watcher`].
    Watcher(BareJid),
    /// Messages that wait, oldest first. Answered with [`Found::Offline`].
    Offline {
        /// Only those after this serial.
        after: u64,
        /// At most so many.
        limit: u32,
    },
}

/// The answer to a [`Query`].
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Found {
    /// The credentials.
    Credentials(StoredCredentials),
    /// The tokens of a client.
    Tokens(Box<StoredTokens>),
    /// A document, as XML.
    Document(Option<Box<str>>),
    /// What somebody may be told of an account (RFC 6121 section 4.3.2).
    Watcher {
        /// [`Contact::from`] of that contact; false if it is not in the roster.
        subscribed: bool,
        /// [`Privacy::default`] is set, so the rest is not all that matters.
        guarded: bool,
        /// [`Record::last`]'s time.
        last: Option<Utc>,
    },
    /// Messages that wait.
    Offline(Vec<OfflineMessage>),
}

impl Roster {
    /// How many removed contacts are remembered for those who ask what has changed since.
    pub const REMOVED: usize = 100;
}

impl Record {
    /// A new account's record.
    pub fn new(credentials: StoredCredentials) -> Record {
        Record { credentials, ..Record::default() }
    }

    /// Makes a change. Of documents and messages it keeps only the sizes, of tokens nothing.
    pub fn apply(&mut self, delta: Delta) {
        match delta {
            Delta::Credentials(credentials) => self.credentials = credentials,
            Delta::Contact { jid, contact } => {
                self.roster.version = contact.version;
                self.roster.contacts.insert(jid, contact);
            }
            Delta::ContactRemoved { jid, version } => {
                self.roster.version = version;
                self.roster.contacts.remove(&jid);
                // Made twice, a change still is one: it may come again with a record that has it already.
                if self.roster.removed.last().is_none_or(|(last, _)| *last < version) {
                    self.roster.removed.push((version, jid));
                }
                let surplus = self.roster.removed.len().saturating_sub(Roster::REMOVED);
                self.roster.removed.drain(..surplus);
            }
            Delta::Request { jid, stanza: Some(stanza) } => {
                self.requests.insert(jid, stanza);
            }
            Delta::Request { jid, stanza: None } => {
                self.requests.remove(&jid);
            }
            Delta::PrivacyList { name, rules } => self.privacy.put(name, rules),
            Delta::PrivacyRules { name, removed, added } => self.privacy.edit(name, &removed, added),
            Delta::DefaultPrivacyList(name) => self.privacy.default = name,
            Delta::Last(last) => self.last = last,
            Delta::Document { document, xml: Some(xml) } => {
                self.documents.insert(document, xml.len());
            }
            Delta::Document { document, xml: None } => {
                self.documents.remove(&document);
            }
            Delta::Token { .. } => {}
            Delta::Offline(message) => self.offline.add(&message),
            Delta::OfflineRemoved { count, .. } => {
                self.offline.messages = self.offline.messages.saturating_sub(count.messages);
                self.offline.bytes = self.offline.bytes.saturating_sub(count.bytes);
            }
        }
    }
}

impl OfflineCount {
    /// Counts one more message.
    pub fn add(&mut self, message: &OfflineMessage) {
        self.messages = self.messages.saturating_add(1);
        self.bytes = self.bytes.saturating_add(message.stanza.len() as u64);
    }
}
