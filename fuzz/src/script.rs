//! What happens to a machine from outside, as a fuzzer's input.
//!
//! An input is two bytes of settings and then steps: a letter, and what belongs to it. Bytes of a peer end with 0xFF, which
//! no UTF-8 has, so an input is mostly the text that is sent: mutations of it stay close to it, and a dictionary of XML helps.

use arbitrary::{Arbitrary, Result, Unstructured};
use std::fmt;
use std::time::Duration;

/// Ends the bytes of a peer.
const END: u8 = 0xFF;

/// More steps than this of an input are not played.
const MOST_STEPS: usize = 96;

/// A whole play.
#[derive(Clone)]
pub struct Script<'a> {
    /// Which machines, how they are configured, and how they are driven. Each target says what the bits mean.
    pub settings: [u8; 2],
    /// What happens, in order.
    pub steps: Vec<Step<'a>>,
}

/// One thing that happens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// `s`: a hostile peer sends these bytes.
    Send(&'a [u8]),
    /// `f`: a hostile peer sends these bytes so many times in a row.
    Flood(u8, &'a [u8]),
    /// `p`: a proper peer, one of our own machines, sends so many of the bytes that it has; 255 means all of them.
    Peer(u8),
    /// `q`: the owner of the proper peer has a wish: to send a message, say, or to close.
    Wish(u8),
    /// `c`: the owner of the machine makes a call: an answer, a stanza, an end.
    Call(u8),
    /// `n`: the next steps are about another connection, perhaps a new one.
    Switch(u8),
    /// `e`: the peer closes its side of the transport.
    Eof,
    /// `w`: time passes, and the machine is ticked.
    Wait(u8),
    /// `d`: time passes up to the machine's own deadline.
    Deadline,
    /// `l`: during so many of the next steps the owner takes neither bytes nor events.
    Lazy(u8),
}

impl Script<'_> {
    /// The input that is read as this script: how recorded transcripts become seeds.
    ///
    /// # Panics
    ///
    /// If bytes of a peer contain 0xFF.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.settings.to_vec();
        for step in &self.steps {
            match *step {
                Step::Send(bytes) => put_bytes(&mut out, b"s", bytes),
                Step::Flood(times, bytes) => put_bytes(&mut out, &[b'f', times], bytes),
                Step::Peer(n) => out.extend([b'p', n]),
                Step::Wish(n) => out.extend([b'q', n]),
                Step::Call(n) => out.extend([b'c', n]),
                Step::Switch(n) => out.extend([b'n', n]),
                Step::Eof => out.push(b'e'),
                Step::Wait(n) => out.extend([b'w', n]),
                Step::Deadline => out.push(b'd'),
                Step::Lazy(n) => out.extend([b'l', n]),
            }
        }
        out
    }
}

fn put_bytes(out: &mut Vec<u8>, head: &[u8], bytes: &[u8]) {
    assert!(!bytes.contains(&END));
    out.extend_from_slice(head);
    out.extend_from_slice(bytes);
    out.push(END);
}

impl<'a> Arbitrary<'a> for Script<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Script<'a>> {
        let settings = [u.arbitrary()?, u.arbitrary()?];
        let mut steps = Vec::new();
        while !u.is_empty() && steps.len() < MOST_STEPS {
            steps.push(u.arbitrary()?);
        }
        Ok(Script { settings, steps })
    }
}

impl<'a> Arbitrary<'a> for Step<'a> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Step<'a>> {
        const LETTERS: &[u8] = b"sfpqcnewdl";
        let letter: u8 = u.arbitrary()?;
        let known = LETTERS.contains(&letter).then_some(letter);
        Ok(match known.unwrap_or(LETTERS[usize::from(letter) % LETTERS.len()]) {
            b's' => Step::Send(bytes(u)?),
            b'f' => Step::Flood(u.arbitrary()?, bytes(u)?),
            b'p' => Step::Peer(u.arbitrary()?),
            b'q' => Step::Wish(u.arbitrary()?),
            b'c' => Step::Call(u.arbitrary()?),
            b'n' => Step::Switch(u.arbitrary()?),
            b'e' => Step::Eof,
            b'w' => Step::Wait(u.arbitrary()?),
            b'l' => Step::Lazy(u.arbitrary()?),
            _ => Step::Deadline,
        })
    }
}

/// Up to the end mark, or all there is.
fn bytes<'a>(u: &mut Unstructured<'a>) -> Result<&'a [u8]> {
    let rest = u.peek_bytes(u.len()).unwrap_or_default();
    match rest.iter().position(|&byte| byte == END) {
        Some(at) => {
            let bytes = u.bytes(at)?;
            u.bytes(1)?;
            Ok(bytes)
        }
        None => u.bytes(u.len()),
    }
}

/// How long a [`Step::Wait`] is: from nothing to hours, with the limits that are in use among the values.
pub fn duration(n: u8) -> Duration {
    const MILLIS: [u64; 16] = [
        0, 1, 100, 999, 1000, 4999, 5000, 9999, 10_000, 29_999, 30_000, 60_000, 299_000, 600_000, 660_000,
        86_400_000,
    ];
    Duration::from_millis(MILLIS[usize::from(n % 16)] + u64::from(n / 16))
}

impl fmt::Debug for Script<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = self.settings;
        writeln!(f, "settings {a:#010b} {b:#010b}")?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step:?}"))
    }
}

impl fmt::Debug for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Step::Send(bytes) => write!(f, "send {}", bytes.escape_ascii()),
            Step::Flood(times, bytes) => write!(f, "send {times} times {}", bytes.escape_ascii()),
            Step::Peer(n) => write!(f, "peer {n}"),
            Step::Wish(n) => write!(f, "wish {n}"),
            Step::Call(n) => write!(f, "call {n}"),
            Step::Switch(n) => write!(f, "switch {n}"),
            Step::Eof => write!(f, "eof"),
            Step::Wait(n) => write!(f, "wait {:?}", duration(n)),
            Step::Deadline => write!(f, "deadline"),
            Step::Lazy(n) => write!(f, "lazy {n}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let steps = vec![
            Step::Send(b"<a/>"),
            Step::Flood(3, b"x"),
            Step::Peer(255),
            Step::Wish(1),
            Step::Call(2),
            Step::Switch(3),
            Step::Eof,
            Step::Wait(4),
            Step::Deadline,
            Step::Lazy(5),
            Step::Send(b""),
        ];
        let script = Script { settings: [6, 7], steps };
        let input = script.encode();
        let read = Script::arbitrary_take_rest(Unstructured::new(&input)).expect("a script");
        assert_eq!((read.settings, read.steps), (script.settings, script.steps));
    }
}
