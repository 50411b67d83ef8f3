//! A cursor over one JSON text that is known to be UTF-8: checks every byte that it passes against the grammar, once.
//!
//! Strings are scanned sixteen bytes at a time, whole numbers eight digits at a time. What is skipped is checked as
//! strictly as what is taken: balance, tokens, escapes, surrogates, control characters, nesting.

use bumpalo::Bump;

use crate::{
    decode::{
        block::{self, Special},
        unescape::{hexadecimal, unescape},
    },
    fault::{Fallible, Fault, FaultCode},
};

/// How deep objects and lists may be nested.
pub const DEPTH: u32 = 128;

/// A place in a JSON text.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'b> {
    text: &'b str,
    at: usize,
}

/// A string of a JSON text.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'b> {
    /// What stands between the quotes.
    pub raw: &'b str,
    /// Whether there is an escape in it.
    pub escaped: bool,
}

impl<'b> Quoted<'b> {
    /// The text that it means: itself, or with its escapes replaced in the arena.
    #[inline]
    pub fn unescape(self, arena: &'b Bump) -> &'b str {
        if self.escaped { unescape(self.raw, arena) } else { self.raw }
    }
}

impl<'b> Cursor<'b> {
    /// The beginning of a text.
    #[must_use]
    pub const fn new(text: &'b str) -> Self {
        Self { text, at: 0 }
    }

    /// The place, in bytes.
    #[inline(always)]
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The whole text.
    #[inline(always)]
    #[must_use]
    pub const fn text(&self) -> &'b str {
        self.text
    }

    /// Goes to a place, which must be the beginning of a token that was seen before.
    pub const fn go(&mut self, at: usize) {
        self.at = at;
    }

