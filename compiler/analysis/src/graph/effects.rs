//! The edges between a step and what it loads, saves, writes and sends, its nested blocks included.

use nsf_plan as plan;
use nsf_plan::{Block, HandleTarget, SaveOperation, Step, StepKind, Type};
use petgraph::graph::NodeIndex;

use super::flow::Making;
use super::record::RecordAt;
use super::{Dag, Edge, EdgeKind, Node, key_text};

/// An edge that is to be made.
struct Effect {
    kind: EdgeKind,
    other: NodeIndex,
    fields: Vec<(String, Type)>,
    key: Vec<String>,
    guarantee: Option<plan::Guarantee>,
}

/// Joins a step to everything that it touches.
pub(super) fn join(dag: &mut Dag, making: &Making, node: NodeIndex) {
    let Some(step) = dag.step(node) else { return };
    let mut effects = Vec::new();
    let mut gather = |step: &Step| effects.extend(effect(dag, making, step));
    gather(&step.step);
    for block in step.step.kind.blocks() {
        Block::walk(block, &mut gather);
    }
    let mut expands = Vec::new();
    for effect in effects {
        let record = dag.records.of(effect.fields.iter().map(|(name, ty)| (name.as_str(), ty)));
        let record = RecordAt { at: 0, ..record };
        let (from, to) = if effect.kind == EdgeKind::Load { (effect.other, node) } else { (node, effect.other) };
        let edge = Edge { kind: effect.kind, record, key: effect.key, guarantee: effect.guarantee };
        let index = dag.graph.add_edge(from, to, edge);
        if effect.guarantee.is_some() {
            expands.push(index);
        }
    }
    if let Some(Node::Step(step)) = dag.graph.node_weight_mut(node) {
        step.expands = expands;
    }
}

fn effect(dag: &Dag, making: &Making, step: &Step) -> Option<Effect> {
    match &step.kind {
        StepKind::Load { handle, .. } => {
            let handle = making.handles.get(handle.index())?;
            let (other, keys, fields) = row(dag, handle.target)?;
            let key = key_text::parts(&keys, &handle.keys, &making.slots, &making.handles);
            Some(Effect { kind: EdgeKind::Load, other, fields, key, guarantee: None })
        }
        StepKind::Save { handle, operations } => {
            let handle = making.handles.get(handle.index())?;
            let (other, keys, fields) = row(dag, handle.target)?;
            let key = key_text::parts(&keys, &handle.keys, &making.slots, &making.handles);
            Some(Effect { kind: EdgeKind::Save, other, fields: saved(fields, operations), key, guarantee: None })
        }
        StepKind::Unique { values, marks, .. } => {
            let state = &dag.state(*marks)?.value;
            let own = state.keys.len().saturating_sub(values.len());
            let mut key: Vec<String> = state.keys.iter().take(own).map(|(name, _)| name.clone()).collect();
            key.extend(values.iter().map(|value| key_text::part(value, &making.slots, &making.handles)));
            let fields = state.fields.iter().map(|field| (field.name.clone(), field.ty.clone())).collect();
            let other = *dag.index.states.get(marks.index())?;
            Some(Effect { kind: EdgeKind::Mark, other, fields, key, guarantee: None })
        }
        StepKind::ExpandDimension(expand) => {
            let other = *dag.index.dimensions.get(expand.dimension.index())?;
            let dimension = &dag.dimension(expand.dimension)?.part.value;
            let key = key_text::parts(&dimension.keys, &expand.keys, &making.slots, &making.handles);
            let written = expand.fields.iter().filter_map(|(field, _)| dimension.fields.get(*field as usize));
            let fields = written.map(|field| (field.name.clone(), field.ty.clone())).collect();
            Some(Effect { kind: EdgeKind::Write, other, fields, key, guarantee: Some(expand.guarantee) })
        }
        StepKind::ExpandTopic(expand) => {
            let other = *dag.index.topics.get(expand.topic.index())?;
            let fields = match &expand.message.ty {
                Type::Record(fields) => fields.clone(),
                _ => Vec::new(),
            };
            let key = expand.key.iter().map(|key| key_text::part(key, &making.slots, &making.handles)).collect();
            Some(Effect { kind: EdgeKind::Publish, other, fields, key, guarantee: Some(expand.guarantee) })
        }
        _ => None,
    }
}

/// The node, keys and fields of a row.
type Row = (NodeIndex, Vec<(String, Type)>, Vec<(String, Type)>);

fn row(dag: &Dag, target: HandleTarget) -> Option<Row> {
    match target {
        HandleTarget::State(id) => {
            let state = &dag.state(id)?.value;
            let fields = state.fields.iter().map(|field| (field.name.clone(), field.ty.clone())).collect();
            Some((*dag.index.states.get(id.index())?, state.keys.clone(), fields))
        }
        HandleTarget::Table(id) => {
            let table = &dag.table(id)?.value;
            let field = |index: &u32| table.encoding.fields.get(*index as usize);
            let keys = table.key.iter().filter_map(field).map(|field| (field.name.clone(), field.ty.clone())).collect();
            let fields = table.encoding.fields.iter().map(|field| (field.name.clone(), field.ty.clone())).collect();
            Some((*dag.index.tables.get(id.index())?, keys, fields))
        }
        HandleTarget::Dimension(id) => {
            let dimension = &dag.dimension(id)?.part.value;
            let fields = dimension.fields.iter().map(|field| (field.name.clone(), field.ty.clone())).collect();
            Some((*dag.index.dimensions.get(id.index())?, dimension.keys.clone(), fields))
        }
    }
}

/// The fields that operations change, each once; all of them where the row is deleted.
fn saved(fields: Vec<(String, Type)>, operations: &[SaveOperation]) -> Vec<(String, Type)> {
    let mut changed = vec![false; fields.len()];
    for operation in operations {
        match operation.kind.field() {
            Some(field) => {
                if let Some(changed) = changed.get_mut(field as usize) {
                    *changed = true;
                }
            }
            None => changed.fill(true),
        }
    }
    fields.into_iter().zip(changed).filter_map(|(field, changed)| changed.then_some(field)).collect()
}
