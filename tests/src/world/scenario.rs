//! What happens in a world: grown from a seed, all of it before the world begins, so that any part can be left out.

use crate::{Conditions, Random, Split};
use std::fmt;
use std::time::Duration;
use waxwing_core::client::Management;

/// A world to be: who lives in it, under which conditions, and what they do and suffer.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Everything else grows from it, latencies and splits included.
    pub seed: u64,
    /// How many servers there are, each with a domain of its own: `h0.example`, `h1.example`, …
    pub hosts: usize,
    /// On which server each account is: `a0@h0.example`, …
    pub accounts: Vec<usize>,
    /// Who sees whose presence from the beginning, both ways; the smaller account first.
    pub friends: Vec<(usize, usize)>,
    /// The clients.
    pub devices: Vec<DevicePlan>,
    /// What servers may hold.
    pub limits: LimitsPlan,
    /// What happens, in order of time.
    pub steps: Vec<Step>,
}

/// A client: a device of an account, with a resource of its own (`d0`, `d1`, …).
#[derive(Clone, Debug)]
pub struct DevicePlan {
    /// Whose it is.
    pub account: usize,
    /// Both ways between it and its server.
    pub conditions: Conditions,
    /// What it wants of stream management.
    pub management: Management,
    /// Whether it sends again in a new session what may not have arrived in the old one.
    pub resend: bool,
}

/// What servers may hold, where that differs from their defaults.
#[derive(Clone, Copy, Debug)]
pub struct LimitsPlan {
    /// Messages kept for an account.
    pub offline_messages: u32,
    /// Stanzas that wait for an account to be loaded or changed.
    pub waiting_per_account: usize,
    /// Questions to the store.
    pub store_requests: usize,
    /// Stanzas held back from a client that nobody looks at.
    pub held_back: usize,
    /// Bytes queued for a client.
    pub max_queued: usize,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub struct Step {
    /// Since the beginning of the world.
    pub at: Duration,
    /// What.
    pub action: Action,
}

/// What can happen. Devices, accounts and hosts are named by their numbers.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the variants say it")]
pub enum Action {
    /// From now on the device wants to be online.
    Login {
        device: usize,
    },
    /// From now on it does not, and says goodbye. `for_good`: what waits to be sent is given up.
    Logout {
        device: usize,
        for_good: bool,
    },
    /// A message to the bare address of an account.
    Message {
        device: usize,
        to: usize,
    },
    /// A message to one device's full address.
    MessageTo {
        device: usize,
        to: usize,
    },
    Presence {
        device: usize,
        priority: i8,
        show: Option<&'static str>,
    },
    Subscribe {
        device: usize,
        to: usize,
    },
    Unsubscribe {
        device: usize,
        to: usize,
    },
    /// Takes back what was granted, or refuses.
    Deny {
        device: usize,
        to: usize,
    },
    /// Answers all requests to subscribe that the device knows of.
    AnswerRequests {
        device: usize,
        approve: bool,
    },
    /// Gives a contact a name that nobody has had, and a group.
    SetItem {
        device: usize,
        contact: usize,
        name: u32,
        group: u32,
    },
    RemoveItem {
        device: usize,
        contact: usize,
    },
    Block {
        device: usize,
        whom: usize,
    },
    Unblock {
        device: usize,
        whom: usize,
    },
    /// Nobody looks at the device any more, or somebody does again (XEP-0352).
    ClientState {
        device: usize,
        inactive: bool,
    },
    /// An iq ping to the own server, or to another account's device.
    Ping {
        device: usize,
        to: Option<usize>,
    },

