//! What the stream targets share: a script of what happens ([`Script`]), a driver that keeps the machines' contract and
//! checks that they do ([`Player`], [`Wire`]), proper peers ([`ProperClient`], [`ProperServer`]), and the plays themselves.
//!
//! Every script is played twice, that of a single machine the second time with the peer's bytes in small pieces: bytes and
//! events must be the same.

#![forbid(unsafe_code)]

pub mod books;
pub mod client_play;
pub mod connection_play;
pub mod dns_play;
pub mod hub_play;
mod link;
pub mod login_play;
pub mod management_play;
pub mod ops;
mod player;
mod proper;
mod script;
pub mod server_play;
mod shelf;
mod wire;

pub use player::{Player, Subject, start};
pub use proper::{ProperClient, ProperServer, login};
pub use script::{Script, Step, duration};
pub use wire::Wire;

/// How a play hands a peer's bytes to the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pieces {
    /// As the script has them.
    Whole,
    /// In small ones.
    Small,
    /// In small ones, and its owner does all that it has to do after each of them.
    Drained,
}

impl Pieces {
    /// The size of the next piece of so many bytes: one byte each, unless they are very many.
    pub fn size(self, bytes: usize) -> usize {
        match self {
            Pieces::Whole => bytes,
            _ if bytes > 2048 => 61,
            _ => bytes.min(1),
        }
    }
}

/// True if bit `n` of the settings is set.
pub fn bit(settings: [u8; 2], n: u32) -> bool {
    u16::from_le_bytes(settings) >> n & 1 == 1
}

/// What a [`Step::Flood`] amounts to: no more than some hundred kilobytes.
pub fn flood(times: u8, bytes: &[u8]) -> Vec<u8> {
    const MOST: usize = 200 << 10;
    let times = (usize::from(times) * 16).min(MOST / bytes.len().max(1));
    bytes.repeat(times)
}

/// Both plays must have sent the same.
///
/// # Panics
///
/// If they have not; shows where they part.
pub fn assert_same(first: &[u8], second: &[u8]) {
    let same = first.iter().zip(second).take_while(|(a, b)| a == b).count();
    assert!(
        first == second,
        "played again, it differs from byte {same} on:\n{}\n{}",
        first[same..].escape_ascii(),
        second[same..].escape_ascii()
    );
}
