//! What a hub is configured with.

use crate::jid::BareJid;
use crate::payload::disco::Item;
use crate::payload::version::Version;
use crate::sasl::StoredCredentials;
use core::time::Duration;

/// Configuration of a [`Hub`](super::Hub).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// The domains whose accounts live here; addresses without a local part.
    pub domains: Vec<BareJid>,
    /// Which shard this hub is, from 0 to `shards - 1`.
    pub shard: u32,
    /// How many shards there are; 1 for a server with a single hub. 0 is read as 1.
    pub shards: u32,
    /// Whether stanzas for other domains come out as [`Output::Remote`](super::hub::Output::Remote). If not, the hub answers them
    /// with remote-server-not-found itself.
    pub federation: bool,
    /// What happens when a session asks for a resource that another session has.
    pub conflict: ConflictPolicy,
    /// Which resources get a message to the bare address.
    pub to_bare: BareDelivery,
    /// What strangers may send.
    pub strangers: Strangers,
    /// What becomes of messages to accounts that do not exist.
    pub unknown_users: UnknownUsers,
    /// In-band registration (XEP-0077): clients may make accounts, and users change their passwords and remove their accounts.
    /// `None`: none of that.
    pub registration: Option<Registration>,
    /// What the server says of itself (XEP-0092).
    pub software: Version,
    /// The URI that names the software in its capabilities (XEP-0115 section 4).
    pub caps_node: String,
    /// What the domains list among their items (XEP-0030 section 4): services that belong to them.
    pub items: Vec<Item>,
    /// Stream management (XEP-0198).
    pub management: Management,
    /// What may be held in memory, and how long.
    pub limits: Limits,
}

/// What clients are offered whose stanzas are acknowledged (XEP-0198).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Management {
    /// How long a session waits at most for a client whose connection broke. Zero: not at all.
    pub resumption: Duration,
    /// Where clients are to connect to resume their session: host, with or without a port.
    pub location: Option<String>,
}

impl Default for Management {
    /// Five minutes, wherever clients would connect anyway.
    fn default() -> Management {
        Management { resumption: Duration::from_secs(300), location: None }
    }
}

/// What happens when a session asks for a resource that another session of the account has (RFC 6120 section 7.7.2.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum ConflictPolicy {
    /// The old session is closed with the stream error conflict, the new one gets the resource: a client that reconnects
    /// after its network broke is not locked out by its own ghost.
    #[default]
    Replace,
    /// The new session is refused with the stanza error conflict.
    Refuse,
    /// The new session gets a resource that the server makes up.
    Generate,
}

/// Which resources get a message of type normal or chat to the bare address, if there are several whose priority is not negative
/// (RFC 6121 section 8.5.2.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum BareDelivery {
    /// All that share the highest priority.
    #[default]
    MostAvailable,
    /// All whose priority is not negative. For chat RFC 6121 wants clients to have asked for that, without saying how; those
    /// that ask for copies (XEP-0280) need not rely on it.
    NonNegative,
}

/// What strangers may send to an account: those who are not in its roster, and to whom none of its sessions has sent directed
/// presence, as it does to rooms. Answers of type error are always let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Strangers {
    /// Any message.
    #[default]
    Allow,
    /// Messages with short bodies, and without. Others are refused with policy-violation.
    Short {
        /// Bytes of all bodies together.
        bytes: usize,
    },
    /// No messages. They are refused with service-unavailable, as for an account that does not exist. Requests to subscribe
    /// still come through.
    Refuse,
}

/// What becomes of messages of type normal and chat to accounts that do not exist (RFC 6121 section 8.5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum UnknownUsers {
    /// The sender is told (service-unavailable), and so learns of a slip of the pen; but also, since for an account that
    /// exists the message would be kept, that there is no such account.
    #[default]
    Refuse,
    /// They are ignored, as if they were kept: nobody learns which accounts exist (RFC 6120 section 13.11).
    Ignore,
}

/// In-band registration (XEP-0077). How many accounts may come from one network address is for those to limit who see it: the
/// owners of connections.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Registration {
    /// One account each such time, on the whole server: of several shards each has its part. More are refused with
    /// resource-constraint.
    pub every: Duration,
    /// So many at once after a quiet time. 0: none ever.
    pub burst: u32,
    /// The least time between two changes of one account's password: each costs as much as a registration. More are refused
    /// with resource-constraint.
    pub password_every: Duration,
    /// PBKDF2 iterations for new passwords.
    pub iterations: u32,
}

impl Default for Registration {
    /// One account a minute, ten at once, a change of password every ten seconds,
    /// [`StoredCredentials::DEFAULT_ITERATIONS`].
    fn default() -> Registration {
        Registration {
            every: Duration::from_secs(60),
            burst: 10,
            password_every: Duration::from_secs(10),
            iterations: StoredCredentials::DEFAULT_ITERATIONS,
        }
    }
}

