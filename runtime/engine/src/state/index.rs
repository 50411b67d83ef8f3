//! An index from keys' hashes to rows. It is a plain open table, so that many look-ups can be begun before the first is
//! finished: what a look-up waits for is memory.

/// Where rows are, by the hash of their key.
#[derive(Debug, Default)]
pub(crate) struct RowIndex {
    /// Upper half of the hash, and the row's number plus one; zero where there is none. A power of two of them.
    slots: Vec<u64>,
    used: usize,
}

impl RowIndex {
    /// The rows whose hash is like this one, nearest first.
    #[inline]
    pub(crate) fn like(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        let slots = &self.slots;
        std::iter::from_fn(move || {
            loop {
                let slot = *slots.get(at)?;
                at = (at + 1) & mask;
                if slot == 0 {
                    return None;
                }
                if (slot ^ hash) >> 32 == 0 {
                    return Some((slot as u32).wrapping_sub(1));
                }
            }
        })
    }

    /// Begins a look-up: the first row whose hash is like this one, if it stands in the first slot.
    #[inline]
    pub(crate) fn begin(&self, hash: u64) -> Option<u32> {
        let slot = *self.slots.get(hash as usize & self.slots.len().wrapping_sub(1))?;
        (slot != 0 && (slot ^ hash) >> 32 == 0).then(|| (slot as u32).wrapping_sub(1))
    }

    /// Adds a row that is not there yet.
    pub(crate) fn insert(&mut self, hash: u64, row: u32, hash_of: impl Fn(u32) -> u64) {
        if (self.used + 1) * 2 > self.slots.len() {
            let old = std::mem::take(&mut self.slots);
            self.slots = vec![0; (old.len() * 2).max(64)];
            for slot in old.into_iter().filter(|slot| *slot != 0) {
                self.put(hash_of((slot as u32).wrapping_sub(1)), slot);
            }
        }
        self.put(hash, (hash >> 32) << 32 | u64::from(row + 1));
        self.used += 1;
    }

    fn put(&mut self, hash: u64, slot: u64) {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = slot;
    }

    /// Forgets all rows.
    pub(crate) fn clear(&mut self) {
        self.slots.fill(0);
        self.used = 0;
    }
}
