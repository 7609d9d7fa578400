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
    /// The offer is to be believed only if the server says in SCRAM that it is its own (XEP-0474).
    pub(super) is_doubtful: bool,
}

/// What can be had of channel binding.
enum Binding<'a> {
    With(ChannelBinding, &'a [u8]),
    Without,
    /// None, which is strange.
    Doubtful,
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
    let is_plus = |mechanism: &Mechanism| matches!(mechanism, Mechanism::Scram { plus: true, .. });
    let allowed = |mechanism: &&Mechanism| policy.allows(**mechanism, attempt.secure);
    let wants_plus = candidates.iter().filter(allowed).any(is_plus);
    let binding = if wants_plus { binding(attempt, policy)? } else { Binding::Without };
    candidates.retain(|mechanism| matches!(binding, Binding::With(..)) || !is_plus(mechanism));
    let is_doubtful = matches!(binding, Binding::Doubtful);
    let mechanism = candidates.iter().find(allowed).copied();
    // Only SCRAM tells what was offered.
    if is_doubtful && !matches!(mechanism, Some(Mechanism::Scram { .. })) {
        return Err(SelectError::Downgrade);
    }
    let mechanism = match mechanism {
        Some(mechanism) => mechanism,
        None if candidates.is_empty() => return Err(SelectError::NothingInCommon),
        None => return Err(SelectError::BelowFloor),
    };
    let (flag, data) = match (mechanism, binding) {
        (Mechanism::Scram { plus: true, .. }, Binding::With(kind, data)) => (Flag::Bound(kind.name()), data),
        (Mechanism::Scram { hash, plus: false }, Binding::With(..) | Binding::Without) => {
            (unbound(attempt, hash)?, [].as_slice())
        }
        _ => (Flag::Unable, [].as_slice()),
    };
    Ok(Choice { mechanism, flag, data, is_doubtful })
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

/// The channel binding to use with a `-PLUS` mechanism, which there is one of.
fn binding<'a>(attempt: &Attempt<'a>, policy: &Policy) -> Result<Binding<'a>, SelectError> {
    let mine = attempt.bindings.kinds();
    if mine.is_empty() {
        return Ok(Binding::Without);
    }
    let kind = match attempt.server_bindings {
        // XEP-0440 rule 4: someone took them off.
        None if attempt.sasl2 => return Err(SelectError::Downgrade),
        Some([]) => return Err(SelectError::Downgrade),
        // Servers from before XEP-0440 commonly know tls-unique alone, which TLS 1.3 does not have and we do not do: a
        // guess would be refused as if the password were wrong.
        None if policy.require_channel_binding => mine.first(),
        None => None,
        Some(theirs) => mine.iter().find(|kind| theirs.contains(&kind.name())),
    };
    if let Some(kind) = kind {
        return Ok(attempt.bindings.get(*kind).map_or(Binding::Without, |data| Binding::With(*kind, data)));
    }
    let lacks_common_ground = attempt
        .server_bindings
        .is_some_and(|theirs| !theirs.contains(&ChannelBinding::TlsServerEndPoint.name()));
    // Every server has tls-server-end-point to fall back on (XEP-0440 rule 6). Where it is not on the list, somebody may have
    // taken it off, or it may be so (XEP-0474 section 5): the server's word in SCRAM decides.
    Ok(if lacks_common_ground { Binding::Doubtful } else { Binding::Without })
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
