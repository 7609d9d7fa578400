//! Questions and answers on the wire (RFC 1035), by way of simple-dns.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use simple_dns::rdata::{OPT, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

/// How much we take in one datagram (RFC 9715 recommends no more than this).
const DATAGRAM: u16 = 1232;
/// Aliases that are followed within one answer.
const ALIASES: usize = 8;
/// The least that a record takes on the wire.
const SMALLEST_RECORD: usize = 11;

/// What can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Where a service is (RFC 2782).
    Srv,
}

/// What is found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Record {
    Address(IpAddr),
    Srv(Srv),
}

/// A host that offers a service (RFC 2782).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Srv {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    /// In lower case, without the last dot. Empty: the service is decidedly not offered.
    pub(super) target: String,
}

/// What a name server says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// These records; none where there is nothing of the kind.
    Records(Vec<Record>),
    /// The name is another name's alias, and the answer does not say what is there.
    Alias(String),
    /// The answer did not fit: ask again over TCP.
    Truncated,
    /// The server cannot or will not say.
    Refused,
}

/// A question as it goes to a name server. `None` if the name cannot be one.
pub(super) fn question(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).ok().filter(|name| !name.get_labels().is_empty())?;
    packet.questions.push(Question::new(name, QTYPE::TYPE(wire_type(kind)), QCLASS::CLASS(CLASS::IN), false));
    *packet.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: DATAGRAM, version: 0 });
    packet.build_bytes_vec().ok()
}

/// Reads an answer. `None` if it is no answer to this question: that is to be ignored, for anybody can send datagrams.
pub(super) fn answer(message: &[u8], id: u16, name: &str, kind: Kind) -> Option<Answer> {
    if !has_room_for_its_records(message) {
        return None;
    }
    let packet = Packet::parse(message).ok()?;
    let [question] = packet.questions.as_slice() else { return None };
    let is_ours = packet.id() == id
        && packet.has_flags(PacketFlag::RESPONSE)
        && question.qtype == QTYPE::TYPE(wire_type(kind))
        && plain(&question.qname) == name;
    if !is_ours {
        return None;
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Some(Answer::Truncated);
    }
    Some(match packet.rcode() {
        RCODE::NoError => records(&packet, name, kind),
        RCODE::NameError => Answer::Records(Vec::new()),
        _ => Answer::Refused,
    })
}

fn records(packet: &Packet<'_>, asked: &str, kind: Kind) -> Answer {
    let mut owner = asked.to_owned();
    for _ in 0..ALIASES {
        let at_owner = || packet.answers.iter().filter(|record| plain(&record.name) == owner);
        let found: Vec<Record> = at_owner().filter_map(|record| read(&record.rdata, kind)).collect();
        if !found.is_empty() {
            return Answer::Records(found);
        }
        let alias = at_owner().find_map(|record| match &record.rdata {
            RData::CNAME(alias) => Some(plain(&alias.0)),
            _ => None,
        });
        match alias {
            Some(alias) => owner = alias,
            None => break,
        }
    }
    if owner == asked { Answer::Records(Vec::new()) } else { Answer::Alias(owner) }
}

fn read(data: &RData<'_>, kind: Kind) -> Option<Record> {
    match (data, kind) {
        (RData::A(a), Kind::A) => Some(Record::Address(Ipv4Addr::from(a.address).into())),
        (RData::AAAA(aaaa), Kind::Aaaa) => Some(Record::Address(Ipv6Addr::from(aaaa.address).into())),
        (RData::SRV(srv), Kind::Srv) => {
            let target = plain(&srv.target);
            is_host(&target).then_some(Record::Srv(Srv {
                priority: srv.priority,
                weight: srv.weight,
                port: srv.port,
                target,
            }))
        }
        _ => None,
    }
}

fn wire_type(kind: Kind) -> TYPE {
    match kind {
        Kind::A => TYPE::A,
        Kind::Aaaa => TYPE::AAAA,
        Kind::Srv => TYPE::SRV,
    }
}

/// Letters, digits and hyphens; and underscores, which have no place in a host's name, but some hosts have one. No name at all is
/// what says that there is no host.
fn is_host(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// A name as we compare and ask for it: lower case, no dot at the end.
fn plain(name: &Name<'_>) -> String {
    name.to_string().to_ascii_lowercase()
}

/// The parser reserves memory for as many records as the header claims; a short message cannot have many.
fn has_room_for_its_records(message: &[u8]) -> bool {
    let claimed = [6, 8, 10].into_iter().map(|at| match message.get(at..at + 2) {
        Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
        _ => usize::MAX / 64,
    });
    let questions = message.get(4..6) == Some(&[0, 1]);
    questions && claimed.sum::<usize>().saturating_mul(SMALLEST_RECORD) <= message.len()
}
