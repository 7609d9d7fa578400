//! What a typed line means.

use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::stanza::Show;

use crate::cli::jid;

/// A typed line, understood.
#[derive(Debug, PartialEq)]
pub enum Input {
    /// Say this to the person being talked to.
    Say(String),
    /// Say this to someone else.
    SayTo(Jid, String),
    /// Talk to this person from now on.
    To(Jid),
    /// Tell one's availability: `None` is plainly available.
    Presence(Option<Show>, Option<String>),
    /// Tell how much this session wants messages, compared to others of the account.
    Priority(i8),
    /// List the contacts, of one group or of all.
    Contacts(Option<String>),
    /// List who waits for permission to see one's presence.
    Requests,
    /// Make someone a contact, under a name perhaps, and ask to see their presence.
    Add(BareJid, Option<String>),
    /// Take a contact off the list.
    Remove(BareJid),
    /// Let someone see one's presence.
    Accept(BareJid),
    /// Do not, or no longer.
    Decline(BareJid),
    /// Ask to see someone's presence.
    Subscribe(BareJid),
    /// No longer see it.
    Unsubscribe(BareJid),
    /// Name a contact, or take its name away.
    Rename(BareJid, Option<String>),
    /// Put a contact into these groups and no others.
    Groups(BareJid, Vec<String>),
    /// Keep someone away.
    Block(Jid),
    /// Do so no longer; `None`: nobody.
    Unblock(Option<Jid>),
    /// List who is kept away.
    Blocked,
    /// Show what is known of someone. `None`: the person being talked to.
    Info(Option<Jid>),
    /// Show someone's card. `None`: one's own.
    Card(Option<BareJid>),
    /// Write a field of one's own card, or clear it.
    SetCard(String, String),
    /// When was someone last active? `None`: when did one's own server start?
    Last(Option<Jid>),
    /// What software does someone run? `None`: one's own server.
    Version(Option<Jid>),
    /// What time is it there? `None`: one's own server.
    Time(Option<Jid>),
    /// Is someone there? `None`: one's own server.
    Ping(Option<Jid>),
    /// What can someone do? `None`: one's own server.
    Disco(Option<Jid>),
    /// Do not wait for the next attempt to connect.
    Reconnect,
    /// List the commands.
    Help,
    /// Leave.
    Quit,
    /// Nothing was typed.
    Nothing,
}

/// The commands.
pub const HELP: &str = "\
/to JID                talk to JID from now on
/msg JID TEXT          say TEXT to JID
/contacts [GROUP]      list your contacts and how they are
/add JID [NAME]        make JID a contact and ask to see its presence
/remove JID            take JID off your contacts
/rename JID [NAME]     call a contact NAME, or by its address
/groups JID [A, B]     put a contact into groups A and B and no others
/requests              who waits for your permission to see your presence
/accept JID            let JID see your presence
/decline JID           do not, or no longer
/subscribe JID         ask to see JID's presence
/unsubscribe JID       stop seeing it
/block JID             keep JID (a person, a domain) away from you
/unblock JID, /unblock *   no longer; * is everybody
/blocked               list who is kept away
/info [JID]            what is known of JID, or of whom you talk to
/vcard [JID]           JID's card, or yours
/vcard-set FIELD [TEXT]   write a field of your card: FN, NICKNAME, URL, DESC, ...
/last [JID]            when was JID last active? (your server: when did it start?)
/version [JID]         what software does JID (or your server) run?
/time [JID]            what time is it where JID (or your server) is?
/ping [JID]            is JID (or your server) there?
/disco [JID]           what can JID (or your server) do?
/available, /away, /chatty, /dnd, /xa [STATUS]   tell your availability
/priority NUMBER       how much this session wants messages: -128 to 127; below 0 none
/reconnect             do not wait for a connection that is lost
/help                  this list
/quit                  leave
//text                 say /text";

