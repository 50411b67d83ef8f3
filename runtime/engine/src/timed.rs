//! Entries whose names are a time and a number, such as `1764300000000-5`, as offsets and back.
//!
//! An offset has the time in its upper bits and the number in its lower [`NUMBER_BITS`], so that offsets order as the entries do.
//! There are gaps between them, as in a compacted topic.

/// How many bits of an offset the number has: 2,097,151 is the largest.
pub const NUMBER_BITS: u32 = 21;

/// How many bits the time has: up to the year 2109.
const TIME_BITS: u32 = 42;

/// The offset of an entry; none where its name does not fit.
#[must_use]
pub const fn offset(time: u64, number: u64) -> Option<u64> {
    if time >> TIME_BITS == 0 && number >> NUMBER_BITS == 0 { Some(time << NUMBER_BITS | number) } else { None }
}

/// Time and number of an offset.
#[must_use]
pub const fn parts(offset: u64) -> (u64, u64) {
    (offset >> NUMBER_BITS, offset & ((1 << NUMBER_BITS) - 1))
}

/// The name of the entry of an offset.
#[must_use]
pub fn name(offset: u64) -> String {
    let (time, number) = parts(offset);
    format!("{time}-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_order_as_entries_do() {
        let names = [(0, 1), (1, 0), (1_764_300_000_000, 0), (1_764_300_000_000, 2_097_151), (1_764_300_000_001, 0)];
        let offsets: Vec<u64> = names.iter().filter_map(|(time, number)| offset(*time, *number)).collect();
        assert!(offsets.len() == names.len() && offsets.is_sorted(), "{offsets:?}");
        for (entry, offset) in names.iter().zip(&offsets) {
            assert_eq!(parts(*offset), *entry);
        }
        assert_eq!(name(offsets[3]), "1764300000000-2097151");
        // Behind an entry comes the next that could be.
        assert_eq!(parts(offsets[3] + 1), (1_764_300_000_001, 0));
        assert_eq!((offset(1, 2_097_152), offset(1 << 42, 0)), (None, None));
    }
}
