//! What a diagnostic is made of, and which part is for whom.
//!
//! A pass finds a mistake and keeps its *facts* in an enum of its own; [`IntoDiagnostic`] turns the facts into a
//! [`Diagnostic`]: a stable [`Code`], one message in the writer's words, the place that is the cause (the primary
//! label), other places that explain it (secondary labels), notes, and [`Suggestion`]s, which are fixes as data.
//! Renderers turn diagnostics into text for a person, a line for an editor, or JSON for a machine.

mod catalogue;
mod code;
mod diagnostic;
pub mod render;
mod similar;
mod source;
mod span;
mod suggestion;

pub use catalogue::{Page, PageError, PageFile};
pub use code::{CODES, Code, Severity, Stage};
pub use diagnostic::{Diagnostic, Diagnostics, IntoDiagnostic, Label, Note, NoteKind};
pub use similar::{closest, closest_of, is_sure};
pub use source::{FileId, LineColumn, SourceFile, SourceMap, SourceText};
pub use span::{Location, Span};
pub use suggestion::{Applicability, Suggestion, TextEdit, apply_edits, certain_fixes};
pub mod codes {
    //! Every code by its name, as `codes::E0101`.
    pub use crate::code::all::*;
}
