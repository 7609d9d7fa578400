//! The books of stream management ([`Unacknowledged`]) against the plainest of models: a list, and a count that does not go round.
//!
//! The settings say where the count begins, near the end of what 32 bits hold.

use crate::ops::Ops;
use std::collections::VecDeque;
use waxwing_core::stream::management::{Unacknowledged, WrongCount};

/// Plays the script: `p` another one is sent; `a` so many are acknowledged, or more, or less than before; `s` the books are closed
/// and opened again.
pub fn play(script: &Ops) {
    let begin = u64::from(u32::MAX) - 40 + u64::from(script.settings[0]);
    let (mut acknowledged, mut items) = (begin, VecDeque::new());
    let mut books = Unacknowledged::resume(begin as u32, []);
    for (number, op) in script.ops.iter().enumerate() {
        match op.letter(b"pas") {
            b'p' => {
                books.push(number);
                items.push_back(number);
            }
            b'a' => {
                let h = acknowledged.wrapping_add_signed(i64::from(op.a.cast_signed()));
                let sent = acknowledged + items.len() as u64;
                let is_right = (acknowledged..=sent).contains(&h);
                match books.acknowledge(h as u32) {
                    Ok(done) => {
                        assert!(is_right, "{h} of {acknowledged} to {sent}");
                        let expected: Vec<usize> = items.drain(..(h - acknowledged) as usize).collect();
                        assert_eq!(done.collect::<Vec<_>>(), expected);
                        acknowledged = h;
                    }
                    Err(wrong) => {
                        assert!(!is_right, "{h} of {acknowledged} to {sent}");
                        assert_eq!(wrong, WrongCount { h: h as u32, sent: sent as u32 });
                    }
                }
            }
            _ => books = Unacknowledged::resume(books.acknowledged(), books.into_items()),
        }
        assert_eq!((books.acknowledged(), books.len()), (acknowledged as u32, items.len()));
        assert_eq!(books.sent(), (acknowledged + items.len() as u64) as u32);
        assert_eq!(books.is_empty(), items.is_empty());
        assert!(books.iter().eq(items.iter()));
    }
}
