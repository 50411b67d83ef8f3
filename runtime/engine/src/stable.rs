//! Numbers of what a plan names, that stay when the program around it changes: they are made of the name alone, not of its
//! place among others. They stand in ids of messages and in versions of rows, which outlive a plan.

use xxhash_rust::xxh3::xxh3_64;

/// The number of a name: the lower half of its XXH3. Two names of one plan have different ones, or the plan is not built.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    reason = "half of the hash is enough, since a plan with two alike is refused"
)]
pub fn number(name: &str) -> u32 {
    xxh3_64(name.as_bytes()) as u32
}

/// One number for several, in their order.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "as above")]
pub(crate) fn mixed(numbers: &[u32]) -> u32 {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    xxh3_64(&bytes) as u32
}

/// The first two of these names that have one number.
pub(crate) fn alike<'n>(names: impl Iterator<Item = &'n str>) -> Option<(&'n str, &'n str)> {
    let mut numbered: Vec<(u32, &str)> = names.map(|name| (number(name), name)).collect();
    numbered.sort_unstable();
    numbered.dedup();
    numbered.windows(2).find(|pair| pair[0].0 == pair[1].0).map(|pair| (pair[0].1, pair[1].1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_of_the_name_alone() {
        // They stand in logs and stores: another hash would be another application.
        assert_eq!(number("bank.movements.movement"), number("bank.movements.movement"));
        assert_eq!(number("a"), 0x1e96_4e1f, "the lower half of XXH3 of `a`, e6c632b61e964e1f");
        assert_ne!(mixed(&[1, 2]), mixed(&[2, 1]));
    }

    #[test]
    fn two_names_with_one_number_are_found() {
        assert_eq!(alike(["a", "b", "a"].into_iter()), None);
        // Found by trying: the lower halves of their hashes are the same.
        let names: Vec<String> = (0..200_000).map(|number| format!("flow{number}")).collect();
        let (one, other) = alike(names.iter().map(String::as_str)).unwrap();
        assert!(one != other && number(one) == number(other), "{one} {other}");
    }
}
