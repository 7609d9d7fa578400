//! When frames begin.

use std::thread::sleep;
use std::time::{Duration, Instant};

use waxwing_core::machine::Now;
use waxwing_std::Clock;

/// From one frame to the next.
pub const PERIOD: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// Whoever owns the time.
pub trait Frames {
    /// Waits for the next frame and says when that is.
    fn next(&mut self) -> Now;
}

/// Frames by the clock.
#[derive(Debug)]
pub struct RealFrames {
    clock: Clock,
    next: Instant,
}

impl RealFrames {
    /// The first frame is now.
    pub fn start(clock: Clock) -> RealFrames {
        RealFrames { clock, next: Instant::now() }
    }
}

impl Frames for RealFrames {
    fn next(&mut self) -> Now {
        let now = Instant::now();
        sleep(self.next.saturating_duration_since(now));
        // Frames that have been missed are not made up for.
        self.next = self.next.max(now) + PERIOD;
        self.clock.now()
    }
}

/// Frames without a clock: each begins one period after the last, as soon as it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct VirtualFrames(Now);

impl VirtualFrames {
    /// The first frame is one period after this.
    pub fn after(now: Now) -> VirtualFrames {
        VirtualFrames(now)
    }
}

impl Frames for VirtualFrames {
    fn next(&mut self) -> Now {
        self.0 = self.0.after(PERIOD);
        self.0
    }
}
