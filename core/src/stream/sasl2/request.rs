//! What a client begins with.

use super::{data_of, sasl2, with_data};
use crate::ns;
use crate::stream::malformed::{Malformed, at_most_one, text_of};
use crate::stream::management::Management;
use crate::stream::{bind2, fast};
use crate::xml::{ElementBuilder, ElementRef};
use core::fmt;

/// `<authenticate/>` (section 2.3). `Debug` does not show the initial response.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authenticate {
    /// The mechanism's name.
    pub mechanism: String,
    /// The mechanism's first word.
    pub initial: Option<Vec<u8>>,
    /// Which client this is.
    pub user_agent: Option<UserAgent>,
    /// Bind a resource (XEP-0386).
    pub bind: Option<bind2::Request>,
    /// Resume a stream (XEP-0198), and bind only if that cannot be.
    pub resume: Option<Resume>,
    /// What the mechanism proves is a token (XEP-0484).
    pub fast: Option<fast::Use>,
    /// Give a token for the next time (XEP-0484).
    pub request_token: Option<fast::RequestToken>,
}

/// Which stream to resume (XEP-0198 section 5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resume {
    /// Its name.
    pub previd: String,
    /// How many stanzas of the server's the client has handled.
    pub h: u32,
}

/// Which client this is: for its account only, never for others.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct UserAgent {
    /// Names the installation, the same at every login.
    pub id: Option<ClientId>,
    /// The software.
    pub software: Option<String>,
    /// The device that it runs on.
    pub device: Option<String>,
}

/// Names an installation of a client: a UUID. Its version is not looked at, since all it has to be is the same each time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ClientId(u128);

impl Authenticate {
    /// With this mechanism, and nothing besides.
    pub fn new(mechanism: &str, initial: Option<Vec<u8>>) -> Authenticate {
        Authenticate {
            mechanism: mechanism.to_owned(),
            initial,
            user_agent: None,
            bind: None,
            resume: None,
            fast: None,
            request_token: None,
        }
    }

    pub(super) fn parse(element: ElementRef<'_>) -> Result<Authenticate, Malformed> {
        let mechanism = element.attr("mechanism").ok_or(Malformed::new("no mechanism is named"))?;
        let resume = at_most_one(element, "resume", ns::SM)?.map(Management::parse).transpose()?;
        let child = |name, ns| at_most_one(element, name, ns);
        Ok(Authenticate {
            mechanism: mechanism.to_owned(),
            initial: data_of(element, "initial-response")?,
            user_agent: child("user-agent", ns::SASL2)?.map(UserAgent::parse).transpose()?,
            bind: child("bind", ns::BIND2)?.map(bind2::Request::parse).transpose()?,
            resume: match resume {
                Some(Management::Resume { previd, h }) => Some(Resume { previd, h }),
                _ => None,
            },
            fast: child("fast", ns::FAST)?.map(fast::Use::parse).transpose()?,
            request_token: child("request-token", ns::FAST)?.map(fast::RequestToken::parse).transpose()?,
        })
    }

    pub(super) fn builder(&self) -> ElementBuilder {
        let mut element = sasl2("authenticate").attr("mechanism", &self.mechanism);
        element = with_data(element, "initial-response", self.initial.as_deref());
        if let Some(user_agent) = &self.user_agent {
            element = element.child(user_agent.builder());
        }
        if let Some(Resume { previd, h }) = &self.resume {
            let resume = Management::Resume { previd: previd.clone(), h: *h };
            element = element.element(resume.to_element().root());
        }
        if let Some(bind) = &self.bind {
            element = element.element(bind.to_element().root());
        }
        if let Some(fast) = self.fast {
            element = element.child(fast.builder());
        }
        match &self.request_token {
            Some(request) => element.child(request.builder()),
            None => element,
        }
    }
}

impl fmt::Debug for Authenticate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticate")
            .field("mechanism", &self.mechanism)
            .field("user_agent", &self.user_agent)
            .field("bind", &self.bind)
            .field("resume", &self.resume)
            .field("fast", &self.fast)
            .field("request_token", &self.request_token)
            .finish_non_exhaustive()
    }
}

impl UserAgent {
    fn parse(element: ElementRef<'_>) -> Result<UserAgent, Malformed> {
        let id = element
            .attr("id")
            .map(|id| ClientId::parse(id).ok_or(Malformed::new("the id of a client is no UUID")));
        Ok(UserAgent {
            id: id.transpose()?,
            software: text_of(element, "software", ns::SASL2)?,
            device: text_of(element, "device", ns::SASL2)?,
        })
    }

    fn builder(&self) -> ElementBuilder {
        let mut element = sasl2("user-agent").attr_opt("id", self.id.map(|id| id.to_string()).as_deref());
        for (name, text) in [("software", &self.software), ("device", &self.device)] {
            if let Some(text) = text {
                element = element.child(sasl2(name).text(text));
            }
        }
        element
    }
}

impl ClientId {
    /// A UUID of version 4 (RFC 9562 section 5.4) from random bytes.
    pub fn from_random(bytes: [u8; 16]) -> ClientId {
        let cleared = u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62);
        ClientId(cleared | 0x4 << 76 | 0x2 << 62)
    }

    /// From its bytes, as [`to_bytes`](ClientId::to_bytes) gave them.
    pub fn from_bytes(bytes: [u8; 16]) -> ClientId {
        ClientId(u128::from_be_bytes(bytes))
    }

    /// Its bytes.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Reads the usual form, five groups of hexadecimal digits. `None` for anything else.
    pub fn parse(text: &str) -> Option<ClientId> {
        let is_group =
            |group: &str, len| group.len() == len && group.bytes().all(|byte| byte.is_ascii_hexdigit());
        let groups: Vec<&str> = text.trim().split('-').collect();
        let lengths = [8, 4, 4, 4, 12];
        if groups.len() != lengths.len()
            || !groups.iter().zip(lengths).all(|(group, len)| is_group(group, len))
        {
            return None;
        }
        u128::from_str_radix(&groups.concat(), 16).ok().map(ClientId)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        let mut start = 0;
        for (n, len) in [8, 4, 4, 4, 12].into_iter().enumerate() {
            let dash = if n == 0 { "" } else { "-" };
            write!(f, "{dash}{}", hex.get(start..start + len).unwrap_or_default())?;
            start += len;
        }
        Ok(())
    }
}
