//! Numbers of dimensions and fields: those written, those of the lock file, and the next free ones for what has none
//! yet; and the 14-digit ids made of them.

use std::collections::{BTreeSet, HashMap};

use nsf_plan::DimensionField;
use nsf_plan::field_id::{FIRST_FIELD_NUMBER, FieldId, FieldKind};

use super::{Dag, Node};
use crate::lock::Lock;

/// Gives every dimension a code and every field a number and an id. A number of the lock file is not given to another
/// name, also when the name that had it is gone.
pub fn assign(dag: &mut Dag, lock: Option<&Lock>) {
    for node in dag.index.states.clone() {
        // A state that was renamed in the lock file keeps the identity under which its values are stored.
        if let Some(Node::State(state)) = dag.graph.node_weight_mut(node)
            && let Some(known) = lock.and_then(|lock| lock.states.get(&state.value.name))
        {
            if !known.id.is_empty() {
                state.value.id.clone_from(&known.id);
            }
            // So does a field.
            for field in &mut state.value.fields {
                field.stored_as = known.stored_as.get(&field.name).cloned();
            }
        }
    }
    let nodes = dag.index.dimensions.clone();
    let mut codes: BTreeSet<u32> =
        lock.map(|lock| lock.dimensions.values().map(|known| known.code).collect()).unwrap_or_default();
    for node in &nodes {
        if let Some(Node::Dimension(dimension)) = dag.graph.node_weight(*node) {
            codes.insert(dimension.part.value.code);
        }
    }
    let mut next_code: HashMap<u32, u32> = HashMap::new();
    for node in nodes {
        let Some(Node::Dimension(dimension)) = dag.graph.node_weight_mut(node) else { continue };
        let known = lock.and_then(|lock| lock.dimensions.get(&dimension.part.value.name));
        if dimension.part.value.code == 0 {
            let level = dimension.part.value.keys.len() as u32;
            dimension.part.value.code =
                known.map_or_else(|| free_code(&mut codes, &mut next_code, level), |known| known.code);
        }
        let mut taken: BTreeSet<u32> = dimension.fields.iter().filter_map(|place| place.number).collect();
        taken.extend(known.into_iter().flat_map(|known| known.fields.keys().copied()));
        let mut next = taken.last().map_or(FIRST_FIELD_NUMBER, |last| (last + 1).max(FIRST_FIELD_NUMBER));
        let code = dimension.part.value.code;
        let live = known.into_iter().flat_map(|known| &known.fields).filter(|(_, field)| !field.retired);
        let remembered: HashMap<&str, u32> = live.map(|(number, field)| (field.name.as_str(), *number)).collect();
        let places = dimension.fields.iter().map(|place| place.number).collect::<Vec<_>>();
        for (field, written) in dimension.part.value.fields.iter_mut().zip(places) {
            let remembered = remembered.get(field.name.as_str()).copied();
            let number = written.or(remembered).unwrap_or_else(|| {
                next += 1;
                next - 1
            });
            field.id = id(field, code, number);
        }
    }
}

/// The first code of a level that is not taken.
fn free_code(codes: &mut BTreeSet<u32>, next: &mut HashMap<u32, u32>, level: u32) -> u32 {
    let next = next.entry(level).or_insert(level * 1000 + 1);
    while codes.contains(next) {
        *next += 1;
    }
    codes.insert(*next);
    *next
}

/// The 14-digit id; 0 where number or code have too many digits, which is an error elsewhere.
fn id(field: &DimensionField, code: u32, number: u32) -> u64 {
    let kind = if field.derived { FieldKind::Derived } else { FieldKind::Ingested };
    FieldId::new(kind, &field.ty, code, number).map_or(0, FieldId::to_u64)
}

/// The number in a field's id.
#[must_use]
pub fn of(field: &DimensionField) -> u32 {
    (field.id % 1_000_000) as u32
}
