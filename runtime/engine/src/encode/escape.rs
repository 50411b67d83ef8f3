//! Escapes in JSON texts.

use crate::decode::{append_plain, special_place};

/// Appends a text with `"`, `\` and control characters escaped; everything else stays as it is.
#[inline]
pub fn write(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    if !append_plain(bytes, out) {
        write_escaped(bytes, special_place(bytes, 0), out);
    }
}

#[cold]
fn write_escaped(bytes: &[u8], first: usize, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut start = 0;
    let mut at = first;
    while let Some(byte) = bytes.get(at) {
        out.extend_from_slice(&bytes[start..at]);
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            byte => {
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', DIGITS[high], DIGITS[low]]);
            }
        }
        start = at + 1;
        at = special_place(bytes, start);
    }
    out.extend_from_slice(&bytes[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_as_serde_json_escapes_them() {
        let every: String = (0..0x300_u32).filter_map(char::from_u32).collect();
        for text in ["", "plain", "a\"b", "\\", "ends\n", &every, &every.repeat(3), "班级\u{1F600}\u{7f}"] {
            let mut out = vec![b'"'];
            write(text, &mut out);
            out.push(b'"');
            assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(text).unwrap());
        }
    }
}
