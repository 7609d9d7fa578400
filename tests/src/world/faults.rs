//! What goes wrong in a world.

use super::{Action, Mood, Node, NodeClock, Timer, Wire, World, model, pair};
use std::time::Duration;
use waxwing_core::machine::Instant;

impl World {
    /// From now on what is under way on a connection may be lost; but not what is acknowledged to be so (XEP-0198).
    pub(super) fn break_wire(&mut self, key: u64, why: &'static str) {
        let Some(wire) = self.wires.get_mut(&key) else { return };
        wire.broken = true;
        let (number, managed_at) = (wire.device, wire.managed_at);
        let device = &self.devices[number];
        let account = device.account;
        let is_current = device.wire == Some(key);
        // A client that counts says itself what may not have arrived.
        let counts = self.scenario.devices[number].management != waxwing_core::client::Management::Off;
        self.model.excuse(why, |letter| {
            let is_sent = letter.from.device == number && is_current && !counts;
            is_sent && letter.sending != model::Sending::Acknowledged
                || letter.to == account && managed_at.is_none_or(|since| letter.at <= since)
        });
        if managed_at.is_some() {
            self.model.rerouting.insert(account);
        }
    }

    pub(super) fn harm(&mut self, fault: &Action) {
        match *fault {
            Action::Cut { device } => self.harm_wire(device, |wire, now| wire.cut(now)),
            Action::HalfOpen { device } => self.harm_wire(device, |wire, _| wire.stall(true)),
            Action::Stall { device, time } => {
                if let Some(key) = self.devices[device].wire
                    && let Some(wire) = self.wires.get_mut(&key).filter(|wire| !wire.broken)
                {
                    wire.stall(true);
                    self.set_timer(time, Timer::Unstall { wire: key });
                }
            }
            Action::SlowReader { device, time } => {
                self.devices[device].reads_from = self.now + time;
                if let Some(wire) = self.devices[device].wire.and_then(|key| self.wires.get_mut(&key)) {
                    wire.down.conditions.window = 2048;
                }
                self.set_timer(time, Timer::Wake);
            }
            Action::Restart { device, away, saved } => self.restart(device, away, saved),
            Action::LinkCut { a, b, time } => self.cut_link(a, b, time),
            Action::Crash { host, away, silent } => {
                self.taint(|account, world| world.scenario.accounts[account] == host);
                self.crash_host(host, silent);
                self.set_timer(away, Timer::HostStarts { host });
            }
            Action::StoreLate { host, delay, time } => {
                self.upset(host, time, Mood { delay, ..Mood::default() });
            }
            Action::StoreRefuses { host, reads, time } => {
                self.upset(
                    host,
                    time,
                    Mood { refuses_changes: true, refuses_reads: reads, ..Mood::default() },
                );
            }
            Action::StoreSilent { host, time } => {
                self.upset(host, time, Mood { is_silent: true, ..Mood::default() });
            }
            Action::WallClock { node, millis } => self.clock(node).set(millis),
            Action::Leap { node, time } => {
                self.clock(node).leap(time);
                if let Node::Host(host) = node {
                    self.doubt(host);
                }
            }
            _ => {}
        }
    }

    fn harm_wire(&mut self, device: usize, harm: impl FnOnce(&mut Wire, Instant)) {
        let Some(key) = self.devices[device].wire else { return };
        if let Some(wire) = self.wires.get_mut(&key) {
            harm(wire, self.now);
        }
        self.break_wire(key, "a connection broke");
    }

    fn cut_link(&mut self, a: usize, b: usize, time: Duration) {
        for (from, to) in [(a, b), (b, a)] {
            let link = &mut self.links[from][to];
            link.down_until = self.now + time;
            let queue = std::mem::take(&mut link.queue);
            queue.into_iter().for_each(|freight| self.send_back(from, freight));
        }
    }

    /// A store changes its ways, for a while.
    fn upset(&mut self, host: usize, time: Duration, mood: Mood) {
        self.words += 1;
        let serial = self.words;
        let upset = &mut self.hosts[host];
        upset.had_trouble = true;
        upset.disk.mood = mood;
        upset.disk.serial = serial;
        self.is_lossy = true;
        if mood.is_silent || mood.delay > Duration::from_secs(3) {
            self.doubt(host);
        }
        self.set_timer(time, Timer::StoreIsWell { host, serial });
    }

    /// What a server's store does, it may do after the server has given up waiting for it.
    fn doubt(&mut self, host: usize) {
        let accounts = self.scenario.accounts.iter().enumerate();
        let here = accounts.filter(|(_, at)| **at == host).map(|(account, _)| account);
        self.model.unsure.extend(here);
    }

    pub(super) fn clock(&mut self, node: Node) -> &mut NodeClock {
        match node {
            Node::Device(device) => &mut self.devices[device].clock,
            Node::Host(host) => &mut self.hosts[host].clock,
        }
    }

    /// Something goes wrong with some accounts: what they have not finished may be in disorder.
    pub(super) fn taint(&mut self, which: impl Fn(usize, &World) -> bool) {
        const UNFINISHED: Duration = Duration::from_secs(40);
        let pairs: Vec<(usize, usize)> = self
            .subscribing
            .iter()
            .filter(|((a, b), at)| **at + UNFINISHED > self.now && (which(*a, self) || which(*b, self)))
            .map(|(pair, _)| *pair)
            .collect();
        for (a, b) in pairs {
            self.tainted.insert(pair(self.bare_of(a).as_str(), self.bare_of(b).as_str()));
        }
    }

    /// All trouble ends.
    pub(super) fn heal(&mut self) {
        for host in 0..self.hosts.len() {
            self.taint(|account, world| {
                world.scenario.accounts[account] == host && world.hosts[host].disk.mood.is_upset()
            });
            self.hosts[host].disk.mood = Mood::default();
            if self.hosts[host].server.is_none() {
                self.start_host(host);
            }
        }
        let origin = Instant::ORIGIN;
        self.links.iter_mut().flatten().for_each(|link| link.down_until = origin);
        self.devices.iter_mut().for_each(|device| device.reads_from = origin);
    }
}
