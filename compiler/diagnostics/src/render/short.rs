//! One line a diagnostic, for editors, `grep` and people who want an overview.

use super::{extent, one_line, severity_word};
use crate::{Diagnostic, SourceMap};

/// `path:line:col: error[E0101]: message`, a line each. What the primary label says follows the message when it says
/// more, so that the line makes sense without an excerpt.
#[must_use]
pub fn short(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut output = String::new();
    for diagnostic in diagnostics {
        if let Some((path, start, _)) = extent(diagnostic.location(), sources) {
            output.push_str(&format!("{path}:{}:{}: ", start.line, start.column));
        }
        output.push_str(severity_word(diagnostic.severity()));
        output.push_str(&format!("[{}]: {}", diagnostic.code.id, one_line(&diagnostic.message, false)));
        let label = diagnostic.labels.first().map_or("", |label| label.message.as_str());
        if !label.is_empty() && !diagnostic.message.contains(label) {
            output.push_str(&format!(" ({})", one_line(label, false)));
        }
        output.push('\n');
    }
    output
}
