//! Base64 with the standard alphabet and padding (RFC 4648 §4).

use bumpalo::Bump;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends the text form of bytes.
pub fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let byte = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let six = (bits >> (18 - 6 * index) & 0x3F) as usize;
            out.push(if index <= group.len() { ALPHABET[six] } else { b'=' });
        }
    }
}

/// The text form of bytes.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    encode(bytes, &mut text);
    // It is ASCII.
    String::from_utf8(text).unwrap_or_default()
}

fn six_bits(byte: u8) -> Option<u32> {
    match byte {
        b'A'..=b'Z' => Some(u32::from(byte - b'A')),
        b'a'..=b'z' => Some(u32::from(byte - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(byte - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// Reads the text form into the arena; none where it is not base64 with padding, or has stray bits at its end.
#[must_use]
pub fn decode<'b>(text: &str, arena: &'b Bump) -> Option<&'b [u8]> {
    let text = text.as_bytes();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let mut bytes = bumpalo::collections::Vec::with_capacity_in(text.len() / 4 * 3, arena);
    for (index, group) in text.chunks(4).enumerate() {
        let last = (index + 1) * 4 == text.len();
        let kept = if last { 4 - padding } else { 4 };
        let bits =
            group.iter().take(kept).try_fold(0, |bits, byte| Some(bits << 6 | six_bits(*byte)?))? << (6 * (4 - kept));
        let wide = bits.to_be_bytes();
        let (whole, stray) = wide.get(1..)?.split_at(kept - 1);
        if stray.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(whole);
    }
    Some(bytes.into_bump_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_standard_hold_both_ways() {
        let arena = Bump::new();
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut out = Vec::new();
            encode(plain.as_bytes(), &mut out);
            assert_eq!(out, coded.as_bytes());
            assert_eq!(decode(coded, &arena), Some(plain.as_bytes()));
        }
    }

    #[test]
    fn what_is_not_base64_is_refused() {
        let arena = Bump::new();
        for wrong in ["Z", "Zg", "Zg=", "Zh==", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm9-"] {
            assert_eq!(decode(wrong, &arena), None, "{wrong}");
        }
    }
}
