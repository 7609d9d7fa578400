//! What is left of a session when its process ends, and enough to go on with it (XEP-0198 section 5).

use super::handle::{Handles, StanzaHandle};
use super::ledger::{Ledger, Resumption};
use super::outbox::{Entry, Origin};
use crate::jid::FullJid;
use crate::machine::Utc;
use crate::stanza::Stanza;
use core::fmt;

/// What the bytes begin with; the last one is the version of the format.
const MAGIC: [u8; 4] = *b"WXs\x01";

/// A session that another process can resume: from [`Client::save`](super::Client::save), for
/// [`Config::resume`](super::Config::resume).
///
/// It contains the stanzas that the server has not acknowledged, and the name of the stream. With that name and the account's
/// credentials somebody could take the session over: keep it as you keep messages. There is no other secret in it.
///
/// What the session knew of people is not in it. The process that resumes fetches the roster again; presence of contacts
/// comes as it changes. It is good for one resumption.
#[derive(Clone)]
pub struct Saved(Box<Contents>);

#[derive(Clone)]
struct Contents {
    resumption: Resumption,
    jid: FullJid,
    handled: u32,
    acknowledged: u32,
    handles: Handles,
    is_available: bool,
    stanzas: Vec<Kept>,
}

#[derive(Clone)]
struct Kept {
    handle: Option<StanzaHandle>,
    since: Utc,
    stanza: Stanza,
}

/// Bytes that are no saved session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BadSaved {
    /// They are something else, or were written by another version of this library.
    Format,
    /// There are too few or too many of them: the file has been cut, or the length of something in it changed.
    Length,
    /// Something in them is not what it should be; the text says what.
    Content(&'static str),
}

impl fmt::Display for BadSaved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadSaved::Format => f.write_str("not a saved session, or one of another version: log in anew"),
            BadSaved::Length => f.write_str("the saved session is cut or damaged: log in anew"),
            BadSaved::Content(what) => write!(f, "the saved session is damaged ({what}): log in anew"),
        }
    }
}

impl core::error::Error for BadSaved {}

impl fmt::Debug for Saved {
    /// Without the name of the stream and without what the stanzas say.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saved")
            .field("jid", &self.0.jid)
            .field("location", &self.0.resumption.location)
            .field("handled", &self.0.handled)
            .field("acknowledged", &self.0.acknowledged)
            .field("stanzas", &self.0.stanzas.len())
            .finish_non_exhaustive()
    }
}

