//! Sizes, durations and counts as they are written.

use std::time::Duration;

/// Units of size with their bytes.
const SIZES: [(&str, u64); 5] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// Units of time with their milliseconds, as in the language.
const TIMES: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// `512MiB` in bytes.
pub(super) fn size(text: &str) -> Option<u64> {
    let (number, unit) = number(text)?;
    let bytes = SIZES.iter().find(|(name, _)| *name == unit.trim())?.1;
    number.checked_mul(bytes)
}

/// `10s`, `1h30min`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (count, after) = number(rest)?;
        let end = after.find(|sign: char| sign.is_ascii_digit()).unwrap_or(after.len());
        let unit = after[..end].trim();
        let milliseconds = TIMES.iter().find(|(name, _)| *name == unit)?.1;
        total = total.checked_add(count.checked_mul(milliseconds)?)?;
        rest = &after[end..];
    }
    (!text.is_empty()).then(|| Duration::from_millis(total))
}

/// A whole number within bounds.
pub(super) fn count<N: std::str::FromStr + PartialOrd>(text: &str, least: N, most: N) -> Option<N> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|number| *number >= least && *number <= most)
}

/// Digits, and what follows them.
fn number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("512MiB"), Some(512 << 20));
        assert_eq!(size("64 KiB"), Some(64 << 10));
        assert_eq!(size("9B"), Some(9));
        for wrong in ["", "512", "MiB", "512MB", "-1B", "1.5GiB", "99999999999TiB", "1MiB1B"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_are_those_of_the_language() {
        assert_eq!(duration("1h30min"), Some(Duration::from_secs(5400)));
        assert_eq!(duration("200ms"), Some(Duration::from_millis(200)));
        for wrong in ["", "10", "10m", "s", "-1s", "1.5s", "1s x", "99999999999999999999d"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn counts_have_bounds() {
        assert_eq!(count("8", 1, 1024), Some(8_u16));
        for wrong in ["0", "1025", "-1", "+8", "8.0", "", "x", "99999999999999999999"] {
            assert_eq!(count::<u16>(wrong, 1, 1024), None, "{wrong}");
        }
    }
}
