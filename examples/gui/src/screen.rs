//! What a frame looks like.

use std::fmt;

/// How wide the thing is that moves.
const TRACK: u64 = 20;

/// A frame, drawn: some rows of text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Screen {
    rows: Vec<String>,
}

impl Screen {
    /// Draws: a thing that moves with every frame, how things stand, and the last lines of the talk.
    pub fn draw<'a>(frame: u64, state: &str, talk: impl Iterator<Item = &'a str>) -> Screen {
        // To and fro.
        let step = frame % (2 * TRACK);
        let place = usize::try_from(step.min(2 * TRACK - step)).unwrap_or(0);
        let mut track: String = " ".repeat(place);
        track.push('*');
        let mut rows = vec![format!("[{track:<21}] frame {frame}"), state.to_owned()];
        rows.extend(talk.map(|line| line.replace(char::is_control, "\u{fffd}")));
        Screen { rows }
    }

    /// The rows, from the top.
    pub fn rows(&self) -> &[String] {
        &self.rows
    }
}

impl fmt::Display for Screen {
    /// For a terminal: from its upper left corner, over what was there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\x1b[H")?;
        for row in &self.rows {
            write!(f, "{row}\x1b[K\r\n")?;
        }
        f.write_str("\x1b[J")
    }
}
