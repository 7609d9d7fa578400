//! Outgoing bytes: plaintext is gathered here until it is asked for, and only then encrypted.
#[cfg(feature = "tls")]
use super::tls::Session;

/// Spare capacity that an idle buffer may keep: enough for a typical stanza, little beside the rest of a session.
const KEEP: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct Transport {
    /// For the wire as it stands: plaintext from before TLS, and what TLS itself has to say.
    wire: Vec<u8>,
    /// Plaintext; to be encrypted if there is TLS, and then held until the handshake is complete.
    pub(super) plain: Vec<u8>,
    /// Nothing follows what is queued.
    #[cfg(feature = "tls")]
    notify: bool,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Box<Session>>,
}

impl Transport {
    /// Bytes that wait. What encryption adds is not counted; a close_notify counts as one, so that zero means nothing.
    pub(super) fn queued(&self) -> usize {
        self.wire.len() + self.plain.len() + self.pending_notify()
    }

    fn pending_notify(&self) -> usize {
        #[cfg(feature = "tls")]
        return usize::from(self.notify);
        #[cfg(not(feature = "tls"))]
        0
    }

    pub(super) fn drain(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.wire);
        release(&mut self.wire);
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            if tls.is_secured() {
                tls.encrypt(&self.plain, out);
                release(&mut self.plain);
            }
            if std::mem::take(&mut self.notify) {
                tls.close_notify(out);
            }
            return;
        }
        out.extend_from_slice(&self.plain);
        release(&mut self.plain);
    }

    /// Nothing will follow what is queued. Plaintext that could not be encrypted any more is dropped; TLS is closed.
    pub(super) fn finish(&mut self) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            if !tls.is_secured() {
                self.plain = Vec::new();
            }
            self.notify = true;
        }
    }
}

#[cfg(feature = "tls")]
impl Transport {
    /// What is queued now goes out as it stands, what follows under TLS.
    pub(super) fn start_tls(&mut self, mut tls: Session) {
        self.wire.append(&mut self.plain);
        tls.flush(&mut self.wire);
        self.tls = Some(Box::new(tls));
    }

    /// TLS, and where to put what it has to say.
    pub(super) fn tls_and_wire(&mut self) -> Option<(&mut Session, &mut Vec<u8>)> {
        self.tls.as_deref_mut().map(|tls| (tls, &mut self.wire))
    }
}

fn release(buffer: &mut Vec<u8>) {
    if buffer.capacity() > KEEP {
        *buffer = Vec::new();
    } else {
        buffer.clear();
    }
}
