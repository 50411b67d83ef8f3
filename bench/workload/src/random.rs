//! A small seeded random generator (SplitMix64): the same seed gives the same input on every machine.

/// The state of one generator.
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator that always produces the same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `limit - 1`; a `limit` of 0 counts as 1.
    pub fn below(&mut self, limit: u64) -> u64 {
        // The multiply-shift is biased by less than one part in 2^32 for the limits used here.
        ((u128::from(self.bits()) * u128::from(limit.max(1))) >> 64) as u64
    }

    /// True in `percent` of 100 cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of the given items; the list must not be empty.
    pub fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len() as u64) as usize]
    }
}
