//! A pipeline while it is built: its record, its scope, its steps' identities.

use std::collections::HashMap;

use nsf_diagnostics::{Location, Span};
use nsf_plan as plan;
use nsf_plan::{Expr, ExprKind, PipelineId, SlotId, Step, StepKind, Type};
use nsf_syntax::ast;
use smol_str::SmolStr;

use super::Checker;
use super::expression::Expressions;
use super::unit::{Scope, Unit};
use crate::model::{Placed, StepPlace};

/// A pipeline while it is built.
pub struct Builder {
    /// The module whose names are meant.
    pub module: u32,
    /// The flow's full name; first part of its steps' ids.
    pub flow: String,
    /// The flow's index in `Program::flows`.
    pub index: usize,
    /// Slots and rows.
    pub unit: Unit,
    /// Names.
    pub scope: Scope,
    /// Slots of record fields by name and type, so that the branches of a `when` make the same field.
    pub made: HashMap<(SmolStr, Type), SlotId>,
    /// What it reads.
    pub inputs: Vec<plan::Input>,
    /// Partition key.
    pub key: Vec<SlotId>,
    /// Whether a step keeps state.
    pub stateful: bool,
    /// Labels of the flow's outermost block and the jumps to them.
    pub jumps: Vec<Jump>,
    /// Labels that stand inside of blocks, which was reported.
    pub nested_labels: Vec<SmolStr>,
    /// The labels of the flow's outermost block, and where they stand.
    pub labels: Vec<(SmolStr, Location)>,
    /// Whether the step at hand stands in the outermost block.
    pub outermost: bool,
}

/// A label that steps jump to.
pub struct Jump {
    /// The label.
    pub label: SmolStr,
    /// Where the first jump names it.
    pub at: Location,
    /// The scopes at the jumps.
    pub scopes: Vec<Scope>,
    /// The index of the step it stands before, once known.
    pub target: Option<u32>,
    /// Where the label stands, once known.
    pub label_at: Option<Location>,
    /// Whether a jump names it.
    pub named: bool,
}

impl Builder {
    /// A pipeline of a flow with nothing in it.
    #[must_use]
    pub fn new(module: u32, flow: String, index: usize) -> Self {
        Self {
            module,
            flow,
            index,
            unit: Unit::default(),
            scope: Scope::default(),
            made: HashMap::new(),
            inputs: Vec::new(),
            key: Vec::new(),
            stateful: false,
            jumps: Vec::new(),
            nested_labels: Vec::new(),
            labels: Vec::new(),
            outermost: true,
        }
    }

    /// Whether a label is there, but in a block.
    pub fn is_nested_label(&self, label: &str) -> bool {
        self.nested_labels.iter().any(|nested| nested == label)
    }

    /// Expressions in this pipeline's scope.
    pub fn expressions<'c, 'a>(&'c mut self, checker: &'c mut Checker<'a>) -> Expressions<'c, 'a> {
        Expressions { checker, unit: &mut self.unit, scope: &mut self.scope, module: self.module, raw: None }
    }

    /// The slot of a record field, the same for equal names and types.
    pub fn field(&mut self, name: &str, ty: &Type) -> SlotId {
        let key = (SmolStr::from(name), ty.clone());
        if let Some(slot) = self.made.get(&key) {
            return *slot;
        }
        let slot = self.unit.slot(name, ty.clone());
        self.made.insert(key, slot);
        slot
    }

    /// A slot was assigned: what was known of it is gone, and rows that were loaded under it are no longer its rows.
    pub fn assigned(&mut self, slot: SlotId) {
        self.scope.known.retain(|path| !path.in_slot(slot));
        let unit = &self.unit;
        self.scope.rows.retain(|row| {
            let keys = &unit.handles[row.handle.index()].keys;
            !keys.iter().any(|key| key.reads_slots().contains(&slot))
        });
    }
}

