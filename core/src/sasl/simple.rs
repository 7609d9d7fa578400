//! The mechanisms of one message, run by rsasl: PLAIN, EXTERNAL, ANONYMOUS, and the client's message of OAUTHBEARER.
//!
//! Every session lives for one step. The callbacks hand out what they own and write down what they see; they have no
//! reason to fail, so the state that rsasl is in after a failed callback (its next step panics) is never stepped.

use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::anonymous::{ANONYMOUS, AnonymousToken};
use rsasl::mechanisms::external::EXTERNAL;
use rsasl::mechanisms::oauthbearer::OAUTHBEARER;
use rsasl::mechanisms::plain::PLAIN;
use rsasl::prelude::{Mechanism as Entry, Mechname, Registry, SASLClient, SASLConfig, SASLServer};
use rsasl::prelude::{SessionError, State, Validation};
use rsasl::property::{AuthId, AuthzId, OAuthBearerToken, Password};
use rsasl::validate::{Validate, ValidationError};

use super::hash::Secret;
use super::{Condition, Mechanism};

/// Named, not the default registry: what another crate in the build turns on in rsasl must not turn it on here.
static REGISTRY: [Entry; 4] = [PLAIN, EXTERNAL, ANONYMOUS, OAUTHBEARER];

/// What a client may be asked for; what does not apply stays `None`.
#[derive(Default)]
pub(super) struct Properties {
    pub(super) authzid: Option<String>,
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) token: Option<Secret>,
}

impl SessionCallback for Properties {
    fn callback(
        &self,
        _session: &SessionData,
        _context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        if let Some(authzid) = &self.authzid {
            request.satisfy::<AuthzId>(authzid)?;
        }
        if let Some(username) = &self.username {
            request.satisfy::<AuthId>(username)?;
        }
        if let Some(password) = &self.password {
            request.satisfy::<Password>(password.bytes())?;
        }
        if let Some(token) = self.token.as_ref().and_then(|token| std::str::from_utf8(token.bytes()).ok()) {
            request.satisfy::<OAuthBearerToken>(token)?;
        }
        Ok(())
    }
}

/// The client's first message. `None` where the mechanism cannot carry the properties (a NUL in a name, say).
pub(super) fn client_message(mechanism: Mechanism, properties: Properties) -> Option<Vec<u8>> {
    let config = SASLConfig::builder()
        .with_registry(Registry::with_mechanisms(&REGISTRY))
        .with_callback(properties)
        .ok()?;
    let name = Mechname::parse(mechanism.name().as_bytes()).ok()?;
    let mut session = SASLClient::new(config).start_suggested(&[name]).ok()?;
    let mut message = Vec::new();
    session.step(None, &mut message).ok()?;
    Some(message)
}

/// What a server learns from a client's message; absent properties are empty.
pub(super) struct Seen {
    pub(super) authzid: Option<String>,
    pub(super) username: String,
    /// Prepared with SASLprep where it is UTF-8.
    pub(super) password: Secret,
    pub(super) trace: String,
}

/// Writes down what the client sent. Also the marker under which rsasl hands it back.
struct Recorder;

impl Validation for Recorder {
    type Value = Seen;
}

impl SessionCallback for Recorder {
    fn validate(
        &self,
        _session: &SessionData,
        context: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        let owned = |text: Option<&str>| text.map(str::to_owned).unwrap_or_default();
        validate.finalize::<Recorder>(Seen {
            authzid: context.get_ref::<AuthzId>().filter(|authzid| !authzid.is_empty()).map(str::to_owned),
            username: owned(context.get_ref::<AuthId>()),
            password: Secret::new(context.get_ref::<Password>().unwrap_or_default()),
            trace: owned(context.get_ref::<AnonymousToken>()),
        });
        Ok(())
    }
}

/// Reads the client's one message of PLAIN, EXTERNAL or ANONYMOUS.
pub(super) fn server_read(mechanism: Mechanism, message: &[u8]) -> Result<Seen, Condition> {
    let name = Mechname::parse(mechanism.name().as_bytes()).map_err(|_| Condition::InvalidMechanism)?;
    let mut session = SASLConfig::builder()
        .with_registry(Registry::with_mechanisms(&REGISTRY))
        .with_callback(Recorder)
        .and_then(|config| SASLServer::<Recorder>::new(config).start_suggested(name))
        .map_err(|_| Condition::InvalidMechanism)?;
    match session.step(Some(message), &mut Vec::new()) {
        Ok(State::Finished(_)) => session.validation().ok_or(Condition::TemporaryAuthFailure),
        Ok(State::Running) => Err(Condition::MalformedRequest),
        Err(error) => Err(condition(&error)),
    }
}

/// A name or password that SASLprep refuses belongs to nobody; anything else breaks the mechanism's grammar.
fn condition(error: &SessionError) -> Condition {
    match error {
        SessionError::MechanismError(error)
            if error.source().is_some_and(|cause| cause.is::<stringprep::Error>()) =>
        {
            Condition::NotAuthorized
        }
        _ => Condition::MalformedRequest,
    }
}
