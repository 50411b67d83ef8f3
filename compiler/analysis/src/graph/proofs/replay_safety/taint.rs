//! Which values of a pipeline would be computed otherwise when a record is processed again.
//!
//! Rows of tables and dimensions may have changed meanwhile, clocks and random numbers always have. A value that
//! depends on one is unsteady, and so is everything that happens only under a condition on it.

use std::collections::HashMap;

use nsf_plan::connector::Connector;
use nsf_plan::{
    Block, Expr, ExprKind, Guarantee, HandleId, HandleTarget, InputSource, Missing, Pipeline, StateId, Step, StepKind,
    TopicId,
};
use petgraph::graph::NodeIndex;

use super::{Known, channel, is_unstable};
use crate::graph::{Dag, FlowNode};

/// How unsteady a value is: steady values are exact.
type Level = Guarantee;

const STEADY: Level = Guarantee::ExactlyOnce;

/// What a pipeline does to its outputs.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Guarantees of expands by step id.
    pub(super) steps: HashMap<String, Guarantee>,
    /// How unsteady the values are that it saves.
    pub(super) states: HashMap<StateId, Guarantee>,
    /// What holds for the messages that it sends.
    pub(super) topics: HashMap<TopicId, Guarantee>,
}

/// Looks at a pipeline.
pub(super) fn of(dag: &Dag, flow: &FlowNode, known: &Known) -> Found {
    let pipeline = &flow.part.value;
    // What has ended is taken out of a state.
    let mut keeps = pipeline.inputs.iter().any(|input| matches!(input.from, InputSource::Expired(_)));
    dag.walk(flow, &mut |_, step| {
        keeps |= matches!(step.kind, StepKind::Save { .. } | StepKind::Unique { .. } | StepKind::ExpandDimension(_));
    });
    let mut taint = Taint {
        dag,
        pipeline,
        known,
        slots: vec![STEADY; pipeline.slots.len()],
        rows: vec![STEADY; pipeline.handles.len()],
        control: STEADY,
        again: false,
        coming: coming(dag, pipeline, known),
        inputs: inputs(dag, pipeline),
        keeps,
        found: Found::default(),
    };
    for input in &pipeline.inputs {
        if let InputSource::Expired(state) = input.from {
            taint.control = taint.control.max(known.states.get(&state).copied().unwrap_or(STEADY));
        }
    }
    taint.nodes(&flow.steps);
    taint.found
}

/// The connectors that a pipeline reads.
fn inputs<'dag>(dag: &'dag Dag, pipeline: &Pipeline) -> Vec<&'dag Connector> {
    let connector = |input: &nsf_plan::Input| {
        let source = dag.source(input.from.source()?)?;
        Some(&dag.topic(source.value.from)?.value.connector)
    };
    pipeline.inputs.iter().filter_map(connector).collect()
}

/// The worst that holds for what comes in: messages without a position are read again whole, and what another flow
/// sends twice without a stable id is two records here.
fn coming(dag: &Dag, pipeline: &Pipeline, known: &Known) -> Level {
    let level = |input: &nsf_plan::Input| {
        let source = dag.source(input.from.source()?)?;
        let topic = source.value.from;
        let resumed = dag.topic(topic).is_none_or(|topic| topic.value.connector.kind != "stdin");
        let own = if resumed { STEADY } else { Guarantee::AtLeastOnce };
        let sent = known.topics.get(&topic).copied().filter(|level| *level > Guarantee::EffectivelyOnce);
        Some(own.max(sent.unwrap_or(STEADY)))
    };
    pipeline.inputs.iter().filter_map(level).max().unwrap_or(STEADY)
}

struct Taint<'dag> {
    dag: &'dag Dag,
    pipeline: &'dag Pipeline,
    known: &'dag Known,
    slots: Vec<Level>,
    rows: Vec<Level>,
    /// How unsteady it is that a record comes here at all.
    control: Level,
    /// Inside the second way through an `each`.
    again: bool,
    coming: Level,
    inputs: Vec<&'dag Connector>,
    /// Whether the pipeline keeps anything that is not in a topic's transaction.
    keeps: bool,
    found: Found,
}

