//! The format: what each construct becomes, what stays, what is refused.

#![allow(clippy::panic)] // These functions only stand in tests.

mod columns;
mod comments;
mod files;
mod lines;

use nsf_syntax::format::format_text;

/// Formats, and checks that formatting again changes nothing.
pub fn formatted(text: &str) -> String {
    let once = format_text(text).unwrap_or_else(|refusal| panic!("{refusal}\n{text}"));
    let twice = format_text(&once).unwrap_or_else(|refusal| panic!("{refusal}\n{once}"));
    assert_eq!(once, twice, "formatting twice is not formatting once");
    once
}

/// Checks what `before` becomes.
pub fn becomes(before: &str, after: &str) {
    assert_eq!(formatted(before), after);
}

/// Checks that `text` is in the format already.
pub fn stays(text: &str) {
    becomes(text, text);
}
