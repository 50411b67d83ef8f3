//! Diagnostics as text for a person, a line for an editor, or data for a machine: one file a form.
//!
//! Every renderer takes the diagnostics in the order in which they are to appear and the texts they speak of, and
//! gives the whole output as one text; it does no IO and knows nothing of a terminal but what it is told.

mod excerpt;
mod github;
mod json;
mod sarif;
mod short;
mod terminal;

pub use github::github;
pub use json::{json, json_value};
pub use sarif::sarif;
pub use short::short;
pub use terminal::{TerminalOptions, terminal};

use crate::{Applicability, Diagnostic, LineColumn, Location, NoteKind, Severity, SourceMap};

/// The last line of a run: "2 errors, 1 warning"; nothing when there is nothing to count.
#[must_use]
pub fn summary(diagnostics: &[Diagnostic]) -> Option<String> {
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity() == severity).count();
    let parts: Vec<String> = [(count(Severity::Error), "error"), (count(Severity::Warning), "warning")]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}{}", if number == 1 { "" } else { "s" }))
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// How many of the diagnostics `--fix` would mend: those with a fix that is certain.
#[must_use]
pub fn fixable(diagnostics: &[Diagnostic]) -> usize {
    let certain =
        |diagnostic: &&Diagnostic| diagnostic.suggestions.iter().any(|fix| fix.applicability == Applicability::Certain);
    diagnostics.iter().filter(certain).count()
}

/// The severity as it is written before a message.
const fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// What stands before a note.
const fn note_word(kind: NoteKind) -> &'static str {
    match kind {
        NoteKind::Note => "note",
        NoteKind::Help => "help",
    }
}

/// What stands before a fix.
const fn fix_word(applicability: Applicability) -> &'static str {
    match applicability {
        Applicability::Certain => "fix",
        Applicability::Likely => "perhaps",
    }
}

/// Path, start and end of a location, with the offsets held inside the text; nothing when the file is unknown.
fn extent(location: Location, sources: &SourceMap) -> Option<(&str, LineColumn, LineColumn)> {
    let file = sources.get(location.file)?;
    let (start, end) = excerpt::bounds(location.span, &file.text);
    Some((file.path.as_str(), file.line_column(start as u32), file.line_column(end as u32)))
}

/// The text on one line: line breaks become blanks, and characters that a terminal would obey become visible.
fn one_line(text: &str, ascii: bool) -> String {
    let joined = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    excerpt::printable(&joined, ascii)
}

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
