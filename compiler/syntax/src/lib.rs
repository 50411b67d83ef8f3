//! Text to tree: [`parse`] never fails; it gives the syntax tree of what could be read, and every mistake it found.
//!
//! The way of a text: `split` cuts it into items at the keywords in column 0; pest parses each item strictly
//! (`grammar/nsf.pest`); `lower` turns pest's tree into the syntax tree at once; `recover` reads a broken item statement
//! by statement.

pub mod ast;
mod error;
pub mod format;
mod grammar;
mod lower;
mod parse;
mod recover;
mod scan;
mod split;
mod time;
mod token;
mod trim;
pub mod walk;

pub use error::{Form, Habit, SyntaxError, SyntaxErrorKind};
pub use parse::{MAX_FILE_BYTES, Parse, decode, parse, parse_bytes};
pub use scan::ITEM_KEYWORDS;
pub use token::{Token, TokenKind, tokens};

/// Bytes of stack that reading or formatting takes at most, with room to spare: what is nested has a limit, and a
/// thread may have less.
const STACK: usize = 16 * 1024 * 1024;

/// Runs with enough stack for the deepest text that is read.
fn with_stack<R>(run: impl FnOnce() -> R) -> R {
    stacker::maybe_grow(STACK, STACK, run)
}
