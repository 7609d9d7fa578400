//! Addresses, beside the crate jid (of the authors of minidom).

use super::Group;
use std::hint::black_box;
use waxwing_core::jid::Jid;

pub(crate) fn groups() -> Vec<Group> {
    [
        ("address, bare, ASCII", "juliet@capulet.example"),
        ("address, full, ASCII", "juliet@capulet.example/a3f1c2d4-5b6e"),
        ("address, full, not ASCII", "юлия@капулетти.example/Балкон"),
    ]
    .into_iter()
    .map(|(name, text)| {
        Group::new(name)
            .with("waxwing", || Jid::new(black_box(text)).expect("an address"))
            .with("jid", || jid::Jid::new(black_box(text)).expect("an address"))
    })
    .collect()
}
