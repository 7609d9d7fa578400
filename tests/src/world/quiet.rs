//! What must be true once nothing happens any more.

use super::devices::{Device, Said};
use super::hosts::{letters_in, pair};
use super::{Rule, World};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use waxwing_core::client::Management;
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::payload::roster::Subscription;
use waxwing_core::server::store::Contact;
use waxwing_core::stanza::Show;

/// Long enough for every dead connection to be noticed, by keep-alives with no traffic to help, for requests to be given
/// up, and for clients to come back.
const SETTLING: Duration = Duration::from_secs(400);

impl World {
    /// Ends all trouble, lets everything settle, and looks at what has become of it.
    pub(super) fn settle_and_check(&mut self) {
        self.heal();
        self.run_for(SETTLING);
        if self.is_lossy && !self.is_over() {
            // While those who wrote are still there to be told.
            self.letters_are_somewhere();
            // Presence that was lost between servers, or with one, is not sent again (RFC 6121 has nothing for that) before
            // somebody comes anew.
            let wanting: Vec<usize> =
                (0..self.devices.len()).filter(|number| self.devices[*number].wants).collect();
            wanting.iter().for_each(|number| self.log_out(*number, false));
            self.run_for(Duration::from_secs(60));
            wanting.iter().for_each(|number| self.log_in(*number));
            self.run_for(Duration::from_secs(120));
        }
        // What was held back is told now.
        (0..self.devices.len()).for_each(|number| self.look_at(number, true));
        self.run_for(Duration::from_secs(20));
        if !self.is_over() {
            self.everyone_is_where_they_want_to_be();
            self.letters_are_somewhere();
            self.rosters_are_the_servers();
            self.blocks_agree();
            self.subscriptions_agree();
            self.presence_is_true();
        }
    }

    fn everyone_is_where_they_want_to_be(&mut self) {
        for number in 0..self.devices.len() {
            let device = &self.devices[number];
            let is_there = device.is_online() && device.said.is_some();
            if device.wants != is_there {
                let text = format!("d{number} wants to be online: {}, is: {is_there}", device.wants);
                self.model.fail(self.now, Rule::Stuck, text);
            }
        }
        for (number, host) in self.hosts.iter().enumerate() {
            let connections = host.server.as_ref().map_or(0, |server| server.connections());
            let live = self
                .devices
                .iter()
                .filter(|device| device.wire.is_some() && self.scenario.accounts[device.account] == number);
            let live = live.count();
            if connections != live {
                let text = format!("h{number} has {connections} connections, and {live} clients");
                self.model.violations.push(super::Violation { at: self.now, rule: Rule::Stuck, text });
            }
        }
    }

    fn letters_are_somewhere(&mut self) {
        let accounts = self.scenario.accounts.clone();
        let mut kept = Vec::new();
        for (account, host) in accounts.iter().enumerate() {
            let jid = self.bare_of(account);
            let disk = &mut self.hosts[*host].disk;
            kept.extend(letters_in(disk, &jid).into_iter().map(|letter| (account, letter)));
            let count = disk.offline(&jid).len();
            // A store that did not say what it did is not counted with.
            let is_certain = !self.model.unsure.contains(&account);
            if is_certain && count > self.scenario.limits.offline_messages as usize {
                let text = format!("{count} messages are kept for {jid}");
                self.model.fail(self.now, Rule::Cap, text);
            }
        }
        let limits = self.scenario.limits;
        let is_small =
            limits.offline_messages < 1000 || limits.waiting_per_account < 64 || limits.store_requests < 8192;
        let trouble: Vec<bool> = self.hosts.iter().map(|host| host.had_trouble).collect();
        let links = self.links_had_trouble;
        let counts = |number: usize| self.scenario.devices[number].management != Management::Off;
        let devices = self.devices.iter().enumerate();
        let away = devices
            .filter(|(number, device)| counts(*number) && !device.is_online() && device.has_a_session());
        let waiting: BTreeSet<usize> = away.map(|(number, _)| number).collect();
        self.model.nothing_is_lost(
            self.now,
            |number, letter| kept.contains(&(letter.to, number)),
            |letter| waiting.contains(&letter.from.device),
            |letter| {
                let on_the_way = [accounts[letter.sender], accounts[letter.to]];
                is_small
                    || links
                    || letter.to_device.is_some()
                    || on_the_way.iter().any(|host| trouble[*host])
            },
        );
    }

