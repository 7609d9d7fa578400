//! Which mechanism, and whether to bind it to the channel.

use super::{Attempt, Credentials, Policy, SelectError};
use crate::sasl::scram::Flag;
use crate::sasl::{ChannelBinding, Mechanism, ScramHash};

/// What to begin with.
pub(super) struct Choice<'a> {
    pub(super) mechanism: Mechanism,
    pub(super) flag: Flag<'static>,
    /// Channel-binding data; empty unless the flag says that it is bound.
    pub(super) data: &'a [u8],
}

/// Strongest first.
const WITH_PASSWORD: [Mechanism; 7] = [
    Mechanism::Scram { hash: ScramHash::Sha512, plus: true },
    Mechanism::Scram { hash: ScramHash::Sha256, plus: true },
    Mechanism::Scram { hash: ScramHash::Sha1, plus: true },
    Mechanism::Scram { hash: ScramHash::Sha512, plus: false },
    Mechanism::Scram { hash: ScramHash::Sha256, plus: false },
    Mechanism::Scram { hash: ScramHash::Sha1, plus: false },
    Mechanism::Plain,
];

pub(super) fn choose<'a>(
    attempt: &Attempt<'a>,
    credentials: &Credentials,
    policy: &Policy,
) -> Result<Choice<'a>, SelectError> {
    let mut candidates = candidates(credentials);
    candidates.retain(|mechanism| attempt.offered.contains(&mechanism.name()));
    let scram = candidates.iter().any(|mechanism| matches!(mechanism, Mechanism::Scram { .. }));
    let binding = if scram { binding(attempt, policy)? } else { None };
    candidates
        .retain(|mechanism| binding.is_some() || !matches!(mechanism, Mechanism::Scram { plus: true, .. }));
    let allowed = |mechanism: &&Mechanism| policy.allows(**mechanism, attempt.secure);
    let mechanism = match candidates.iter().find(allowed) {
        Some(mechanism) => *mechanism,
        None if candidates.is_empty() => return Err(SelectError::NothingInCommon),
        None => return Err(SelectError::BelowFloor),
    };
    let (flag, data) = match (mechanism, binding) {
        (Mechanism::Scram { plus: true, .. }, Some((kind, data))) => (Flag::Bound(kind.name()), data),
        (Mechanism::Scram { hash, plus: false }, _) => (unbound(attempt, hash)?, [].as_slice()),
        _ => (Flag::Unable, [].as_slice()),
    };
    Ok(Choice { mechanism, flag, data })
}

fn candidates(credentials: &Credentials) -> Vec<Mechanism> {
    match credentials {
        Credentials::Password { .. } => WITH_PASSWORD.to_vec(),
        Credentials::Keys { keys, .. } => {
            [true, false].map(|plus| Mechanism::Scram { hash: keys.hash, plus }).to_vec()
        }
        Credentials::Token { .. } => vec![Mechanism::OAuthBearer],
        Credentials::External => vec![Mechanism::External],
        Credentials::Anonymous => vec![Mechanism::Anonymous],
    }
}

/// The channel binding to use with a `-PLUS` mechanism, if there can be one.
fn binding<'a>(
    attempt: &Attempt<'a>,
    policy: &Policy,
) -> Result<Option<(ChannelBinding, &'a [u8])>, SelectError> {
    let mine = attempt.bindings.kinds();
    if mine.is_empty() || !offers_plus(attempt) {
        return Ok(None);
    }
    let kind = match attempt.server_bindings {
        // Servers from before XEP-0440 commonly know tls-unique alone, which TLS 1.3 does not have and we do not do: a
        // guess would be refused as if the password were wrong.
        None if policy.require_channel_binding => mine.first(),
        None => None,
        Some(theirs) => mine.iter().find(|kind| theirs.contains(&kind.name())),
    };
    let lacks_common_ground = attempt
        .server_bindings
        .is_some_and(|theirs| !theirs.contains(&ChannelBinding::TlsServerEndPoint.name()));
    if kind.is_none() && lacks_common_ground {
        // Every server has tls-server-end-point to fall back on (XEP-0440 rule 6): someone took it off the list.
        return Err(SelectError::Downgrade);
    }
    Ok(kind.and_then(|kind| Some((*kind, attempt.bindings.get(*kind)?))))
}

/// The flag of SCRAM without channel binding.
fn unbound(attempt: &Attempt<'_>, hash: ScramHash) -> Result<Flag<'static>, SelectError> {
    let plus = Mechanism::Scram { hash, plus: true };
    if attempt.bindings.is_empty() || attempt.offered.contains(&plus.name()) {
        // We cannot, or we can and the caller does not want to, or no kind is known that both sides have. `y` would be a
        // lie that the server takes for an attack.
        return Ok(Flag::Unable);
    }
    if attempt.server_bindings.is_some() && !attempt.offered.iter().any(|name| name.ends_with("-PLUS")) {
        // Kinds of channel binding and no mechanism to use them with (XEP-0440 rule 5).
        return Err(SelectError::Downgrade);
    }
    // Also where it offers -PLUS of another hash: were that enough for `n`, a made-up offer would hide that the real
    // one was removed.
    Ok(Flag::Unoffered)
}

/// True if the server offers a mechanism with channel binding that we know.
fn offers_plus(attempt: &Attempt<'_>) -> bool {
    attempt
        .offered
        .iter()
        .any(|name| matches!(Mechanism::from_name(name), Some(Mechanism::Scram { plus: true, .. })))
}
