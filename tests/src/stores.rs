//! What every store must do: the promises of [the storage port](waxwing_core::server::store), for any store.
//!
//! [`rules`] says what the replies must be, request by request. [`like_memory`] compares a store with [`MemoryStore`] over a
//! random sequence, in batches, with the store closed and opened again between them.

use crate::Random;
use std::collections::VecDeque;
use waxwing_core::jid::BareJid;
use waxwing_core::machine::Utc;
use waxwing_core::payload::privacy::{Action, Kinds, Rule, Stanzas, Subject};
use waxwing_core::payload::roster::Subscription;
use waxwing_core::sasl::{Mechanism, StoredCredentials};
use waxwing_core::server::privacy::Privacy;
use waxwing_core::server::store::{
    Contact, Delta, Document, Found, LastPresence, MemoryStore, OfflineCount, OfflineMessage, Query, Record,
    Reply, Request, RequestId, Roster, StoreError, StoredTokens, Token, TokenChange, TokenId, Tokens,
};
use waxwing_core::stream::sasl2::ClientId;

/// A store that is examined.
pub trait Store {
    /// Executes requests that have been submitted at once; the replies in the order in which they come.
    fn execute(&mut self, requests: Vec<Request>) -> Vec<Reply>;

    /// Closes the store and opens it again, where that means anything.
    fn reopen(&mut self) {}
}

impl Store for MemoryStore {
    fn execute(&mut self, requests: Vec<Request>) -> Vec<Reply> {
        requests.into_iter().map(|request| MemoryStore::execute(self, request)).collect()
    }
}

/// Holds a store that is empty to what the port promises.
///
/// # Panics
/// Where it does something else.
pub fn rules(store: impl Store) {
    let mut asker = Asker { store, serial: 0 };
    asker.accounts();
    asker.rosters();
    asker.removed_contacts();
    asker.requests_and_last_presence();
    asker.privacy_lists();
    asker.documents();
    asker.offline_messages();
    asker.tokens();
    asker.clients_with_tokens();
    asker.all_goes_with_the_account();
}

/// Holds a store that is empty to what [`MemoryStore`] does, for `steps` requests.
///
/// # Panics
/// Where the two differ; the message names the seed.
pub fn like_memory(seed: u64, steps: usize, mut store: impl Store) {
    let mut random = Random::new(seed);
    let mut memory = MemoryStore::new();
    let mut serial = 0;
    while serial < steps as u64 {
        let mut batch = Vec::new();
        let mut expected = VecDeque::new();
        for _ in 0..=random.below(6) {
            serial += 1;
            let request = any_request(&mut random, &memory, RequestId { shard: 0, serial });
            batch.push(request.clone());
            expected.push_back(memory.execute(request));
        }
        let asked = batch.clone();
        for reply in store.execute(batch) {
            assert_eq!(Some(reply), expected.pop_front(), "seed {seed}, one of {asked:#?}");
        }
        assert!(expected.is_empty(), "seed {seed}: not answered: {expected:?}");
        if random.one_in(20) {
            store.reopen();
        }
    }
}

struct Asker<S> {
    store: S,
    serial: u64,
}

impl<S: Store> Asker<S> {
    fn ask(&mut self, request: impl FnOnce(RequestId) -> Request) -> Reply {
        self.serial += 1;
        let id = RequestId { shard: 3, serial: self.serial };
        let mut replies = self.store.execute(vec![request(id)]);
        let reply = replies.pop().expect("an answer");
        assert!(replies.is_empty() && reply.id() == id, "one answer with the request's id: {reply:?}");
        reply
    }

    fn load(&mut self, name: &str) -> Option<Record> {
        match self.ask(|id| Request::Load { id, account: jid(name) }) {
            Reply::Loaded { result, .. } => result.expect("a store that works").map(|record| *record),
            other => panic!("{other:?}"),
        }
    }

    fn saved(&mut self, request: impl FnOnce(RequestId) -> Request) -> Result<(), StoreError> {
        match self.ask(request) {
            Reply::Saved { result, .. } => result,
            other => panic!("{other:?}"),
        }
    }

