//! Lines from a person at a terminal, or from a pipe.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::thread;

use rustyline::error::ReadlineError;
use rustyline::{DefaultEditor, ExternalPrinter};
use tokio::sync::mpsc;

/// Where what is to be shown goes: above the line being typed on a terminal, else plainly to standard output.
pub struct Screen {
    printer: Option<Mutex<Box<dyn ExternalPrinter + Send>>>,
    color: bool,
}

/// How a line is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// Something said by someone else.
    Message,
    /// Something about the connection or other people.
    Notice,
    /// Something that went wrong.
    Error,
}

impl Screen {
    /// Shows one line.
    pub fn show(&self, tone: Tone, line: &str) {
        let line = harmless(line);
        let text = match (self.color, tone) {
            (false, _) => format!("{line}\n"),
            (true, Tone::Message) => format!("\x1b[36m{line}\x1b[0m\n"),
            (true, Tone::Notice) => format!("\x1b[2m{line}\x1b[0m\n"),
            (true, Tone::Error) => format!("\x1b[31m{line}\x1b[0m\n"),
        };
        let printed = match &self.printer {
            Some(printer) => printer.lock().is_ok_and(|mut printer| printer.print(text.clone()).is_ok()),
            None => false,
        };
        if !printed {
            let mut out = io::stdout().lock();
            // A closed pipe is no reason to stop receiving.
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        }
    }
}

/// What others wrote, with U+FFFD for what would steer this terminal or reorder the line around it: control characters,
/// bidirectional embeddings and overrides.
fn harmless(line: &str) -> String {
    let steers = |c: char| (c.is_control() && c != '\t') || ('\u{202a}'..='\u{202e}').contains(&c);
    line.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// Starts reading. Lines come out of the channel, which closes at the end of input.
///
/// With `raw`, standard input is read plainly from where it stands, because its first line was the password.
pub fn start(no_color: bool, raw: bool) -> (Screen, mpsc::Receiver<String>) {
    let (send, lines) = mpsc::channel(64);
    let color = !no_color && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let interactive = !raw && io::stdin().is_terminal() && io::stdout().is_terminal();
    let editor = if interactive { DefaultEditor::new().ok() } else { None };
    let Some(mut editor) = editor else {
        thread::spawn(move || {
            for line in io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                if send.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        return (Screen { printer: None, color }, lines);
    };
    let printer = editor.create_external_printer().ok();
    let printer = printer.map(|p| Mutex::new(Box::new(p) as Box<dyn ExternalPrinter + Send>));
    thread::spawn(move || {
        loop {
            match editor.readline("> ") {
                Ok(line) => {
                    let _ = editor.add_history_entry(&line);
                    if send.blocking_send(line).is_err() {
                        return;
                    }
                }
                Err(ReadlineError::Interrupted | ReadlineError::Eof) | Err(_) => return,
            }
        }
    });
    (Screen { printer, color }, lines)
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn nobody_else_steers_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\u{202e}c\td"), "a\u{fffd}[2Jb\u{fffd}c\td");
        assert_eq!(harmless("Grüße, שלום 🎉"), "Grüße, שלום 🎉");
    }
}
