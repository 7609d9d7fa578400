//! Seeds from the operating system.

use std::io::ErrorKind;
use std::path::Path;

use waxwing_core::machine::Entropy;

use crate::identity;

/// A new source of randomness.
pub fn entropy() -> Result<Entropy, String> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| format!("the operating system gives no randomness: {e}"))?;
    Ok(Entropy::from_seed(seed))
}

/// The secret of this installation, which keys the made-up salts of users that do not exist: made on the first run, kept
/// in this file.
pub fn secret(path: &Path) -> Result<[u8; 32], String> {
    let shown = path.display();
    match std::fs::read(path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| format!("{shown} does not hold 32 bytes: delete it, and a new one is made")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut secret = [0; 32];
            entropy()?.fill(&mut secret);
            identity::write(path, &secret, 0o600).map_err(|e| format!("cannot write {shown}: {e}"))?;
            Ok(secret)
        }
        Err(error) => Err(format!("cannot read {shown}: {error}")),
    }
}
