//! The contract that every byte-driven machine keeps, and the three things a pure core must be handed:
//! the time ([`Now`]), randomness ([`Entropy`]) and a wake-up call ([`Deadline`]).

mod entropy;
mod time;

pub use entropy::Entropy;
pub use time::{Deadline, Instant, Now, Reason, Utc};

/// A sans-IO machine that speaks to one peer over one ordered byte transport.
///
/// # The run-loop invariant
///
/// After any call that takes `&mut self`, drain [`transmit`](Machine::transmit) and
/// [`poll_event`](Machine::poll_event) until both have nothing more, then wait for input or for
/// [`deadline`](Machine::deadline), whichever is first. The crate's front page has the loop as code.
///
/// No method blocks, and none panics whatever the peer sends. What the peer does wrong comes out as an event,
/// with the answer that the protocol asks for already among the outgoing bytes.
pub trait Machine {
    /// What the machine tells its owner.
    type Event;

    /// Takes bytes that came from the peer, split in any way.
    ///
    /// All of `input` is taken, also beyond [`read_budget`](Machine::read_budget).
    fn receive(&mut self, now: Now, input: &[u8]);

    /// The peer will send nothing more (its side of the transport is closed).
    fn receive_eof(&mut self, now: Now);

    /// Appends what is to be sent to `out` and returns how many bytes that were.
    ///
    /// What has been appended is the caller's: it must reach the transport, in order.
    fn transmit(&mut self, out: &mut Vec<u8>) -> usize;

    /// The next event, oldest first.
    fn poll_event(&mut self) -> Option<Self::Event>;

    /// When [`tick`](Machine::tick) is to be called next, and what for. `None`: nothing is waiting for time to pass.
    fn deadline(&self) -> Option<Deadline>;

    /// Time has passed. Calling it early or late is harmless.
    fn tick(&mut self, now: Now);

    /// How many bytes the peer may send right now before it exceeds its input rate.
    ///
    /// A driver reads no more than this from the transport, so that the transport's own flow control slows the
    /// peer down (BCP 41). With 0 it stops reading until the deadline, which is then set.
    fn read_budget(&self) -> usize {
        usize::MAX
    }

    /// True once nothing more will be sent or received: when `transmit` has been drained, close the transport.
    fn is_finished(&self) -> bool;
}
