//! What is said of a step at its keyword: what it reads and what it adds.

use nsf_analysis::index::{ScopeName, SymbolKind};
use nsf_diagnostics::{Location, Span};
use nsf_syntax::ast::{Block, ItemKind, Step, StepFunctionBody, StepKind};

use super::Hovered;
use crate::features::completion::step_docs;
use crate::known;

impl Hovered<'_, '_> {
    /// Words on the step whose keyword stands there.
    pub(super) fn step(&self, keyword: Span) -> Option<String> {
        let (step, next) = self.find(keyword)?;
        let word = keyword.text(self.place.view.text());
        let mut parts = vec![format!("**{word}**: {}", step_docs(word)?)];
        let at = |span: Span| span.in_file(self.known.file);
        let before = self.scope_of(step.span);
        let reads = self.reads(step, before);
        if !reads.is_empty() {
            parts.push(format!("reads {}", reads.join(", ")));
        }
        let added: Vec<String> = match next {
            Some(next) => {
                let is_new = |own: &&ScopeName| !before.iter().any(|other| other.name == own.name);
                let new = self.scope_of(next.span).iter().filter(is_new);
                new.map(|own| format!("`{}: {}`", own.name, known::detail(own, self.known))).collect()
            }
            None => self.declared_in(at(step.span)),
        };
        if !added.is_empty() {
            parts.push(format!("adds {}", added.join(", ")));
        }
        let fields: Vec<&str> = before.iter().filter(|own| !own.local).map(|own| own.name.as_str()).collect();
        if !fields.is_empty() {
            parts.push(format!("the record before it: {}", fields.join(", ")));
        }
        Some(parts.join("\n\n"))
    }

    /// The step whose keyword stands at a place, with the one behind it.
    fn find(&self, keyword: Span) -> Option<(&Step, Option<&Step>)> {
        let item = self.known.item_around(keyword.start)?;
        let block = match &item.kind {
            ItemKind::Flow(flow) => &flow.body,
            ItemKind::StepFunction(function) => match &function.body {
                StepFunctionBody::Expand(block) => block,
                _ => return None,
            },
            _ => return None,
        };
        let mut blocks = vec![block];
        while let Some(block) = blocks.pop() {
            for (index, step) in block.steps.iter().enumerate() {
                if step.span.start == keyword.start {
                    return Some((step, block.steps.get(index + 1)));
                }
                blocks.extend(blocks_of(step));
            }
        }
        None
    }

    fn scope_of(&self, step: Span) -> &[ScopeName] {
        let index = &self.known.analysis.index;
        index.scope_at(self.known.file, step.start).map_or(&[], |own| &own.names)
    }

    /// The names in scope that a step reads, written or implied.
    fn reads(&self, step: &Step, before: &[ScopeName]) -> Vec<String> {
        let index = &self.known.analysis.index;
        let inside = |at: &Location| step.span.start <= at.span.start && at.span.end <= step.span.end;
        let named = index.in_file(self.known.file).filter(|own| inside(&own.at) && own.at != own.symbol);
        let implied = index.implied().iter().filter(|own| own.at.file == self.known.file && inside(&own.at));
        let read: Vec<Location> =
            named.map(|own| own.symbol).chain(implied.filter_map(|own| own.value)).map(|at| index.root(at)).collect();
        let is_read = |own: &&ScopeName| own.symbol.is_some_and(|symbol| read.contains(&index.root(symbol)));
        before.iter().filter(is_read).map(|own| format!("`{}`", own.name)).collect()
    }

    /// The fields that are declared in a step.
    fn declared_in(&self, step: Location) -> Vec<String> {
        let index = &self.known.analysis.index;
        let inside = |at: &Location| step.span.start <= at.span.start && at.span.end <= step.span.end;
        let own = index.in_file(self.known.file).filter(|own| own.at == own.symbol && inside(&own.at));
        own.filter_map(|own| {
            let symbol = index.symbol(own.symbol)?;
            let ty = symbol.ty.as_ref().filter(|_| symbol.kind == SymbolKind::Field)?;
            Some(format!("`{}: {ty}`", self.text(own.at)))
        })
        .collect()
    }
}

/// The blocks of steps in a step.
pub(crate) fn blocks_of(step: &Step) -> Vec<&Block> {
    match &step.kind {
        StepKind::When { arms, otherwise } => arms.iter().map(|(_, block)| block).chain(otherwise).collect(),
        StepKind::Each { body, .. } => vec![body],
        _ => Vec::new(),
    }
}
