//! Text to tree: [`parse`] never fails; it gives the syntax tree of what could be read, and every mistake it found.
//!
//! The way of a text: [`split`] cuts it into items at the keywords in column 0; pest parses each item strictly
//! (`grammar/nsf.pest`); [`lower`] turns pest's tree into the syntax tree at once.

pub mod ast;
pub mod format;
mod error;
mod grammar;
mod lower;
mod parse;
mod scan;
mod split;
mod time;
mod trim;

pub use error::{SyntaxError, SyntaxErrorKind};
pub use parse::{Parse, parse};
