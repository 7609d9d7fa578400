//! What a session is told before it starts.

use crate::dns::Target;
use core::time::Duration;

/// How connections are tried again (RFC 6120 section 3.3). The [module](super) says what comes of it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Reconnect {
    /// Where the server is, in the order in which to try. Default: none, which means wherever the account's domain says.
    pub targets: Vec<Target>,
    /// The first wait after a loss that others may have had at the same moment lies between zero and this. Default: 60 s,
    /// as section 3.3 asks.
    pub spread: Duration,
    /// The same after a loss that was this client's alone: its connection went silent, or it never had one. Default: 5 s.
    pub alone: Duration,
    /// No wait is longer than this. Default: 10 minutes. Where the server has said for how long the session can be resumed
    /// (XEP-0198), one attempt is made before that time is over, whatever the waits are.
    pub longest: Duration,
    /// From the beginning of one attempt to the beginning of the next at least this passes, whoever asks for it. Less than
    /// 100 ms counts as 100 ms. Default: 1 s.
    pub shortest: Duration,
    /// What ended an outage is trusted after so long online: until then the waits go on growing. Default: 60 s.
    pub settled_after: Duration,
    /// Give up after so long without being online. Default: `None`, it goes on for ever.
    pub give_up_after: Option<Duration>,
    /// Go on also if the first attempts fail, before the account has ever been online. Default: true. A program that
    /// somebody sits in front of may rather want to say what is wrong.
    pub from_the_start: bool,
    /// How many times one attempt follows `see-other-host` (RFC 6120 section 4.9.3.19 recommends from 2 to 5). Default: 3.
    pub redirects: u32,
    /// How many messages may wait for a connection. Default: 1000.
    pub max_waiting: usize,
    /// How many bytes they may have together. Default: 1 MiB.
    pub max_waiting_bytes: usize,
}

impl Default for Reconnect {
    fn default() -> Reconnect {
        Reconnect {
            targets: Vec::new(),
            spread: Duration::from_secs(60),
            alone: Duration::from_secs(5),
            longest: Duration::from_secs(600),
            shortest: Duration::from_secs(1),
            settled_after: Duration::from_secs(60),
            give_up_after: None,
            from_the_start: true,
            redirects: 3,
            max_waiting: 1000,
            max_waiting_bytes: 1 << 20,
        }
    }
}
