//! Asks name servers, as many questions at once as there are (RFC 1035 section 7, RFC 7766).

use super::hosts::{Hosts, Resolvers};
use super::message::{self, Answer, Kind, Record};
use crate::machine::{Entropy, Instant, Now};
use core::net::SocketAddr;
use std::collections::{BTreeMap, VecDeque};

/// Aliases that are followed from answer to answer.
const ALIASES: u32 = 8;
/// The longest answer over TCP that is read: a long chain of records is somebody's mistake or malice.
const LONGEST: usize = 16 << 10;

/// Names one exchange with a name server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct QueryId(u64);

/// How a query travels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// One datagram, from a port of its own that nobody can guess: a fresh socket that the system gives a port to.
    Udp,
    /// A connection of its own.
    Tcp,
}

/// What a resolver wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Output {
    Send {
        query: QueryId,
        server: SocketAddr,
        transport: Transport,
        message: Vec<u8>,
    },
    Forget {
        query: QueryId,
    },
    /// The end of a question.
    Found {
        question: u64,
        result: Result<Vec<Record>, Unanswered>,
    },
}

/// No name server had an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Unanswered;

#[derive(Debug)]
pub(super) struct Resolver {
    resolvers: Resolvers,
    hosts: Hosts,
    entropy: Entropy,
    serial: u64,
    /// By query: each question has one under way.
    open: BTreeMap<QueryId, Question>,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
struct Question {
    serial: u64,
    name: String,
    kind: Kind,
    /// Servers asked so far, each time counted.
    tries: usize,
    aliases: u32,
    id: u16,
    transport: Transport,
    /// What has come over TCP.
    received: Vec<u8>,
    until: Instant,
}

impl Resolver {
    pub(super) fn new(resolvers: Resolvers, hosts: Hosts, entropy: Entropy) -> Resolver {
        Resolver { resolvers, hosts, entropy, serial: 0, open: BTreeMap::new(), outputs: VecDeque::new() }
    }

    /// Asks a question about a name in plain form (ASCII, lower case, no dot at the end). The number comes back with
    /// [`Output::Found`].
    pub(super) fn ask(&mut self, now: Now, name: &str, kind: Kind) -> u64 {
        let serial = self.next();
        if let Some(addresses) = self.hosts.get(name) {
            let wanted = addresses.into_iter().filter(|address| match kind {
                Kind::A => address.is_ipv4(),
                Kind::Aaaa => address.is_ipv6(),
                Kind::Srv => false,
            });
            let result = Ok(wanted.map(Record::Address).collect());
            self.outputs.push_back(Output::Found { question: serial, result });
            return serial;
        }
        self.send(
            now,
            Question {
                serial,
                name: name.to_owned(),
                kind,
                tries: 0,
                aliases: 0,
                id: 0,
                transport: Transport::Udp,
                received: Vec::new(),
                until: now.instant,
            },
        );
        serial
    }

    /// Bytes from a name server: a datagram, or a piece of what comes over a connection.
    pub(super) fn receive(&mut self, now: Now, query: QueryId, bytes: &[u8]) {
        let Some(question) = self.open.get_mut(&query) else { return };
        let answer = match question.transport {
            Transport::Udp => message::answer(bytes, question.id, &question.name, question.kind),
            Transport::Tcp => {
                question.received.extend_from_slice(bytes);
                match complete(&question.received) {
                    Complete::NotYet => return,
                    Complete::TooLong => return self.failed(now, query),
                    Complete::Message(message) => {
                        let answer = message::answer(message, question.id, &question.name, question.kind);
                        // Nobody else speaks on this connection, so there is nothing to wait for.
                        Some(answer.unwrap_or(Answer::Refused))
                    }
                }
            }
        };
        match answer {
            // Not from whom we asked: the true answer may still come.
            None => {}
            Some(Answer::Refused) => self.failed(now, query),
            Some(Answer::Records(records)) => self.end(query, Ok(records)),
            Some(Answer::Truncated) => {
                if let Some(mut question) = self.close(query) {
                    match question.transport {
                        Transport::Tcp => self.retry(now, question),
                        Transport::Udp => {
                            question.transport = Transport::Tcp;
                            question.tries = question.tries.saturating_sub(1);
                            self.send(now, question);
                        }
                    }
                }
            }
            Some(Answer::Alias(name)) => {
                let Some(question) = self.close(query) else { return };
                if question.aliases >= ALIASES {
                    return self.found(question.serial, Ok(Vec::new()));
                }
                let aliases = question.aliases + 1;
                self.send(now, Question { name, aliases, tries: 0, transport: Transport::Udp, ..question });
            }
        }
    }

