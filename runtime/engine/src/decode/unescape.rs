//! Escapes of JSON texts, replaced.

use bumpalo::{Bump, collections::String as ArenaString};

/// The value of hexadecimal digits; none where one is not.
pub fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |code, digit| Some(code * 16 + char::from(*digit).to_digit(16)?))
}

/// Replaces escapes that were checked before.
#[cold]
pub fn unescape<'b>(raw: &str, arena: &'b Bump) -> &'b str {
    let mut text = ArenaString::with_capacity_in(raw.len(), arena);
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        let mut length = 2;
        let character = match rest.as_bytes().get(at + 1) {
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let unit = |from: usize| rest.as_bytes().get(from..from + 4).and_then(hexadecimal).unwrap_or(0xFFFD);
                length = 6;
                let mut code = unit(at + 2);
                if (0xD800..0xDC00).contains(&code) {
                    length = 12;
                    code = 0x10000 + ((code - 0xD800) << 10) + unit(at + 8).saturating_sub(0xDC00);
                }
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => other.map_or('\\', |byte| char::from(*byte)),
        };
        text.push(character);
        rest = rest.get(at + length..).unwrap_or_default();
    }
    text.push_str(rest);
    text.into_bump_str()
}
