//! Inlay hints: what nobody wrote and a reader would like to know.

use gen_lsp_types as lsp;
use gen_lsp_types::{InlayHint, InlayHintKind, Label, Tooltip};
use nsf_analysis::index::SymbolKind;
use nsf_diagnostics::{Location, Span};
use nsf_plan::Guarantee;
use nsf_syntax::ast::{Block, FunctionKind, ItemKind, Step, StepCall, StepFunctionBody, StepKind};

use crate::features::hover::blocks_of;
use crate::known::Known;
use crate::view::Place;

/// The hints of a range.
pub(crate) fn hints(place: &Place<'_>, params: &lsp::InlayHintParams) -> Vec<InlayHint> {
    let known = Known { analysis: place.analysis, file: place.file };
    let mut hints = Hints { place, known, asked: place.view.span(params.range), found: Vec::new() };
    let wanted = place.view.client.hints;
    if wanted.types {
        hints.types();
    }
    for item in &place.view.tree().items {
        let block = match &item.kind {
            ItemKind::Flow(flow) => &flow.body,
            ItemKind::StepFunction(function) => match &function.body {
                StepFunctionBody::Expand(block) => block,
                _ => continue,
            },
            _ => continue,
        };
        if hints.is_asked(item.span) {
            hints.block(block);
        }
    }
    if wanted.guarantees {
        hints.guarantees();
    }
    hints.found.sort_by_key(|own| (own.position.line, own.position.character));
    hints.found
}

struct Hints<'p, 's> {
    place: &'p Place<'s>,
    known: Known<'s>,
    asked: Span,
    found: Vec<InlayHint>,
}

impl Hints<'_, '_> {
    fn is_asked(&self, span: Span) -> bool {
        span.start <= self.asked.end && self.asked.start <= span.end
    }

    fn add(&mut self, at: u32, label: String, kind: Option<InlayHintKind>, tooltip: &str) {
        if !self.is_asked(Span::at(at)) {
            return;
        }
        let is_type = kind == Some(InlayHintKind::Type);
        self.found.push(InlayHint {
            position: self.place.view.range(Span::at(at)).start,
            label: Label::String(label),
            kind,
            text_edits: None,
            tooltip: Some(Tooltip::String(tooltip.to_owned())),
            padding_left: Some(!is_type),
            padding_right: None,
            data: None,
        });
    }

    /// The types of what `calculate` and `let` make.
    fn types(&mut self) {
        let index = &self.known.analysis.index;
        let text: &str = self.place.view.text();
        for own in index.in_file(self.known.file).filter(|own| own.at == own.symbol) {
            let Some(symbol) = index.symbol(own.symbol) else { continue };
            let rest = text.get(own.at.span.end as usize..).unwrap_or_default().trim_start();
            let is_made = rest.starts_with('=') && !rest.starts_with("==") && !rest.starts_with("=>");
            let is_value = matches!(symbol.kind, SymbolKind::Local | SymbolKind::Field);
            if let (Some(ty), true) = (&symbol.ty, is_made && is_value) {
                self.add(
                    own.at.span.end,
                    format!(": {ty}"),
                    Some(InlayHintKind::Type),
                    "the type that follows from the value",
                );
            }
        }
    }

    fn block(&mut self, block: &Block) {
        for (index, step) in block.steps.iter().enumerate() {
            if self.is_asked(step.span) {
                self.step(step, block.steps.get(index + 1));
            }
        }
    }

    fn step(&mut self, step: &Step, next: Option<&Step>) {
        let wanted = self.place.view.client.hints;
        match &step.kind {
            StepKind::Call(call) => {
                if wanted.bindings && call.arguments.is_none() {
                    self.bindings(call.name.span);
                }
                if wanted.records {
                    self.added(step, call, next);
                }
            }
            StepKind::Save(save) if wanted.bindings && save.keys.is_none() => self.bindings(save.state.span),
            StepKind::Expand(expand) if wanted.bindings => {
                if let nsf_syntax::ast::ExpandTarget::Dimension(name, None) = &expand.target {
                    self.bindings(name.span);
                }
            }
            _ => {}
        }
        for inner in blocks_of(step) {
            self.block(inner);
        }
    }