    /// The text between two places at which tokens begin or end.
    #[inline(always)]
    pub fn range(&self, start: usize, end: usize) -> &'b str {
        between(self.text, start, end)
    }

    #[inline(always)]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is not white space, without taking it.
    ///
    /// # Errors
    /// The text ends.
    #[inline(always)]
    pub fn peek(&mut self) -> Fallible<u8> {
        match self.byte() {
            Some(byte) if byte > b' ' => Ok(byte),
            _ => self.peek_after_space(),
        }
    }

    #[inline(never)]
    fn peek_after_space(&mut self) -> Fallible<u8> {
        self.space();
        self.byte().ok_or_else(|| self.ends())
    }

    /// Passes over white space.
    #[inline]
    pub fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.byte() {
            self.at += 1;
        }
    }

    /// Takes a byte of punctuation after white space.
    ///
    /// # Errors
    /// Another byte stands there.
    #[inline(always)]
    pub fn take(&mut self, wanted: u8, due: &'static str) -> Fallible<()> {
        if self.peek()? == wanted {
            self.at += 1;
            Ok(())
        } else {
            Err(self.unexpected(due))
        }
    }

    /// Takes the bytes of `block` if exactly they come next.
    #[inline(always)]
    pub fn take_block(&mut self, block: &block::Block) -> bool {
        let taken = block.leads(self.text.as_bytes(), self.at);
        if taken {
            self.at += block.length();
        }
        taken
    }

    /// Checks that nothing but white space is left.
    ///
    /// # Errors
    /// Something is.
    #[inline]
    pub fn end(&mut self) -> Fallible<()> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.unexpected("the end of the line")) }
    }

    /// Takes a string.
    ///
    /// # Errors
    /// There is none, or it is not closed, or holds a bad escape or a control character.
    #[inline(always)]
    pub fn string(&mut self) -> Fallible<Quoted<'b>> {
        if self.peek()? != b'"' {
            return Err(self.unexpected("a text"));
        }
        let start = self.at + 1;
        match block::special(self.text.as_bytes(), start) {
            Some((end, Special::Quote)) => {
                self.at = end + 1;
                Ok(Quoted { raw: self.range(start, end), escaped: false })
            }
            _ => self.string_with_escapes(start),
        }
    }

    /// The rare rest of [`Cursor::string`], from after the opening quote.
    #[inline(never)]
    fn string_with_escapes(&mut self, start: usize) -> Fallible<Quoted<'b>> {
        let open = self.at;
        self.at = start;
        loop {
            match block::special(self.text.as_bytes(), self.at) {
                Some((end, Special::Quote)) => {
                    self.at = end + 1;
                    return Ok(Quoted { raw: self.range(start, end), escaped: true });
                }
                Some((at, Special::Backslash)) => {
                    self.at = at;
                    self.escape()?;
                }
                Some((at, Special::Control)) => {
                    self.at = at;
                    return Err(self.malformed("a control character stands in a text; it must be escaped"));
                }
                None => {
                    self.at = open;
                    return Err(self.malformed("the text that begins here is not closed"));
                }
            }
        }
    }

    fn escape(&mut self) -> Fallible<()> {
        match self.text.as_bytes().get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => match self.unicode_escape()? {
                0xD800..0xDC00 => {
                    let second = if self.byte() == Some(b'\\') { self.unicode_escape()? } else { 0 };
                    if matches!(second, 0xDC00..0xE000) { Ok(()) } else { Err(self.lone_surrogate()) }
                }
                0xDC00..0xE000 => Err(self.lone_surrogate()),
                _ => Ok(()),
            },
            _ => Err(self.malformed("there is no such escape in JSON")),
        }
    }

    fn unicode_escape(&mut self) -> Fallible<u32> {
        let code = self.text.as_bytes().get(self.at..self.at + 6).and_then(|bytes| match bytes {
            [b'\\', b'u', digits @ ..] => hexadecimal(digits),
            _ => None,
        });
        match code {
            Some(code) => {
                self.at += 6;
                Ok(code)
            }
            None => Err(self.malformed("an escape `\\u` needs four hexadecimal digits")),
        }
    }

    /// Takes a number of any form and gives its text.
    ///
    /// # Errors
    /// It is not a JSON number.
    #[inline]
    pub fn number(&mut self) -> Fallible<&'b str> {
        self.peek()?;
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1;
            if matches!(self.byte(), Some(b'0'..=b'9')) {
                return Err(self.malformed("a number must not begin with a zero"));
            }
        } else {
            self.some_digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(self.range(start, self.at))
    }

    #[inline(always)]
    fn some_digits(&mut self) -> Fallible<()> {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(self.unexpected("a digit")) }
    }

    /// Takes `true`, `false` or `null`.
    ///
    /// # Errors
    /// Another word stands there.
    #[inline]
    pub fn word(&mut self, word: &'static str) -> Fallible<()> {
        let end = self.at + word.len();
        if self.text.as_bytes().get(self.at..end) == Some(word.as_bytes()) {
            self.at = end;
            Ok(())
        } else {
            Err(self.unexpected("a value"))
        }
    }

    /// Checks a value of any kind and passes over it.
    ///
    /// # Errors
    /// It is not JSON.
    #[inline(always)]
    pub fn skip(&mut self) -> Fallible<()> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' | b'[' => self.skip_nested(),
            _ => self.skip_scalar(),
        }
    }

    #[inline]
    fn skip_scalar(&mut self) -> Fallible<()> {
        match self.peek()? {
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            b'-' | b'0'..=b'9' => match block::plain_integer(self.text.as_bytes(), self.at) {
                Some((_, end)) => {
                    self.at = end;
                    Ok(())
                }
                None => self.number().map(drop),
            },
            _ => Err(self.unexpected("a value")),
        }
    }

    /// Passes over an object or list without recursion: the open ones are bits of a stack, set for objects.
    fn skip_nested(&mut self) -> Fallible<()> {
        let mut objects = 0_u128;
        let mut depth = 0;
        loop {
            // A value is due here.
            let open = self.peek()?;
            let closed = if open == b'{' || open == b'[' {
                self.enter(&mut depth)?;
                objects = objects << 1 | u128::from(open == b'{');
                self.at += 1;
                let close = open + 2;
                if self.peek()? == close {
                    true
                } else {
                    if open == b'{' {
                        self.member_name()?;
                    }
                    continue;
                }
            } else {
                if open == b'"' {
                    self.string()?;
                } else {
                    self.skip_scalar()?;
                }
                false
            };
            if closed {
                self.at += 1;
                objects >>= 1;
                depth -= 1;
            }
            if self.close_or_go_on(&mut objects, &mut depth)? {
                return Ok(());
            }
        }
    }

    /// After a value inside the open objects and lists: closes those that end here. True when none is left.
    #[inline]
    fn close_or_go_on(&mut self, objects: &mut u128, depth: &mut u32) -> Fallible<bool> {
        loop {
            if *depth == 0 {
                return Ok(true);
            }
            let in_object = *objects & 1 == 1;
            match self.peek()? {
                b',' => {
                    self.at += 1;
                    if in_object {
                        self.member_name()?;
                    }
                    return Ok(false);
                }
                b'}' if in_object => {}
                b']' if !in_object => {}
                _ => return Err(self.unexpected(if in_object { "`,` or `}`" } else { "`,` or `]`" })),
            }
            self.at += 1;
            *objects >>= 1;
            *depth -= 1;
        }
    }

    /// Counts one more open object or list.
    ///
    /// # Errors
    /// It is one too many.
    pub fn enter(&self, depth: &mut u32) -> Fallible<()> {
        if *depth >= DEPTH {
            return Err(self.malformed("objects and lists are nested more than 128 deep"));
        }
        *depth += 1;
        Ok(())
    }

    /// Takes a member's name and colon.
    ///
    /// # Errors
    /// There is none.
    #[inline]
    pub fn member_name(&mut self) -> Fallible<Quoted<'b>> {
        if self.peek()? != b'"' {
            return Err(self.unexpected("a member's name in quotes"));
        }
        let name = self.string()?;
        self.take(b':', "`:`")?;
        Ok(name)
    }

    /// Tells that the text ends too early.
    #[cold]
    fn ends(&self) -> Box<Fault> {
        self.malformed("the text ends in the middle of a value")
    }

    /// Tells that something else is due at the cursor.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn unexpected(&self, due: &str) -> Box<Fault> {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => self.ends(),
            Some(found) => {
                let found = crate::value::quoted(found.encode_utf8(&mut [0; 4]));
                self.malformed(&format!("{found} stands where {due} is due"))
            }
        }
    }

    /// Tells what is wrong at the cursor.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn malformed(&self, what: &str) -> Box<Fault> {
        Fault::new(FaultCode::Malformed, format!("not valid JSON at byte {}: {what}", self.at + 1))
    }

    #[cold]
    fn lone_surrogate(&self) -> Box<Fault> {
        self.malformed("an escape `\\u` names half of a surrogate pair without the other half")
    }
}

/// The part of a text between two places at which tokens begin or end.
#[inline(always)]
pub fn between(text: &str, start: usize, end: usize) -> &str {
    debug_assert!(text.is_char_boundary(start) && text.is_char_boundary(end) && start <= end);
    // SAFETY: every caller passes places before or after an ASCII byte that was read inside the text (a quote, digit,
    // bracket), in order; these are character boundaries within it.
    unsafe { text.get_unchecked(start..end) }
}
