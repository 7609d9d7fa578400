//! What a typed line means.

use waxwing_core::jid::Jid;
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
    /// Is someone there? `None`: one's own server.
    Ping(Option<Jid>),
    /// What can someone do? `None`: one's own server.
    Disco(Option<Jid>),
    /// List the commands.
    Help,
    /// Leave.
    Quit,
    /// Nothing was typed.
    Nothing,
}

/// The commands.
pub const HELP: &str = "\
/to JID               talk to JID from now on
/msg JID TEXT         say TEXT to JID
/available, /away, /chatty, /dnd, /xa [STATUS]   tell your availability
/ping [JID]           is JID (or your server) there?
/disco [JID]          what can JID (or your server) do?
/quit                 leave
//text                say /text";

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
    let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let somebody = |text: &str| if text.is_empty() { Ok(None) } else { jid(text).map(Some) };
    Ok(match word {
        "to" if !rest.is_empty() => Input::To(jid(rest)?),
        "msg" => match rest.split_once(' ') {
            Some((to, text)) => Input::SayTo(jid(to)?, text.trim_start().to_owned()),
            None => return Err("whom, and what? /msg JID TEXT".into()),
        },
        "to" => return Err("whom? /to JID".into()),
        "available" => Input::Presence(None, optional(rest)),
        "away" => Input::Presence(Some(Show::Away), optional(rest)),
        "chatty" => Input::Presence(Some(Show::Chat), optional(rest)),
        "dnd" => Input::Presence(Some(Show::Dnd), optional(rest)),
        "xa" => Input::Presence(Some(Show::Xa), optional(rest)),
        "ping" => Input::Ping(somebody(rest)?),
        "disco" => Input::Disco(somebody(rest)?),
        "help" => Input::Help,
        "quit" => Input::Quit,
        other => return Err(format!("/{other} is no command; /help lists them, //{other} says /{other}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_said_and_commands_obeyed() {
        assert_eq!(parse("hello"), Ok(Input::Say("hello".into())));
        assert_eq!(parse("//shrug"), Ok(Input::Say("/shrug".into())));
        assert_eq!(parse("  "), Ok(Input::Nothing));
        assert_eq!(parse("/to bob@example.org"), Ok(Input::To(Jid::new("bob@example.org").unwrap())));
        let told = parse("/msg bob@example.org  hi there").unwrap();
        assert_eq!(told, Input::SayTo(Jid::new("bob@example.org").unwrap(), "hi there".into()));
        assert_eq!(parse("/dnd busy"), Ok(Input::Presence(Some(Show::Dnd), Some("busy".into()))));
        assert_eq!(parse("/ping"), Ok(Input::Ping(None)));
    }

    #[test]
    fn mistakes_are_explained() {
        assert!(parse("/to").unwrap_err().contains("/to JID"));
        assert!(parse("/to @").unwrap_err().contains("not an address"));
        assert!(parse("/msg bob@example.org").unwrap_err().contains("TEXT"));
        assert!(parse("/fly").unwrap_err().contains("/help"));
    }
}
