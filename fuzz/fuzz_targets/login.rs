//! Real clients log in to a real server: see [`waxwing_fuzz::login_play`].
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxwing_fuzz::login_play;
use waxwing_fuzz::ops::Ops;

fuzz_target!(|script: Ops| login_play::play(&script));