    /// An exchange has come to nothing: no route, refused, reset.
    pub(super) fn failed(&mut self, now: Now, query: QueryId) {
        if let Some(question) = self.close(query) {
            self.retry(now, question);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.open.values().map(|question| question.until).min()
    }

    pub(super) fn tick(&mut self, now: Now) {
        let late = self.open.iter().filter(|(_, question)| question.until <= now.instant);
        let late: Vec<QueryId> = late.map(|(query, _)| *query).collect();
        late.into_iter().for_each(|query| self.failed(now, query));
    }

    /// Forgets all questions. What has not gone out need not be forgotten.
    pub(super) fn stop(&mut self) {
        for output in std::mem::take(&mut self.outputs) {
            match output {
                Output::Send { query, .. } => {
                    self.open.remove(&query);
                }
                Output::Forget { .. } => self.outputs.push_back(output),
                Output::Found { .. } => {}
            }
        }
        let open = std::mem::take(&mut self.open);
        self.outputs.extend(open.into_keys().map(|query| Output::Forget { query }));
    }

    pub(super) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Sends a question to the server whose turn it is.
    fn send(&mut self, now: Now, mut question: Question) {
        let rounds = usize::try_from(self.resolvers.attempts).unwrap_or(1);
        let servers = self.resolvers.servers.len();
        let turn = question.tries.checked_rem(servers).unwrap_or(0);
        question.id = self.entropy.next_u64() as u16;
        let message = message::question(question.id, &question.name, question.kind);
        let (Some(&server), Some(mut message)) = (self.resolvers.servers.get(turn), message) else {
            return self.found(question.serial, Err(Unanswered));
        };
        if question.tries >= servers.saturating_mul(rounds) {
            return self.found(question.serial, Err(Unanswered));
        }
        if question.transport == Transport::Tcp {
            let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
            message.splice(0..0, length.to_be_bytes());
        }
        question.tries += 1;
        question.received = Vec::new();
        question.until = now.instant + self.resolvers.timeout;
        let (query, transport) = (QueryId(self.next()), question.transport);
        self.open.insert(query, question);
        self.outputs.push_back(Output::Send { query, server, transport, message });
    }

    /// Asks the next server.
    fn retry(&mut self, now: Now, question: Question) {
        self.send(now, Question { transport: Transport::Udp, ..question });
    }

    fn end(&mut self, query: QueryId, result: Result<Vec<Record>, Unanswered>) {
        if let Some(question) = self.close(query) {
            self.found(question.serial, result);
        }
    }

    fn close(&mut self, query: QueryId) -> Option<Question> {
        let question = self.open.remove(&query)?;
        self.outputs.push_back(Output::Forget { query });
        Some(question)
    }

    fn found(&mut self, question: u64, result: Result<Vec<Record>, Unanswered>) {
        self.outputs.push_back(Output::Found { question, result });
    }

    fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

enum Complete<'a> {
    NotYet,
    TooLong,
    Message(&'a [u8]),
}

/// Over TCP, each message has its length before it (RFC 1035 section 4.2.2).
fn complete(received: &[u8]) -> Complete<'_> {
    let Some((length, rest)) = received.split_first_chunk::<2>() else { return Complete::NotYet };
    let length = usize::from(u16::from_be_bytes(*length));
    match rest.get(..length) {
        _ if length > LONGEST => Complete::TooLong,
        Some(message) => Complete::Message(message),
        None => Complete::NotYet,
    }
}
