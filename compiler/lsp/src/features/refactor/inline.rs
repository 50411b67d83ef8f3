//! The body of a step function in the place of its call.

use gen_lsp_types::{CodeAction, CodeActionKind};
use nsf_diagnostics::{Location, Span};
use nsf_syntax::ast::{FunctionKind, ItemKind, StepCall, StepFunction, StepFunctionBody, StepKind};

use super::Refactor;
use crate::signature::keyword;

impl Refactor<'_, '_> {
    pub(super) fn inline(&self) -> Option<CodeAction> {
        let step = self.step()?;
        let StepKind::Call(call) = &step.kind else { return None };
        let named = self.known.item(&call.name.text)?;
        let ItemKind::StepFunction(function) = &named.item.kind else { return None };
        if function.kind != call.keyword {
            return None;
        }
        let body = self.body(function, named.file)?;
        let names = self.names(function, call)?;
        let words = self.renamed(body, named.file, &names)?;
        let margin = super::indent(self.text(), step.span.start);
        let title = format!("write `{}` out here", call.name.text);
        let new = match function.kind {
            FunctionKind::Verify | FunctionKind::Calculate => format!("{} {}", keyword(function.kind), words),
            FunctionKind::Save => {
                let state = &function.target.as_ref()?.text;
                let row = self.known.row(self.known.row_named(state)?);
                let bound = |name: &str| names.iter().find(|(own, _)| own == name).map(|(_, value)| value);
                let keys = row.iter().filter(|own| own.is_key);
                let keys = keys.filter_map(|own| Some(format!("{}: {}", own.name, bound(&own.name)?)));
                let keys: Vec<String> = keys.collect();
                let keys = if keys.is_empty() { String::new() } else { format!("({})", keys.join(", ")) };
                format!("save {state}{keys} {words}")
            }
            // The steps alone.
            FunctionKind::Expand => {
                let inner = words.trim_start_matches('{').trim_end_matches('}').trim();
                inner.to_owned()
            }
            FunctionKind::Load => return None,
        };
        let new = moved(&new, margin);
        self.action(title, CodeActionKind::RefactorInline, vec![self.edit(step.span, new)])
    }

    /// The braces of a function with what is in them; none where they declare names of their own, which would get others.
    fn body(&self, function: &StepFunction, file: nsf_diagnostics::FileId) -> Option<Span> {
        if let StepFunctionBody::Calculate(statements) = &function.body
            && statements.is_empty()
        {
            return None;
        }
        let source = self.known.analysis.sources.get(file)?;
        let item = self.known.item_at(function.name.span.in_file(file))?.item.span;
        let head = function.outputs.iter().chain(&function.inputs).map(|own| own.ty.span.end).max();
        let head = head.unwrap_or(function.name.span.end).max(function.target.as_ref().map_or(0, |own| own.span.end));
        let open = source.text.get(head as usize..item.end as usize)?.find('{')? as u32 + head;
        Some(Span::new(open, item.end))
    }

    /// What the names of inputs and outputs are at the call.
    fn names(&self, function: &StepFunction, call: &StepCall) -> Option<Vec<(String, String)>> {
        let mut names = Vec::new();
        for input in &function.inputs {
            let bound = call.arguments.iter().flatten().find(|own| own.name.text == input.name.text);
            let value = bound.and_then(|own| own.value.as_ref());
            if let Some(value) = value {
                let written = value.span.text(self.text());
                let is_whole = written.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '"'));
                let written = if is_whole { written.to_owned() } else { format!("({written})") };
                names.push((input.name.text.to_string(), written));
            }
        }
        for (output, name) in &call.outputs {
            names.push((output.text.to_string(), name.text.to_string()));
        }
        Some(names)
    }

    /// A body in which names are replaced, by what they mean and not by how they look.
    fn renamed(&self, body: Span, file: nsf_diagnostics::FileId, names: &[(String, String)]) -> Option<String> {
        let source = self.known.analysis.sources.get(file)?;
        let index = &self.known.analysis.index;
        let function = self
            .known
            .items()
            .find(|own| own.file == file && own.item.span.start <= body.start && body.end <= own.item.span.end)?;
        let ItemKind::StepFunction(declared) = &function.item.kind else { return None };
        let symbol = |at: Location| {
            let parameters = declared.inputs.iter().chain(&declared.outputs);
            parameters.into_iter().find(|own| {
                own.name.span.in_file(file) == at || index.root(own.name.span.in_file(file)) == index.root(at)
            })
        };
        let mut text = String::new();
        let mut at = body.start;
        for own in index.in_file(file).filter(|own| body.start <= own.at.span.start && own.at.span.end <= body.end) {
            if own.at.span.start < at {
                continue;
            }
            let Some(parameter) = symbol(own.symbol) else { continue };
            let Some((_, new)) = names.iter().find(|(name, _)| *name == *parameter.name.text) else { continue };
            text.push_str(Span::new(at, own.at.span.start).text(&source.text));
            let rest = source.text.get(own.at.span.end as usize..).unwrap_or_default();
            let before = source.text.get(..own.at.span.start as usize).unwrap_or_default().trim_end();
            // In `{ a }` the name says which member it is, too.
            let is_short = before.ends_with(['{', ',']) && rest.trim_start().starts_with([',', '}']);
            if is_short {
                text.push_str(&format!("{}: ", parameter.name.text));
            }
            text.push_str(new);
            at = own.at.span.end;
        }
        text.push_str(Span::new(at, body.end).text(&source.text));
        Some(text)
    }
}

/// A text whose lines but the first are moved in.
fn moved(text: &str, margin: &str) -> String {
    text.replace('\n', &format!("\n{margin}"))
}
