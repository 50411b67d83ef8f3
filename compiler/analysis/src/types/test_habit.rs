//! What people write in tests who come from other languages.

use nsf_diagnostics::{Applicability, Diagnostic, Span, Suggestion, TextEdit, codes};
use nsf_syntax::ast::{self, ExprKind};

use super::{Checker, step_message as message};
use crate::names::Resolution;

impl Checker<'_> {
    /// Whether a test expects messages of a flow, and not of a topic; reports it.
    pub(super) fn is_flow_for_topic(&mut self, module: u32, connector: &ast::Expr) -> bool {
        let ExprKind::Name(name) = &connector.kind else { return false };
        let Resolution::Item(item) = self.names.lookup(module, name) else { return false };
        if !matches!(self.names.item(item).kind, ast::ItemKind::Flow(_)) {
            return false;
        }
        let own = format!("{}/", self.names.full_name(item));
        let mut topics: Vec<String> = Vec::new();
        for pipeline in &self.program.pipelines {
            pipeline.value.body.walk(&mut |step| {
                if let nsf_plan::StepKind::ExpandTopic(expand) = &step.kind
                    && step.id.starts_with(&own)
                    && let Some(topic) =
                        self.program.topics.get(expand.topic.index()).filter(|topic| !topic.value.internal)
                {
                    let connector = &topic.value.connector;
                    topics.push(format!("{}(\"{}\")", connector.kind, connector.name));
                }
            });
        }
        topics.dedup();
        let location = self.at(module, connector.span);
        let text = format!("`{name}` is a flow: what it sends is looked for in its topic");
        let mut diagnostic = Diagnostic::new(&codes::E0505, location, text);
        diagnostic = match topics.as_slice() {
            [one] => diagnostic.suggest(Suggestion::likely(format!("write `{one}`"), location, one.as_str())),
            [] => diagnostic.help("it sends to no topic"),
            several => diagnostic.help(format!(
                "it sends to {}",
                several.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ")
            )),
        };
        self.diagnostics.push(diagnostic);
        true
    }

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
