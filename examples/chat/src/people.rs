//! What is to be shown of people.

use waxwing_core::client::{Client, Contacts, Resource, Roster};
use waxwing_core::jid::Jid;
use waxwing_core::payload::roster::{Item, Subscription};
use waxwing_core::stanza::{Presence, PresenceType, Show};

/// How a contact is called: by name and address, or by address alone.
pub fn name(roster: &Roster, jid: &Jid) -> String {
    match roster.get(jid).and_then(|item| item.name.as_deref()).filter(|name| !name.is_empty()) {
        Some(name) => format!("{name} <{jid}>"),
        None => jid.to_string(),
    }
}

/// The contacts, by group and name, with how they are; those in no group come last.
pub fn contacts(roster: &Roster, present: &Contacts, group: Option<&str>) -> Vec<String> {
    let mut lines = Vec::new();
    let groups: Vec<Option<&str>> = match group {
        Some(group) => vec![Some(group)],
        None => roster.groups().into_iter().map(Some).chain([None]).collect(),
    };
    for group in groups {
        let is_in = |item: &&Item| match group {
            Some(group) => item.groups.iter().any(|name| name == group),
            None => item.groups.is_empty(),
        };
        let mut items: Vec<&Item> = roster.iter().filter(is_in).collect();
        items.sort_by_key(|item| item.name.as_deref().unwrap_or(item.jid.as_str()).to_lowercase());
        if !items.is_empty()
            && let Some(group) = group
        {
            lines.push(format!("[{group}]"));
        }
        lines.extend(items.into_iter().map(|item| contact(roster, present, item)));
    }
    if lines.is_empty() {
        lines.push(match group {
            Some(group) => format!("nobody is in the group {group}"),
            None => "you have no contacts; /add JID makes one".to_owned(),
        });
    }
    lines
}

/// One contact: name, how it is, and what is unusual about the subscription.
fn contact(roster: &Roster, present: &Contacts, item: &Item) -> String {
    let name = name(roster, &item.jid);
    let state = match present.best(&item.jid) {
        Some(best) => resource_state(best),
        None if item.subscription.has_to() => "offline".to_owned(),
        None => "unknown".to_owned(),
    };
    match subscription(item) {
        Some(note) => format!("{name}: {state} ({note})"),
        None => format!("{name}: {state}"),
    }
}

/// Who does not see whom; nothing where both see each other.
pub fn subscription(item: &Item) -> Option<String> {
    let pending = if item.ask { ", you have asked to see theirs" } else { "" };
    let approved = if item.approved { ", and may as soon as they ask" } else { "" };
    match item.subscription {
        Subscription::Both => None,
        Subscription::To => Some(format!("does not see your presence{approved}")),
        Subscription::From => Some(format!("you do not see their presence{pending}")),
        Subscription::None => Some(format!("neither sees the other's presence{approved}{pending}")),
        Subscription::Remove => Some("removed".to_owned()),
    }
}

/// How a resource is.
pub fn resource_state(resource: &Resource) -> String {
    let state = state(resource.show);
    match &resource.status {
        Some(status) => format!("{state}: {status}"),
        None => state.to_owned(),
    }
}

fn state(show: Option<Show>) -> &'static str {
    match show {
        None => "available",
        Some(Show::Chat) => "wants to talk",
        Some(Show::Away) => "away",
        Some(Show::Dnd) => "busy",
        Some(Show::Xa) => "away for long",
    }
}

/// What a presence says, after the name of whose it is.
pub fn presence(presence: &Presence) -> Option<String> {
    let said = match presence.kind() {
        PresenceType::Available => format!("is {}", state(presence.show())).replace("is wants", "wants"),
        PresenceType::Unavailable => "is gone".to_owned(),
        PresenceType::Error => "cannot be reached".to_owned(),
        _ => return None,
    };
    Some(match presence.status(None).filter(|status| !status.is_empty()) {
        Some(status) => format!("{said}: {status}"),
        None => said,
    })
}

/// All that is known of somebody.
pub fn info(client: &Client, jid: &Jid) -> Vec<String> {
    let mut lines = vec![name(client.roster(), jid)];
    match client.roster().get(jid) {
        Some(item) => {
            lines.push(format!("  {}", subscription(item).unwrap_or("you see each other's presence".into())));
            if !item.groups.is_empty() {
                lines.push(format!("  in {}", item.groups.join(", ")));
            }
        }
        None => lines.push("  is no contact of yours".to_owned()),
    }
    if client.block_list().blocks(jid) {
        lines.push("  is blocked".to_owned());
    }
    for resource in client.contacts().resources(jid) {
        let name = resource.jid.resource().unwrap_or("(no resource)");
        lines.push(format!("  {name}: {}, priority {}", resource_state(resource), resource.priority));
        if let Some(info) = client.capabilities(&resource.jid) {
            let identities = info.identities.iter().map(|i| {
                let kind = format!("{}/{}", i.category, i.kind);
                i.name.as_ref().map_or(kind.clone(), |name| format!("{name} ({kind})"))
            });
            lines.push(format!("    {}", identities.collect::<Vec<_>>().join(", ")));
        }
    }
    lines
}

/// Seconds as people say them.
pub fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jid(text: &str) -> Jid {
        Jid::new(text).unwrap()
    }

    #[test]
    fn contacts_are_listed_by_group_and_name() {
        let mut romeo = Item::new(jid("romeo@example.net")).with_name("Romeo").in_group("Friends");
        romeo.subscription = Subscription::Both;
        let mut nurse = Item::new(jid("nurse@example.com"));
        nurse.ask = true;
        let benvolio = Item::new(jid("ben@example.net")).with_name("benvolio").in_group("Friends");
        let roster = Roster::cached("1", [romeo, nurse, benvolio]);
        let lines = contacts(&roster, &Contacts::default(), None);
        assert_eq!(
            lines,
            [
                "[Friends]",
                "benvolio <ben@example.net>: unknown (neither sees the other's presence)",
                "Romeo <romeo@example.net>: offline",
                "nurse@example.com: unknown (neither sees the other's presence, you have asked to see theirs)",
            ]
        );
        assert_eq!(contacts(&roster, &Contacts::default(), Some("Friends")).len(), 3);
        assert!(contacts(&roster, &Contacts::default(), Some("Foes"))[0].contains("nobody"));
        assert!(contacts(&Roster::default(), &Contacts::default(), None)[0].contains("/add"));
    }

    #[test]
    fn presence_is_put_into_words() {
        let say = |show: Option<Show>, status: Option<&str>| {
            let builder = Presence::builder(PresenceType::Available);
            let builder = show.into_iter().fold(builder, |builder, show| builder.show(show));
            let builder = status.into_iter().fold(builder, |builder, status| builder.status(None, status));
            presence(&builder.build()).unwrap()
        };
        assert_eq!(say(None, None), "is available");
        assert_eq!(say(Some(Show::Chat), None), "wants to talk");
        assert_eq!(say(Some(Show::Away), Some("Lunch")), "is away: Lunch");
        assert_eq!(presence(&Presence::builder(PresenceType::Probe).build()), None);
    }

    #[test]
    fn times_are_put_into_words() {
        assert_eq!([5, 65, 3700, 90_000].map(duration), ["5 s", "1 min", "1 h 1 min", "1 d 1 h"]);
    }
}
