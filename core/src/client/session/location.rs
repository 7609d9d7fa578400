//! Where a server says to connect (RFC 6120 section 4.9.3.19; XEP-0198 section 3 has the same form).

use crate::dns::{Security, Target};
use crate::jid::Jid;

/// Reads `domain`, `domain:port`, `address`, `address:port` or `[address]:port`. `None` if it is none of these.
///
/// A name without a port is looked up like any domain. With a port there is nothing to look up, and TLS begins as it did on
/// the connection (`security`) that said so. Whose certificate has to be shown there does not change.
pub(super) fn target(text: &str, security: Security) -> Option<Target> {
    let text = text.trim();
    let (host, port) = match text.rsplit_once(':') {
        // The last colon of a bare IPv6 address is none that a port follows, and `[::1]` ends behind it.
        Some((host, port)) if !port.ends_with(']') && (!host.contains(':') || host.ends_with(']')) => {
            (host, Some(port))
        }
        _ => (text, None),
    };
    let host = domain(host)?;
    match port {
        None => Some(Target::Client(host)),
        Some(port) => {
            let digits = port.bytes().all(|b| b.is_ascii_digit());
            let port = port.parse().ok().filter(|port| digits && *port != 0)?;
            Some(Target::Host { host, port, security })
        }
    }
}

/// A valid domain, in its canonical form.
fn domain(host: &str) -> Option<String> {
    // Some servers leave the brackets out.
    let bracketed = host.parse::<core::net::Ipv6Addr>().map(|address| format!("[{address}]"));
    let jid = Jid::new(bracketed.as_deref().unwrap_or(host)).ok()?;
    let is_domain = jid.local().is_none() && jid.resource().is_none();
    is_domain.then(|| jid.domain().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6120_4_9_3_19_a_host_with_or_without_a_port() {
        let by_name = |host: &str| Some(Target::Client(host.to_owned()));
        let host =
            |host: &str, port| Some(Target::Host { host: host.to_owned(), port, security: Security::Direct });
        for (text, expected) in [
            ("im2.example.com", by_name("im2.example.com")),
            (" IM2.example.com ", by_name("im2.example.com")),
            ("bücher.example:9222", host("bücher.example", 9222)),
            ("im2.example.com:5223", host("im2.example.com", 5223)),
            ("192.0.2.1", by_name("192.0.2.1")),
            ("192.0.2.1:443", host("192.0.2.1", 443)),
            ("[2001:41D0:1:A49b::1]:9222", host("[2001:41d0:1:a49b::1]", 9222)),
            ("[2001:db8::1]", by_name("[2001:db8::1]")),
            ("2001:db8::1", by_name("[2001:db8::1]")),
        ] {
            assert_eq!(target(text, Security::Direct), expected, "{text:?}");
        }
    }

    #[test]
    fn rfc6120_4_9_3_19_anything_else_is_no_host() {
        let long = "a".repeat(10_000);
        for text in [
            "",
            ":",
            ":5222",
            "host:",
            "host:0",
            "host:+5",
            "host:65536",
            "host:port",
            "user@host:5222",
            "host/resource",
            "two words",
            "a:b:5222",
            "[::1",
            "[::1]5222",
            "[::1%eth0]:5222",
            "[host]:5222",
            "-a.example",
            "a..example",
            "host\u{0}:5222",
            &long,
        ] {
            assert_eq!(target(text, Security::StartTls), None, "{text:?}");
        }
    }
}
