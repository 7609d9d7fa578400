//! Many hubs are one: whatever the number of shards, sessions receive the same.

use super::*;
use crate::server::output::Content;

/// Some hubs, an envelope's way between them, one store.
struct Shards {
    hubs: Vec<Hub>,
    store: MemoryStore,
    now: Now,
    received: BTreeMap<u64, Vec<String>>,
    crossed: usize,
}

const ACCOUNTS: u64 = 12;

fn user(number: u64) -> BareJid {
    account(&format!("user{number}"))
}

impl Shards {
    fn new(shards: u32) -> Shards {
        let hub =
            |shard| Hub::new(Config { shard, shards, ..config() }, Entropy::from_seed([shard as u8; 32]));
        let mut store = MemoryStore::new();
        // Every fourth address is nobody's.
        for number in (0..ACCOUNTS).filter(|number| number % 4 != 3) {
            store.insert(user(number), Record::new(credentials(1)));
        }
        Shards {
            hubs: (0..shards).map(hub).collect(),
            store,
            now: Now::default(),
            received: BTreeMap::new(),
            crossed: 0,
        }
    }

    fn call(&mut self, shard: u32, call: impl FnOnce(&mut Hub, Now)) {
        call(&mut self.hubs[shard as usize], self.now);
        while let Some((shard, output)) = self.output() {
            match output {
                Output::Shard { shard: other, envelope } => {
                    assert_ne!(other, shard);
                    self.crossed += 1;
                    self.hubs[other as usize].envelope(self.now, envelope);
                }
                Output::Store(request) => {
                    assert_eq!(request.id().shard, shard);
                    let reply = self.store.execute(request);
                    self.hubs[shard as usize].store_reply(self.now, reply);
                }
                Output::Deliver { session, stanza } => self.log(session, brief(&stanza)),
                Output::Bound { session, jid, .. } => self.log(session, format!("bound {jid}")),
                Output::BindRefused { session, error } => {
                    self.log(session, format!("refused {}", error.condition().name()));
                }
                Output::Close { session, .. } => self.log(session, "closed".into()),
                other => panic!("{other:?}"),
            }
        }
    }

    fn output(&mut self) -> Option<(u32, Output)> {
        let mut hubs = (0..).zip(&mut self.hubs);
        hubs.find_map(|(shard, hub)| Some((shard, hub.poll_output()?)))
    }

    fn log(&mut self, session: SessionId, what: String) {
        self.received.entry(session.0).or_default().push(what);
    }

    /// Does something at random, the same for the same dice.
    fn step(&mut self, dice: &mut Entropy) {
        let mut roll = |sides: u64| dice.next_u64() % sides;
        let (action, from, to, resource, id) =
            (roll(24), roll(ACCOUNTS), roll(ACCOUNTS), roll(3), roll(1000));
        let session = SessionId(from * 3 + resource);
        let shard = shard_of(&user(from), self.hubs.len() as u32);
        let to = match roll(3) {
            0 => format!("user{to}@example.com"),
            resource => format!("user{to}@example.com/r{resource}"),
        };
        let xml = match action {
            0..=2 => {
                let request = BindRequest::resource(format!("r{resource}"));
                return self.call(shard, |hub, now| hub.bind(now, session, user(from), request));
            }
            18 => return self.call(shard, |hub, now| hub.session_gone(now, session)),
            3 => format!("<presence type='unavailable' id='{id}'/>"),
            4..=6 => format!("<presence id='{id}'><priority>{}</priority></presence>", roll(4) as i64 - 1),
            7 => format!("<presence to='{to}' id='{id}'/>"),
            8 => format!("<presence type='unavailable' to='{to}' id='{id}'/>"),
            9 => format!("<presence type='probe' to='{to}' id='{id}'/>"),
            10 | 11 => format!("<iq type='get' to='{to}' id='{id}'><x xmlns='urn:x'/></iq>"),
            12 => format!("<iq type='get' to='example.com' id='{id}'><ping xmlns='urn:xmpp:ping'/></iq>"),
            13 => format!("<message type='headline' to='{to}' id='{id}'/>"),
            20..=23 => {
                let of_type = ["subscribe", "subscribed", "unsubscribe", "unsubscribed"][roll(4) as usize];
                format!("<presence type='{of_type}' to='{to}' id='{id}'/>")
            }
            14 => format!("<message type='groupchat' to='{to}' id='{id}'/>"),
            _ => format!("<message type='chat' to='{to}' id='{id}'/>"),
        };
        self.call(shard, |hub, now| hub.stanza(now, session, stanza(&xml)));
        if action == 19 {
            self.now = self.now.after(SECOND * 7);
            for shard in 0..self.hubs.len() as u32 {
                self.call(shard, Hub::tick);
            }
        }
    }
}

