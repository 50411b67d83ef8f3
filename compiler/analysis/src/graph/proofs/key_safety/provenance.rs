//! Which slots hold a part of the partition key unchanged, at each step on every way to it.

use std::collections::BTreeMap;

use nsf_diagnostics::Location;
use nsf_plan::{Block, Expr, ExprKind, SlotId, Step, StepKind};
use petgraph::graph::NodeIndex;

use crate::graph::{Dag, FlowNode, StepNode};

/// What is known before a step.
#[derive(Clone, Debug)]
pub(super) struct Origins {
    /// For the slots that hold a part of the key, which one. They are few, however many slots a flow has.
    holds: BTreeMap<SlotId, u32>,
    /// For slots that the record as read is in: for each member the part that it holds.
    records: Vec<(SlotId, Vec<Option<u32>>)>,
    /// For each part the slot that was it, and the step that gave that slot another value.
    changed: Vec<(SlotId, Option<Location>)>,
}

impl Origins {
    /// What holds at the beginning of a pipeline.
    fn of(dag: &Dag, flow: &FlowNode) -> Self {
        let pipeline = &flow.part.value;
        let holds = pipeline.key.iter().enumerate().map(|(part, slot)| (*slot, part as u32)).collect();
        let mut records = Vec::new();
        // With several streams the record as read may be another's, and null.
        if let [input] = pipeline.inputs.as_slice()
            && let Some(record) = input.record
            && let nsf_plan::InputSource::Source(id) = input.from
            && let Some(source) = dag.source(id)
        {
            let member = |field: usize| source.value.key.iter().position(|key| *key as usize == field);
            let fields = 0..source.value.encoding.fields.len();
            records.push((record, fields.map(|field| member(field).map(|part| part as u32)).collect()));
        }
        let changed = pipeline.key.iter().map(|slot| (*slot, None)).collect();
        Self { holds, records, changed }
    }

    /// The part of the key that a value is.
    pub(super) fn part_of(&self, value: &Expr) -> Option<usize> {
        let part = match &value.kind {
            ExprKind::Slot(slot) => self.holds.get(slot).copied(),
            ExprKind::Widen(inner) | ExprKind::NonNull(inner) => return self.part_of(inner),
            ExprKind::Field(object, index) => match &object.kind {
                ExprKind::Slot(slot) => {
                    let (_, members) = self.records.iter().find(|(record, _)| record == slot)?;
                    *members.get(*index as usize)?
                }
                _ => None,
            },
            _ => None,
        };
        part.map(|part| part as usize)
    }

    /// Where the field that was a part of the key got another value.
    pub(super) fn changed_at(&self, part: usize) -> Option<Location> {
        self.changed.get(part).and_then(|(_, at)| *at)
    }

    fn assign(&mut self, slot: SlotId, value: Option<&Expr>, at: Option<Location>) {
        let part = value.and_then(|value| self.part_of(value)).map(|part| part as u32);
        self.records.retain(|(record, _)| *record != slot);
        match part {
            Some(part) => self.holds.insert(slot, part),
            None => self.holds.remove(&slot),
        };
        for (index, (key, changed)) in self.changed.iter_mut().enumerate() {
            if *key == slot {
                *changed = if part == Some(index as u32) { None } else { at };
            }
        }
    }

    /// What holds on both ways.
    fn meet(mut self, other: &Self) -> Self {
        self.holds.retain(|slot, part| other.holds.get(slot) == Some(part));
        self.records.retain(|record| other.records.contains(record));
        for ((_, changed), (_, other)) in self.changed.iter_mut().zip(&other.changed) {
            *changed = changed.or(*other);
        }
        self
    }
}

/// Joins what holds on ways that meet.
fn join(left: Option<Origins>, right: Option<Origins>) -> Option<Origins> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.meet(&right)),
        (left, right) => left.or(right),
    }
}

