//! Scans of sixteen and eight bytes at once: the only unsafe code of the decoder beside cutting texts at quotes.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
};

/// A byte that ends a run of plain bytes in a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// `"`.
    Quote,
    /// `\`.
    Backslash,
    /// A byte below 0x20.
    Control,
}

const fn special_byte(byte: u8) -> Option<Special> {
    match byte {
        b'"' => Some(Special::Quote),
        b'\\' => Some(Special::Backslash),
        0..0x20 => Some(Special::Control),
        _ => None,
    }
}

/// The first special byte at or after `at`.
#[inline(always)]
pub fn special(bytes: &[u8], at: usize) -> Option<(usize, Special)> {
    let found = special_place(bytes, at);
    bytes.get(found).and_then(|byte| special_byte(*byte)).map(|special| (found, special))
}

/// The place of the quote that ends a string without escapes, from after its opening quote; none where something
/// special comes first or the quote is near the end of the text: then [`special`] tells.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn plain_string_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let block: &[u8; 16] = bytes.get(at..)?.first_chunk()?;
        let mask = special_mask(block.as_ptr());
        if mask != 0 {
            let end = at + mask.trailing_zeros() as usize;
            return if bytes.get(end) == Some(&b'"') { Some(end) } else { None };
        }
        at += 16;
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub fn plain_string_end(bytes: &[u8], at: usize) -> Option<usize> {
    match special(bytes, at) {
        Some((end, Special::Quote)) => Some(end),
        _ => None,
    }
}

/// The place of the first special byte at or after `at`, or the length of `bytes`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn special_place(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes.get(at..at + 16) {
        let mask = special_mask(block.as_ptr());
        if mask != 0 {
            return at + mask.trailing_zeros() as usize;
        }
        at += 16;
    }
    // The last block overlaps bytes that were seen before, whose marks are shifted out.
    if bytes.len() >= 16 && at < bytes.len() {
        let last = bytes.len() - 16;
        let mask = special_mask(bytes[last..].as_ptr()) >> (at - last);
        return if mask == 0 { bytes.len() } else { at + mask.trailing_zeros() as usize };
    }
    special_place_bytewise(bytes, at)
}

/// Marks the special bytes among the sixteen at `block`, which the caller has checked to be there.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn special_mask(block: *const u8) -> u32 {
    // SAFETY: both callers take the pointer from a slice with at least 16 bytes behind it; the load needs no alignment,
    // and every x86_64 processor has SSE2.
    unsafe {
        let block = _mm_loadu_si128(block.cast::<__m128i>());
        let quote = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'"'.cast_signed()));
        let backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'\\'.cast_signed()));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block);
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control)).cast_unsigned()
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub use special_place_bytewise as special_place;

pub fn special_place_bytewise(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|byte| special_byte(*byte).is_some()).map_or(bytes.len(), |offset| at + offset)
}

/// Appends bytes if none of them is special; otherwise `out` stays as it is. Copies block by block while it looks.
#[inline]
pub fn append_plain(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    let start = out.len();
    out.reserve(bytes.len() + 16);
    let plain = append_checked(bytes, out);
    if !plain {
        out.truncate(start);
    }
    plain
}

