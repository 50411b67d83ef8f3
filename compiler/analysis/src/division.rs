//! A comment that is a division in another language: `n // 60` gives `n`, without a word.

use nsf_diagnostics::{Diagnostic, FileId, Span, Suggestion, codes};
use nsf_syntax::ast::File;

/// What is to be said of the comments of a file.
pub(crate) fn told(file: FileId, text: &str, tree: &File) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for comment in tree.comments.iter().filter(|comment| !comment.own_line) {
        let number = comment.span.text(text).trim_start_matches('/').trim();
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
        let before = text.get(..comment.span.start as usize).unwrap_or("");
        let line = before.rsplit('\n').next().unwrap_or("").trim_end();
        // What is divided: a name, with what it belongs to, or something in brackets.
        let start =
            line.rfind(|sign: char| !sign.is_alphanumeric() && sign != '_' && sign != '.').map_or(0, |at| at + 1);
        let operand = line.get(start..).unwrap_or("");
        let is_name = operand.starts_with(|first: char| first.is_alphabetic() || first == '_');
        if !is_number || !line.contains('=') || !(is_name || line.ends_with(')')) {
            continue;
        }
        let diagnostic =
            Diagnostic::new(&codes::W0201, comment.span.in_file(file), "`//` begins a comment, and divides nothing")
                .label("a comment that is a number");
        found.push(if is_name && !line.ends_with(')') {
            let end = before.trim_end().len() as u32;
            let whole = Span::new(end - operand.len() as u32, comment.span.end).in_file(file);
            let meant = format!("div({operand}, {number})");
            diagnostic.suggest(Suggestion::likely(format!("write `{meant}`"), whole, meant))
        } else {
            diagnostic
                .help("`div(a, b)` divides and leaves the fraction away; a comment may stand on a line of its own")
        });
    }
    found
}
