//! Where a part of the plan was written.

use serde::{Deserialize, Serialize};

/// A `.nsf` file that the plan was compiled from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceText {
    /// Path relative to the project, with `/`.
    pub path: String,
    /// SHA-256 of the text, in hexadecimal.
    pub sha256: String,
}

/// A place in a [`SourceText`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Index into `Plan::files`.
    pub file: u32,
    /// Line, from 1.
    pub line: u32,
}