#[inline(always)]
fn append_checked(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    let (blocks, rest) = bytes.as_chunks::<16>();
    for block in blocks {
        if any_special(block) {
            return false;
        }
        out.extend_from_slice(block);
    }
    if rest.is_empty() {
        return true;
    }
    if let Some(last) = bytes.last_chunk::<16>() {
        // The last block overlaps what was appended before.
        out.truncate(out.len() - (16 - rest.len()));
        out.extend_from_slice(last);
        return !any_special(last);
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        out.extend_from_slice(first);
        out.truncate(out.len() - (16 - bytes.len()));
        out.extend_from_slice(last);
        return !word_has_special(u64::from_le_bytes(*first)) && !word_has_special(u64::from_le_bytes(*last));
    }
    bytes.iter().all(|byte| {
        out.push(*byte);
        special_byte(*byte).is_none()
    })
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn any_special(block: &[u8; 16]) -> bool {
    special_mask(block.as_ptr()) != 0
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn any_special(block: &[u8; 16]) -> bool {
    block.iter().any(|byte| special_byte(*byte).is_some())
}

/// Whether any of eight bytes is special.
#[inline(always)]
fn word_has_special(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    below(word, 0x20) | equal(b'"') | equal(b'\\') != 0
}

/// Powers of ten up to 10^16.
pub const POWERS: [u64; 17] = {
    let mut powers = [1; 17];
    let mut index = 1;
    while index < 17 {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

/// The number that the digits from `at` on make, and how many they are: 1 to 15. None where there are more or none, or
/// fewer than 16 bytes are left.
#[inline(always)]
pub fn digits(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let block: &[u8; 16] = bytes.get(at..)?.first_chunk()?;
    let (first, count) = eight_digits(u64::from_le_bytes(*block.first_chunk()?));
    if count < 8 {
        return if count == 0 { None } else { Some((first, count)) };
    }
    let (second, more) = eight_digits(u64::from_le_bytes(*block.last_chunk()?));
    if more == 8 { None } else { Some((first * POWERS[more] + second, 8 + more)) }
}

/// The number that the leading digits of eight bytes make, and how many they are.
#[inline(always)]
fn eight_digits(bytes: u64) -> (u64, usize) {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let values = bytes ^ ZEROS;
    // A digit's byte is now 0 to 9: adding 0x76 sets the high bit of larger ones, which may also have had it.
    let other = (values | (values & 0x7F7F_7F7F_7F7F_7F7F).wrapping_add(0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080;
    if other & 0x80 != 0 {
        return (0, 0);
    }
    let count = (other.trailing_zeros() / 8) as usize;
    // Leading zeros take the place of the bytes that are missing.
    let mut number = values << (64 - 8 * count);
    number = number.wrapping_mul(10).wrapping_add(number >> 8) & 0x00FF_00FF_00FF_00FF;
    number = number.wrapping_mul(100).wrapping_add(number >> 16) & 0x0000_FFFF_0000_FFFF;
    number = number.wrapping_mul(10_000).wrapping_add(number >> 32) & 0xFFFF_FFFF;
    (number, count)
}

/// A whole number in plain form at `at` that ends at a comma or brace, the usual case, and where it ends.
#[inline(always)]
pub fn plain_integer(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let negative = bytes.get(at) == Some(&b'-');
    let start = at + usize::from(negative);
    let (value, length) = digits(bytes, start)?;
    let end = start + length;
    if !matches!(bytes.get(end), Some(b',' | b'}')) || (length > 1 && bytes.get(start) == Some(&b'0')) {
        return None;
    }
    let value = value.cast_signed();
    Some((if negative { -value } else { value }, end))
}

/// A number of at most sixteen digits with or without a fraction at `at` that ends at a comma or brace, the usual case,
/// and where it ends.
#[inline(always)]
pub fn plain_float(bytes: &[u8], at: usize) -> Option<(f64, usize)> {
    let negative = bytes.get(at) == Some(&b'-');
    let start = at + usize::from(negative);
    let (whole, length) = digits(bytes, start)?;
    let mut end = start + length;
    if length > 1 && bytes.get(start) == Some(&b'0') {
        return None;
    }
    let mut value = whole as f64;
    let mut mantissa = whole;
    if bytes.get(end) == Some(&b'.') {
        let (fraction, places) = digits(bytes, end + 1)?;
        if length + places > 16 {
            return None;
        }
        mantissa = whole * POWERS[places] + fraction;
        // Both operands are exact, so the one division rounds correctly.
        value = mantissa as f64 / POWERS[places] as f64;
        end += 1 + places;
    }
    if mantissa > 1 << 53 || !matches!(bytes.get(end), Some(b',' | b'}')) {
        return None;
    }
    Some((if negative { -value } else { value }, end))
}

/// Up to 32 bytes that are looked for at a known place.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    bytes: [u8; 32],
    mask: u32,
    length: u8,
}

impl Block {
    /// How many bytes a block can have.
    pub const LONGEST: usize = 32;

    /// A block of some bytes; none when there are more than [`Block::LONGEST`].
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        let mask = u32::try_from((1_u64 << text.len()) - 1).unwrap_or(u32::MAX);
        Some(Self { bytes, mask, length: u8::try_from(text.len()).ok()? })
    }

    /// A block that leads nothing.
    #[must_use]
    pub const fn never() -> Self {
        // No JSON text has this byte, which cannot stand in UTF-8.
        Self { bytes: [0xFF; 32], mask: 1, length: 1 }
    }

    /// How many bytes there are.
    #[inline(always)]
    #[must_use]
    pub const fn length(&self) -> usize {
        self.length as usize
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length()).unwrap_or_default()
    }

    /// Whether `text` has these bytes at `at`.
    #[inline(always)]
    #[must_use]
    pub fn leads(&self, text: &[u8], at: usize) -> bool {
        #[cfg(target_arch = "x86_64")]
        if let Some(window) = text.get(at..).and_then(|rest| rest.first_chunk()) {
            return equal_mask(window, &self.bytes) & self.mask == self.mask;
        }
        self.leads_at_end(text, at)
    }

    /// The same where fewer than 32 bytes are left.
    #[inline(never)]
    fn leads_at_end(&self, text: &[u8], at: usize) -> bool {
        text.get(at..).is_some_and(|rest| rest.starts_with(self.bytes()))
    }
}

/// Marks the equal bytes among the first 32 of two slices.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn equal_mask(left: &[u8; 32], right: &[u8; 32]) -> u32 {
    // SAFETY: both are 32 bytes long; the loads need no alignment, and every x86_64 processor has SSE2.
    unsafe {
        let (left, right) = (left.as_ptr().cast::<__m128i>(), right.as_ptr().cast::<__m128i>());
        let low = _mm_cmpeq_epi8(_mm_loadu_si128(left), _mm_loadu_si128(right));
        let high = _mm_cmpeq_epi8(_mm_loadu_si128(left.add(1)), _mm_loadu_si128(right.add(1)));
        _mm_movemask_epi8(low).cast_unsigned() | _mm_movemask_epi8(high).cast_unsigned() << 16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_special_byte_is_found_at_every_place_and_length() {
        for length in 0..70 {
            for place in 0..length {
                for (byte, wanted) in [(b'"', Special::Quote), (b'\\', Special::Backslash), (3, Special::Control)] {
                    let mut bytes = "é".repeat(40).into_bytes();
                    bytes.truncate(length);
                    bytes[place] = byte;
                    for from in 0..=place {
                        assert_eq!(special(&bytes, from), Some((place, wanted)), "{length} {place} {from}");
                    }
                    assert_eq!(special(&bytes, place + 1), None);
                }
            }
        }
    }

    #[test]
    fn plain_bytes_are_appended_whole_and_others_not_at_all() {
        for length in 0..70 {
            let bytes = &"0é班x".repeat(12).into_bytes()[..length];
            let mut out = b"before".to_vec();
            assert!(append_plain(bytes, &mut out));
            assert_eq!(out, [b"before", bytes].concat());
            for place in 0..length {
                for byte in [b'"', b'\\', 0, 0x1F] {
                    let mut bytes = bytes.to_vec();
                    bytes[place] = byte;
                    let mut out = b"before".to_vec();
                    assert!(!append_plain(&bytes, &mut out), "{length} {place} {byte}");
                    assert_eq!(out, b"before");
                }
            }
        }
    }

    #[test]
    fn digits_are_read_as_the_standard_library_reads_them() {
        for length in 1..=15 {
            for end in [b',', b'/', b':', b'\x80', b'\xff', b'a', b'.', 0] {
                let text = &"9182736450918273"[..length];
                let mut bytes = text.as_bytes().to_vec();
                bytes.push(end);
                bytes.extend_from_slice(b"0123456789abcdef");
                assert_eq!(digits(&bytes, 0), Some((text.parse().unwrap(), length)));
            }
        }
        assert_eq!(digits(b"1234567890123456,", 0), None);
        assert_eq!(digits(b",234567890123456,", 0), None);
        assert_eq!(digits(b"12,", 0), None);
    }

    #[test]
    fn a_block_leads_only_its_own_bytes() {
        let text = b"..,\"a_long_member_of_the_record\":1";
        for length in 0..=32 {
            let block = Block::new(&text[2..2 + length]).unwrap();
            assert!(block.leads(text, 2));
            assert!(length == 0 || !block.leads(text, 3));
            let mut short = text[..2 + length].to_vec();
            assert!(block.leads(&short, 2));
            short.pop();
            assert!(length == 0 || !block.leads(&short, 2));
        }
        assert!(Block::new(&[0; 33]).is_none());
        assert!(!Block::never().leads(text, 0));
    }
}
