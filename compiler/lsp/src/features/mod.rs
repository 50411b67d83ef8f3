//! What an editor asks for, a file a request.

pub(crate) mod actions;
pub(crate) mod formatting;
pub(crate) mod navigation;
pub(crate) mod renaming;
pub(crate) mod symbols;