    fn create(&mut self, name: &str, record: Record) -> Result<(), StoreError> {
        self.saved(|id| Request::Create { id, account: jid(name), record: Box::new(record) })
    }

    fn save(&mut self, name: &str, deltas: Vec<Delta>) -> Result<(), StoreError> {
        self.saved(|id| Request::Save { id, account: jid(name), deltas })
    }

    fn delete(&mut self, name: &str) -> Result<(), StoreError> {
        self.saved(|id| Request::Delete { id, account: jid(name) })
    }

    fn read(&mut self, name: &str, query: Query) -> Result<Found, StoreError> {
        match self.ask(|id| Request::Read { id, account: jid(name), query }) {
            Reply::Read { result, .. } => result,
            other => panic!("{other:?}"),
        }
    }

    /// What an account is after it has been changed and the store opened again.
    fn change(&mut self, name: &str, deltas: Vec<Delta>) -> Record {
        assert_eq!(self.save(name, deltas), Ok(()));
        self.store.reopen();
        self.load(name).expect("an account")
    }

    fn accounts(&mut self) {
        assert_eq!(self.load("juliet"), None);
        assert_eq!(self.create("juliet", Record::new(credentials(1))), Ok(()));
        assert_eq!(self.create("juliet", Record::new(credentials(2))), Err(StoreError::Exists));
        assert_eq!(self.load("juliet"), Some(Record::new(credentials(1))));
        let disabled = StoredCredentials { disabled: true, ..credentials(3) };
        let deltas = vec![Delta::Credentials(disabled.clone())];
        assert_eq!(self.change("juliet", deltas.clone()), Record::new(disabled.clone()));
        assert_eq!(self.read("juliet", Query::Credentials), Ok(Found::Credentials(disabled)));
        assert_eq!(self.save("romeo", deltas), Err(StoreError::Missing));
        assert_eq!(self.read("romeo", Query::Credentials), Err(StoreError::Missing));
        assert_eq!(self.delete("romeo"), Err(StoreError::Missing));
        assert_eq!(self.delete("juliet"), Ok(()));
        assert_eq!(self.load("juliet"), None);
    }

    fn rosters(&mut self) {
        let mut record = Record::new(credentials(1));
        record.roster.version = 7;
        record.roster.contacts.insert(jid("romeo"), contact(6));
        record.roster.removed.push((7, jid("paris")));
        assert_eq!(self.create("juliet", record.clone()), Ok(()));
        self.store.reopen();
        assert_eq!(self.load("juliet"), Some(record.clone()));

        let nurse = Contact { groups: ["".into(), "K\u{2003}ü, \"<&'".into()].into(), ..contact(8) };
        let nameless = Contact { name: None, groups: Box::default(), ask: true, ..contact(9) };
        let unnamed = Contact { name: Some("".into()), groups: ["".into()].into(), ..contact(10) };
        let changes = [("nurse", nurse), ("romeo", nameless), ("tybalt", unnamed)];
        let deltas = changes.map(|(name, contact)| Delta::Contact { jid: jid(name), contact }).to_vec();
        deltas.iter().for_each(|delta| record.apply(delta.clone()));
        let loaded = self.change("juliet", deltas);
        assert_eq!(loaded, record);
        assert_eq!(loaded.roster.version, 10);

        let mine = Contact { from: true, ..contact(11) };
        let last = LastPresence { at: Utc::from_unix_millis(-7), status: "x".into() };
        let deltas =
            vec![Delta::Contact { jid: jid("nurse"), contact: mine }, Delta::Last(Some(last.clone()))];
        assert_eq!(self.save("juliet", deltas), Ok(()));
        for (name, subscribed) in [("nurse", true), ("romeo", false), ("nobody", false)] {
            let found = Found::Watcher { subscribed, guarded: false, last: Some(last.at) };
            assert_eq!(self.read("juliet", Query::Watcher(jid(name))), Ok(found));
        }
        assert_eq!(self.read("nobody", Query::Watcher(jid("juliet"))), Err(StoreError::Missing));
        assert_eq!(self.save("juliet", vec![Delta::Last(None)]), Ok(()));
    }

