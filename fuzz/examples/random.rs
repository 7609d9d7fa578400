//! Plays random inputs, and shortens those that fail.
//!
//!     cargo run --release --example random -- hub FROM TO [OUT]
//!     cargo run --release --example random -- hub FILES..

use arbitrary::{Arbitrary, Unstructured};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic;
use waxwing_fuzz::ops::{Op, Ops};
use waxwing_fuzz::{dns_play, hub_play, login_play, management_play};

thread_local!(static LAST: RefCell<(String, String)> = const { RefCell::new((String::new(), String::new())) });

fn run(name: &str, ops: &Ops) -> Option<(String, String)> {
    let result = panic::catch_unwind(|| match name {
        "hub" => hub_play::play(ops),
        "login" => login_play::play(ops),
        "management" => management_play::play(ops),
        "dns" => {
            let mut bytes = ops.settings.to_vec();
            ops.ops.iter().for_each(|op| bytes.extend([op.what, op.a, op.b]));
            dns_play::play(&Arbitrary::arbitrary_take_rest(Unstructured::new(&bytes)).unwrap());
        }
        _ => panic!("which?"),
    });
    result.err().map(|_| LAST.with(|last| last.borrow().clone()))
}

struct Rng(u64);
impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn shorten(name: &str, ops: &Ops, at: &str) -> Ops {
    let fails = |ops: &Ops| run(name, ops).is_some_and(|(place, _)| place == at);
    let mut best = ops.clone();
    loop {
        let before = (best.ops.len(), best.settings);
        let mut size = best.ops.len().div_ceil(2).max(1);
        loop {
            let mut from = 0;
            while from < best.ops.len() {
                let mut less = best.clone();
                less.ops.drain(from..(from + size).min(less.ops.len()));
                if fails(&less) {
                    best = less;
                } else {
                    from += size;
                }
            }
            if size == 1 {
                break;
            }
            size = size.div_ceil(2);
        }
        for bit in 0..16 {
            let mut less = best.clone();
            less.settings[bit / 8] &= !(1 << (bit % 8));
            if less.settings != best.settings && fails(&less) {
                best = less;
            }
        }
        for index in 0..best.ops.len() {
            for change in 0..4 {
                let mut less = best.clone();
                let op = &mut less.ops[index];
                match change {
                    0 => op.a = b'0' + op.a % 8,
                    1 => op.b = b'0' + op.b % 16,
                    2 => op.b %= 128,
                    _ => op.a %= 64,
                }
                if less.ops[index] != best.ops[index] && fails(&less) {
                    let was = best.ops[index];
                    let now = less.ops[index];
                    if (now.a, now.b) < (was.a, was.b)
                        || change < 2 && !(was.a.is_ascii_graphic() && was.b.is_ascii_graphic())
                    {
                        best = less;
                    }
                }
            }
        }
        if (best.ops.len(), best.settings) == before {
            return best;
        }
    }
}

fn main() {
    panic::set_hook(Box::new(|info| {
        let at = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        let text = info
            .payload()
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| info.payload().downcast_ref::<&str>().map(|it| (*it).to_owned()))
            .unwrap_or_default();
        LAST.with(|last| *last.borrow_mut() = (at, text));
    }));
    let args: Vec<String> = std::env::args().skip(1).collect();
    let name = &args[0];
    if args[1].parse::<u64>().is_err() {
        for file in &args[1..] {
            let bytes = std::fs::read(file).unwrap();
            if name == "dns" {
                let script = Arbitrary::arbitrary_take_rest(Unstructured::new(&bytes)).unwrap();
                if panic::catch_unwind(|| dns_play::play(&script)).is_err() {
                    println!("{file}: {:?}", LAST.with(|last| last.borrow().clone()));
                }
                continue;
            }
            let ops = Ops::arbitrary_take_rest(Unstructured::new(&bytes)).unwrap();
            if let Some((at, text)) = run(name, &ops) {
                println!("{file}: {at} {text}\n{ops:?}");
            }
        }
        return;
    }
    let (from, to): (u64, u64) = (args[1].parse().unwrap(), args[2].parse().unwrap());
    let mut places: BTreeMap<String, u32> = BTreeMap::new();
    let mut failed = 0;
    for seed in from..to {
        let mut rng = Rng(seed.wrapping_mul(0x1234_5678_9abc_def1));
        let mut ops = Ops { settings: (rng.next() as u16).to_le_bytes(), ops: vec![] };
        // Each setting alone as well as all at random.
        if seed % 4 == 0 {
            let keep = rng.next() & rng.next();
            ops.settings[0] &= keep as u8;
            ops.settings[1] &= (keep >> 8) as u8;
        }
        let count = 10 + rng.next() % 190;
        for _ in 0..count {
            let word = rng.next();
            ops.ops.push(Op { what: word as u8, a: (word >> 8) as u8, b: (word >> 16) as u8 });
        }
        if let Some((at, _)) = run(name, &ops) {
            failed += 1;
            let times = places.entry(at.clone()).or_insert(0);
            *times += 1;
            let less = shorten(name, &ops, &at);
            let (_, text) = run(name, &less).unwrap();
            println!("seed {seed} {at}\n{text}\n{less:?}");
            if let Some(out) = args.get(3) {
                let mut bytes = less.settings.to_vec();
                less.ops.iter().for_each(|op| bytes.extend([op.what, op.a, op.b]));
                std::fs::write(format!("{out}/{seed}"), bytes).unwrap();
            }
        }
    }
    println!("{failed} failed: {places:#?}");
}
