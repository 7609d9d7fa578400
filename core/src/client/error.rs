//! Why a client's stream ended, and why a stanza was not taken: split by who has to do something about it.

use crate::sasl;
use crate::stanza::StanzaError;
use crate::stream::{Condition, StreamError};
use core::fmt::{self, Write as _};

/// Why the stream ended, when it was not because the caller wanted it to.
///
/// The variants say who is to blame, [`is_transient`](Error::is_transient) says whether to try again, and the text
/// of [`Display`](fmt::Display) says what to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The server broke the protocol. It has been told so.
    Protocol(Box<ProtocolError>),
    /// The server lacks something that this client needs or insists on.
    Missing(Missing),
    /// The server refused the credentials or the resource, or could not prove that it knows the credentials.
    Refused(Refused),
    /// The server ended the stream with an error of its own (RFC 6120 section 4.9).
    Stream(StreamError),
    /// TLS failed; the text says what failed.
    Tls(String),
    /// TLS works, but the server's certificate was refused; the text names the certificate and the name.
    Certificate(String),
    /// The caller asked for something that cannot be done.
    Local(Misuse),
    /// Nobody is to blame that a protocol knows: the network failed, or time ran out.
    Environment(Environment),
}

impl Error {
    pub(super) fn protocol(sent: StreamError, detail: String) -> Error {
        Error::Protocol(Box::new(ProtocolError { sent, detail }))
    }
}

/// What the server did wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProtocolError {
    /// The stream error that was sent to it.
    pub sent: StreamError,
    /// What it was, for logs.
    pub detail: String,
}

/// What the server does not offer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// XMPP 1.0 (RFC 6120 section 4.7.5); this is what it speaks, `None` for no version at all.
    Version(Option<(u32, u32)>),
    /// STARTTLS, which the configuration requires. Nothing but a stream header was sent.
    StartTls,
    /// It offers STARTTLS but refused to go on with it (RFC 6120 section 5.4.2.2).
    StartTlsRefused,
    /// A stream without TLS, which the configuration asks for: the server insists on TLS.
    Plaintext,
    /// SASL authentication.
    Authentication,
    /// A SASL mechanism that these credentials can use. The names are what the server offers.
    Mechanism(Vec<String>),
    /// A SASL mechanism that the policy finds strong enough. The names are what the server offers.
    StrongMechanism(Vec<String>),
    /// Resource binding (RFC 6120 section 7).
    Binding,
    /// A server: the domain has none for clients, or is none. The text says how that is known.
    Server(String),
}

/// Who refused what.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Refused {
    /// The server refused the credentials (RFC 6120 section 6.5).
    Credentials {
        /// The mechanism tried last.
        mechanism: sasl::Mechanism,
        /// The server's reason; `None` where it gave none that is defined.
        condition: Option<sasl::Condition>,
        /// The server's words.
        text: Option<String>,
    },
    /// We refused the server: in the SASL exchange it spoke nonsense or could not prove that it knows the password.
    Server {
        /// The mechanism.
        mechanism: sasl::Mechanism,
        /// What was wrong.
        error: sasl::ClientError,
    },
    /// We refused to begin: what the server says about channel binding contradicts itself, as if someone on the way
    /// had changed it (XEP-0440). The names are the mechanisms offered.
    Downgrade(Vec<String>),
    /// The server wants more than these credentials, and this client can do none of what it names (XEP-0388 section 2.6.3).
    Tasks(Vec<String>),
    /// The server did not bind a resource (RFC 6120 sections 7.6.2 and 7.7.2).
    Binding(StanzaError),
    /// The server did not establish a session (RFC 3921 section 3).
    Session(StanzaError),
}

/// What the caller did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// The user name or the password contains characters that cannot be prepared (SASLprep, RFC 4013).
    BadCredentials,
    /// Credentials were given when none were asked for, or twice.
    CredentialsNotNeeded,
    /// There is no interrupted session to go on with.
    NotInterrupted,
    /// TLS facts were handed in when the machine was not waiting for them.
    NotSecuring,
    /// A connection was handed in when none was wanted.
    NotDialing,
}

/// What failed around the protocol.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Environment {
    /// The transport was closed before the stream was.
    Disconnected,
    /// The server closed the stream without giving a reason.
    ClosedByServer,
    /// The stream was not negotiated in time; the text says what was being waited for.
    NegotiationTimeout(&'static str),
    /// The server answered no keep-alive.
    Silent,
    /// This side ended the stream with this error, for lack of room or time.
    Ended(StreamError),
    /// No connection could be made; the text says why.
    Unreachable(String),
}