/// Reads a line. Errors say what is wrong with it.
pub fn parse(line: &str) -> Result<Input, String> {
    let line = line.trim_end();
    if line.trim().is_empty() {
        return Ok(Input::Nothing);
    }
    let Some(command) = line.strip_prefix('/') else { return Ok(Input::Say(line.to_owned())) };
    if command.starts_with('/') {
        return Ok(Input::Say(command.to_owned()));
    }
    let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
    let rest = rest.trim();
    match word {
        "to" | "msg" => talking(word, rest),
        "available" => Ok(Input::Presence(None, optional(rest))),
        "away" => Ok(Input::Presence(Some(Show::Away), optional(rest))),
        "chatty" => Ok(Input::Presence(Some(Show::Chat), optional(rest))),
        "dnd" => Ok(Input::Presence(Some(Show::Dnd), optional(rest))),
        "xa" => Ok(Input::Presence(Some(Show::Xa), optional(rest))),
        "priority" => rest
            .parse()
            .map(Input::Priority)
            .map_err(|_| format!("/priority wants a number from -128 to 127, not `{rest}`")),
        "contacts" => Ok(Input::Contacts(optional(rest))),
        "requests" => Ok(Input::Requests),
        "blocked" => Ok(Input::Blocked),
        "info" => somebody(rest).map(Input::Info),
        "last" => somebody(rest).map(Input::Last),
        "version" => somebody(rest).map(Input::Version),
        "time" => somebody(rest).map(Input::Time),
        "ping" => somebody(rest).map(Input::Ping),
        "disco" => somebody(rest).map(Input::Disco),
        "vcard" => Ok(Input::Card(somebody(rest)?.map(|jid| jid.to_bare()))),
        "vcard-set" => card_field(rest),
        "unblock" if rest == "*" => Ok(Input::Unblock(None)),
        "reconnect" => Ok(Input::Reconnect),
        "help" => Ok(Input::Help),
        "quit" => Ok(Input::Quit),
        _ => about_contact(word, rest),
    }
}

/// `/to` and `/msg`.
fn talking(word: &str, rest: &str) -> Result<Input, String> {
    match (word, rest.split_once(' ')) {
        ("to", _) if rest.is_empty() => Err("whom? /to JID".into()),
        ("to", _) => Ok(Input::To(jid(rest)?)),
        (_, Some((to, text))) => Ok(Input::SayTo(jid(to)?, text.trim_start().to_owned())),
        (_, None) => Err("whom, and what? /msg JID TEXT".into()),
    }
}

/// Commands that name a contact first.
fn about_contact(word: &str, rest: &str) -> Result<Input, String> {
    type Make = fn(BareJid, &str) -> Input;
    let make: Make = match word {
        "add" => |jid, name| Input::Add(jid, optional(name)),
        "rename" => |jid, name| Input::Rename(jid, optional(name)),
        "groups" => |jid, groups| Input::Groups(jid, list(groups)),
        "remove" => |jid, _| Input::Remove(jid),
        "accept" => |jid, _| Input::Accept(jid),
        "decline" => |jid, _| Input::Decline(jid),
        "subscribe" => |jid, _| Input::Subscribe(jid),
        "unsubscribe" => |jid, _| Input::Unsubscribe(jid),
        "block" | "unblock" => |jid, _| Input::Block(jid.into()),
        other => return Err(format!("/{other} is no command; /help lists them, //{other} says /{other}")),
    };
    if rest.is_empty() {
        return Err(format!("whom? /{word} JID"));
    }
    let takes_text = matches!(word, "add" | "rename" | "groups");
    let (who, text) = rest.split_once(' ').unwrap_or((rest, ""));
    if !takes_text && !text.is_empty() {
        return Err(format!("/{word} wants one address and nothing more"));
    }
    let who = jid(who)?;
    // Of these two one may mean a single session.
    match word {
        "block" => Ok(Input::Block(who)),
        "unblock" => Ok(Input::Unblock(Some(who))),
        _ => Ok(make(who.to_bare(), text.trim())),
    }
}

