//! Stream headers (RFC 6120 section 4.7).
use crate::jid::Jid;
/// A stream header's attributes.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Header {
    /// 4.7.1
    pub from: Option<Jid>,
    /// 4.7.2
    pub to: Option<Jid>,
    /// 4.7.3
    pub id: Option<String>,
    /// 4.7.4
    pub lang: Option<String>,
    /// 4.7.5: major and minor; `None` where absent (a peer from before XMPP 1.0).
    pub version: Option<(u32, u32)>,
}