    /// The keys or inputs that are the fields of their names.
    fn bindings(&mut self, name: Span) {
        let at = name.in_file(self.known.file);
        let implied = self.known.analysis.index.implied().iter().filter(|own| own.at == at);
        let names: Vec<String> = implied.map(|own| self.text(own.label)).collect();
        if !names.is_empty() {
            let label = format!("({})", names.join(", "));
            self.add(name.end, label, Some(InlayHintKind::Parameter), "bound to the fields of these names");
        }
    }

    /// The fields that a call adds to the record.
    fn added(&mut self, step: &Step, call: &StepCall, next: Option<&Step>) {
        if !matches!(call.keyword, FunctionKind::Calculate | FunctionKind::Load) {
            return;
        }
        let Some(ItemKind::StepFunction(function)) = self.known.item(&call.name.text).map(|own| &own.item.kind) else {
            return;
        };
        let renamed = |name: &str| {
            let found = call.outputs.iter().find(|(own, _)| own.text == name);
            found.map_or(name, |(_, other)| other.text.as_str()).to_owned()
        };
        let outputs = function.outputs.iter();
        let fields: Vec<String> = outputs
            .map(|own| format!("{}: {}", renamed(&own.name.text), nsf_analysis::types::type_text(&own.ty)))
            .collect();
        if !fields.is_empty() {
            let tooltip = if next.is_some() { "fields that the steps below have, too" } else { "fields that it adds" };
            self.add(step.span.end, format!("+ {}", fields.join(", ")), None, tooltip);
        }
    }

    /// What holds for what is sent.
    fn guarantees(&mut self) {
        let dag = &self.known.analysis.dag;
        let mut found = Vec::new();
        for node in dag.graph.node_indices() {
            let Some(outer) = dag.step(node) else { continue };
            let mut steps = vec![&outer.step];
            let mut expands = Vec::new();
            while let Some(step) = steps.pop() {
                if matches!(step.kind, nsf_plan::StepKind::ExpandDimension(_) | nsf_plan::StepKind::ExpandTopic(_)) {
                    expands.push(step);
                }
                for block in step.kind.blocks().into_iter().rev() {
                    steps.extend(block.steps.iter().rev());
                }
            }
            for (step, edge) in expands.into_iter().zip(&outer.expands) {
                let guarantee = dag.graph.edge_weight(*edge).and_then(|edge| edge.guarantee);
                if let (Some(guarantee), Some(place)) = (guarantee, dag.place(&step.id)) {
                    found.push((place.location, guarantee));
                }
            }
        }
        let here = found.into_iter().filter(|(at, _)| at.file == self.known.file);
        let mut here: Vec<(Location, Guarantee)> = here.collect();
        here.sort_by_key(|(at, guarantee)| (*at, *guarantee));
        // A function that several flows call promises what the weakest of them does.
        here.reverse();
        here.dedup_by_key(|(at, _)| *at);
        for (at, guarantee) in here {
            let (label, tooltip) = match guarantee {
                Guarantee::ExactlyOnce => ("exactly once", "it is there once, whatever is killed and replayed"),
                Guarantee::EffectivelyOnce => {
                    ("effectively once", "it may be sent again, with the same id and the same bytes")
                }
                Guarantee::AtLeastOnce => ("at least once", "it may be sent again"),
                Guarantee::MayDiffer => ("may differ", "it may be sent again, and may then differ"),
            };
            self.add(at.span.end, label.to_owned(), None, tooltip);
        }
    }

    fn text(&self, at: Location) -> String {
        self.known.analysis.sources.text(at).to_owned()
    }
}
