//! What an editor asks for, a file a request.

pub(crate) mod actions;
pub(crate) mod completion;
pub(crate) mod folding;
pub(crate) mod formatting;
pub(crate) mod hierarchy;
pub(crate) mod hints;
pub(crate) mod hover;
pub(crate) mod lenses;
pub(crate) mod links;
pub(crate) mod navigation;
pub(crate) mod pull;
pub(crate) mod refactor;
pub(crate) mod renaming;
pub(crate) mod selection;
pub(crate) mod signatures;
pub(crate) mod symbols;
pub(crate) mod tokens;
pub(crate) mod workspace_symbols;
