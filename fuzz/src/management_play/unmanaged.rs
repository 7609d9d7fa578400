//! What is said to a session that is not managed yet. It is bound before it can say that it wants to be, so what the server writes in
//! between is as good as the connection: if that breaks, nobody can know how much of it has arrived, and it is not said again.

/// What one connection was told before its session was managed.
#[derive(Default)]
pub(super) struct Unmanaged {
    written: Vec<u8>,
    /// How much of it the client has got.
    read: usize,
    is_over: bool,
}

impl Unmanaged {
    /// The server writes this.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        if self.is_over {
            return;
        }
        self.written.extend(bytes);
        let starts = ["<enabled", "<resumed"].into_iter().filter_map(|start| find(&self.written, start));
        if let Some(at) = starts.min() {
            self.written.truncate(at);
            self.is_over = true;
        }
    }

    /// A client that is there gets so many bytes more.
    pub(super) fn read(&mut self, count: usize) {
        self.read += count;
    }

    /// The numbers of the messages that the client has not got, or not all of.
    pub(super) fn lost(&self) -> Vec<usize> {
        let mut lost = Vec::new();
        let mut at = 0;
        while let Some(start) = find(&self.written[at..], "<message") {
            let message = &self.written[at + start..];
            let length = find(message, "</message>").map_or(message.len(), |end| end + "</message>".len());
            at += start + length;
            if at > self.read {
                lost.push(number(&message[..length]));
            }
        }
        lost
    }
}

fn number(message: &[u8]) -> usize {
    let text = std::str::from_utf8(message).expect("what is sent is UTF-8");
    let id = text.split_once(" id='m").and_then(|(_, rest)| rest.split_once('\''));
    id.and_then(|(number, _)| number.parse().ok()).expect("a message of ours")
}

fn find(bytes: &[u8], what: &str) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what.as_bytes())
}
