//! Real clients and a real server over connections that break at any moment: see [`waxwing_fuzz::management_play`]. With bit 15 of
//! the settings set, the books alone: [`waxwing_fuzz::books`].
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxwing_fuzz::ops::Ops;
use waxwing_fuzz::{bit, books, management_play};

fuzz_target!(|script: Ops| match bit(script.settings, 15) {
    true => books::play(&script),
    false => management_play::play(&script),
});
