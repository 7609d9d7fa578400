//! A simulated world: servers with stores, clients, and everything that can go wrong between them, in one thread.
//!
//! All are the real machines. Time is virtual; chance, faults included, grows from a seed; so a seed shows the same world
//! each time, byte for byte. A [`Scenario`] says beforehand what happens in it; [`run`] lets it happen and looks whether the
//! rules hold.
//!
//! # The world
//!
//! One to three servers, each with a domain, a store and accounts; each account with one to three devices. What servers have
//! for each other travels over links that keep the order of stanzas (there are no streams between servers yet). What a link
//! cannot deliver comes back to its sender ([`remote_timeout`](waxwing_core::server::Hub::remote_timeout)).
//!
//! What goes wrong is in [`Action`]: connections that break, vanish, stall, are slow, split and jitter; processes of clients
//! and servers that die; links that are cut; stores that are late, refuse, or do not answer; clocks that are set or leap; limits
//! that are small. No world has all of it, so that each is also seen without the others. In the end all trouble stops, and
//! the world has ten minutes to settle.
//!
//! # The rules
//!
//! [`Rule`] names them. Those that have exceptions, in full:
//!
//! **No loss.** A message of which the client says that it left (`Event::Sent`) is in the end received by a session of
//! its addressee, or waits in the store of the addressee's server, or its sender has got an error for it. With stream management
//! that holds also if connections break meanwhile: a client that counts says itself what may not have arrived
//! (`Event::Unacknowledged`), or has it still, to be sent when it comes back. Excused is a message that has not arrived yet
//! - when its sender's connection breaks, and nothing is acknowledged on it;
//! - when a connection breaks, or is broken, on which nothing is acknowledged and its addressee has a session;
//! - when the sender's or the addressee's server crashes, unless the store has it among the messages that wait, or it was acknowledged
//!   and its addressee, on the same server, had no session that it could have been handed to;
//! - when a link loses it because the server that sent it has crashed, or loses an error about it;
//! - when one account blocks the other;
//! - when its sender's session is over, and there was a reason to refuse it (trouble with a store or a link, small limits, an
//!   address of one device): nobody is left to be told.
//!
//! **No duplicate.** No session, resumed or not, receives a message twice, nor an error twice, nor is a message
//! received by anybody whose sender got an error for it. (Excused is the last where the store did what it did not say in time
//! that it had done, and where it came when its addressee had said goodbye, behind which nothing is acknowledged: the server
//! could not know better.)
//!
//! **Order.** What one session sends to one address is received by each session in that order. A message that came
//! to a session that ended may be received later by another, with a note of its delay; and so may a message that was kept, where
//! so little may wait for an account that what came later could not wait for it, or whose sender was told that it could not be
//! kept, because the store did not say in time that it had done so.
//!
//! **Subscriptions.** Of two accounts, one sees the other exactly if the other thinks so. Excused are two of which one has
//! blocked the other; and those that were changing their subscription while one's server crashed, or its store was not there, or a
//! link lost what they said; and those that changed it twice in a few seconds, for the answer to the first may end the second
//! (`unsubscribed`, which answers `unsubscribe`, ends a request that was made behind it): RFC 6121 has no way back from that.
//!
//! **Presence.** Each device that is online sees exactly the resources of its contacts that are online, with what they said
//! last; of others, nothing. Presence that gets lost between servers, or with one, is not sent again; so in worlds where that
//! happened everyone leaves and comes back before it is looked at.

mod devices;
mod faults;
mod hosts;
mod html;
mod minimise;
mod model;
mod orders;
mod quiet;
mod runner;
mod scenario;
mod store;
mod trace;
mod wire;

pub use minimise::minimise;
pub use runner::{Failure, Totals, run_seeds};
pub use scenario::{Action, DevicePlan, LimitsPlan, Node, Scenario, Step};

use crate::Random;
use devices::Device;
use hosts::{Host, pair};
use model::Model;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use store::{Disk, Mood};
use trace::{Lane, Trace};
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::machine::Instant;
use waxwing_core::sasl::ClientKeys;
use waxwing_core::server::store::Contact;
use waxwing_core::stanza::Show;
use wire::{Link, NodeClock, Wire};

/// What must be true. See the [module](self).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Rule {
    /// What one session sends to one address arrives in that order.
    Order,
    /// No message is lost.
    Loss,
    /// None arrives twice.
    Duplicate,
    /// None reaches anybody that it is not for; nobody speaks in another's name.
    Leak,
    /// Nothing comes through from whoever is blocked.
    Blocked,
    /// Every stanza given to a client ends once, and as it says.
    Handle,
    /// What was said to be saved is.
    Promise,
    /// Both sides' subscription states agree.
    Subscription,
    /// Everyone sees what their contacts said last.
    Presence,
    /// Rosters and block lists of all resources are the server's.
    Roster,
    /// A tick at a machine's deadline moves it.
    Deadline,
    /// No queue is longer than its limit.
    Cap,
    /// Whoever wants to be online is, and nobody else.
    Stuck,
    /// No machine panics.
    Panic,
}

