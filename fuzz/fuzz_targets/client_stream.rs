//! A client under any server and any owner.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxwing_fuzz::{Script, client_play};

fuzz_target!(|script: Script| client_play::play(&script));