/// Shows every save and expand of a pipeline, and every `unique`, with what holds before it.
pub(super) fn follow<'dag>(
    dag: &'dag Dag,
    flow: &'dag FlowNode,
    visit: &mut impl FnMut(&'dag StepNode, &'dag Step, &Origins),
) {
    // A pipeline that writes nothing under a key needs no look.
    let mut writes = false;
    dag.walk(flow, &mut |_, step| {
        writes |= matches!(step.kind, StepKind::Save { .. } | StepKind::ExpandDimension(_) | StepKind::Unique { .. });
    });
    if writes {
        let origins = Origins::of(dag, flow);
        Follower { dag, visit }.flow(&flow.steps, origins);
    }
}

struct Follower<'dag, 'visit, Visit> {
    dag: &'dag Dag,
    visit: &'visit mut Visit,
}

/// What holds where jumps land, by the index of the step in the flow's outermost block.
type Landings = std::collections::HashMap<u32, Origins>;

impl<'dag, Visit: FnMut(&'dag StepNode, &'dag Step, &Origins)> Follower<'dag, '_, Visit> {
    /// Goes through a flow's outermost steps, and through the flows that read it.
    fn flow(&mut self, nodes: &[NodeIndex], origins: Origins) {
        let mut landings = Landings::new();
        let mut here = Some(origins);
        for (index, node) in nodes.iter().enumerate() {
            let Some(outer) = self.dag.step(*node) else { continue };
            here = join(here, landings.remove(&(index as u32)));
            let Some(mut origins) = here.take() else { continue };
            if matches!(outer.step.kind, StepKind::Flow { .. }) {
                // Flows that read one flow see the record as that one left it.
                self.flow(&outer.steps, origins.clone());
                here = Some(origins);
                continue;
            }
            let goes_on = self.step(outer, &outer.step, &mut origins, &mut landings);
            here = goes_on.then_some(origins);
        }
    }

    /// Goes through a block; gives what holds behind it, none where no record goes on.
    fn block(
        &mut self,
        outer: &'dag StepNode,
        block: &'dag Block,
        origins: &Origins,
        landings: &mut Landings,
    ) -> Option<Origins> {
        let mut origins = origins.clone();
        for step in &block.steps {
            if !self.step(outer, step, &mut origins, landings) {
                return None;
            }
        }
        Some(origins)
    }

    /// Goes through a step; says whether a record goes on behind it.
    fn step(
        &mut self,
        outer: &'dag StepNode,
        step: &'dag Step,
        origins: &mut Origins,
        landings: &mut Landings,
    ) -> bool {
        match &step.kind {
            StepKind::Assign { slot, value } => {
                let at = self.dag.place(&step.id).map(|place| place.target);
                origins.assign(*slot, Some(value), at);
            }
            StepKind::Save { .. } | StepKind::ExpandDimension(_) | StepKind::Unique { .. } => {
                (self.visit)(outer, step, origins);
            }
            StepKind::Stop { condition } => return condition.is_some(),
            StepKind::Jump { condition, target } => {
                let landed = landings.remove(target);
                landings.extend(join(landed, Some(origins.clone())).map(|landed| (*target, landed)));
                return condition.is_some();
            }
            StepKind::When { arms, otherwise } => {
                let mut after: Option<Origins> = None;
                for (_, block) in arms {
                    after = join(after, self.block(outer, block, origins, landings));
                }
                after = join(after, self.block(outer, otherwise, origins, landings));
                match after {
                    Some(after) => *origins = after,
                    None => return false,
                }
            }
            StepKind::Each { slot, body, .. } => {
                // A second element sees what the steps did for the first.
                origins.assign(*slot, None, None);
                let mut assigned: Vec<SlotId> = Vec::new();
                body.walk(&mut |step| {
                    if let StepKind::Assign { slot, .. } = &step.kind {
                        assigned.push(*slot);
                    }
                });
                let mut entry = origins.clone();
                for slot in &assigned {
                    entry.assign(*slot, None, self.dag.place(&step.id).map(|place| place.target));
                }
                self.block(outer, body, &entry, landings);
                *origins = entry;
            }
            _ => {}
        }
        true
    }
}