    fn rosters_are_the_servers(&mut self) {
        for number in 0..self.devices.len() {
            let Some(client) = self.devices[number].client().filter(|client| client.is_online()) else {
                continue;
            };
            let seen: BTreeMap<String, Item> = client
                .roster()
                .iter()
                .map(|item| {
                    let groups = item.groups.clone();
                    let item_is = Item {
                        name: item.name.clone(),
                        groups,
                        subscription: item.subscription,
                        ask: item.ask,
                    };
                    (item.jid.as_str().to_owned(), item_is)
                })
                .collect();
            let kept: BTreeMap<String, Item> = self
                .contacts(self.devices[number].account)
                .iter()
                .map(|(jid, contact)| (jid.as_str().to_owned(), Item::of(contact)))
                .collect();
            if seen != kept {
                let text = format!("d{number} sees the roster {seen:?}, and the server has {kept:?}");
                self.model.fail(self.now, Rule::Roster, text);
            }
        }
    }

    fn contacts(&self, account: usize) -> BTreeMap<BareJid, Contact> {
        let disk = &self.hosts[self.scenario.accounts[account]].disk;
        disk.kept.get(&self.bare_of(account)).map(|record| record.roster.contacts.clone()).unwrap_or_default()
    }

    fn blocks_agree(&mut self) {
        for account in 0..self.scenario.accounts.len() {
            let lists: BTreeSet<Vec<Jid>> = self
                .devices
                .iter()
                .filter(|device| device.account == account && device.is_online())
                .filter_map(Device::client)
                .filter(|client| client.block_list().is_loaded())
                .map(|client| client.block_list().iter().cloned().collect())
                .collect();
            if lists.len() > 1 {
                self.model.fail(
                    self.now,
                    Rule::Roster,
                    format!("a{account} has several block lists: {lists:?}"),
                );
            }
        }
    }

    /// Whether nothing about the subscriptions of two accounts can have got lost.
    fn is_certain(&self, a: usize, b: usize) -> bool {
        let (jid_a, jid_b) = (self.bare_of(a), self.bare_of(b));
        !self.tainted.contains(&pair(jid_a.as_str(), jid_b.as_str())) && !self.model.ever_blocked(a, b)
    }

    fn subscriptions_agree(&mut self) {
        let accounts = self.scenario.accounts.len();
        for (a, b) in (0..accounts).flat_map(|a| (0..accounts).map(move |b| (a, b))) {
            if a == b || !self.is_certain(a, b) {
                continue;
            }
            let to = self.contacts(a).get(&self.bare_of(b)).is_some_and(|contact| contact.to);
            let from = self.contacts(b).get(&self.bare_of(a)).is_some_and(|contact| contact.from);
            if to != from {
                let text = format!("a{a} thinks that it sees a{b}: {to}; a{b} thinks so: {from}");
                self.model.fail(self.now, Rule::Subscription, text);
            }
        }
    }

    fn presence_is_true(&mut self) {
        let accounts = self.scenario.accounts.len();
        for (number, whom) in
            (0..self.devices.len()).flat_map(|number| (0..accounts).map(move |whom| (number, whom)))
        {
            let device = &self.devices[number];
            let account = device.account;
            if !device.is_online() || account != whom && !self.is_certain(account, whom) {
                continue;
            }
            let jid = self.bare_of(whom);
            let sees = account == whom || self.contacts(account).get(&jid).is_some_and(|contact| contact.to);
            let truth = if sees { self.said_by(whom) } else { BTreeMap::new() };
            let Some(client) = device.client() else { continue };
            let seen: BTreeMap<String, Said> = client
                .contacts()
                .resources(&jid)
                .into_iter()
                .map(|resource| {
                    let status = resource.status.clone().unwrap_or_default();
                    let show = resource.show.map(Show::as_str);
                    (resource.jid.as_str().to_owned(), Said { priority: resource.priority, show, status })
                })
                .collect();
            if seen != truth {
                let text = format!("d{number} sees of a{whom} {seen:?}, and the truth is {truth:?}");
                self.model.fail(self.now, Rule::Presence, text);
            }
        }
    }

    /// What the devices of an account have said of themselves.
    fn said_by(&self, account: usize) -> BTreeMap<String, Said> {
        let devices = self.devices.iter().enumerate();
        let there = devices.filter(|(_, device)| device.account == account && device.is_online());
        let said = there.filter_map(|(number, device)| {
            Some((self.device_jid(number).as_str().to_owned(), device.said.clone()?))
        });
        said.collect()
    }
}

/// What both sides know of a contact.
#[derive(PartialEq, Eq, Debug)]
struct Item {
    name: Option<String>,
    groups: Vec<String>,
    subscription: Subscription,
    ask: bool,
}

impl Item {
    fn of(contact: &Contact) -> Item {
        Item {
            name: contact.name.as_deref().map(str::to_owned),
            groups: contact.groups.iter().map(|group| group.to_string()).collect(),
            subscription: match (contact.to, contact.from) {
                (true, true) => Subscription::Both,
                (true, false) => Subscription::To,
                (false, true) => Subscription::From,
                (false, false) => Subscription::None,
            },
            ask: contact.ask,
        }
    }
}
