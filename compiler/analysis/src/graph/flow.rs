//! Pipelines: their steps become nodes, joined in the order in which records pass them.

use std::collections::HashSet;

use nsf_plan as plan;
use nsf_plan::{Expr, InputSource, PipelineId, Slot, SlotId, Step, StepKind};
use petgraph::graph::NodeIndex;

use super::build::field_names;
use super::effects;
use super::record::RecordAt;
use super::{Dag, EdgeKind, FlowNode, Node, StepNode};
use crate::model::Placed;

/// What is known of a pipeline while its steps become nodes.
pub(super) struct Making {
    pub(super) pipeline: PipelineId,
    pub(super) slots: Vec<Slot>,
    pub(super) handles: Vec<plan::Handle>,
    /// The position of the last step that reads each slot.
    last_read: Vec<u32>,
    /// The position of the step that is made next.
    position: u32,
}

/// Where records come from that go to the next step.
struct Coming {
    from: Option<NodeIndex>,
    record: RecordAt,
}

/// Adds a pipeline.
pub(super) fn add(dag: &mut Dag, id: PipelineId, mut pipeline: Placed<plan::Pipeline>) {
    let steps = std::mem::take(&mut pipeline.value.body.steps);
    let mut making = Making {
        pipeline: id,
        slots: pipeline.value.slots.clone(),
        handles: pipeline.value.handles.clone(),
        last_read: vec![0; pipeline.value.slots.len()],
        position: 0,
    };
    let mut position = 0;
    note_reads(&mut making, &steps, &mut position);
    let name = pipeline.value.name.clone();
    let key = pipeline.value.key.iter().filter_map(|slot| making.slots.get(slot.index()));
    let key: Vec<String> = key.map(|slot| slot.name.clone()).collect();
    let inputs = pipeline.value.inputs.clone();
    let node = dag.graph.add_node(Node::Flow(Box::new(FlowNode { part: pipeline, steps: Vec::new() })));
    dag.index.flows.push(node);
    let mut record = RecordAt::default();
    for input in &inputs {
        feed(dag, node, input);
    }
    let mut taken = vec![false; making.slots.len()];
    for (_, slot) in inputs.iter().flat_map(|input| &input.fields) {
        if let Some(taken) = taken.get_mut(slot.index())
            && !std::mem::replace(taken, true)
        {
            record = making.made(dag, record, *slot);
        }
    }
    let made = block(dag, &mut making, steps, &name, Coming { from: Some(node), record }, &key);
    if let Some(Node::Flow(flow)) = dag.graph.node_weight_mut(node) {
        flow.steps = made;
    }
}

impl Making {
    /// A shape with a slot more.
    fn made(&self, dag: &mut Dag, record: RecordAt, slot: SlotId) -> RecordAt {
        let until = self.last_read.get(slot.index()).copied().unwrap_or(0);
        match self.slots.get(slot.index()) {
            Some(slot) => dag.records.add(record, &slot.name, &slot.ty, until),
            None => record,
        }
    }
}

/// Joins a stream to the flow that reads it.
fn feed(dag: &mut Dag, flow: NodeIndex, input: &plan::Input) {
    let (from, kind, record, key) = match input.from {
        InputSource::Source(id) => {
            let Some(source) = dag.source(id) else { return };
            let source = source.value.clone();
            let used = source.encoding.fields.iter().filter(|field| field.used);
            let record = dag.records.of(used.map(|field| (field.name.as_str(), &field.ty)));
            let key = field_names(&source.encoding, &source.key);
            (dag.index.sources.get(id.index()).copied(), EdgeKind::Feed, record, key)
        }
        InputSource::Subscription(id) => {
            let Some(subscription) = dag.subscription(id) else { return };
            let subscription = subscription.value.clone();
            let key = dag.dimension(subscription.dimension).map(|dimension| &dimension.part.value.keys);
            let key = key.map(|keys| keys.iter().map(|(name, _)| name.clone()).collect()).unwrap_or_default();
            let record = dag.records.of(subscription.slots.iter().map(|slot| (slot.name.as_str(), &slot.ty)));
            (dag.index.subscriptions.get(id.index()).copied(), EdgeKind::Feed, record, key)
        }
        InputSource::Expired(id) => {
            let Some(state) = dag.state(id) else { return };
            let state = state.value.clone();
            let keys = state.keys.iter().map(|(name, ty)| (name.as_str(), ty));
            let fields = state.fields.iter().map(|field| (field.name.as_str(), &field.ty));
            let record = dag.records.of(keys.chain(fields));
            let key = state.keys.iter().map(|(name, _)| name.clone()).collect();
            (dag.index.states.get(id.index()).copied(), EdgeKind::Expire, record, key)
        }
    };
    if let Some(from) = from {
        dag.join(from, flow, kind, record, key);
    }
}