    fn removed_contacts(&mut self) {
        let mut removals = vec![];
        for version in 11..200 {
            removals.push(Delta::ContactRemoved { jid: jid(&format!("contact{version}")), version });
        }
        let roster = self.change("juliet", removals).roster;
        assert_eq!(roster.version, 199);
        assert_eq!(roster.removed.len(), Roster::REMOVED);
        assert_eq!(roster.removed.first(), Some(&(100, jid("contact100"))));
        assert_eq!(roster.removed.last(), Some(&(199, jid("contact199"))));

        let back = Delta::Contact { jid: jid("contact150"), contact: contact(200) };
        let gone = Delta::ContactRemoved { jid: jid("romeo"), version: 201 };
        let again = Delta::ContactRemoved { jid: jid("contact160"), version: 202 };
        let twice = again.clone();
        let roster = self.change("juliet", vec![back, gone, again, twice]).roster;
        assert!(roster.contacts.contains_key(&jid("contact150")));
        assert!(!roster.contacts.contains_key(&jid("romeo")));
        assert!(roster.removed.contains(&(150, jid("contact150"))), "it did happen");
        assert_eq!(roster.removed[98..], [(201, jid("romeo")), (202, jid("contact160"))]);
        assert_eq!(roster.removed.len(), Roster::REMOVED);
    }

    fn requests_and_last_presence(&mut self) {
        let request = |name: &str, stanza: Option<&str>| Delta::Request {
            jid: jid(name),
            stanza: stanza.map(Box::from),
        };
        let last = LastPresence { at: Utc::from_unix_millis(-1), status: "".into() };
        let deltas = vec![
            request("romeo", Some("<presence type='subscribe'/>")),
            request("paris", Some("<presence/>")),
            request("romeo", Some("<presence type='subscribe'><status>☃</status></presence>")),
            Delta::Last(Some(last.clone())),
        ];
        let record = self.change("juliet", deltas);
        assert_eq!(record.requests.len(), 2);
        assert!(record.requests[&jid("romeo")].contains("☃"));
        assert_eq!(record.last, Some(last));
        let record = self.change("juliet", vec![request("romeo", None), Delta::Last(None)]);
        assert_eq!(record.requests.keys().collect::<Vec<_>>(), [&jid("paris")]);
        assert_eq!(record.last, None);
    }

    fn privacy_lists(&mut self) {
        let rule = |order, subject| Rule { subject, action: Action::Deny, order, stanzas: Stanzas::All };
        let block = |order, name: &str| rule(order, Subject::Jid(jid(name).into()));
        let put =
            |name: &str, rules: &[Rule]| Delta::PrivacyList { name: name.into(), rules: rules.to_vec() };
        let edit = |removed: &[u32], added: &[Rule]| Delta::PrivacyRules {
            name: "public".into(),
            removed: removed.to_vec(),
            added: added.to_vec(),
        };
        let default = |name: Option<&str>| Delta::DefaultPrivacyList(name.map(Box::from));
        let kinds = Kinds { iq: true, presence_in: true, ..Kinds::default() };
        let all = [
            block(0, "romeo"),
            rule(7, Subject::Group("☃ 'x'".into())),
            Rule { stanzas: Stanzas::Only(kinds), ..rule(8, Subject::Subscription(Subscription::To)) },
            Rule { action: Action::Allow, ..rule(u32::MAX, Subject::Everyone) },
        ];
        let record = self.change("juliet", vec![put("public", &all), put("private", &all[3..])]);
        assert_eq!(record.privacy.lists["public"].rules(), all);
        assert_eq!(record.privacy.lists["private"].rules(), all[3..]);
        assert_eq!(record.privacy.default, None);
        let edited = vec![default(Some("public")), edit(&[7, 8], &[block(3, "paris"), block(0, "nurse")])];
        let record = self.change("juliet", edited);
        assert_eq!(record.privacy.default.as_deref(), Some("public"));
        let expected = [block(0, "nurse"), block(3, "paris"), all[3].clone()];
        assert_eq!(record.privacy.lists["public"].rules(), expected);
        let watcher = |asker: &mut Self| match asker.read("juliet", Query::Watcher(jid("romeo"))) {
            Ok(Found::Watcher { guarded, .. }) => guarded,
            other => panic!("{other:?}"),
        };
        assert!(watcher(self));
        // A list without rules is none, and no default either.
        let record = self.change("juliet", vec![edit(&[0, 3, u32::MAX], &[])]);
        assert_eq!((record.privacy.lists.len(), record.privacy.default.as_deref()), (1, None));
        assert!(!watcher(self));
        let record = self.change("juliet", vec![default(Some("private")), put("private", &[])]);
        assert_eq!(record.privacy, Privacy::default());
    }

