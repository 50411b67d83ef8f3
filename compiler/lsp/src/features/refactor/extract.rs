//! A step function of a step that is written in braces.

use gen_lsp_types::{CodeAction, CodeActionKind};
use nsf_analysis::index::{ScopeValue, SymbolKind};
use nsf_diagnostics::{Location, Span};
use nsf_syntax::ast::{FunctionKind, Item, Step, StepKind};

use super::Refactor;
use crate::signature::keyword;

impl Refactor<'_, '_> {
    pub(super) fn extract(&self) -> Option<CodeAction> {
        let step = self.step()?;
        let (kind, body) = match &step.kind {
            StepKind::Verify(checks) if !checks.is_empty() => (FunctionKind::Verify, step.span),
            StepKind::Calculate(statements) if !statements.is_empty() => (FunctionKind::Calculate, step.span),
            StepKind::Save(save) if save.keys.is_none() => (FunctionKind::Save, step.span),
            _ => return None,
        };
        // A row that is loaded in the flow is not there in a function.
        let inputs = self.inputs(step, kind)?;
        let outputs = if kind == FunctionKind::Calculate { self.outputs(step)? } else { Vec::new() };
        let item = self.item()?;
        let text = self.text();
        let open = body.text(text).find('{')? as u32 + body.start;
        let braces = Span::new(open, body.end).text(text);
        let name = self.free_name(keyword(kind));
        let list = |all: &[(String, String)]| {
            all.iter().map(|(name, ty)| format!("{name}: {ty}")).collect::<Vec<_>>().join(", ")
        };
        let mut head = format!("{} {name}({})", keyword(kind), list(&inputs));
        if let StepKind::Save(save) = &step.kind {
            head.push_str(&format!(" into {}", save.state.text));
        }
        if kind == FunctionKind::Calculate {
            head.push_str(&format!(" -> ({})", list(&outputs)));
        }
        let margin = super::indent(text, step.span.start);
        let braces = braces.replace(&format!("\n{margin}"), "\n");
        let function = format!("{head} {braces}\n\n");
        let edits = vec![
            self.edit(Span::at(self.start_of(item)), function),
            self.edit(step.span, format!("{} {name}", keyword(kind))),
        ];
        self.action(format!("make a {} function of it", keyword(kind)), CodeActionKind::RefactorExtract, edits)
    }

    /// The fields that a step reads, with their types; none where it reads what a function cannot get.
    fn inputs(&self, step: &Step, kind: FunctionKind) -> Option<Vec<(String, String)>> {
        let index = &self.known.analysis.index;
        let scope = index.scope_at(self.known.file, step.span.start)?;
        let keys: Vec<String> = match &step.kind {
            StepKind::Save(save) => {
                let row = self.known.row(self.known.row_named(&save.state.text)?);
                row.into_iter().filter(|own| own.is_key).map(|own| own.name).collect()
            }
            _ => Vec::new(),
        };
        let read: Vec<Location> =
            self.uses_in(step.span).filter(|own| own.at != own.symbol).map(|own| index.root(own.symbol)).collect();
        let mut inputs = Vec::new();
        for own in &scope.names {
            let Some(symbol) = own.symbol else { continue };
            let is_key = keys.iter().any(|key| *key == *own.name);
            if !is_key && !read.contains(&index.root(symbol)) {
                continue;
            }
            match &own.value {
                ScopeValue::Value(ty) if !own.local => inputs.push((own.name.to_string(), ty.to_string())),
                // A save names its state, and a function may do so, too.
                ScopeValue::Row(..) if kind == FunctionKind::Save => {}
                _ => return None,
            }
        }
        Some(inputs)
    }

    /// The fields that a `calculate` makes; none where it replaces one, which no function can.
    fn outputs(&self, step: &Step) -> Option<Vec<(String, String)>> {
        let StepKind::Calculate(statements) = &step.kind else { return None };
        let index = &self.known.analysis.index;
        let mut outputs = Vec::new();
        for statement in statements.iter().filter(|own| !own.local) {
            let at = self.at(statement.name.span);
            let symbol = index.symbol(at).filter(|symbol| symbol.kind == SymbolKind::Field);
            let is_new = self.uses_in(statement.name.span).any(|own| own.at == at && own.symbol == at);
            let ty = symbol.and_then(|symbol| symbol.ty.as_ref()).filter(|_| is_new)?;
            outputs.push((statement.name.text.to_string(), ty.to_string()));
        }
        (!outputs.is_empty()).then_some(outputs)
    }

    fn uses_in(&self, span: Span) -> impl Iterator<Item = &nsf_analysis::index::Use> {
        let all = self.known.analysis.index.in_file(self.known.file);
        all.filter(move |own| span.start <= own.at.span.start && own.at.span.end <= span.end)
    }

    /// Where an item begins, its comments among it.
    fn start_of(&self, item: &Item) -> u32 {
        let text = self.text();
        let mut start = item.span.start as usize;
        while let Some(before) = text.get(..start.saturating_sub(1)) {
            let line = before.rfind('\n').map_or(0, |at| at + 1);
            let is_comment =
                text.get(line..start).is_some_and(|line| line.starts_with("//") && !line.starts_with("//!"));
            if start == 0 || !is_comment {
                break;
            }
            start = line;
        }
        start as u32
    }

    /// A name that nothing has.
    fn free_name(&self, word: &str) -> String {
        let is_free = |name: &String| {
            self.known.item(name).is_none()
                && !self.known.analysis.index.symbols().any(|(at, _)| self.known.analysis.sources.text(at) == name)
        };
        let first = format!("{word}_step");
        let more = (2..).map(|number| format!("{word}_step_{number}"));
        std::iter::once(first).chain(more).find(is_free).unwrap_or_default()
    }
}