    /// The connection breaks, and both ends find out.
    Cut {
        device: usize,
    },
    /// The connection breaks, and nobody finds out: bytes vanish from now on.
    HalfOpen {
        device: usize,
    },
    /// Nothing arrives for a while, in either direction.
    Stall {
        device: usize,
        time: Duration,
    },
    /// The device reads nothing for a while, behind a small window.
    SlowReader {
        device: usize,
        time: Duration,
    },
    /// The process of the client dies, and begins again.
    /// `saved`: with what it has saved of its session.
    Restart {
        device: usize,
        away: Duration,
        saved: bool,
    },
    /// What was under way between two servers comes back, and so does what is sent before the time is over.
    LinkCut {
        a: usize,
        b: usize,
        time: Duration,
    },
    /// The process of a server dies, and begins again with what its store has. `silent`: clients are not told.
    Crash {
        host: usize,
        away: Duration,
        silent: bool,
    },
    /// The store takes so long for each request.
    StoreLate {
        host: usize,
        delay: Duration,
        time: Duration,
    },
    /// The store refuses every change; `reads`: and every question.
    StoreRefuses {
        host: usize,
        reads: bool,
        time: Duration,
    },
    /// The store does not answer; some of what it was asked to do, it does nevertheless.
    StoreSilent {
        host: usize,
        time: Duration,
    },
    /// Somebody sets a clock. Time goes on all the same.
    WallClock {
        node: Node,
        millis: i64,
    },
    /// A process is stopped for a while, and finds that time has passed.
    Leap {
        node: Node,
        time: Duration,
    },
}

/// Whose clock.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the variants say it")]
pub enum Node {
    Device(usize),
    Host(usize),
}

/// Which kinds of trouble a world knows. Not every world has all, so that each is also seen without the others.
struct Troubles {
    network: bool,
    restarts: bool,
    links: bool,
    crashes: bool,
    store: bool,
    clocks: bool,
    slow: bool,
    blocking: bool,
    subscriptions: bool,
}

impl Troubles {
    fn pick(random: &mut Random) -> Troubles {
        let mut some = |n| random.one_in(n);
        Troubles {
            network: !some(4),
            restarts: some(3),
            links: some(4),
            crashes: some(4),
            store: some(4),
            clocks: some(3),
            slow: some(4),
            blocking: some(3),
            subscriptions: some(2),
        }
    }
}

impl Scenario {
    /// The world of a seed.
    pub fn new(seed: u64) -> Scenario {
        let mut random = Random::new(seed ^ 0x5ce0_a210);
        let troubles = Troubles::pick(&mut random);
        let hosts = 1 + random.below(3);
        let accounts: Vec<usize> = (0..2 + random.below(4)).map(|account| account % hosts).collect();
        let mut devices = Vec::new();
        for account in 0..accounts.len() {
            for _ in 0..1 + random.below(3) {
                let management = match random.below(6) {
                    0 => Management::Off,
                    1 => Management::Acknowledge,
                    _ => Management::Resume { max: Some(Duration::from_secs(60)) },
                };
                let resend = random.one_in(2);
                devices.push(DevicePlan { account, conditions: conditions(&mut random), management, resend });
            }
        }
        let mut friends = Vec::new();
        for a in 0..accounts.len() {
            friends.extend((a + 1..accounts.len()).filter(|_| !random.one_in(3)).map(|b| (a, b)));
        }
        let limits = LimitsPlan {
            offline_messages: if random.one_in(6) { 5 } else { 1000 },
            waiting_per_account: if random.one_in(6) { 6 } else { 64 },
            store_requests: if random.one_in(8) { 8 } else { 8192 },
            held_back: if random.one_in(4) { 2 } else { 1000 },
            max_queued: if troubles.slow { 16 << 10 } else { 4 << 20 },
        };
        let mut scenario = Scenario { seed, hosts, accounts, friends, devices, limits, steps: Vec::new() };
        scenario.fill(&troubles, &mut random);
        scenario
    }

    fn fill(&mut self, troubles: &Troubles, random: &mut Random) {
        let mut at = Duration::ZERO;
        for device in 0..self.devices.len() {
            if !random.one_in(4) {
                at += random.up_to(Duration::from_millis(500));
                self.steps.push(Step { at, action: Action::Login { device } });
            }
        }
        at += Duration::from_secs(3);
        let count = 30 + random.below(120);
        for number in 0..count {
            at += match random.below(20) {
                0 => random.up_to(Duration::from_secs(40)),
                1..6 => random.up_to(Duration::from_secs(2)),
                _ => random.up_to(Duration::from_millis(60)),
            };
            let trouble = random.one_in(6).then(|| self.trouble(troubles, random)).flatten();
            let action = trouble.unwrap_or_else(|| self.operation(troubles, number as u32, random));
            if let Action::Crash { host, .. } = action
                && random.one_in(2)
            {
                at = self.work_up_to_a_crash(host, at, random);
            }
            // Some people write many short messages.
            let is_message = matches!(action, Action::Message { .. });
            let times = if is_message && random.one_in(5) { 2 + random.below(5) } else { 1 };
            self.steps.extend(vec![Step { at, action }; times]);
        }
    }

    /// A server dies when its store is behind, and people have just written.
    fn work_up_to_a_crash(&mut self, host: usize, from: Duration, random: &mut Random) -> Duration {
        let (delay, time) = (Duration::from_secs(4), Duration::from_secs(10));
        self.steps.push(Step { at: from, action: Action::StoreLate { host, delay, time } });
        let mut at = from;
        for _ in 0..6 {
            at += random.up_to(Duration::from_millis(200));
            let (device, to) = (random.below(self.devices.len()), random.below(self.accounts.len()));
            if self.devices[device].account != to {
                self.steps.push(Step { at, action: Action::Message { device, to } });
            }
        }
        at + random.up_to(Duration::from_secs(3))
    }

