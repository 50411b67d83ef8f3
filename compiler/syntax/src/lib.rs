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

pub use error::{SyntaxError, SyntaxErrorKind};
pub use parse::{MAX_FILE_BYTES, Parse, decode, parse, parse_bytes};
pub use token::{Token, TokenKind, tokens};
