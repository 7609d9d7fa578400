//! Service discovery (XEP-0030) and the server's capabilities (XEP-0115).

use super::{Answer, Asked, Asker, Reply, only_get};
use crate::ns;
use crate::payload::caps::{Caps, Hash};
use crate::payload::disco::{self, Identity, Info, Item};
use crate::server::config::Config;
use crate::server::context::Context;
use crate::server::module::{Module, Place};
use crate::stanza::{Condition, Iq, StanzaError};
use crate::xml::Element;
use std::collections::BTreeSet;

/// What the server can do, besides what depends on its configuration.
const OF_DOMAIN: &[&str] = &[
    ns::BLOCKING,
    ns::CAPS,
    ns::CARBONS,
    ns::DISCO_INFO,
    ns::DISCO_ITEMS,
    ns::LAST,
    ns::MSGOFFLINE,
    ns::PING,
    ns::PRE_APPROVAL,
    ns::PRIVACY,
    ns::PRIVATE,
    ns::TIME,
    ns::VCARD,
    ns::VERSION,
];

/// What the server does in an account's name.
const OF_ACCOUNT: &[&str] = &[ns::DISCO_INFO, ns::DISCO_ITEMS, ns::LAST, ns::PING, ns::VCARD];

/// What a stream may announce of the server besides what negotiates it: its capabilities (XEP-0115 section 6.3).
pub(in crate::server) fn stream_features(config: &Config, modules: &[Box<dyn Module>]) -> Vec<Element> {
    vec![caps(config, &info_of_domain(config, modules)).to_builder().build()]
}

/// The domain: section 3, and for its node XEP-0115 section 6.2.
pub(super) fn domain_info(iq: &Iq, ctx: &Context<'_>) -> Answer {
    only_get(iq)?;
    let info = info_of_domain(ctx.config, ctx.modules);
    let node = node(iq);
    if node.is_some_and(|node| node != caps(ctx.config, &info).query_node()) {
        return Err(Condition::ItemNotFound.into());
    }
    Ok(Reply::Payload(info.to_builder(node)))
}

/// The services of the domain that the operator has named (section 4).
pub(super) fn domain_items(iq: &Iq, ctx: &Context<'_>) -> Answer {
    only_get(iq)?;
    no_node(iq)?;
    Ok(Reply::Payload(disco::item_list(None, &ctx.config.items)))
}

/// An account, for those who may see its presence.
pub(super) fn account_info(asked: &Asked<'_>, iq: &Iq, ctx: &Context<'_>) -> Answer {
    only_get(iq)?;
    no_node(iq)?;
    let kind = if asked.anonymous { "anonymous" } else { "registered" };
    let place = Place::Account { own: asked.asker == Asker::Own };
    let mut info = Info::new(Identity::new("account", kind));
    info.features = features(OF_ACCOUNT, place, ctx.modules);
    Ok(Reply::Payload(info.to_builder(None)))
}

/// An account's available resources, for those who may see its presence (section 4.1).
pub(super) fn account_items(asked: &Asked<'_>, iq: &Iq) -> Answer {
    only_get(iq)?;
    if node(iq).is_some() {
        return Ok(no_items(iq));
    }
    let items: Vec<Item> = (asked.available)().into_iter().map(|jid| Item::new(jid.into())).collect();
    Ok(Reply::Payload(disco::item_list(None, &items)))
}

/// Nothing to list.
pub(super) fn no_items(iq: &Iq) -> Reply {
    Reply::Payload(disco::item_list(node(iq), &[]))
}

fn info_of_domain(config: &Config, modules: &[Box<dyn Module>]) -> Info {
    let mut info = Info::new(Identity::new("server", "im").with_name(&config.software.name));
    info.features = features(OF_DOMAIN, Place::Domain, modules);
    if config.registration.is_some() {
        info.features.push(ns::REGISTER.to_owned());
        info.features.sort_unstable();
    }
    info
}

/// Sorted, each once.
fn features(own: &[&str], place: Place, modules: &[Box<dyn Module>]) -> Vec<String> {
    let of_modules = modules.iter().flat_map(|module| module.features(place).iter().copied());
    let features: BTreeSet<&str> = own.iter().copied().chain(of_modules).collect();
    features.into_iter().map(str::to_owned).collect()
}

fn caps(config: &Config, info: &Info) -> Caps {
    Caps::of(info, &config.caps_node, Hash::Sha1)
}

fn node(iq: &Iq) -> Option<&str> {
    iq.payload()?.attr("node")
}

/// Section 7.
fn no_node(iq: &Iq) -> Result<(), StanzaError> {
    if node(iq).is_some() { Err(Condition::ItemNotFound.into()) } else { Ok(()) }
}