impl Taint<'_> {
    fn nodes(&mut self, nodes: &[NodeIndex]) {
        for node in nodes {
            let Some(outer) = self.dag.step(*node) else { continue };
            self.step(&outer.step);
            let control = self.control;
            self.nodes(&outer.steps);
            self.control = control;
        }
    }

    fn block(&mut self, block: &Block) {
        block.steps.iter().for_each(|step| self.step(step));
    }

    fn step(&mut self, step: &Step) {
        match &step.kind {
            StepKind::Require { condition, .. }
            | StepKind::Drop { condition, .. }
            | StepKind::Reject { condition, .. }
            | StepKind::Stop { condition: Some(condition) }
            | StepKind::Jump { condition: Some(condition), .. } => {
                self.control = self.control.max(self.value(condition))
            }
            StepKind::Unique { values, .. } => {
                let level = values.iter().map(|value| self.value(value)).max().unwrap_or(STEADY);
                self.control = self.control.max(level);
            }
            StepKind::Assign { slot, value } => {
                let level = self.value(value).max(self.control);
                if let Some(slot) = self.slots.get_mut(slot.index()) {
                    *slot = level.max(*slot);
                }
            }
            StepKind::Load { handle, missing } => self.load(*handle, missing),
            StepKind::Save { handle, .. } => self.save(*handle, step),
            StepKind::ExpandDimension(expand) => {
                let base = self.dag.dimension(expand.dimension);
                let base =
                    base.map_or(Guarantee::EffectivelyOnce, |found| channel::dimension(self.dag, &found.part.value));
                self.expand(step, base);
            }
            StepKind::ExpandTopic(expand) => {
                let sink = self.dag.topic(expand.topic).map(|topic| &topic.value.connector);
                let base = sink.map_or(Guarantee::AtLeastOnce, |sink| channel::topic(sink, &self.inputs, self.keeps));
                let level = self.expand(step, base);
                let known = self.found.topics.entry(expand.topic).or_insert(STEADY);
                *known = level.max(*known);
            }
            StepKind::When { arms, otherwise } => {
                let before = self.control;
                for (condition, block) in arms {
                    self.control = self.control.max(self.value(condition));
                    self.block(block);
                }
                self.block(otherwise);
                // Behind it a record may be missing only if one ended in it.
                let ends = arms.iter().any(|(_, block)| may_end(block)) || may_end(otherwise);
                self.control = if ends { self.control } else { before };
            }
            StepKind::Each { slot, list, body } => {
                let (before, level) = (self.control, self.value(list));
                if let Some(slot) = self.slots.get_mut(slot.index()) {
                    *slot = level.max(*slot);
                }
                self.control = self.control.max(level);
                // A second element sees what the steps did for the first. Once for the outermost `each` is enough, and
                // twice in each of many would be twice at every level.
                self.block(body);
                if !std::mem::replace(&mut self.again, true) {
                    self.block(body);
                    self.again = false;
                }
                self.control = if may_end(body) { self.control } else { before };
            }
            StepKind::Stop { condition: None } | StepKind::Jump { condition: None, .. } | StepKind::Flow { .. } => {}
        }
    }

    fn load(&mut self, handle: HandleId, missing: &Missing) {
        let Some(row) = self.pipeline.handles.get(handle.index()) else { return };
        let keys = row.keys.iter().map(|key| self.value(key)).max().unwrap_or(STEADY);
        let own = match row.target {
            HandleTarget::State(state) => self.known.states.get(&state).copied().unwrap_or(STEADY),
            HandleTarget::Table(_) | HandleTarget::Dimension(_) => Guarantee::MayDiffer,
        };
        let level = keys.max(own);
        if let Some(row) = self.rows.get_mut(handle.index()) {
            *row = level.max(*row);
        }
        if *missing != Missing::Null {
            self.control = self.control.max(level);
        }
    }

    fn save(&mut self, handle: HandleId, step: &Step) {
        let Some(row) = self.pipeline.handles.get(handle.index()) else { return };
        let HandleTarget::State(state) = row.target else { return };
        let keys = row.keys.iter();
        let values = step.kind.expressions();
        let level = keys.chain(values).map(|value| self.value(value)).max().unwrap_or(STEADY).max(self.control);
        let known = self.found.states.entry(state).or_insert(STEADY);
        *known = level.max(*known);
    }

    /// Notes what holds for an expand.
    fn expand(&mut self, step: &Step, base: Guarantee) -> Guarantee {
        let values = step.kind.expressions().into_iter().map(|value| self.value(value));
        let level = values.max().unwrap_or(STEADY).max(self.control);
        // What is committed with the progress is never sent again, so it cannot differ.
        let own = match level {
            Guarantee::MayDiffer if base == Guarantee::ExactlyOnce => base,
            level => base.max(level),
        };
        let guarantee = own.max(self.coming);
        let known = self.found.steps.entry(step.id.clone()).or_insert(guarantee);
        *known = guarantee.max(*known);
        *known
    }

    /// How unsteady a loaded row is; the record's own later steps see what it saved.
    fn row(&self, handle: HandleId) -> Level {
        let loaded = self.rows.get(handle.index()).copied().unwrap_or(STEADY);
        match self.pipeline.handles.get(handle.index()).map(|handle| handle.target) {
            Some(HandleTarget::State(state)) => loaded.max(self.found.states.get(&state).copied().unwrap_or(STEADY)),
            _ => loaded,
        }
    }

    fn value(&self, value: &Expr) -> Level {
        let mut level = STEADY;
        value.walk(&mut |part| {
            let own = match &part.kind {
                ExprKind::Slot(slot) | ExprKind::Match(slot, _) => self.slots.get(slot.index()).copied(),
                ExprKind::Loaded(handle, _) | ExprKind::Exists(handle) => Some(self.row(*handle)),
                ExprKind::Call(signature, _) if is_unstable(signature) => Some(Guarantee::AtLeastOnce),
                _ => None,
            };
            level = level.max(own.unwrap_or(STEADY));
        });
        level
    }
}

/// Whether a record's way may end in a block.
fn may_end(block: &Block) -> bool {
    let mut ends = false;
    block.walk(&mut |step| {
        ends |= matches!(
            step.kind,
            StepKind::Require { .. }
                | StepKind::Drop { .. }
                | StepKind::Reject { .. }
                | StepKind::Unique { .. }
                | StepKind::Stop { .. }
                | StepKind::Jump { .. }
                | StepKind::Load { missing: Missing::Reject(_) | Missing::Drop(_), .. }
        );
    });
    ends
}