/// A rule that did not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// When it was seen.
    pub at: Instant,
    /// Which.
    pub rule: Rule,
    /// What was seen.
    pub text: String,
}

/// What came of a world.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// Rules that did not hold. The world ends with the first moment in which one does not.
    pub violations: Vec<Violation>,
    /// How many stanzas clients have sent and received, and servers have sent each other.
    pub stanzas: u64,
    /// How many times a session went on over another connection.
    pub resumptions: u64,
    /// How many messages somebody wrote.
    pub messages: usize,
    /// How much time has passed in it.
    pub time: Duration,
}

/// Lets a world happen.
pub fn run(scenario: &Scenario) -> Outcome {
    // A panic of a machine is a violation like any other.
    let run = || World::new(scenario, false).run().0;
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let text = text.unwrap_or_else(|| "a panic".to_owned());
        let violation = Violation { at: Instant::ORIGIN, rule: Rule::Panic, text };
        Outcome { violations: vec![violation], ..Outcome::default() }
    })
}

/// Lets a world happen and draws it: a page of HTML that needs nothing else.
pub fn draw(scenario: &Scenario) -> (Outcome, String) {
    let (outcome, trace) = World::new(scenario, true).run();
    let page = html::draw(scenario, &trace, &outcome);
    (outcome, page)
}

/// So many ticks in one moment mean that a deadline does not move.
const FAR_TOO_OFTEN: u32 = 200;
/// So often may anything move in one moment.
const FAR_TOO_BUSY: u32 = 100_000;
/// What one stanza may exceed a queue by.
const LARGEST_STANZA: usize = 256 << 10;

/// How long it may take until what somebody says of a subscription has been answered: what they say before crosses the answer.
const ANSWERED: Duration = Duration::from_secs(5);

/// What happens later.
#[derive(Clone, Copy, Debug)]
enum Timer {
    Begin {
        device: usize,
    },
    FetchRoster {
        device: usize,
        serial: u32,
    },
    GiveUp {
        wire: u64,
        life: u32,
    },
    Unstall {
        wire: u64,
    },
    StoreIsWell {
        host: usize,
        serial: u64,
    },
    HostStarts {
        host: usize,
    },
    /// Somebody who was slow goes on.
    Wake,
}

#[derive(Debug)]
struct World {
    scenario: Scenario,
    now: Instant,
    hosts: Vec<Host>,
    links: Vec<Vec<Link>>,
    devices: Vec<Device>,
    /// By number, in which they came.
    wires: BTreeMap<u64, Wire>,
    next_wire: u64,
    timers: BTreeMap<(Instant, u64), Timer>,
    model: Model,
    trace: Trace,
    keys: ClientKeys,
    /// Presence may have been lost.
    is_lossy: bool,
    links_had_trouble: bool,
    /// Pairs of accounts whose subscription may be in disorder.
    tainted: BTreeSet<(String, String)>,
    /// Pairs of accounts that change their subscription, and when they did last.
    subscribing: BTreeMap<(usize, usize), Instant>,
    /// The last that was asked about a block.
    blocks: BTreeMap<(usize, usize), u64>,
    /// When accounts last had a session come or go.
    sessions_ended: BTreeMap<usize, Instant>,
    /// Ends of blocks that have been asked for and not been answered.
    unblocking: Vec<(usize, usize)>,
    /// Serial of the last status text, of timers and of more.
    words: u64,
    stanzas: u64,
    resumptions: u64,
}

