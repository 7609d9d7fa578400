//! Random news of people, in any order, beside a model that is as simple as can be. What must hold after each step:
//! - who is available is exactly who has said so, minus those whom we have been told that we do not see any more;
//! - the roster is what the pushes and results make of it, forged ones left out;
//! - who waits for an answer has asked and not been answered.

use super::*;
use crate::jid::BareJid;
use std::collections::{BTreeMap, BTreeSet};

const CONTACTS: [&str; 4] = ["a@x.example", "b@x.example", "c@y.example", "juliet@example.com"];
const RESOURCES: [&str; 3] = ["", "/one", "/two"];
const STATES: [&str; 4] = ["none", "to", "from", "both"];
const KINDS: [&str; 6] = ["", "unavailable", "error", "subscribe", "unsubscribe", "unsubscribed"];

#[derive(Default)]
struct Model {
    available: BTreeSet<String>,
    roster: BTreeMap<String, &'static str>,
    waiting: BTreeSet<String>,
}

impl Model {
    fn forget(&mut self, contact: &str) {
        self.available.retain(|jid| jid.split('/').next() != Some(contact));
    }

    fn presence(&mut self, contact: &str, resource: &str, kind: &str) {
        let jid = format!("{contact}{resource}");
        match kind {
            "" => drop(self.available.insert(jid)),
            "subscribe" => drop(self.waiting.insert(contact.to_owned())),
            "unsubscribe" => drop(self.waiting.remove(contact)),
            "unsubscribed" => self.forget(contact),
            _ if resource.is_empty() => self.forget(contact),
            _ => drop(self.available.remove(&jid)),
        }
    }

    fn push(&mut self, contact: &str, state: Option<&'static str>) {
        let sees = |state: Option<&&str>| state.is_some_and(|state| matches!(*state, "to" | "both"));
        let before = sees(self.roster.get(contact));
        match state {
            Some(state) => self.roster.insert(contact.to_owned(), state),
            None => self.roster.remove(contact),
        };
        if before && !sees(state.as_ref()) {
            self.forget(contact);
        }
        if matches!(state, Some("from" | "both")) {
            self.waiting.remove(contact);
        }
    }

    fn leave(&mut self) {
        self.available.clear();
        self.waiting.clear();
    }

    fn check(&self, client: &Client) {
        let contacts = client.contacts();
        let of = |contact: &BareJid| {
            contacts.resources(contact).into_iter().map(|r| r.jid.to_string()).collect::<Vec<_>>()
        };
        let available: BTreeSet<String> = contacts.available().flat_map(of).collect();
        assert_eq!((&available, contacts.len()), (&self.available, self.available.len()));
        let item = |item: &crate::payload::roster::Item| (item.jid.to_string(), item.subscription.as_str());
        assert_eq!(client.roster().iter().map(item).collect::<BTreeMap<_, _>>(), self.roster);
        let waiting = client.subscription_requests().map(|(from, _)| from.to_string());
        assert_eq!(waiting.collect::<BTreeSet<_>>(), self.waiting);
    }
}

fn step(script: &mut Script, model: &mut Model, mut pick: impl FnMut(usize) -> usize) {
    let contact = CONTACTS[pick(CONTACTS.len())];
    let (now, bare) = (script.now, BareJid::new(contact).unwrap());
    match pick(10) {
        0 => {
            let kind = [PresenceType::Available, PresenceType::Unavailable][pick(2)];
            script.client.set_presence(now, Presence::builder(kind).build()).unwrap();
            if kind == PresenceType::Unavailable {
                model.leave();
            }
        }
        1 => {
            script.client.approve(now, &bare).unwrap();
            model.waiting.remove(contact);
        }
        2 => {
            script.client.deny(now, &bare).unwrap();
            model.waiting.remove(contact);
        }
        3..6 => {
            let state = (pick(5) > 0).then(|| STATES[pick(4)]);
            let is_forged = pick(4) == 0;
            let from = if is_forged { "from='mallory@example.org'" } else { "" };
            let shown = state.unwrap_or("remove");
            script.server(&format!(
                "<iq type='set' id='p' {from}><query xmlns='jabber:iq:roster'><item jid='{contact}' \
                 subscription='{shown}'/></query></iq>"
            ));
            if !is_forged {
                model.push(contact, state);
            }
        }
        _ => {
            let (resource, kind) = (RESOURCES[pick(3)], KINDS[pick(KINDS.len())]);
            let shown = if kind.is_empty() { String::new() } else { format!("type='{kind}'") };
            script.server(&format!("<presence from='{contact}{resource}' {shown}/>"));
            model.presence(contact, resource, kind);
        }
    }
}

#[test]
fn random_news_of_people_agree_with_a_model() {
    for seed in 0..60 {
        let mut dice = Entropy::from_seed([seed; 32]);
        let mut pick = |limit: usize| usize::try_from(dice.next_u64() % limit as u64).unwrap();
        let (mut script, mut model) = (Script::online(config()), Model::default());
        for _ in 0..200 {
            step(&mut script, &mut model, &mut pick);
            script.events();
            model.check(&script.client);
        }
        script.client.receive_eof(script.now);
        model.leave();
        model.check(&script.client);
    }
}
