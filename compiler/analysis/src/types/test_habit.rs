//! What people write in tests who come from other languages.

use nsf_diagnostics::{Applicability, Span, Suggestion, TextEdit};
use nsf_syntax::ast::{self, ExprKind};

use super::{Checker, step_message as message};
use crate::names::Resolution;

impl Checker<'_> {
    /// Whether a part of a test names a row without its key, or with one in brackets; reports it.
    pub(super) fn is_row_without_key(&mut self, module: u32, expr: &ast::Expr) -> bool {
        let (name, span, key) = match &expr.kind {
            ExprKind::Name(name) => (name, expr.span, None),
            ExprKind::Index(object, key) => match &object.kind {
                ExprKind::Name(name) => (name, object.span, Some(key)),
                _ => return false,
            },
            _ => return false,
        };
        let Resolution::Item(item) = self.names.lookup(module, name) else { return false };
        if !self.has_rows(item) {
            return false;
        }
        self.used.insert(item);
        let Some(target) = self.row_target(item) else { return true };
        let keys: Vec<String> = self.row_keys(target).into_iter().map(|(key, _)| key).collect();
        let location = self.at(module, span);
        let Some(key) = key else {
            let text = format!("whose `{name}`? a row is read by its key: `{name}(…)`");
            let help = format!("it is kept by ({})", keys.join(", "));
            self.diagnostics.push(message::test(location, text).help(help));
            return true;
        };
        let written = self.sources.text(self.at(module, key.span)).to_owned();
        let text = format!("a row is read by its key in parentheses: `{name}({written})`");
        let edit = |from: u32, to: u32, sign: &str| {
            let location = self.at(module, Span::new(from, to));
            let replacement = self.sources.text(location).replace(['[', ']'], sign);
            TextEdit { location, replacement }
        };
        let edits = vec![edit(span.end, key.span.start, "("), edit(key.span.end, expr.span.end, ")")];
        let fix = Suggestion { message: "write parentheses".to_owned(), edits, applicability: Applicability::Certain };
        self.diagnostics.push(message::test(location, text).suggest(fix));
        true
    }
}
