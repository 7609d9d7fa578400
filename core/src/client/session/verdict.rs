//! What the end of a connection means for the next one.

use super::super::{Environment, Error};
use crate::stream::Condition;

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Try again after a while.
    Again(Scope),
    /// Try there instead: what the server said, as it said it.
    Elsewhere(String),
    /// It cannot help: something has to be changed first.
    Never,
}

/// Whose loss it was, as far as can be told from here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Scope {
    /// This client's.
    Alone,
    /// Perhaps everybody's who was connected, at the same moment.
    Many,
}

/// What is to be believed of what came over the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Doubt {
    /// All of it: TLS was up, so that it was the server who spoke.
    Nothing,
    /// All but where else to connect: it was said in clear.
    Redirections,
    /// None of it: it was said in clear, and the server has been seen to do TLS.
    Everything,
}

/// Judges an end.
pub(super) fn judge(error: &Error, doubt: Doubt) -> Verdict {
    match (error.see_other_host(), doubt) {
        (Some(host), Doubt::Nothing) => return Verdict::Elsewhere(host.to_owned()),
        // Anybody on the way can say so. Who goes on asking the server itself will not be led astray.
        (Some(_), _) => return Verdict::Again(Scope::Many),
        (None, _) => {}
    }
    let is_hearsay = matches!(error, Error::Stream(_) | Error::Protocol(_) | Error::Missing(_));
    if error.is_transient() || is_hearsay && doubt == Doubt::Everything {
        return Verdict::Again(scope(error));
    }
    Verdict::Never
}

/// A server that stops or crashes lets go of everybody at once. Silence is noticed by each at a time of its own, and what
/// is about this account or this side of the connection concerns nobody else.
fn scope(error: &Error) -> Scope {
    match error {
        Error::Environment(Environment::Silent | Environment::Ended(_) | Environment::Unreachable(_)) => {
            Scope::Alone
        }
        Error::Refused(_) => Scope::Alone,
        Error::Stream(error) if *error.condition() == Condition::ConnectionTimeout => Scope::Alone,
        _ => Scope::Many,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Missing, Misuse, Refused};
    use super::*;
    use crate::sasl::{self, Mechanism};
    use crate::stanza::{self, StanzaError};
    use crate::stream::StreamError;

    fn stream(condition: Condition) -> Error {
        Error::Stream(StreamError::new(condition))
    }

    fn refused(condition: sasl::Condition) -> Error {
        let condition = Some(condition);
        Error::Refused(Refused::Credentials { mechanism: Mechanism::Plain, condition, text: None })
    }

    #[test]
    fn rfc6120_4_9_3_what_passes_is_tried_again_and_nothing_else() {
        use Verdict::{Again, Never};
        let bound = |condition| Error::Refused(Refused::Binding(StanzaError::new(condition)));
        let cases = [
            (Error::Environment(Environment::Disconnected), Again(Scope::Many)),
            (Error::Environment(Environment::ClosedByServer), Again(Scope::Many)),
            (Error::Environment(Environment::NegotiationTimeout("TLS handshake")), Again(Scope::Many)),
            (Error::Environment(Environment::Silent), Again(Scope::Alone)),
            (Error::Environment(Environment::Unreachable(String::new())), Again(Scope::Alone)),
            (stream(Condition::SystemShutdown), Again(Scope::Many)),
            (stream(Condition::Reset), Again(Scope::Many)),
            (stream(Condition::ResourceConstraint), Again(Scope::Many)),
            (stream(Condition::InternalServerError), Again(Scope::Many)),
            (stream(Condition::ConnectionTimeout), Again(Scope::Alone)),
            (refused(sasl::Condition::TemporaryAuthFailure), Again(Scope::Alone)),
            (bound(stanza::Condition::ResourceConstraint), Again(Scope::Alone)),
            (Error::Missing(Missing::StartTlsRefused), Again(Scope::Many)),
            (stream(Condition::Conflict), Never),
            (stream(Condition::PolicyViolation), Never),
            (stream(Condition::HostUnknown), Never),
            (stream(Condition::NotAuthorized), Never),
            (refused(sasl::Condition::NotAuthorized), Never),
            (refused(sasl::Condition::AccountDisabled), Never),
            (bound(stanza::Condition::NotAllowed), Never),
            (Error::Missing(Missing::StartTls), Never),
            (Error::Missing(Missing::Server(String::new())), Never),
            (Error::Tls("the server ended TLS with an alert".into()), Never),
            (Error::Certificate("it has expired".into()), Never),
            (Error::Local(Misuse::BadCredentials), Never),
        ];
        for (error, verdict) in cases {
            assert_eq!(judge(&error, Doubt::Nothing), verdict, "{error}");
            assert_eq!(judge(&error, Doubt::Redirections), verdict, "{error}");
        }
    }

    #[test]
    fn rfc6120_4_9_3_19_only_a_server_behind_tls_is_believed_about_other_hosts() {
        let error = stream(Condition::SeeOtherHost("im2.example.com:5222".into()));
        assert_eq!(judge(&error, Doubt::Nothing), Verdict::Elsewhere("im2.example.com:5222".into()));
        assert_eq!(judge(&error, Doubt::Redirections), Verdict::Again(Scope::Many));
        assert_eq!(judge(&error, Doubt::Everything), Verdict::Again(Scope::Many));
    }

    #[test]
    fn rfc6120_13_what_strangers_can_say_in_clear_ends_nothing() {
        for error in [stream(Condition::HostUnknown), Error::Missing(Missing::StartTls)] {
            assert!(matches!(judge(&error, Doubt::Everything), Verdict::Again(_)), "{error}");
        }
        // These no stranger can cause.
        for error in [Error::Certificate("expired".into()), Error::Local(Misuse::BadCredentials)] {
            assert_eq!(judge(&error, Doubt::Everything), Verdict::Never, "{error}");
        }
    }
}