    fn documents(&mut self) {
        let private = |name: &str| Document::Private { name: name.into(), ns: "vcard-temp".into() };
        let document =
            |document: Document, xml: Option<&str>| Delta::Document { document, xml: xml.map(Box::from) };
        assert_eq!(self.read("juliet", Query::Document(Document::Vcard)), Ok(Found::Document(None)));
        let deltas = vec![
            document(Document::Vcard, Some("<vCard xmlns='vcard-temp'>é</vCard>")),
            document(private("vCard"), Some("<vCard/>")),
            document(private("other"), Some("<x/>")),
            document(private("other"), Some("<other/>")),
        ];
        let sizes = self.change("juliet", deltas).documents;
        assert_eq!(sizes.get(&Document::Vcard), Some(&36), "bytes, not characters");
        assert_eq!(sizes.get(&private("other")), Some(&8));
        assert_eq!(sizes.len(), 3);
        let found = self.read("juliet", Query::Document(private("vCard")));
        assert_eq!(found, Ok(Found::Document(Some("<vCard/>".into()))));
        let gone = vec![document(private("vCard"), None), document(private("never"), None)];
        assert_eq!(self.change("juliet", gone).documents.len(), 2);
        let found = self.read("juliet", Query::Document(private("vCard")));
        assert_eq!(found, Ok(Found::Document(None)));
    }

    fn offline_messages(&mut self) {
        let offline = |text: &str| Delta::Offline(message(0, text));
        let record = self.change("juliet", vec![offline("one"), offline("zwö"), offline("three")]);
        assert_eq!(record.offline, OfflineCount { messages: 3, bytes: 12 });
        let query = |after, limit| Query::Offline { after, limit };
        let found = self.read("juliet", query(0, 2));
        assert_eq!(found, Ok(Found::Offline(vec![message(1, "one"), message(2, "zwö")])));
        assert_eq!(self.read("juliet", query(2, 9)), Ok(Found::Offline(vec![message(3, "three")])));
        assert_eq!(self.read("juliet", query(u64::MAX, 9)), Ok(Found::Offline(vec![])));

        let removed = |through, messages, bytes| Delta::OfflineRemoved {
            through,
            count: OfflineCount { messages, bytes },
        };
        let record = self.change("juliet", vec![removed(2, 2, 7)]);
        assert_eq!(record.offline, OfflineCount { messages: 1, bytes: 5 });
        // A serial is never given twice, also when nothing is left.
        let record = self.change("juliet", vec![removed(3, 9, 9), offline("four")]);
        assert_eq!(record.offline, OfflineCount { messages: 1, bytes: 4 });
        assert_eq!(self.read("juliet", query(0, 9)), Ok(Found::Offline(vec![message(4, "four")])));
    }

    fn tokens_of(&mut self, number: u8) -> StoredTokens {
        match self.read("juliet", Query::Tokens(client(number))) {
            Ok(Found::Tokens(found)) => *found,
            other => panic!("{other:?}"),
        }
    }

    /// What a client has after changes to its tokens.
    fn change_tokens(&mut self, number: u8, changes: Vec<TokenChange>) -> Tokens {
        let delta = |change| Delta::Token { client: client(number), change };
        self.change("juliet", changes.into_iter().map(delta).collect());
        self.tokens_of(number).tokens
    }

