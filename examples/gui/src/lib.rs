//! A chat inside a program whose own loop owns the time, as those of games and graphical interfaces do: sixty times a second it
//! looks what has come, draws, and goes on. Nothing in a frame waits, and what it may do is bounded.
//!
//! - [`Frames`] says when the next frame begins: a clock, or in tests a number.
//! - [`Link`] is a machine over a non-blocking socket, polled once a frame.
//! - [`App`] is the chat, and draws its [`Screen`].

mod app;
mod frames;
mod link;
mod screen;

pub use app::{App, Dialed};
pub use frames::{Frames, PERIOD, RealFrames, VirtualFrames};
pub use link::Link;
pub use screen::Screen;
