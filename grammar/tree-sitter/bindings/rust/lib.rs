//! NSF for editors: the grammar as tree-sitter reads it, and its queries. The compiler does not use it.

use tree_sitter_language::LanguageFn;

unsafe extern "C" {
    fn tree_sitter_nsf() -> *const ();
}

/// The language, for `tree_sitter::Parser::set_language`.
// SAFETY: the function is the one that the generator wrote for this language.
pub const LANGUAGE: LanguageFn = unsafe { LanguageFn::from_raw(tree_sitter_nsf) };

/// Which nodes have which fields and parts, as JSON.
pub const NODE_TYPES: &str = include_str!("../../src/node-types.json");

/// Colours, by the names of tree-sitter and Neovim.
pub const HIGHLIGHTS_QUERY: &str = include_str!("../../queries/highlights.scm");

/// Names that are known in one place only.
pub const LOCALS_QUERY: &str = include_str!("../../queries/locals.scm");

/// Other languages inside.
pub const INJECTIONS_QUERY: &str = include_str!("../../queries/injections.scm");

/// What a code host lists.
pub const TAGS_QUERY: &str = include_str!("../../queries/tags.scm");
