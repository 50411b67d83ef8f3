//! NDJSON and text compared as multisets of lines: what matters when lanes run in parallel.

use std::collections::BTreeMap;
use std::fmt::Write;

use xxhash_rust::xxh3::xxh3_128;

/// How many differing lines a report shows of each side.
const SHOWN: usize = 8;

/// The lines of a text with how often each occurs; empty lines are left out.
#[must_use]
pub fn multiset(text: &str) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        *counts.entry(line).or_default() += 1;
    }
    counts
}

/// A number that two texts share if they have the same lines, in whichever order: the sum of the lines' hashes of 128
/// bits, and how many there are. Millions of lines are compared by it in a moment.
fn fingerprint(text: &str) -> (u128, u64) {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.fold((0, 0), |(sum, count), line| (sum.wrapping_add(xxh3_128(line.as_bytes())), count + 1))
}

/// What differs between two texts as multisets of lines; nothing when they agree.
#[must_use]
pub fn difference(expected: &str, actual: &str) -> Option<String> {
    if fingerprint(expected) == fingerprint(actual) {
        return None;
    }
    let (expected, actual) = (multiset(expected), multiset(actual));
    let missing = more(&expected, &actual);
    let extra = more(&actual, &expected);
    if missing.is_empty() && extra.is_empty() {
        return None;
    }
    let mut report = String::new();
    for (sign, title, lines) in [('-', "missing", missing), ('+', "not expected", extra)] {
        let _ = writeln!(report, "{} {title}", lines.len());
        for (line, count) in lines.iter().take(SHOWN) {
            let _ = writeln!(report, "  {sign} {count} times {line}");
        }
    }
    Some(report)
}

/// The lines of which `left` has more than `right`, and how many more.
fn more<'a>(left: &BTreeMap<&'a str, usize>, right: &BTreeMap<&'a str, usize>) -> Vec<(&'a str, usize)> {
    let surplus = |(line, count): (&&'a str, &usize)| {
        let other = right.get(line).copied().unwrap_or_default();
        (*count > other).then(|| (*line, count - other))
    };
    left.iter().filter_map(surplus).collect()
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn order_does_not_matter_and_counts_do() {
        assert_eq!(difference("a\nb\na\n", "b\na\na\n"), None);
        let report = difference("a\nb\na\n", "b\na\nc\n").unwrap();
        assert!(report.contains("- 1 times a") && report.contains("+ 1 times c"), "{report}");
    }
}
