//! One hub or two under any operations, with a store that may be slow, refuse or die: see [`waxwing_fuzz::hub_play`].
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxwing_fuzz::hub_play;
use waxwing_fuzz::ops::Ops;

fuzz_target!(|script: Ops| hub_play::play(&script));
