//! Workflow commands of GitHub Actions, which show a diagnostic beside the changed line.

use super::{extent, fix_word, note_word, severity_word};
use crate::{Diagnostic, SourceMap};

/// `::error file=…,line=…,…::message`, a line each.
#[must_use]
pub fn github(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut output = String::new();
    for diagnostic in diagnostics {
        let title = format!("{} {}", diagnostic.code.id, diagnostic.code.slug);
        let mut properties = Vec::new();
        if let Some((path, start, end)) = extent(diagnostic.location(), sources) {
            properties.push(format!("file={}", property(path)));
            properties.push(format!("line={}", start.line));
            properties.push(format!("endLine={}", end.line));
            // Columns are refused for a range of several lines.
            if start.line == end.line {
                properties.push(format!("col={}", start.column));
                properties.push(format!("endColumn={}", end.column));
            }
        }
        properties.push(format!("title={}", property(&title)));
        let word = severity_word(diagnostic.severity());
        output.push_str(&format!("::{word} {}::{}\n", properties.join(","), data(&body(diagnostic))));
    }
    output
}

/// The message, what the primary label adds, notes and fixes, a line each.
fn body(diagnostic: &Diagnostic) -> String {
    let mut lines = vec![diagnostic.message.clone()];
    lines.extend(diagnostic.labels.first().map(|label| label.message.clone()).filter(|label| !label.is_empty()));
    lines.extend(diagnostic.notes.iter().map(|note| format!("{}: {}", note_word(note.kind), note.text)));
    let fixes = diagnostic.suggestions.iter();
    lines.extend(fixes.map(|fix| format!("{}: {}", fix_word(fix.applicability), fix.message)));
    lines.join("\n")
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
