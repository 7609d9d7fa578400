//! Operations as a fuzzer's input: two bytes of settings, then operations of three bytes each.

use arbitrary::{Arbitrary, Result, Unstructured};
use std::fmt;

/// More operations than this of an input are not played.
const MOST: usize = 200;

/// A whole play.
#[derive(Clone)]
pub struct Ops {
    /// Each play says what the bits mean.
    pub settings: [u8; 2],
    /// What happens, in order.
    pub ops: Vec<Op>,
}

/// One thing that happens: a letter, and who and what is meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Op {
    /// What.
    pub what: u8,
    /// Mostly who.
    pub a: u8,
    /// Mostly to whom (the lower half) and of which kind (the upper half). Of `0` to `?` the lower halves are 0 to 15.
    pub b: u8,
}

impl Op {
    /// One of these letters, whatever it is.
    pub fn letter(self, letters: &[u8]) -> u8 {
        let known = letters.contains(&self.what).then_some(self.what);
        known.unwrap_or(letters[usize::from(self.what) % letters.len()])
    }

    /// Who is addressed.
    pub fn target(self) -> usize {
        usize::from(self.b % 16)
    }

    /// Which of so many kinds.
    pub fn variant(self, of: u8) -> u8 {
        (self.b / 16) % of
    }
}

impl<'a> Arbitrary<'a> for Ops {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Ops> {
        let settings = [u.arbitrary()?, u.arbitrary()?];
        let mut ops = Vec::new();
        while u.len() >= 3 && ops.len() < MOST {
            ops.push(Op { what: u.arbitrary()?, a: u.arbitrary()?, b: u.arbitrary()? });
        }
        Ok(Ops { settings, ops })
    }
}

impl fmt::Debug for Ops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = self.settings;
        writeln!(f, "settings {a:#010b} {b:#010b}")?;
        self.ops.iter().try_for_each(|op| writeln!(f, "{op:?}"))
    }
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = char::from(self.what).escape_default();
        write!(f, "{what} a={}:{} b={}:{}", self.a / 8, self.a % 8, self.b / 16, self.b % 16)
    }
}