impl Saved {
    pub(super) fn new<'a>(
        ledger: &'a Ledger,
        outbox: impl Iterator<Item = &'a Entry>,
        jid: &FullJid,
        handles: &Handles,
        is_available: bool,
    ) -> Option<Saved> {
        let keep = |entry: &Entry| Kept {
            handle: match entry.origin {
                Origin::Caller(handle) => Some(handle),
                Origin::Request(_) | Origin::Own => None,
            },
            since: entry.since,
            stanza: entry.stanza.clone(),
        };
        Some(Saved(Box::new(Contents {
            resumption: ledger.resumption()?.clone(),
            jid: jid.clone(),
            handled: ledger.handled(),
            acknowledged: ledger.acknowledged(),
            handles: handles.clone(),
            is_available,
            stanzas: ledger.unacknowledged().chain(outbox).map(keep).collect(),
        })))
    }

    /// Whose session it is, with its resource.
    pub fn jid(&self) -> &FullJid {
        &self.0.jid
    }

    /// Where the server wants to be connected to for resumption ([`Client::location`](super::Client::location)).
    pub fn location(&self) -> Option<&str> {
        self.0.resumption.location.as_deref()
    }

    /// The caller's stanzas that had not been acknowledged, with the handles that they keep: what becomes of them is told by
    /// the client that resumes.
    pub fn stanzas(&self) -> impl Iterator<Item = (StanzaHandle, &Stanza)> {
        self.0.stanzas.iter().filter_map(|kept| Some((kept.handle?, &kept.stanza)))
    }

    pub(super) fn is_available(&self) -> bool {
        self.0.is_available
    }

    pub(super) fn handles(&self) -> Handles {
        self.0.handles.clone()
    }

    /// The books. All stanzas count as sent: what was about to be when this was saved may have been, too. `size` tells how
    /// many bytes a stanza has on the stream.
    pub(super) fn into_ledger(self, size: impl Fn(&Stanza) -> usize) -> Ledger {
        let entry = |kept: Kept| Entry {
            bytes: size(&kept.stanza),
            origin: kept.handle.map_or(Origin::Own, Origin::Caller),
            stanza: kept.stanza,
            since: kept.since,
            is_sent: true,
        };
        let Contents { resumption, handled, acknowledged, stanzas, .. } = *self.0;
        Ledger::restore(resumption, handled, acknowledged, stanzas.into_iter().map(entry).collect())
    }

    /// For a file. What [`from_bytes`](Saved::from_bytes) of the same version of this library reads.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (machine, serial) = self.0.handles.parts();
        let mut out = Writer(MAGIC.to_vec());
        out.text(&self.0.resumption.id);
        out.option(self.0.resumption.location.as_deref(), Writer::text);
        out.text(self.0.jid.as_str());
        out.number(u64::from(self.0.handled));
        out.number(u64::from(self.0.acknowledged));
        out.number(machine);
        out.number(serial);
        out.number(u64::from(self.0.is_available));
        out.number(self.0.stanzas.len() as u64);
        for kept in &self.0.stanzas {
            out.option(kept.handle.map(StanzaHandle::serial), Writer::number);
            out.number(kept.since.unix_millis().cast_unsigned());
            out.text(&kept.stanza.to_xml());
        }
        out.0
    }

    /// Reads what [`to_bytes`](Saved::to_bytes) has written.
    ///
    /// # Errors
    /// If it is something else, or has been damaged where that can be noticed. Whatever is read, it leads to no more than a
    /// session that the server refuses.
    pub fn from_bytes(bytes: &[u8]) -> Result<Saved, BadSaved> {
        let mut from = Reader(bytes.strip_prefix(&MAGIC).ok_or(BadSaved::Format)?);
        let resumption = Resumption {
            id: from.text()?.to_owned(),
            location: from.option(Reader::text)?.map(str::to_owned),
            // How much of it is left is not known.
            max: None,
        };
        let jid = FullJid::new(from.text()?).map_err(|_| BadSaved::Content("the address"))?;
        let (handled, acknowledged) = (from.count()?, from.count()?);
        let (machine, serial) = (from.number()?, from.number()?);
        let is_available = match from.number()? {
            0 => false,
            1 => true,
            _ => return Err(BadSaved::Content("the availability")),
        };
        let count = from.number()?;
        let mut stanzas = Vec::new();
        for _ in 0..count {
            stanzas.push(Kept::read(&mut from, machine, serial)?);
        }
        if !from.0.is_empty() {
            return Err(BadSaved::Length);
        }
        let handles = Handles::resume(machine, serial);
        Ok(Saved(Box::new(Contents {
            resumption,
            jid,
            handled,
            acknowledged,
            handles,
            is_available,
            stanzas,
        })))
    }
}

impl Kept {
    /// `last`: the highest number that a handle can have.
    fn read(from: &mut Reader<'_>, machine: u64, last: u64) -> Result<Kept, BadSaved> {
        let serial = from.option(Reader::number)?;
        if serial.is_some_and(|serial| serial > last) {
            return Err(BadSaved::Content("the number of a stanza"));
        }
        let since = Utc::from_unix_millis(from.number()?.cast_signed());
        let stanza = Stanza::from_xml(from.text()?).ok_or(BadSaved::Content("a stanza"))?;
        Ok(Kept { handle: serial.map(|serial| StanzaHandle::new(machine, serial)), since, stanza })
    }
}

/// Numbers are 8 bytes, the highest first; before a text stands its length; before what may be missing a 0 or a 1.
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Writer, T)) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], BadSaved> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(BadSaved::Length)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, BadSaved> {
        let bytes = self.take(8)?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn count(&mut self) -> Result<u32, BadSaved> {
        u32::try_from(self.number()?).map_err(|_| BadSaved::Content("a count"))
    }

    fn text(&mut self) -> Result<&'a str, BadSaved> {
        let len = usize::try_from(self.number()?).map_err(|_| BadSaved::Length)?;
        core::str::from_utf8(self.take(len)?).map_err(|_| BadSaved::Content("a text"))
    }

    fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Reader<'a>) -> Result<T, BadSaved>,
    ) -> Result<Option<T>, BadSaved> {
        match self.take(1)? {
            [0] => Ok(None),
            [1] => read(self).map(Some),
            _ => Err(BadSaved::Content("what may be missing")),
        }
    }
}