impl World {
    fn new(scenario: &Scenario, is_traced: bool) -> World {
        let (keys, record) = devices::shared_account();
        let mut random = Random::new(scenario.seed);
        let mut hosts: Vec<Host> = (0..scenario.hosts)
            .map(|_| Host {
                server: None,
                disk: Disk::new(random.fork()),
                clock: NodeClock::default(),
                life: 0,
                had_trouble: false,
                random: random.fork(),
                ticks: 0,
            })
            .collect();
        let mut link = || Link::new(random.up_to(Duration::from_millis(100)));
        let links = (0..scenario.hosts).map(|_| (0..scenario.hosts).map(|_| link()).collect()).collect();
        let devices = scenario.devices.iter().map(|plan| Device::new(plan.account, random.fork())).collect();
        for (account, host) in scenario.accounts.iter().enumerate() {
            let mut record = record.clone();
            for (a, b) in &scenario.friends {
                let friend = if *a == account { *b } else { *a };
                if [*a, *b].contains(&account) {
                    let contact = Contact { to: true, from: true, version: 1, ..Contact::default() };
                    let jid = hosts::account_jid(friend, scenario.accounts[friend]);
                    record.roster.contacts.insert(jid, contact);
                    record.roster.version = 1;
                }
            }
            hosts[*host].disk.kept.insert(hosts::account_jid(account, *host), record);
        }
        let mut model = Model::default();
        model.may_overflow = scenario.limits.waiting_per_account < 64;
        let mut world = World {
            scenario: scenario.clone(),
            now: Instant::ORIGIN,
            hosts,
            links,
            devices,
            wires: BTreeMap::new(),
            next_wire: 0,
            timers: BTreeMap::new(),
            model,
            trace: Trace::new(is_traced),
            keys: keys.clone(),
            is_lossy: false,
            links_had_trouble: false,
            tainted: BTreeSet::new(),
            subscribing: BTreeMap::new(),
            blocks: BTreeMap::new(),
            sessions_ended: BTreeMap::new(),
            unblocking: Vec::new(),
            words: 0,
            stanzas: 0,
            resumptions: 0,
        };
        (0..scenario.hosts).for_each(|host| world.start_host(host));
        world
    }

    fn run(mut self) -> (Outcome, Trace) {
        for step in std::mem::take(&mut self.scenario.steps) {
            self.run_until(Instant::ORIGIN + step.at);
            if self.is_over() {
                break;
            }
            self.apply(&step.action);
            self.run_instant();
        }
        if !self.is_over() {
            self.settle_and_check();
        }
        let outcome = Outcome {
            violations: self.model.violations,
            stanzas: self.stanzas,
            resumptions: self.resumptions,
            messages: self.model.letters.len(),
            time: self.now.since_origin(),
        };
        (outcome, self.trace)
    }

    fn is_over(&self) -> bool {
        !self.model.violations.is_empty()
    }