/// `/vcard-set`.
fn card_field(rest: &str) -> Result<Input, String> {
    let (field, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let field = field.to_uppercase();
    // What has parts of its own cannot be written as one text.
    match field.as_str() {
        "FN" | "NICKNAME" | "BDAY" | "JABBERID" | "TITLE" | "ROLE" | "URL" | "DESC" | "NOTE" => {
            Ok(Input::SetCard(field, text.trim().to_owned()))
        }
        _ => Err("which field? FN, NICKNAME, BDAY, JABBERID, TITLE, ROLE, URL, DESC or NOTE".into()),
    }
}

fn optional(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn somebody(text: &str) -> Result<Option<Jid>, String> {
    if text.is_empty() { Ok(None) } else { jid(text).map(Some) }
}

/// Names between commas, each once.
fn list(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if names.iter().all(|known| known != name) {
            names.push(name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bob() -> BareJid {
        BareJid::new("bob@example.org").unwrap()
    }

    #[test]
    fn lines_are_said_and_commands_obeyed() {
        assert_eq!(parse("hello"), Ok(Input::Say("hello".into())));
        assert_eq!(parse("//shrug"), Ok(Input::Say("/shrug".into())));
        assert_eq!(parse("  "), Ok(Input::Nothing));
        assert_eq!(parse("/to bob@example.org"), Ok(Input::To(bob().into())));
        let told = parse("/msg bob@example.org  hi there").unwrap();
        assert_eq!(told, Input::SayTo(bob().into(), "hi there".into()));
        assert_eq!(parse("/dnd busy"), Ok(Input::Presence(Some(Show::Dnd), Some("busy".into()))));
        assert_eq!(parse("/priority -1"), Ok(Input::Priority(-1)));
        assert_eq!(parse("/ping"), Ok(Input::Ping(None)));
    }

    #[test]
    fn contacts_are_looked_after() {
        assert_eq!(parse("/contacts"), Ok(Input::Contacts(None)));
        assert_eq!(parse("/add bob@example.org Bob B."), Ok(Input::Add(bob(), Some("Bob B.".into()))));
        assert_eq!(parse("/add bob@example.org/pc"), Ok(Input::Add(bob(), None)));
        assert_eq!(parse("/rename bob@example.org"), Ok(Input::Rename(bob(), None)));
        let groups = parse("/groups bob@example.org Old friends, work,,work").unwrap();
        assert_eq!(groups, Input::Groups(bob(), vec!["Old friends".into(), "work".into()]));
        assert_eq!(parse("/decline bob@example.org"), Ok(Input::Decline(bob())));
        let session = Jid::new("bob@example.org/pc").unwrap();
        assert_eq!(parse("/block bob@example.org/pc"), Ok(Input::Block(session.clone())));
        assert_eq!(parse("/unblock bob@example.org/pc"), Ok(Input::Unblock(Some(session))));
        assert_eq!(parse("/unblock *"), Ok(Input::Unblock(None)));
        assert_eq!(parse("/vcard-set fn Alice A."), Ok(Input::SetCard("FN".into(), "Alice A.".into())));
    }

    #[test]
    fn mistakes_are_explained() {
        assert!(parse("/to").unwrap_err().contains("/to JID"));
        assert!(parse("/to @").unwrap_err().contains("not an address"));
        assert!(parse("/msg bob@example.org").unwrap_err().contains("TEXT"));
        assert!(parse("/fly").unwrap_err().contains("/help"));
        assert!(parse("/accept").unwrap_err().contains("/accept JID"));
        assert!(parse("/remove bob@example.org please").unwrap_err().contains("nothing more"));
        assert!(parse("/priority high").unwrap_err().contains("127"));
        assert!(parse("/vcard-set photo x").unwrap_err().contains("FN"));
    }

    #[test]
    fn the_manual_lists_the_commands_as_they_are() {
        assert!(include_str!("../README.md").contains(HELP), "copy HELP into README.md");
    }

    #[test]
    fn every_command_in_the_help_is_one() {
        let words = HELP.split_whitespace().filter_map(|word| word.strip_prefix('/'));
        for word in words.map(|word| word.trim_end_matches(',')).filter(|word| !word.starts_with('/')) {
            let line = format!("/{word} bob@example.org");
            let is_unknown = |result: Result<Input, String>| result.is_err_and(|e| e.contains("no command"));
            assert!(word == "text" || !is_unknown(parse(&line)), "{word}");
        }
    }
}
