//! What a hub is configured with.

use crate::jid::BareJid;
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
    /// Whether stanzas for other domains come out as [`Output::Remote`](super::Output::Remote). If not, the hub answers them
    /// with remote-server-not-found itself.
    pub federation: bool,
    /// What happens when a session asks for a resource that another session has.
    pub conflict: ConflictPolicy,
    /// What may be held in memory, and how long.
    pub limits: Limits,
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

/// What a hub may hold. All are hard; 0 means none, never "unlimited".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Sessions of one account at the same time. More are refused with resource-constraint.
    pub sessions_per_account: usize,
    /// Addresses outside the account that one session can have sent directed presence to (RFC 6121 section 4.6). Presence to
    /// more of them is refused with resource-constraint.
    pub directed_per_session: usize,
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
    /// Stanzas and binds that can wait for one account to be loaded, and stanzas that can wait for a change to one account to
    /// be saved. More stanzas are refused with resource-constraint.
    pub waiting_per_account: usize,
    /// Stanzas and binds that can wait for all accounts together to be loaded.
    pub waiting: usize,
    /// Look-ups, changes and questions that the store has not answered yet. More are refused as if the store had.
    pub store_requests: usize,
    /// Accounts without a session that are kept in memory. The longest unused go first.
    pub idle_accounts: usize,
    /// How long an account that has no session and receives nothing is kept in memory.
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
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    /// 10 sessions an account, 1000 addresses of directed presence a session; 100 requests an account, 4 KiB each, sent
    /// again after an hour; 1 KiB of last words; 2000 contacts and 512 KiB a roster, 50 groups a
    /// contact, 1023 bytes for handles and groups; 64 waiting an account and 4096 in all, 8192
    /// requests to the store, 10,000
    /// idle accounts, evicted after a minute; 10 seconds for the store.
    fn default() -> Limits {
        Limits {
            sessions_per_account: 10,
            directed_per_session: 1000,
            requests_per_account: 100,
            request_bytes: 4096,
            ask_again_after: Duration::from_secs(3600),
            last_status_bytes: 1024,
            contacts_per_roster: 2000,
            roster_bytes: 512 * 1024,
            groups_per_contact: 50,
            contact_name_bytes: 1023,
            group_name_bytes: 1023,
            waiting_per_account: 64,
            waiting: 4096,
            store_requests: 8192,
            idle_accounts: 10_000,
            evict_after: Duration::from_secs(60),
            store_timeout: Duration::from_secs(10),
        }
    }
}
