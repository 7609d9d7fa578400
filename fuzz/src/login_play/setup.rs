//! What the server offers.

use crate::bit;
use crate::proper::DOMAIN;
use crate::shelf::PATIENCE;
use std::sync::Arc;
use std::time::Duration;
use waxwing_core::machine::Entropy;
use waxwing_core::sasl::{ChannelBindings, Mechanism, ScramHash};
use waxwing_core::server::Server;
use waxwing_core::server::connection::{self, Transport};
use waxwing_core::server::hub::{self, Hub};
use waxwing_core::stream::TlsInfo;

/// Bits of the settings: 0 no SASL2; 1 no Bind 2; 2 no tokens; 3 and 4 SCRAM with stronger hashes only, or none; 5 no PLAIN; 6 what was
/// offered is not told in SCRAM; 7 only mechanisms that are bound to the channel.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    settings: [u8; 2],
}

impl Setup {
    pub fn new(settings: [u8; 2]) -> Setup {
        Setup { settings }
    }

    /// Other mechanisms, or none.
    pub fn change(&mut self, bits: u8) {
        self.settings[0] ^= bits;
    }

    /// What of the configuration is not as it is by default.
    pub fn changed(self) -> u8 {
        self.settings[0]
    }

    fn has(self, n: u32) -> bool {
        bit(self.settings, n)
    }

    pub fn starts_tls(self) -> bool {
        self.has(10)
    }

    pub fn is_protected(self) -> bool {
        !self.has(6)
    }

    /// After how long a token is replaced.
    pub fn rotation(self) -> Duration {
        Duration::from_secs(24 * 60 * 60)
    }

    fn scram(self) -> Option<ScramHash> {
        match (self.has(3), self.has(4)) {
            (false, _) => Some(ScramHash::Sha1),
            (true, false) => Some(ScramHash::Sha512),
            (true, true) => None,
        }
    }

    /// A password can be used here by who can bind to the channel, or would say it in plain, or not.
    pub fn takes_password(self, has_bindings: bool, in_plain: bool) -> bool {
        let scram = self.scram().is_some() && (has_bindings || !self.has(7));
        scram || (in_plain && !self.has(5) && !self.has(7))
    }

    /// A token of this mechanism can be used here.
    pub fn takes_token(self, mechanism: Mechanism) -> bool {
        let is_bound = mechanism != Mechanism::Ht { binding: None };
        !self.has(0) && !self.has(2) && (is_bound || !self.has(7)) && self.takes_password(true, true)
    }

    pub fn transport(self, bindings: &ChannelBindings) -> Transport {
        match self.starts_tls() {
            true => Transport::Plain,
            false => Transport::Secured(TlsInfo { bindings: bindings.clone(), ..TlsInfo::default() }),
        }
    }

    /// A server that has been started so often before.
    pub fn server(self, boots: u8) -> Server {
        let mut config = connection::Config::new([DOMAIN.parse().expect("a domain")], [7; 32]);
        config.start_tls_outside = self.starts_tls();
        config.sasl.iterations = 1;
        config.sasl.scram = self.scram();
        config.sasl.plain_over_tls = !self.has(5);
        config.sasl.downgrade_protection = self.is_protected();
        config.sasl.require_channel_binding = self.has(7);
        config.sasl2.enabled = !self.has(0);
        config.sasl2.bind = !self.has(1);
        config.sasl2.tokens = config.sasl2.tokens.filter(|_| !self.has(2)).map(|mut tokens| {
            tokens.rotate_after = self.rotation();
            tokens
        });
        if self.has(13) {
            config.acknowledgements = None;
        }
        let mut of_hub = hub::Config::new(DOMAIN.parse().expect("a domain"));
        of_hub.limits.store_timeout = PATIENCE;
        of_hub.limits.sessions_per_account = 1000;
        let hub = Hub::new(of_hub, Entropy::from_seed([boots ^ 0x80; 32]));
        Server::new(Arc::new(config), hub, Entropy::from_seed([boots; 32]))
    }
}
