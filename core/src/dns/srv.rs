//! The order of SRV records (RFC 2782).

use super::message::Srv;
use crate::machine::Entropy;

/// Puts records into the order in which to try them: by priority; among equals by chance, in proportion to their weights.
pub(super) fn order<T>(mut records: Vec<(Srv, T)>, entropy: &mut Entropy) -> Vec<(Srv, T)> {
    // Those without weight first, so that they have a small chance (RFC 2782, "Weight").
    records.sort_by_key(|(srv, _)| (srv.priority, srv.weight));
    let mut ordered = Vec::with_capacity(records.len());
    while let Some((first, _)) = records.first() {
        let priority = first.priority;
        let equals = records.iter().take_while(|(srv, _)| srv.priority == priority);
        let total: u64 = equals.clone().map(|(srv, _)| u64::from(srv.weight)).sum();
        let mut chance = entropy.next_u64() % (total + 1);
        let chosen = equals.clone().position(|(srv, _)| {
            let weight = u64::from(srv.weight);
            let is_it = weight >= chance;
            chance = chance.saturating_sub(weight);
            is_it
        });
        ordered.push(records.remove(chosen.unwrap_or(0)));
    }
    ordered
}