    fn operation(&self, troubles: &Troubles, number: u32, random: &mut Random) -> Action {
        let device = random.below(self.devices.len());
        let own = self.devices[device].account;
        let mut other = random.below(self.accounts.len());
        if other == own {
            other = (other + 1) % self.accounts.len();
        }
        let peer = random.below(self.devices.len());
        match random.below(40) {
            0..18 => Action::Message { device, to: other },
            18..20 if self.devices[peer].account != own => Action::MessageTo { device, to: peer },
            20..22 => Action::Login { device },
            22 => Action::Logout { device, for_good: random.one_in(2) },
            23..27 => Action::Presence {
                device,
                priority: [0, 0, 1, 5, -1][random.below(5)],
                show: [None, None, Some("away"), Some("dnd")][random.below(4)],
            },
            27 if troubles.subscriptions => Action::Subscribe { device, to: other },
            28 if troubles.subscriptions => Action::Unsubscribe { device, to: other },
            29 if troubles.subscriptions => Action::Deny { device, to: other },
            30..32 if troubles.subscriptions => Action::AnswerRequests { device, approve: !random.one_in(4) },
            32..34 => Action::SetItem { device, contact: other, name: number, group: random.below(3) as u32 },
            34 if troubles.subscriptions => Action::RemoveItem { device, contact: other },
            35 if troubles.blocking => Action::Block { device, whom: other },
            36 if troubles.blocking => Action::Unblock { device, whom: other },
            37 => Action::Ping { device, to: None },
            38 => Action::Ping { device, to: Some(peer) },
            39 => Action::ClientState { device, inactive: random.one_in(2) },
            _ => Action::Message { device, to: other },
        }
    }

    fn trouble(&self, troubles: &Troubles, random: &mut Random) -> Option<Action> {
        let device = random.below(self.devices.len());
        let host = random.below(self.hosts);
        let seconds = |random: &mut Random, most| random.up_to(Duration::from_secs(most));
        let time = seconds(random, 15);
        Some(match random.below(14) {
            0..3 | 12.. if troubles.network => Action::Cut { device },
            3 if troubles.network => Action::HalfOpen { device },
            4 if troubles.network => Action::Stall { device, time },
            5 if troubles.restarts => {
                Action::Restart { device, away: seconds(random, 20), saved: !random.one_in(3) }
            }
            6 if troubles.links && self.hosts > 1 => {
                Action::LinkCut { a: host, b: (host + 1) % self.hosts, time }
            }
            7 if troubles.crashes => {
                Action::Crash { host, away: seconds(random, 10), silent: random.one_in(3) }
            }
            8 if troubles.store => match random.below(3) {
                0 => Action::StoreLate { host, delay: seconds(random, 8), time },
                1 => Action::StoreRefuses { host, reads: random.one_in(3), time },
                _ => Action::StoreSilent { host, time },
            },
            9 if troubles.slow => Action::SlowReader { device, time },
            10 if troubles.clocks => Action::WallClock {
                node: if random.one_in(2) { Node::Device(device) } else { Node::Host(host) },
                millis: random.below(20 * 86_400_000) as i64 - 10 * 86_400_000,
            },
            11 if troubles.clocks => Action::Leap {
                node: if random.one_in(2) { Node::Device(device) } else { Node::Host(host) },
                time: seconds(random, 200),
            },
            _ => return None,
        })
    }

    /// When the last thing happens.
    pub fn end(&self) -> Duration {
        self.steps.last().map(|step| step.at).unwrap_or_default()
    }
}

fn conditions(random: &mut Random) -> Conditions {
    Conditions {
        latency: random.up_to(Duration::from_millis(80)),
        jitter: if random.one_in(2) { random.up_to(Duration::from_millis(200)) } else { Duration::ZERO },
        bytes_per_second: random.one_in(5).then(|| 4000 + random.below(60_000) as u64),
        split: match random.below(6) {
            0 => Split::Random(1 + random.below(40)),
            1 => Split::Random(300),
            _ => Split::Whole,
        },
        window: if random.one_in(5) { 4096 } else { usize::MAX },
        stalled: false,
    }
}

impl Action {
    /// Whether it is something that goes wrong, rather than something that somebody does.
    pub fn is_fault(&self) -> bool {
        matches!(
            self,
            Action::Cut { .. }
                | Action::HalfOpen { .. }
                | Action::Stall { .. }
                | Action::SlowReader { .. }
                | Action::Restart { .. }
                | Action::LinkCut { .. }
                | Action::Crash { .. }
                | Action::StoreLate { .. }
                | Action::StoreRefuses { .. }
                | Action::StoreSilent { .. }
                | Action::WallClock { .. }
                | Action::Leap { .. }
        )
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {} server(s)", self.seed, self.hosts)?;
        for (account, host) in self.accounts.iter().enumerate() {
            let devices = self.devices.iter().enumerate().filter(|(_, device)| device.account == account);
            let names: Vec<String> =
                devices.map(|(number, plan)| format!("d{number} {:?}", plan.management)).collect();
            writeln!(f, "  a{account}@h{host}.example: {}", names.join(", "))?;
        }
        writeln!(f, "  friends {:?}, {:?}", self.friends, self.limits)?;
        for Step { at, action } in &self.steps {
            let mark = if action.is_fault() { '!' } else { ' ' };
            writeln!(f, "{:>10.3} s {mark} {action:?}", at.as_secs_f64())?;
        }
        Ok(())
    }
}