    fn run_for(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    fn run_until(&mut self, end: Instant) {
        self.run_instant();
        while !self.is_over() {
            match self.next() {
                Some(next) if next <= end => {
                    self.advance(next);
                    self.run_instant();
                }
                _ => break,
            }
        }
        self.advance(end);
    }

    fn advance(&mut self, to: Instant) {
        if to > self.now {
            self.now = to;
            self.hosts.iter_mut().for_each(|host| host.ticks = 0);
            self.devices.iter_mut().for_each(|device| device.ticks = 0);
        }
    }

    /// Lets everything happen that happens now.
    fn run_instant(&mut self) {
        for _ in 0..FAR_TOO_BUSY {
            let timed = self.run_timers();
            let hosts = self.run_hosts();
            let devices = self.run_devices();
            if self.is_over() {
                return;
            }
            if !(timed || hosts || devices) {
                self.wires.retain(|_, wire| !(wire.client_done && wire.server_done));
                return self.check_caps();
            }
        }
        self.model.fail(self.now, Rule::Deadline, "this moment does not end".into());
    }

    /// When anything happens next.
    fn next(&self) -> Option<Instant> {
        let timers = self.timers.keys().next().map(|(at, _)| *at);
        let machines = [self.next_for_hosts(), self.next_for_devices()];
        let arrivals = self.wires.values().filter_map(|wire| self.next_arrival(wire));
        machines.into_iter().flatten().chain(timers).chain(arrivals).min()
    }

    fn next_arrival(&self, wire: &Wire) -> Option<Instant> {
        let device = &self.devices[wire.device];
        let server = self.hosts[wire.host].server.as_ref().filter(|_| !wire.server_done);
        let budget = server.map_or(usize::MAX, |server| server.read_budget(wire.id));
        let up = wire.up.next_arrival().filter(|_| budget > 0 || wire.up.at_end());
        let client = device.session.as_ref().filter(|_| !wire.client_done);
        let reads = client.is_some_and(|client| {
            use waxwing_core::machine::Machine;
            client.read_budget() > 0 || wire.down.at_end()
        });
        let down = wire.down.next_arrival().filter(|_| reads).map(|at| at.max(device.reads_from));
        crate::pair::earlier(up, down)
    }

    fn set_timer(&mut self, after: Duration, timer: Timer) {
        self.words += 1;
        self.timers.insert((self.now + after, self.words), timer);
    }

    fn run_timers(&mut self) -> bool {
        let mut busy = false;
        while let Some(entry) = self.timers.first_entry().filter(|entry| entry.key().0 <= self.now) {
            busy = true;
            match entry.remove() {
                Timer::Begin { device } => self.begin_session(device),
                Timer::FetchRoster { device, serial } if self.devices[device].serial == serial => {
                    self.fetch_roster(device);
                }
                Timer::FetchRoster { .. } | Timer::Wake => {}
                Timer::GiveUp { wire, life } => self.give_up_wire(wire, life),
                Timer::Unstall { wire } => {
                    if let Some(wire) = self.wires.get_mut(&wire) {
                        wire.stall(false);
                    }
                }
                Timer::StoreIsWell { host, serial } => {
                    if self.hosts[host].disk.serial == serial {
                        self.hosts[host].disk.mood = Mood::default();
                        self.taint(|account, world| world.scenario.accounts[account] == host);
                    }
                }
                Timer::HostStarts { host } => {
                    if self.hosts[host].server.is_none() {
                        self.start_host(host);
                    }
                }
            }
        }
        busy
    }

    fn wires_where(&self, which: impl Fn(&Wire) -> bool) -> Vec<u64> {
        self.wires.iter().filter(|(_, wire)| which(wire)).map(|(key, _)| *key).collect()
    }

    fn apply(&mut self, action: &Action) {
        self.mark_action(action);
        match *action {
            Action::Login { device } => self.log_in(device),
            Action::Logout { device, for_good } => self.log_out(device, for_good),
            Action::Message { device, to } => self.write(device, to, None),
            Action::MessageTo { device, to } => self.write(device, self.devices[to].account, Some(to)),
            Action::Presence { device, priority, show } => {
                let show = [Show::Away, Show::Dnd].into_iter().find(|known| Some(known.as_str()) == show);
                self.devices[device].shows = (priority, show);
                if self.devices[device].said.is_some() {
                    self.say(device);
                }
            }
            Action::Subscribe { device, to } => {
                self.subscribe(device, to, |client, now, to| client.subscribe(now, to, None))
            }
            Action::Unsubscribe { device, to } => {
                self.subscribe(device, to, |client, now, to| client.unsubscribe(now, to))
            }
            Action::Deny { device, to } => self.subscribe(device, to, |client, now, to| client.deny(now, to)),
            Action::AnswerRequests { device, approve } => self.answer_requests(device, approve),
            Action::SetItem { device, contact, name, group } => self.set_item(device, contact, name, group),
            Action::RemoveItem { device, contact } => {
                let contact = self.bare_of(contact);
                self.note_subscription(device, &contact);
                let remove = waxwing_core::client::RemoveItem(Jid::from(contact));
                self.act(device, |client, now| client.request(now, remove, None).map(drop));
            }
            Action::Block { device, whom } => self.block(device, whom, true),
            Action::Unblock { device, whom } => self.block(device, whom, false),
            Action::Ping { device, to } => self.ping(device, to),
            Action::ClientState { device, inactive } => self.look_at(device, !inactive),
            ref fault => self.harm(fault),
        }
    }

    fn account_of(&self, jid: &BareJid) -> Option<usize> {
        (0..self.scenario.accounts.len()).find(|account| self.bare_of(*account) == *jid)
    }

    fn mark_action(&mut self, action: &Action) {
        let lane = match *action {
            Action::Crash { host, .. }
            | Action::StoreLate { host, .. }
            | Action::StoreRefuses { host, .. }
            | Action::StoreSilent { host, .. } => Lane::Host(host),
            Action::LinkCut { a, .. } => Lane::Host(a),
            Action::WallClock { node, .. } | Action::Leap { node, .. } => match node {
                Node::Device(device) => Lane::Device(device),
                Node::Host(host) => Lane::Host(host),
            },
            Action::Login { device }
            | Action::Logout { device, .. }
            | Action::Message { device, .. }
            | Action::MessageTo { device, .. }
            | Action::Presence { device, .. }
            | Action::Subscribe { device, .. }
            | Action::Unsubscribe { device, .. }
            | Action::Deny { device, .. }
            | Action::AnswerRequests { device, .. }
            | Action::SetItem { device, .. }
            | Action::RemoveItem { device, .. }
            | Action::Block { device, .. }
            | Action::Unblock { device, .. }
            | Action::Ping { device, .. }
            | Action::ClientState { device, .. }
            | Action::Cut { device }
            | Action::HalfOpen { device }
            | Action::Stall { device, .. }
            | Action::SlowReader { device, .. }
            | Action::Restart { device, .. } => Lane::Device(device),
        };
        self.trace.mark(self.now, lane, &format!("{action:?}"), action.is_fault());
    }
}
