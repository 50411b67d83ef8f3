//! Bytes of a file as program text.

use std::borrow::Cow;

use nsf_diagnostics::{Diagnostic, FileId};

/// Why bytes are not a program text.
pub enum TextMistake {}

impl TextMistake {
    /// The mistake as a diagnostic of `file`.
    pub fn diagnostic(&self, _file: FileId) -> Diagnostic {
        match *self {}
    }
}

/// The text that `bytes` hold; what is not UTF-8 is replaced, and the first such place is the mistake.
pub fn decode(bytes: &[u8]) -> (Cow<'_, str>, Option<TextMistake>) {
    (String::from_utf8_lossy(bytes), None)
}
