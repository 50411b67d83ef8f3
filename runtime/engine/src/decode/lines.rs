//! Lines of a buffer, checked for UTF-8 as a whole.

use crate::decode::Payload;

/// The lines of a buffer.
#[derive(Clone, Debug)]
pub struct Lines<'b> {
    rest: Payload<'b>,
}

/// Cuts a buffer into lines without their newline (a carriage return before it stays) and checks it for UTF-8 as a
/// whole, which is much faster than line by line: each line is a [`Payload::Text`], or where the buffer is not UTF-8 a
/// [`Payload::Bytes`] if its line is not. A buffer that ends in a newline has no empty line after it.
#[must_use]
pub fn lines(buffer: &[u8]) -> Lines<'_> {
    let rest = simdutf8::basic::from_utf8(buffer).map_or(Payload::Bytes(buffer), Payload::Text);
    Lines { rest }
}

impl<'b> Iterator for Lines<'b> {
    type Item = Payload<'b>;

    #[inline]
    fn next(&mut self) -> Option<Payload<'b>> {
        match self.rest {
            Payload::Text("") | Payload::Bytes([]) => None,
            Payload::Text(text) => {
                let end = memchr::memchr(b'\n', text.as_bytes()).unwrap_or(text.len());
                self.rest = Payload::Text(text.get(end + 1..).unwrap_or_default());
                Some(Payload::Text(&text[..end]))
            }
            Payload::Bytes(bytes) => {
                let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
                self.rest = Payload::Bytes(bytes.get(end + 1..).unwrap_or_default());
                let line = &bytes[..end];
                Some(simdutf8::basic::from_utf8(line).map_or(Payload::Bytes(line), Payload::Text))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_not_utf8_spoils_only_itself() {
        let found: Vec<(bool, &[u8])> =
            lines(b"a\n\xff\n\nb").map(|line| (matches!(line, Payload::Text(_)), line.bytes())).collect();
        assert_eq!(found, [(true, &b"a"[..]), (false, b"\xff"), (true, b""), (true, b"b")]);
        assert_eq!(lines("é\n班\n".as_bytes()).count(), 2);
        assert_eq!(lines(b"").count(), 0);
    }
}