    fn tokens(&mut self) {
        let credentials = self.load("juliet").expect("an account").credentials;
        assert_eq!(
            self.tokens_of(1),
            StoredTokens { credentials: credentials.clone(), tokens: Tokens::default() }
        );
        let tokens = |current: Option<Token>, new: Option<Token>| Tokens { current, new };
        let used = |id: u8, count| TokenChange::Used { id: [id; 16], count };
        let after = |id: u8, token: Token| TokenChange::Given { token, after: Some([id; 16]) };

        assert_eq!(self.change_tokens(1, vec![given(1)]), tokens(None, Some(token(1))));
        assert_eq!(self.tokens_of(1).credentials, credentials);
        assert_eq!(self.tokens_of(2).tokens, Tokens::default(), "another client's");
        // One that was not used gives way.
        assert_eq!(self.change_tokens(1, vec![given(2)]), tokens(None, Some(token(2))));
        assert_eq!(self.change_tokens(1, vec![used(1, None)]), tokens(None, Some(token(2))), "gone");
        let counted = Token { count: 7, ..token(2) };
        assert_eq!(self.change_tokens(1, vec![used(2, Some(7))]), tokens(Some(counted.clone()), None));
        // A count is good once, and what comes with it does not happen either.
        for count in [6, 7] {
            let changes = vec![given(4), used(2, Some(count)), after(2, token(3))];
            let deltas = changes.into_iter().map(|change| Delta::Token { client: client(1), change });
            assert_eq!(self.save("juliet", deltas.collect()), Err(StoreError::Outdated));
            assert_eq!(self.tokens_of(1).tokens, tokens(Some(counted.clone()), None));
        }
        let counted = Token { count: 8, ..counted };
        let changes = vec![used(2, Some(8)), used(2, None), after(2, token(3))];
        assert_eq!(self.change_tokens(1, changes), tokens(Some(counted.clone()), Some(token(3))));
        let both = tokens(Some(counted), Some(token(3)));
        assert_eq!(
            self.change_tokens(1, vec![after(9, token(4)), used(9, None)]),
            both,
            "nothing grows out of nothing"
        );
        let delta = Delta::Token { client: client(1), change: used(9, Some(9)) };
        assert_eq!(self.save("juliet", vec![delta]), Err(StoreError::Outdated));
        let max = Token { count: u32::MAX, ..token(3) };
        assert_eq!(self.change_tokens(1, vec![used(3, Some(u32::MAX))]), tokens(Some(max), None));
        assert_eq!(self.change_tokens(1, vec![TokenChange::Revoked]), Tokens::default());

        // The last word of any mechanism and time comes back as it was.
        for (n, mechanism) in Mechanism::WITH_TOKEN.into_iter().enumerate() {
            let (given, expires) = (Utc::from_unix_millis(-7), Utc::from_unix_millis(i64::MAX));
            let token = Token { mechanism, given, expires, ..token(n as u8) };
            let change = TokenChange::Given { token: token.clone(), after: None };
            assert_eq!(self.change_tokens(2, vec![change]), tokens(None, Some(token)));
        }
        // A new password is the end of all.
        self.change_tokens(1, vec![given(5), used(5, None), given(6)]);
        self.change("juliet", vec![Delta::Credentials(credentials.clone())]);
        for number in [1, 2] {
            assert_eq!(
                self.tokens_of(number),
                StoredTokens { credentials: credentials.clone(), tokens: Tokens::default() }
            );
        }
        let delta = Delta::Token { client: client(1), change: given(1) };
        assert_eq!(self.save("nobody", vec![delta]), Err(StoreError::Missing));
        assert_eq!(self.read("nobody", Query::Tokens(client(1))), Err(StoreError::Missing));
    }

    /// So many clients, and those go that have the least time left.
    fn clients_with_tokens(&mut self) {
        let last = Tokens::CLIENTS as u8;
        let expiring = |number: u8, minutes| Delta::Token {
            client: client(number),
            change: TokenChange::Given {
                token: Token { expires: Utc::from_unix_millis(60_000 * minutes), ..token(number) },
                after: None,
            },
        };
        let deltas = (0..last).map(|number| expiring(number, i64::from(200 - number / 2)));
        self.change("juliet", deltas.collect());
        assert!((0..last).all(|number| !self.tokens_of(number).tokens.is_empty()));
        // What it has got is not taken from it again, however soon it expires.
        self.change("juliet", vec![expiring(last, 1)]);
        assert!(!self.tokens_of(last).tokens.is_empty());
        assert!(self.tokens_of(last - 2).tokens.is_empty(), "of two that expire together, the smaller one");
        self.change("juliet", vec![expiring(last + 1, 300), expiring(last + 1, 400)]);
        assert!(self.tokens_of(last).tokens.is_empty());
        assert!((0..last - 2).all(|number| !self.tokens_of(number).tokens.is_empty()));
        self.change_tokens(1, vec![given(5), TokenChange::Used { id: [5; 16], count: None }]);
    }