/// What each session received from each sender, in order. (Between senders there is no order.)
fn by_sender(received: &BTreeMap<u64, Vec<String>>) -> BTreeMap<(u64, String), Vec<String>> {
    let mut sorted: BTreeMap<(u64, String), Vec<String>> = BTreeMap::new();
    for (session, log) in received {
        for entry in log {
            let sender = entry.split(" > ").next().and_then(|head| head.rsplit(' ').next()).unwrap_or("");
            sorted.entry((*session, sender.to_owned())).or_default().push(entry.clone());
        }
    }
    sorted
}

#[test]
fn four_shards_give_what_one_hub_gives() {
    let mut total = 0;
    for seed in 0..20 {
        let [mut one, mut four] = [Shards::new(1), Shards::new(4)];
        let [mut a, mut b] = [Entropy::from_seed([seed; 32]), Entropy::from_seed([seed; 32])];
        for _ in 0..1500 {
            one.step(&mut a);
            four.step(&mut b);
        }
        assert_eq!(by_sender(&one.received), by_sender(&four.received), "seed {seed}");
        assert_eq!(one.crossed, 0);
        assert!(four.crossed > 100);
        total += one.received.values().map(Vec::len).sum::<usize>();
    }
    assert!(total > 10_000, "{total}");
}

#[test]
fn the_same_inputs_give_the_same_outputs_in_the_same_order() {
    let run = || {
        let mut shards = Shards::new(3);
        let mut dice = Entropy::from_seed([42; 32]);
        (0..1000).for_each(|_| shards.step(&mut dice));
        (shards.received, shards.crossed)
    };
    assert_eq!(run(), run());
}

#[test]
fn shard_of_is_fixed_forever_and_spreads() {
    let jid = |text: &str| BareJid::new(text).unwrap();
    assert_eq!(shard_of(&jid("juliet@example.com"), 1), 0);
    assert_eq!(shard_of(&jid("juliet@example.com"), 0), 0);
    // FNV-1a's published value for "foobar" is 0x85944171f73967e8.
    assert_eq!(shard_of(&jid("foobar"), u32::MAX), 0x8594_4171 ^ 0xf739_67e8);
    let mut counts = [0; 4];
    for number in 0..4000 {
        counts[shard_of(&user(number), 4) as usize] += 1;
    }
    assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
}

#[test]
fn calls_for_another_shards_accounts_are_refused_not_obeyed() {
    let elsewhere = (0..).map(user).find(|user| shard_of(user, 4) == 1).unwrap();
    let mut hub = Hub::new(Config { shards: 4, ..config() }, Entropy::from_seed([0; 32]));
    let now = Now::default();
    hub.lookup(now, LookupId(1), elsewhere.clone());
    hub.bind(now, SessionId(1), elsewhere.clone(), BindRequest::default());
    hub.delete_account(now, AdminId(1), elsewhere.clone());
    let lost = stanza(&format!("<message to='{elsewhere}'/>"));
    let lost = Envelope { content: Content::Stanza(lost, None) };
    hub.envelope(now, lost);
    let unavailable = Output::Credentials { lookup: LookupId(1), stored: Err(Unavailable) };
    assert_eq!(hub.poll_output(), Some(unavailable));
    assert!(matches!(hub.poll_output(), Some(Output::BindRefused { .. })));
    let not_here = Output::Administered { id: AdminId(1), result: Err(AdminError::NotHere) };
    assert_eq!(hub.poll_output(), Some(not_here));
    assert_eq!(hub.poll_output(), None);
}