impl Error {
    /// True if trying again later, unchanged, can help. False if something has to be changed first: never reconnect
    /// by yourself then, least of all after a refused password.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Environment(_) => true,
            Error::Stream(error) => stream_error_is_transient(error.condition()),
            Error::Refused(Refused::Credentials { condition, .. }) => {
                *condition == Some(sasl::Condition::TemporaryAuthFailure)
            }
            Error::Refused(Refused::Binding(error) | Refused::Session(error)) => {
                error.error_type() == crate::stanza::ErrorType::Wait
            }
            Error::Missing(Missing::StartTlsRefused) => true,
            Error::Protocol(_) | Error::Missing(_) | Error::Refused(_) | Error::Local(_) => false,
            Error::Tls(_) | Error::Certificate(_) => false,
        }
    }

    /// Where the server says to connect instead (RFC 6120 section 4.9.3.19): a host, with a port or without.
    ///
    /// Follow it only if this stream was secured, and then verify the new host's certificate for the same domain
    /// as before.
    pub fn see_other_host(&self) -> Option<&str> {
        match self {
            Error::Stream(error) => match error.condition() {
                Condition::SeeOtherHost(host) => Some(host),
                _ => None,
            },
            _ => None,
        }
    }
}

/// RFC 6120 section 4.9.3: which conditions speak of a passing state of the server.
fn stream_error_is_transient(condition: &Condition) -> bool {
    matches!(
        condition,
        Condition::ConnectionTimeout
            | Condition::InternalServerError
            | Condition::RemoteConnectionFailed
            | Condition::Reset
            | Condition::ResourceConstraint
            | Condition::SystemShutdown
    )
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Protocol(error) => write!(
                f,
                "the server broke the XMPP protocol ({}): report this to whoever runs or wrote it",
                error.detail
            ),
            Error::Missing(missing) => missing.fmt(f),
            Error::Refused(refused) => refused.fmt(f),
            Error::Stream(error) => fmt_stream_error(error, f),
            Error::Tls(what) | Error::Certificate(what) => {
                write!(f, "the connection could not be secured: {}", Shown(what))
            }
            Error::Local(misuse) => misuse.fmt(f),
            Error::Environment(environment) => environment.fmt(f),
        }
    }
}

impl core::error::Error for Error {}

fn fmt_stream_error(error: &StreamError, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let advice = match error.condition() {
        Condition::Conflict => {
            "another client took this session's resource: do not reconnect with the same one"
        }
        Condition::HostGone | Condition::HostUnknown => "it does not serve this domain: check the address",
        Condition::SeeOtherHost(host) => {
            return write!(f, "the server asks to connect to {} instead", Shown(host));
        }
        Condition::NotAuthorized => "it does not accept this client: check the account",
        Condition::PolicyViolation => "it found a rule of its own broken",
        other if stream_error_is_transient(other) => "try again later",
        _ => "it found this client's stream faulty: report this as a defect of the client",
    };
    write!(f, "the server ended the stream ({:?}): {advice}", error.condition())?;
    match error.text() {
        Some(text) => write!(f, "; it says: {}", Shown(text)),
        None => Ok(()),
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Version(Some((major, minor))) => {
                write!(f, "the server speaks XMPP {major}.{minor}, 1.0 is needed: use another server")
            }
            Missing::Version(None) => f.write_str("the server is older than XMPP 1.0: use another server"),
            Missing::StartTls => f.write_str(
                "the server offers no STARTTLS: try direct TLS, and suspect the network of stripping it",
            ),
            Missing::StartTlsRefused => {
                f.write_str("the server refused to begin TLS: try again, or use direct TLS")
            }
            Missing::Plaintext => f.write_str("the server insists on TLS: configure STARTTLS or direct TLS"),
            Missing::Authentication => {
                f.write_str("the server offers no SASL authentication: use another server")
            }
            Missing::Mechanism(offered) => write!(
                f,
                "the server offers no mechanism that these credentials can use (it offers {}): give other credentials",
                List(offered)
            ),
            Missing::StrongMechanism(offered) => write!(
                f,
                "the server offers only mechanisms that the policy refuses ({}): secure the stream or change the policy",
                List(offered)
            ),
            Missing::Binding => f.write_str("the server offers no resource binding: use another server"),
            Missing::Server(why) => {
                write!(f, "there is no server for this account ({}): check the address", Shown(why))
            }
        }
    }
}

/// Names after one another, for a sentence.
struct List<'a>(&'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (i, name) in self.0.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { ", " }, Shown(name))?;
        }
        Ok(())
    }
}