    fn all_goes_with_the_account(&mut self) {
        assert_eq!(self.delete("juliet"), Ok(()));
        assert_eq!(self.create("juliet", Record::new(credentials(1))), Ok(()));
        self.store.reopen();
        assert_eq!(self.load("juliet"), Some(Record::new(credentials(1))));
        let query = Query::Offline { after: 0, limit: 9 };
        assert_eq!(self.read("juliet", query), Ok(Found::Offline(vec![])));
        let found = self.read("juliet", Query::Document(Document::Vcard));
        assert_eq!(found, Ok(Found::Document(None)));
        assert_eq!(self.tokens_of(1).tokens, Tokens::default());
    }
}

fn any_request(random: &mut Random, memory: &MemoryStore, id: RequestId) -> Request {
    let account = any_jid(random, 4);
    match random.below(16) {
        0..3 => Request::Load { id, account },
        3 => {
            let mut record = Record::new(credentials(1 + random.below(3) as u32));
            (0..random.below(4)).for_each(|_| record.apply(any_delta(random, &record)));
            Request::Create { id, account, record: Box::new(record) }
        }
        4 if random.one_in(4) => Request::Delete { id, account },
        4..7 => Request::Read { id, account, query: any_query(random) },
        _ => {
            let mut record = memory.get(&account).cloned().unwrap_or_default();
            let deltas = (0..random.below(5)).map(|_| {
                let delta = any_delta(random, &record);
                record.apply(delta.clone());
                delta
            });
            Request::Save { id, account, deltas: deltas.collect() }
        }
    }
}

fn any_delta(random: &mut Random, record: &Record) -> Delta {
    let version = record.roster.version + 1;
    let jid = any_jid(random, 200);
    match random.below(14) {
        12.. => any_token(random),
        0 => Delta::Credentials(credentials(1 + random.below(3) as u32)),
        1..4 => Delta::Contact { jid, contact: any_contact(random, version) },
        4 if random.one_in(4) => Delta::ContactRemoved { jid, version: version - 1 },
        4..7 => Delta::ContactRemoved { jid, version },
        7 => Delta::Request { jid: any_jid(random, 5), stanza: any_text(random) },
        8 => {
            let at = Utc::from_unix_millis(random.next_u64() as i64 >> 8);
            Delta::Last(any_text(random).map(|status| LastPresence { at, status }))
        }
        9 => Delta::Document { document: any_document(random), xml: any_text(random) },
        10 if random.one_in(2) => any_privacy(random),
        10 => Delta::Offline(message(0, &any_text(random).unwrap_or_default())),
        _ => {
            let through = random.below(30) as u64;
            Delta::OfflineRemoved { through, count: OfflineCount::default() }
        }
    }
}

/// Of clients there are few, and many: so they have several tokens, and are too many.
fn any_token(random: &mut Random) -> Delta {
    let client = any_client(random);
    let id = random.below(4) as u8;
    let change = match random.below(8) {
        0 => TokenChange::Revoked,
        1..4 => TokenChange::Used { id: [id; 16], count: random.one_in(2).then(|| random.below(9) as u32) },
        _ => {
            let expires = Utc::from_unix_millis(random.below(30) as i64);
            let after = random.one_in(3).then(|| [random.below(4) as u8; 16]);
            TokenChange::Given { token: Token { expires, ..token(id) }, after }
        }
    };
    Delta::Token { client, change }
}

fn any_client(random: &mut Random) -> ClientId {
    let count = if random.one_in(2) { 3 } else { 200 };
    client(random.below(count) as u8)
}

