//! The parser that pest makes from `grammar/nsf.pest`; nothing outside this crate sees it.
#![allow(missing_docs)]

/// The generated parser.
#[derive(pest_derive::Parser)]
#[grammar = "../../../grammar/nsf.pest"]
pub(crate) struct Grammar;

/// A node of pest's tree.
pub(crate) type Pair<'t> = pest::iterators::Pair<'t, Rule>;
