//! XEP-0016 and RFC 3921 section 10, by section of XEP-0016. Juliet is `juliet/balcony`; romeo is a contact of hers, with a
//! subscription both ways, unless said otherwise.

use super::*;
use crate::server::store::Contact;

/// Gives somebody a contact, behind the back of the hub.
pub(super) fn relate(world: &mut World, who: &str, contact: &str, to: bool, from: bool) {
    relate_in(world, who, contact, to, from, &[]);
}

pub(super) fn relate_in(world: &mut World, who: &str, whom: &str, to: bool, from: bool, groups: &[&str]) {
    let mut record = world.store.get(&account(who)).unwrap().clone();
    let jid = if whom.contains('.') { BareJid::new(whom).unwrap() } else { account(whom) };
    let groups = groups.iter().map(|group| (*group).into()).collect();
    let contact = Contact { to, from, groups, version: 1, ..Default::default() };
    record.apply(Delta::Contact { jid, contact });
    world.store.insert(account(who), record);
}

/// Juliet and romeo see each other online; there is a nurse, too.
pub(super) fn world() -> World {
    let mut world = World::new();
    world.store.insert(account("nurse"), Record::new(credentials(1)));
    relate(&mut world, "juliet", "romeo", true, true);
    relate(&mut world, "romeo", "juliet", true, true);
    world.online("romeo/orchard", 0);
    world.online("juliet/balcony", 0);
    world
}

/// A stanza comes in from another domain.
pub(super) fn remote(world: &mut World, xml: &str) {
    world.call(|hub, now| hub.remote(now, stanza(xml)));
}