impl Checker<'_> {
    /// Makes a step with an id of its own and notes its place.
    pub(super) fn step(&mut self, builder: &Builder, base: &str, kind: StepKind, place: StepPlace) -> Step {
        let id = self.step_id(&builder.flow, base);
        let origin = self.origin(builder.module, place.location.span);
        self.program.steps.insert(id.clone(), place);
        if builder.outermost
            && let Some(flow) = self.program.flows.get_mut(builder.index)
        {
            flow.steps.push(id.clone());
        }
        Step { id, kind, origin }
    }

    fn step_id(&mut self, flow: &str, base: &str) -> String {
        self.numbered(format!("{flow}/{base}"), '.')
    }

    /// The id itself, or with a number behind it where it is taken.
    pub(super) fn numbered(&mut self, id: String, separator: char) -> String {
        let count = self.ids.entry(id.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { id } else { format!("{id}{separator}{count}") }
    }

    /// The place of a step.
    pub(super) fn place(&self, module: u32, step: Span, target: Span, keyword: &'static str) -> StepPlace {
        StepPlace { location: self.at(module, step), target: self.at(module, target), parts: Vec::new(), keyword }
    }

    /// Ends a pipeline: keeps the fields that something reads, patches jumps, adds it to the program.
    pub(super) fn finish(&mut self, mut builder: Builder, mut steps: Vec<Step>, name: Location, item: Location) {
        self.check_labels(&builder);
        let targets: Vec<u32> = builder.jumps.iter().map(|jump| jump.target.unwrap_or(0)).collect();
        patch(&mut steps, &targets);
        let body = plan::Block { steps };
        let mut read = vec![false; builder.unit.slots.len()];
        for slot in &builder.key {
            read[slot.index()] = true;
        }
        let loaded = plan_reads(&body, &builder.unit.handles, &mut read);
        for (handle, field) in loaded {
            let plan::HandleTarget::Table(id) = builder.unit.handles[handle.index()].target else { continue };
            if let Some(field) = self.program.tables[id.index()].value.encoding.fields.get_mut(field as usize) {
                field.used = true;
            }
        }
        for input in &mut builder.inputs {
            input.fields.retain(|(_, slot)| read[slot.index()]);
            input.record = input.record.filter(|slot| read[slot.index()]);
            self.mark_used(input);
        }
        let id = self.numbered(builder.flow.clone(), '#');
        let pipeline = plan::Pipeline {
            id,
            name: builder.flow.clone(),
            inputs: builder.inputs,
            slots: builder.unit.slots,
            handles: builder.unit.handles,
            body,
            key: builder.key,
            stateful: builder.stateful,
            origin: self.origin(builder.module, name.span),
        };
        self.program.pipelines.push(Placed { value: pipeline, name, item });
    }

    /// Reports jumps without a label, else labels without a jump.
    pub(super) fn check_labels(&mut self, builder: &Builder) {
        let unknown = |jump: &&Jump| jump.target.is_none() && !builder.is_nested_label(&jump.label);
        let unknown = builder.jumps.iter().filter(unknown);
        let before = self.diagnostics.len();
        for jump in unknown {
            self.diagnostics.push(super::step_message::unknown_label(jump.at, &jump.label, &builder.labels));
        }
        // One that is misspelt may be the other.
        if self.diagnostics.len() == before && !builder.scope.open && builder.nested_labels.is_empty() {
            let unused = builder.jumps.iter().filter(|jump| !jump.named);
            let told = unused.map(|jump| super::step_message::unused_label(jump.at, &jump.label));
            self.diagnostics.extend(told);
        }
    }

    /// Notes which fields of a source a pipeline, its key or its time needs.
    fn mark_used(&mut self, input: &plan::Input) {
        let plan::InputSource::Source(id) = input.from else { return };
        let source = &mut self.program.sources[id.index()].value;
        let needed = input.fields.iter().map(|(field, _)| *field).chain(source.key.iter().copied()).chain(source.time);
        let all = input.record.is_some();
        let needed: Vec<u32> = needed.collect();
        for (index, field) in source.encoding.fields.iter_mut().enumerate() {
            field.used |= all || needed.contains(&(index as u32));
        }
    }

    /// The pipeline that is built next.
    pub(super) fn next_pipeline(&self) -> PipelineId {
        PipelineId(self.program.pipelines.len() as u32)
    }
}

/// While a flow is built, a jump's target is the index of its label; here it becomes the index of the step.
fn patch(steps: &mut [Step], targets: &[u32]) {
    for step in steps {
        match &mut step.kind {
            StepKind::Jump { target, .. } => *target = targets.get(*target as usize).copied().unwrap_or(0),
            StepKind::When { arms, otherwise } => {
                for (_, block) in arms {
                    patch(&mut block.steps, targets);
                }
                patch(&mut otherwise.steps, targets);
            }
            StepKind::Each { body, .. } => patch(&mut body.steps, targets),
            // A flow that reads this one has labels of its own, patched already.
            _ => {}
        }
    }
}

/// Patches the jumps of a nested flow before it becomes a step of the flow that it reads.
pub fn patch_nested(steps: &mut [Step], jumps: &[Jump]) {
    let targets: Vec<u32> = jumps.iter().map(|jump| jump.target.unwrap_or(0)).collect();
    patch(steps, &targets);
}

/// Notes every slot that steps or row keys read; gives the fields of rows that they read.
fn plan_reads(block: &plan::Block, handles: &[plan::Handle], read: &mut [bool]) -> Vec<(plan::HandleId, u32)> {
    let mut loaded = Vec::new();
    let mut note = |expr: &Expr| {
        expr.walk(&mut |part| match &part.kind {
            ExprKind::Slot(slot) | ExprKind::Match(slot, _) => read[slot.index()] = true,
            ExprKind::Loaded(handle, field) => loaded.push((*handle, *field)),
            _ => {}
        });
    };
    for handle in handles {
        handle.keys.iter().for_each(&mut note);
    }
    crate::visit::block_expressions(block, &mut note);
    loaded
}

/// The text of an expression, for reasons and labels that were left out.
pub fn source_text(checker: &Checker<'_>, module: u32, expr: &ast::Expr) -> String {
    let text = checker.sources.text(checker.at(module, expr.span));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