/// What a hub may hold. All are hard; 0 means none, never "unlimited".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Sessions of one account at the same time. More are refused with resource-constraint.
    pub sessions_per_account: usize,
    /// Addresses outside the account that one session can have sent directed presence to (RFC 6121 section 4.6). Presence to
    /// more of them is refused with resource-constraint.
    pub directed_per_session: usize,
    /// Different bare addresses that one session can write to within a time, its own not counted (RFC 6120 section 13.12).
    /// Stanzas to more of them are refused with policy-violation.
    pub recipients_per_session: usize,
    /// That time. It begins with the first stanza.
    pub recipients_within: Duration,
    /// How often one session can change its presence within [`broadcasts_within`](Limits::broadcasts_within), once it is available
    /// or to become so. More is refused with policy-violation.
    pub broadcasts_per_session: usize,
    /// How long a change of presence counts for [`broadcasts_per_session`](Limits::broadcasts_per_session).
    pub broadcasts_within: Duration,
    /// Requests to subscribe to one account that can wait for its user's answer. More are refused with resource-constraint.
    pub requests_per_account: usize,
    /// Length of such a request, in bytes of XML. Longer ones are refused with policy-violation.
    pub request_bytes: usize,
    /// How long the requests that an account has made itself are not sent again.
    pub ask_again_after: Duration,
    /// How much is kept of the status text with which an account's last resource became unavailable, in bytes.
    pub last_status_bytes: usize,
    /// Contacts in one roster. A set or a request to subscribe that adds more is refused with resource-constraint.
    pub contacts_per_roster: usize,
    /// What all contacts of one roster can have together: addresses, handles and groups, in bytes. A set that makes it more
    /// is refused with resource-constraint.
    pub roster_bytes: usize,
    /// Groups that one contact can be in. A set with more is refused with not-acceptable.
    pub groups_per_contact: usize,
    /// Length of the handle that a user gives a contact, in bytes. Longer ones are refused with not-acceptable (RFC 6121
    /// section 2.3.3).
    pub contact_name_bytes: usize,
    /// Length of the name of a group, in bytes. Longer ones are refused with not-acceptable (RFC 6121 section 2.3.3).
    pub group_name_bytes: usize,
    /// Bytes of a vCard. A larger one is refused with not-acceptable.
    pub vcard_bytes: usize,
    /// Elements in one account's private storage. More are refused with resource-constraint.
    pub private_documents: usize,
    /// Bytes of all elements in one account's private storage, as XML. More are refused with resource-constraint.
    pub private_bytes: usize,
    /// Privacy lists of one account (XEP-0016). A set that adds one is refused with resource-constraint. The list that blocking
    /// makes does not count (XEP-0191).
    pub privacy_lists: usize,
    /// Rules of one privacy list, which for the default list includes the block list. A set or block that makes them more is
    /// refused with resource-constraint.
    pub privacy_rules_per_list: usize,
    /// What all privacy lists of one account can have together, in bytes: addresses and names of groups, and 64 bytes for each
    /// rule. A set or block that makes it more is refused with resource-constraint.
    pub privacy_bytes: usize,
    /// Length of the name of a privacy list, in bytes. Longer ones are refused with not-acceptable.
    pub privacy_list_name_bytes: usize,
    /// Stanzas and binds that can wait for one account to be loaded, and stanzas that can wait for a change to one account to
    /// be saved. More stanzas are refused with resource-constraint.
    pub waiting_per_account: usize,
    /// What these stanzas may take in memory, in bytes: for loading, and for changes.
    pub waiting_bytes_per_account: usize,
    /// Stanzas and binds that can wait for all accounts together to be loaded.
    pub waiting: usize,
    /// What these stanzas may take in memory, in bytes.
    pub waiting_bytes: usize,
    /// Look-ups, changes and questions that the store has not answered yet. More are refused as if the store had.
    pub store_requests: usize,
    /// Messages that wait for one account to come back (XEP-0160). More are refused with service-unavailable.
    pub offline_messages: u32,
    /// Their size as XML, in bytes. They are handed over in one go: keep it well below what may be
    /// [queued](crate::stream::Limits::max_queued) for a client.
    pub offline_bytes: u64,
    /// Stanzas that a client has not acknowledged (XEP-0198). With more, its session ends with resource-constraint. More than
    /// the 50 messages that are handed over at once when it comes back (XEP-0160).
    pub unacknowledged: usize,
    /// What these stanzas may take in memory, in bytes, besides messages that the store has. They are sent in one go to a client
    /// that comes back: together with [`offline_bytes`](Limits::offline_bytes) keep them below what may be
    /// [queued](crate::stream::Limits::max_queued) for it.
    pub unacknowledged_bytes: usize,
    /// What the stanzas that all clients have not acknowledged may take in memory, in bytes: the session ends that would be
    /// sent more.
    pub unacknowledged_bytes_in_all: usize,
    /// Stanzas that can be held back from a client that nobody looks at (XEP-0352). With one more, all are delivered. 0: nothing
    /// is held back.
    pub held_back: usize,
    /// What these stanzas may take in memory, in bytes. With more, all are delivered.
    pub held_back_bytes: usize,
    /// What the stanzas that are held back from all clients may take in memory, in bytes: all of the client's are delivered that
    /// would have one more.
    pub held_back_bytes_in_all: usize,
    /// Sessions of which it is remembered after their end how many stanzas of their client's they had handled.
    pub ended_sessions: usize,
    /// Accounts without a session that are kept in memory. The longest unused go first.
    pub idle_accounts: usize,
    /// Addresses of which it is remembered that nobody has them, so that the store is not asked for each stanza. Those that
    /// nothing came for the longest go first.
    pub absent_accounts: usize,
    /// How long an account that has no session and receives nothing is kept in memory; and how long it is remembered that
    /// there is none, where nothing comes for it.
    pub evict_after: Duration,
    /// How long an answer of the store is waited for.
    pub store_timeout: Duration,
}

