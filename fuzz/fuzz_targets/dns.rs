//! Finding a server under any operations, held against a model: see [`waxwing_fuzz::dns_play`].
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxwing_fuzz::dns_play::{self, Script};

fuzz_target!(|script: Script| dns_play::play(&script));
