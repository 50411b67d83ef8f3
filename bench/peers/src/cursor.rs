//! A cursor over one line of JSON: reads strings and numbers as ranges of the line and skips the rest, checking all of
//! it against the JSON grammar in one pass. Every function gives `None` where the line is not JSON.

/// How deep objects and lists that nobody reads may be nested.
const DEPTH: usize = 128;

/// What may stand between two quotes without further thought.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StringByte {
    Plain,
    Quote,
    Backslash,
    Control,
}

const fn string_byte(byte: u8) -> StringByte {
    match byte {
        b'"' => StringByte::Quote,
        b'\\' => StringByte::Backslash,
        0..0x20 => StringByte::Control,
        _ => StringByte::Plain,
    }
}

/// A place in a line that was already checked to be UTF-8.
pub struct Cursor<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Begins at the start of the line.
    pub fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0 }
    }

    /// The next byte that is not white space, without taking it.
    #[inline(always)]
    fn peek(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        if byte > b' ' { Some(byte) } else { self.peek_after_space() }
    }

    #[cold]
    fn peek_after_space(&mut self) -> Option<u8> {
        loop {
            match *self.bytes.get(self.at)? {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    #[inline(always)]
    fn take(&mut self, wanted: u8) -> Option<()> {
        if self.peek()? == wanted {
            self.at += 1;
            Some(())
        } else {
            None
        }
    }

    /// Reads an object: calls `member` after each name and colon, which must read or skip the value. The name is
    /// given as it stands between its quotes, so a name with an escape in it equals none that is looked for.
    #[inline(always)]
    pub fn object(&mut self, mut member: impl FnMut(&mut Self, &'a [u8]) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let name = self.string()?;
            self.take(b':')?;
            member(self, name.as_bytes())?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Reads a string and gives what stands between its quotes, with escapes checked but not replaced.
    #[inline(always)]
    pub fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            self.at = plain_until(self.bytes, self.at);
            match string_byte(*self.bytes.get(self.at)?) {
                StringByte::Quote => {
                    self.at += 1;
                    return Some(&self.text[start..self.at - 1]);
                }
                StringByte::Backslash => self.escape()?,
                StringByte::Control => return None,
                StringByte::Plain => self.at += 1,
            }
        }
    }

    #[cold]
    fn escape(&mut self) -> Option<()> {
        match *self.bytes.get(self.at + 1)? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.at += 2;
                Some(())
            }
            b'u' => match self.unicode_escape()? {
                // A surrogate must come in two halves.
                0xD800..0xDC00 => match self.unicode_escape()? {
                    0xDC00..0xE000 => Some(()),
                    _ => None,
                },
                0xDC00..0xE000 => None,
                _ => Some(()),
            },
            _ => None,
        }
    }

    fn unicode_escape(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 6)?.strip_prefix("\\u")?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 6;
        u32::from_str_radix(digits, 16).ok()
    }

    /// Reads a whole number that fits an `i64`.
    #[inline(always)]
    pub fn integer(&mut self) -> Option<i64> {
        let negative = self.peek()? == b'-';
        if negative {
            self.at += 1;
        }
        let start = self.at;
        let mut value = 0_i64;
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(self.at) {
            value = value.checked_mul(10)?.checked_sub(i64::from(digit - b'0'))?;
            self.at += 1;
        }
        let leading_zero = self.bytes.get(start) == Some(&b'0') && self.at > start + 1;
        if self.at == start || leading_zero || matches!(self.bytes.get(self.at), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        if negative { Some(value) } else { value.checked_neg() }
    }

    /// Reads a number of any form and gives its text.
    #[inline(always)]
    pub fn number(&mut self) -> Option<&'a str> {
        self.peek()?;
        let start = self.at;
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(&self.text[start..self.at])
    }

    #[inline(always)]
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    /// Checks a value of any kind and passes over it.
    #[inline]
    pub fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' | b'[' => self.skip_nested(0),
            _ => self.skip_scalar(),
        }
    }

    fn skip_scalar(&mut self) -> Option<()> {
        match self.peek()? {
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => self.number().map(drop),
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.at += word.len();
        (self.bytes.get(self.at - word.len()..self.at)? == word).then_some(())
    }

    fn skip_nested(&mut self, depth: usize) -> Option<()> {
        if depth == DEPTH {
            return None;
        }
        match self.peek()? {
            b'{' => self.object(|cursor, _| cursor.skip_nested(depth + 1)),
            b'[' => self.skip_list(depth),
            b'"' => self.string().map(drop),
            _ => self.skip_scalar(),
        }
    }

    fn skip_list(&mut self, depth: usize) -> Option<()> {
        self.take(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.skip_nested(depth + 1)?;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Checks that nothing but white space is left.
    pub fn end(&mut self) -> Option<()> {
        match self.peek() {
            None => Some(()),
            Some(_) => None,
        }
    }
}

/// The place of the first byte at or after `at` that is not [`StringByte::Plain`], or the end of `bytes`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn plain_until(bytes: &[u8], mut at: usize) -> usize {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
    };
    while let Some(block) = bytes.get(at..at + 16) {
        // SAFETY: `block` is 16 readable bytes, the load needs no alignment, and every x86_64 processor has SSE2.
        let mask = unsafe {
            let block = _mm_loadu_si128(block.as_ptr().cast::<__m128i>());
            let quote = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'"' as i8));
            let backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8(b'\\' as i8));
            let control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block);
            _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control))
        };
        if mask != 0 {
            return at + mask.trailing_zeros() as usize;
        }
        at += 16;
    }
    plain_until_bytewise(bytes, at)
}

#[cfg(not(target_arch = "x86_64"))]
use plain_until_bytewise as plain_until;

fn plain_until_bytewise(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|byte| string_byte(*byte) != StringByte::Plain).map_or(bytes.len(), |offset| at + offset)
}