fn any_privacy(random: &mut Random) -> Delta {
    let name = ["x", "☃", "'"][random.below(3)].into();
    let count = random.below(5);
    let rules = (0..count).map(|_| any_rule(random)).collect();
    match random.below(4) {
        0 => Delta::DefaultPrivacyList((!random.one_in(4)).then_some(name)),
        1 => Delta::PrivacyList { name, rules },
        _ => Delta::PrivacyRules { name, removed: vec![random.below(10) as u32], added: rules },
    }
}

fn any_rule(random: &mut Random) -> Rule {
    let subject = match random.below(6) {
        0 => Subject::Group(any_text(random).unwrap_or_default().into()),
        1 => {
            Subject::Subscription(*random.pick(&[Subscription::None, Subscription::Both]).expect("not empty"))
        }
        2 => Subject::Everyone,
        _ => Subject::Jid(any_jid(random, 5).into()),
    };
    let kinds =
        Kinds { message: random.one_in(2), iq: random.one_in(2), presence_out: true, presence_in: false };
    Rule {
        subject,
        action: if random.one_in(3) { Action::Allow } else { Action::Deny },
        order: random.below(10) as u32,
        stanzas: if random.one_in(3) { Stanzas::Only(kinds) } else { Stanzas::All },
    }
}

fn any_query(random: &mut Random) -> Query {
    match random.below(5) {
        4 => Query::Tokens(any_client(random)),
        0 => Query::Credentials,
        1 => Query::Document(any_document(random)),
        2 => Query::Watcher(any_jid(random, 200)),
        _ => Query::Offline { after: random.below(20) as u64, limit: random.below(5) as u32 },
    }
}

fn any_document(random: &mut Random) -> Document {
    let name = |random: &mut Random| ["", "x", "vcard"][random.below(3)].into();
    match random.below(3) {
        0 => Document::Vcard,
        _ => Document::Private { name: name(random), ns: name(random) },
    }
}

fn any_contact(random: &mut Random, version: u64) -> Contact {
    let groups = (0..random.below(3)).filter_map(|_| any_text(random)).collect::<Vec<_>>();
    Contact {
        name: any_text(random),
        groups: groups.into(),
        to: random.one_in(2),
        from: random.one_in(2),
        ask: random.one_in(2),
        approved: random.one_in(2),
        version,
    }
}

fn any_text(random: &mut Random) -> Option<Box<str>> {
    let texts = ["", "x", "ümläut ☃", "'; DROP TABLE account; --", "a\nb\t\u{85}", "%_\\"];
    let length = if random.one_in(10) { 4000 } else { 1 };
    random.pick(&texts).filter(|_| !random.one_in(4)).map(|text| text.repeat(length).into())
}

fn any_jid(random: &mut Random, names: usize) -> BareJid {
    jid(&format!("n{}", random.below(names)))
}

fn jid(name: &str) -> BareJid {
    BareJid::new(&format!("{name}@example.org")).expect("an address")
}

fn contact(version: u64) -> Contact {
    let groups = ["Capulets".into(), "Montagues".into()].into();
    Contact { name: Some("Romeo".into()), groups, to: true, version, ..Contact::default() }
}

fn message(serial: u64, text: &str) -> OfflineMessage {
    OfflineMessage { serial, at: Utc::from_unix_millis(1_234_567_890_123), stanza: text.into() }
}

fn client(number: u8) -> ClientId {
    ClientId::from_bytes([number; 16])
}

fn token(number: u8) -> Token {
    let id: TokenId = [number; 16];
    let (given, expires) =
        (Utc::from_unix_millis(1_234_567_890_123), Utc::from_unix_millis(1_334_567_890_123));
    Token { id, mechanism: Mechanism::WITH_TOKEN[0], given, expires, count: 0 }
}

fn given(number: u8) -> TokenChange {
    TokenChange::Given { token: token(number), after: None }
}

/// Different ones for different numbers.
fn credentials(number: u32) -> StoredCredentials {
    let mut entropy = Random::new(number.into()).entropy();
    StoredCredentials::derive("pass", number, &mut entropy).expect("a password")
}