/// Makes nodes of a flow's outermost steps.
fn block(
    dag: &mut Dag,
    making: &mut Making,
    steps: Vec<Step>,
    flow: &str,
    coming: Coming,
    key: &[String],
) -> Vec<NodeIndex> {
    let mut nodes = Vec::with_capacity(steps.len());
    let mut jumps: Vec<(NodeIndex, u32)> = Vec::new();
    let mut coming = coming;
    // The shape with which the record reaches each step, for the jumps to it.
    let mut shapes = Vec::with_capacity(steps.len());
    for mut step in steps {
        let position = making.position;
        making.position += 1;
        let nested = match &mut step.kind {
            StepKind::Flow { name, body } => Some((name.clone(), std::mem::take(&mut body.steps))),
            _ => None,
        };
        let ends = ends(&step);
        let targets = jump_targets(&step);
        let assigned = assigned(&step);
        let node = dag.graph.add_node(Node::Step(Box::new(StepNode {
            pipeline: making.pipeline,
            flow: flow.to_owned(),
            step,
            steps: Vec::new(),
            expands: Vec::new(),
        })));
        let record = RecordAt { at: position, ..coming.record };
        shapes.push(record);
        if let Some(from) = coming.from {
            dag.join(from, node, EdgeKind::Next, record, key.to_vec());
        }
        effects::join(dag, making, node);
        jumps.extend(targets.into_iter().map(|target| (node, target)));
        nodes.push(node);
        if let Some((name, body)) = nested {
            let inner = block(dag, making, body, &name, Coming { from: Some(node), record }, key);
            if let Some(Node::Step(step)) = dag.graph.node_weight_mut(node) {
                step.steps = inner;
            }
            // Flows that read this one get the record as it left this one's own last step.
            continue;
        }
        for slot in assigned {
            coming.record = making.made(dag, coming.record, slot);
        }
        coming.from = if ends { None } else { Some(node) };
    }
    for (from, target) in jumps {
        if let (Some(to), Some(record)) = (nodes.get(target as usize), shapes.get(target as usize)) {
            dag.join(from, *to, EdgeKind::Jump, *record, key.to_vec());
        }
    }
    nodes
}

/// Whether no record goes on behind a step, but over jumps.
fn ends(step: &Step) -> bool {
    match &step.kind {
        StepKind::Stop { condition: None } | StepKind::Jump { condition: None, .. } => true,
        StepKind::When { arms, otherwise } => {
            let block = |block: &plan::Block| block.steps.iter().any(ends);
            arms.iter().all(|(_, arm)| block(arm)) && block(otherwise)
        }
        _ => false,
    }
}

/// The steps of the flow's outermost block that a step may jump to.
fn jump_targets(step: &Step) -> Vec<u32> {
    let mut targets = Vec::new();
    let mut open = vec![step];
    while let Some(step) = open.pop() {
        if let StepKind::Jump { target, .. } = step.kind
            && !targets.contains(&target)
        {
            targets.push(target);
        }
        open.extend(step.kind.blocks().into_iter().flat_map(|block| &block.steps));
    }
    targets
}

/// The slots that a step makes on every way through it.
fn assigned(step: &Step) -> Vec<SlotId> {
    match &step.kind {
        StepKind::Assign { slot, .. } => vec![*slot],
        StepKind::When { arms, otherwise } => {
            let ways = arms.iter().map(|(_, block)| block).chain([otherwise]);
            let ways = ways.filter(|block| !block.steps.iter().any(ends));
            let made = |block: &plan::Block| block.steps.iter().flat_map(assigned).collect::<Vec<SlotId>>();
            let both = |left: Vec<SlotId>, right: Vec<SlotId>| {
                let right: HashSet<SlotId> = right.into_iter().collect();
                left.into_iter().filter(|slot| right.contains(slot)).collect()
            };
            ways.map(made).reduce(both).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// Notes at which position each slot is read last.
fn note_reads(making: &mut Making, steps: &[Step], position: &mut u32) {
    for step in steps {
        let here = *position;
        *position += 1;
        if let StepKind::Flow { body, .. } = &step.kind {
            note_reads(making, &body.steps, position);
            continue;
        }
        let mut open = vec![step];
        while let Some(step) = open.pop() {
            for value in step.kind.expressions() {
                note(&mut making.last_read, value, here);
            }
            if let StepKind::Load { handle, .. } | StepKind::Save { handle, .. } = &step.kind
                && let Some(handle) = making.handles.get(handle.index())
            {
                for key in &handle.keys {
                    note(&mut making.last_read, key, here);
                }
            }
            open.extend(step.kind.blocks().into_iter().flat_map(|block| &block.steps));
        }
    }
}

fn note(last_read: &mut [u32], value: &Expr, position: u32) {
    value.walk(&mut |part| {
        if let plan::ExprKind::Slot(slot) | plan::ExprKind::Match(slot, _) = &part.kind
            && let Some(last) = last_read.get_mut(slot.index())
        {
            *last = position;
        }
    });
}
