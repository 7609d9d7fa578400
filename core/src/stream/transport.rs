//! Outgoing bytes: plaintext is gathered here until it is asked for, and only then encrypted.
#[cfg(feature = "tls")]
use super::tls::Session;

/// What a buffer begins with: enough for a typical stanza.
const BEGIN: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Transport {
    /// For the wire as it stands: plaintext from before TLS, and what TLS itself has to say.
    wire: Vec<u8>,
    /// Plaintext; to be encrypted if there is TLS, and then held until the handshake is complete.
    plain: Vec<u8>,
    #[cfg(feature = "tls")]
    notify: Notify,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Box<Session>>,
}

/// Our close_notify.
#[cfg(feature = "tls")]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Notify {
    #[default]
    NotYet,
    /// Nothing else follows what is queued.
    Due,
    Sent,
}

impl Transport {
    /// Bytes that wait. What encryption adds is not counted; a close_notify counts as one, so that zero means nothing.
    pub(super) fn queued(&self) -> usize {
        self.wire.len() + self.plain.len() + self.pending_notify()
    }

    /// Where plaintext goes. An idle stream owns no buffer, so this one is made with room for what usually comes.
    pub(super) fn plain(&mut self) -> &mut Vec<u8> {
        if self.plain.capacity() == 0 {
            self.plain.reserve(BEGIN);
        }
        &mut self.plain
    }

    fn pending_notify(&self) -> usize {
        #[cfg(feature = "tls")]
        return usize::from(self.notify == Notify::Due);
        #[cfg(not(feature = "tls"))]
        0
    }

    pub(super) fn drain(&mut self, out: &mut Vec<u8>) {
        out.append(&mut std::mem::take(&mut self.wire));
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            if tls.is_secured() {
                tls.encrypt(&std::mem::take(&mut self.plain), out);
            }
            if self.notify == Notify::Due {
                self.notify = Notify::Sent;
                tls.close_notify(out);
            }
            return;
        }
        out.append(&mut std::mem::take(&mut self.plain));
    }

    /// Nothing will follow what is queued. Plaintext that could not be encrypted any more is dropped; TLS is closed.
    pub(super) fn finish(&mut self) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            if !tls.is_secured() {
                self.plain = Vec::new();
            }
            if self.notify == Notify::NotYet {
                self.notify = Notify::Due;
            }
        }
    }
}

#[cfg(test)]
impl Transport {
    /// Memory held by the buffers.
    pub(super) fn spare(&self) -> usize {
        self.wire.capacity() + self.plain.capacity()
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
