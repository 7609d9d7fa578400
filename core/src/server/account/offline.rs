//! Messages for an account that nobody is there to receive (XEP-0160).

use super::{Account, Context};
use crate::server::output::SessionId;

impl Account {
    /// A session has sent available presence, which has been handled: first presence, or with another priority. If the
    /// priority is not negative, the session gets what waits for the account.
    pub(super) fn became_available(&mut self, id: SessionId, ctx: &mut Context<'_>) {
        let _ = (id, ctx);
    }
}