impl Config {
    /// One domain, one shard, no federation, and the defaults.
    pub fn new(domain: BareJid) -> Config {
        Config {
            domains: vec![domain],
            shard: 0,
            shards: 1,
            federation: false,
            conflict: ConflictPolicy::default(),
            to_bare: BareDelivery::default(),
            strangers: Strangers::default(),
            unknown_users: UnknownUsers::default(),
            registration: None,
            software: Version::new("Waxwing", env!("CARGO_PKG_VERSION")),
            caps_node: "urn:waxwing:server".into(),
            items: Vec::new(),
            management: Management::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    /// 10 sessions an account, 1000 addresses of directed presence a session, 2000 recipients and 60
    /// changes of presence in a minute; 100 requests an
    /// account, 4 KiB each, sent again after an hour; 1 KiB of last words; 2000 contacts and 512 KiB a roster, 50 groups a
    /// contact, 1023 bytes for handles and groups; 128 KiB a vCard, 100 elements and 512 KiB of private storage; 10 privacy
    /// lists, 2000 rules each, 256 KiB in all, 255 bytes for their names; 64 waiting an account (1 MiB) and 4096 in all
    /// (64 MiB), 8192 requests to the store; 1000 messages and 2 MiB kept for an account; 5000 stanzas
    /// and 2 MiB that a client has not acknowledged, 256 MiB for all; 1000 stanzas and 512 KiB held back from a client, 64 MiB from all; 1000 sessions remembered after their
    /// end; 10,000 idle accounts and as many that do not exist, forgotten after a minute; 10 seconds for the store.
    fn default() -> Limits {
        Limits {
            sessions_per_account: 10,
            directed_per_session: 1000,
            recipients_per_session: 2000,
            recipients_within: Duration::from_secs(60),
            broadcasts_per_session: 60,
            broadcasts_within: Duration::from_secs(60),
            requests_per_account: 100,
            request_bytes: 4096,
            ask_again_after: Duration::from_secs(3600),
            last_status_bytes: 1024,
            contacts_per_roster: 2000,
            roster_bytes: 512 * 1024,
            groups_per_contact: 50,
            contact_name_bytes: 1023,
            group_name_bytes: 1023,
            vcard_bytes: 128 * 1024,
            private_documents: 100,
            private_bytes: 512 * 1024,
            privacy_lists: 10,
            privacy_rules_per_list: 2000,
            privacy_bytes: 256 * 1024,
            privacy_list_name_bytes: 255,
            waiting_per_account: 64,
            waiting_bytes_per_account: 1 << 20,
            waiting: 4096,
            waiting_bytes: 64 << 20,
            store_requests: 8192,
            offline_messages: 1000,
            offline_bytes: 2 << 20,
            unacknowledged: 5000,
            unacknowledged_bytes: 2 << 20,
            unacknowledged_bytes_in_all: 256 << 20,
            held_back: 1000,
            held_back_bytes: 512 * 1024,
            held_back_bytes_in_all: 64 << 20,
            ended_sessions: 1000,
            idle_accounts: 10_000,
            absent_accounts: 10_000,
            evict_after: Duration::from_secs(60),
            store_timeout: Duration::from_secs(10),
        }
    }
}
