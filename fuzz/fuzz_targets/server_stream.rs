//! A server under any peers and any owner: one connection by itself, or the whole server with several (settings bit 0).
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxwing_fuzz::{Script, bit, connection_play, server_play};

fuzz_target!(|script: Script| match bit(script.settings, 0) {
    true => server_play::play(&script),
    false => connection_play::play(&script),
});