/// What a server says ends up in logs and terminals: no control characters, no endless text.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().filter(|c| !c.is_control()).take(200).try_for_each(|c| f.write_char(c))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Credentials { mechanism, condition, text } => {
                let advice = match condition {
                    Some(sasl::Condition::TemporaryAuthFailure) => {
                        "it cannot check them now: try again later"
                    }
                    Some(sasl::Condition::AccountDisabled) => {
                        "the account is disabled: ask the server's operator"
                    }
                    Some(sasl::Condition::CredentialsExpired) => "the password has expired: renew it",
                    Some(sasl::Condition::EncryptionRequired) => {
                        "it insists on TLS for this: secure the stream"
                    }
                    Some(sasl::Condition::NotAuthorized) | None => "check the user name and the password",
                    Some(_) => "it cannot use them in this form",
                };
                let name = condition.map_or("no reason given", sasl::Condition::name);
                write!(
                    f,
                    "the server refused the credentials ({name}, with {}): {advice}",
                    mechanism.name()
                )?;
                match text {
                    Some(text) => write!(f, "; it says: {}", Shown(text)),
                    None => Ok(()),
                }
            }
            Refused::Server { mechanism, error } => write!(
                f,
                "the exchange with {} was broken off, {error}: do not trust this connection with the password",
                mechanism.name()
            ),
            Refused::Downgrade(offered) => write!(
                f,
                "the server's offer ({}) contradicts itself: suspect the network of tampering with it",
                List(offered)
            ),
            Refused::Tasks(tasks) => write!(
                f,
                "the server wants more than a password ({}): do that with another client, or give a token",
                List(tasks)
            ),
            Refused::Binding(error) => {
                write!(f, "the server did not bind a resource ({:?}): ", error.condition())?;
                f.write_str(match error.error_type() {
                    crate::stanza::ErrorType::Wait => {
                        "end another session of this account or try again later"
                    }
                    _ => "ask for another resource or none",
                })
            }
            Refused::Session(error) => {
                write!(f, "the server did not establish a session ({:?})", error.condition())
            }
        }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Misuse::BadCredentials => {
                "the user name or password contains characters that no account can have: check what was typed"
            }
            Misuse::CredentialsNotNeeded => {
                "credentials are wanted once, before authentication: wait for the event that asks for them"
            }
            Misuse::NotInterrupted => {
                "only an interrupted session can go on over another connection: make a new client"
            }
            Misuse::NotDialing => {
                "no connection is wanted now: close it and wait for the action that asks for one"
            }
            Misuse::NotSecuring => {
                "nothing waits for TLS: hand in its facts at the start or when the event asks for it"
            }
        })
    }
}

impl core::error::Error for Misuse {}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Environment::Disconnected => f.write_str("the connection broke: reconnect"),
            Environment::ClosedByServer => f.write_str("the server closed the stream: reconnect"),
            Environment::NegotiationTimeout(what) => {
                write!(f, "the server took too long ({what}): try again later or another host")
            }
            Environment::Unreachable(why) => {
                write!(
                    f,
                    "the server cannot be reached ({}): check the network, or try again later",
                    Shown(why)
                )
            }
            Environment::Silent => f.write_str("the server no longer answers: reconnect"),
            Environment::Ended(error) => {
                write!(f, "this side ended the stream ({:?}): reconnect", error.condition())
            }
        }
    }
}

/// Why a stanza was not taken for sending. Nothing of it was or will be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The stream is not negotiated yet, or is closing or closed.
    NotOnline,
    /// The stanza's `from` is an address other than this session's (the server would end the stream for it, RFC
    /// 6120 section 4.9.3.9).
    ForeignSender,
    /// More bytes than a stanza may have.
    TooLarge {
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// So much waits for `transmit`, or for the server's acknowledgement, that this stanza has no room.
    /// [`Event::Sent`](super::Event::Sent) and [`Event::Acknowledged`](super::Event::Acknowledged) tell when some has gone.
    QueueFull,
    /// As many requests as may be wait for their replies.
    TooManyRequests,
    /// An iq that is a reply cannot be replied to.
    NotARequest,
    /// The server has not announced what this needs.
    NotSupported,
    /// Not one's own presence: it has an addressee, or is neither available nor unavailable.
    NotOwnPresence,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::NotOnline => f.write_str("the stream is not online: wait for the event that says so"),
            SendError::ForeignSender => {
                f.write_str("the stanza's sender is not this session: leave `from` out")
            }
            SendError::TooLarge { bytes, limit } => {
                write!(f, "the stanza has {bytes} bytes and {limit} are allowed: make it smaller")
            }
            SendError::QueueFull => f.write_str(
                "too much waits to be sent or acknowledged: transmit first, and wait for acknowledgements",
            ),
            SendError::TooManyRequests => f.write_str("too many requests wait for replies: wait for some"),
            SendError::NotARequest => f.write_str("only an iq of type get or set can be replied to"),
            SendError::NotSupported => {
                f.write_str("the server does not offer this: do without, or ask another way")
            }
            SendError::NotOwnPresence => f.write_str(
                "own presence has no addressee and is available or unavailable: use send for any other",
            ),
        }
    }
}

impl core::error::Error for SendError {}
